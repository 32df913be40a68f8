"""Compares the deployed code and template with those of this folder."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import datasets
import sluice
from cli.stack.connection import Stack

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_REPLACED = {"CodeUri", "ContentUri", "DefinitionUri", "ScriptLocation", "Metadata"}
"""What deploying replaces in a template."""


def changed_modules(stack: Stack) -> set[str]:
    """Return the modules of sluice and datasets whose deployed code differs from the code here."""
    job = stack.client("glue").get_job(JobName=stack.output("CleanJobName"))["Job"]
    bucket, _, key = job["DefaultArguments"]["--extra-py-files"].removeprefix("s3://").partition("/")
    with zipfile.ZipFile(BytesIO(stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())) as archive:
        deployed = {name: archive.read(name) for name in archive.namelist()}
    here = dict(local_modules())
    return {name for name in deployed.keys() | here.keys() if deployed.get(name) != here.get(name)}


def local_modules() -> Iterator[tuple[str, bytes]]:
    """Yield the modules of sluice and datasets: name in the archive, content."""
    for package in (sluice, datasets):
        root = Path(package.__path__[0])
        for path in root.rglob("*.py"):
            yield path.relative_to(root.parent).as_posix(), path.read_bytes()


def changed_resources(stack: Stack, template: Path) -> list[str]:
    """Return the resources that differ from the template here. Raises ModuleNotFoundError without PyYAML."""
    from local.template import read_template

    body = stack.client("cloudformation").get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.yaml"
        file.write_text(body if isinstance(body, str) else json.dumps(body))
        deployed = read_template(file)["Resources"]
    here = read_template(template)["Resources"]
    return sorted(
        name for name in deployed.keys() | here.keys() if _comparable(deployed.get(name)) != _comparable(here.get(name))
    )


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _comparable(each) for name, each in value.items() if name not in _REPLACED}
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    return value
