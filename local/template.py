"""Reads a CloudFormation template, YAML with its short tags or JSON, into plain dicts and lists."""

from pathlib import Path
from typing import Any

import yaml

Template = dict[str, Any]
SAME_NAME = ("Ref", "Condition")  # every other tag `!X` stands for the long form `Fn::X`


class NotATemplate(Exception):
    """The file is no CloudFormation template."""


class _Loader(yaml.SafeLoader):
    """Safe YAML with CloudFormation's tags, where a date such as a policy's Version stays a text."""


def _construct_intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any = None
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in SAME_NAME else f"Fn::{suffix}": value}


def _construct_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _construct_intrinsic)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _construct_text)


def read_template(path: Path) -> Template:
    """The template at `path`; JSON is read as the subset of YAML that it is. Raises NotATemplate."""
    template = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a SafeLoader)
    if not isinstance(template, dict) or "Resources" not in template:
        raise NotATemplate(f"{path} is not a CloudFormation template: it has no Resources")
    return template
