"""A function sees the packages that its layer names, as they are installed, and no others."""

import json
from pathlib import Path
from typing import Any

import boto3
import markupsafe
import pytest

from local import LocalAWS, deploy

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Packages:
    Type: AWS::Serverless::LayerVersion
    Metadata: {BuildMethod: makefile}
    Properties: {ContentUri: packages/, CompatibleRuntimes: [python3.13]}
  Layered:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, CodeUri: app/, Handler: look.handle, Layers: [!Ref Packages]}
  Plain:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, CodeUri: app/, Handler: look.handle}
"""
LOOK = """
import importlib

def handle(names, context):
    files = {}
    for name in names:
        try:
            files[name] = importlib.import_module(name).__file__
        except ModuleNotFoundError as error:
            files[name] = str(error)
    return files
"""


@pytest.fixture(scope="module")
def functions(aws: LocalAWS, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return deployed(aws, tmp_path_factory.mktemp("layered"), "# one package\nmarkupsafe>=1 # and no other\n", "layered")


def deployed(aws: LocalAWS, folder: Path, requirements: str, stack: str, **built: str) -> dict[str, str]:
    """built: modules that the layer has already, by name."""
    files = {f"packages/python/{name}.py": text for name, text in built.items()}
    files |= {"template.yaml": TEMPLATE, "packages/requirements.txt": requirements, "app/look.py": LOOK}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return deploy(aws, folder / "template.yaml", stack=stack).resources


def look(aws: LocalAWS, function: str, *names: str) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(names))
    return json.loads(answer["Payload"].read())


def test_a_function_sees_what_its_layer_names_and_what_lambda_brings(aws: LocalAWS, functions: dict[str, str]) -> None:
    seen = look(aws, functions["Layered"], "markupsafe", "boto3", "pandas", "polars", "sluice", "zoneinfo")
    installed = [Path(str(module.__file__)).resolve() for module in (markupsafe, boto3)]
    assert [Path(seen.pop(name)).resolve() for name in ("markupsafe", "boto3")] == installed
    assert "site-packages" not in seen.pop("zoneinfo")
    assert seen == {name: f"No module named '{name}'" for name in ("pandas", "polars", "sluice")}


def test_a_function_without_a_layer_has_the_sdk(aws: LocalAWS, functions: dict[str, str]) -> None:
    assert look(aws, functions["Plain"], "boto3") == {"boto3": boto3.__file__}


def test_a_layer_that_has_its_packages_keeps_them(aws: LocalAWS, tmp_path: Path) -> None:
    functions = deployed(aws, tmp_path, "no-such-package==1.0\n", "built", brought="")
    assert look(aws, functions["Layered"], "brought")["brought"].endswith("/python/brought.py")


@pytest.mark.parametrize(
    ("stack", "line", "complaint"),
    [
        ("lacking", "no-such-package==1.0", "names no-such-package, which is not installed here"),
        ("unreadable", "-r others.txt", "has the line '-r others.txt', which names no package"),
    ],
)
def test_a_requirement_that_cannot_be_linked_is_an_error(
    aws: LocalAWS, tmp_path: Path, stack: str, line: str, complaint: str
) -> None:
    functions = deployed(aws, tmp_path, f"{line}\n", stack)
    assert f"requirements.txt {complaint}" in look(aws, functions["Layered"], "boto3")["errorMessage"]


def test_a_package_for_another_system_is_not_asked_for(aws: LocalAWS, tmp_path: Path) -> None:
    functions = deployed(aws, tmp_path, "no-such-package; sys_platform == 'win32'\nmarkupsafe\n", "elsewhere")
    assert "markupsafe" in look(aws, functions["Layered"], "markupsafe")["markupsafe"]
