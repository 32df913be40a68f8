"""Every call of AWS, its parameters and every error that is caught by name are in botocore's models of the services."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ServiceModel

from tests.contract import declared

ROOT = declared.ROOT
MODULES = sorted(path for room in ("functions", "glue", "cli") for path in (ROOT / room).rglob("*.py"))
OF_BOTO3 = {"upload_file", "upload_fileobj", "download_file", "copy"}
"""Methods that boto3 adds to the client of S3."""
BY_STEP_FUNCTIONS = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.Unknown",
    # No answer came.
    "Athena.SdkClientException",
    "Glue.SdkClientException",
}


@cache
def services() -> dict[str, ServiceModel]:
    """The models of the services of which some module makes a client."""
    named = {name for path in MODULES for name in re.findall(r'client\("([a-z0-9-]+)"', path.read_text())}
    return {name: botocore.session.get_session().get_service_model(name) for name in sorted(named)}


@cache
def operations() -> dict[str, list[Any]]:
    """The models of the operations by method name: several services have a `tag_resource`."""
    found: dict[str, list[Any]] = {}
    for model in services().values():
        for name in model.operation_names:
            found.setdefault(xform_name(name), []).append(model.operation_model(name))
    return found


def calls(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Method or paginator and the capitalised parameters of every call that has any: the calls of AWS."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        names = {keyword.arg for keyword in node.keywords if keyword.arg and "__" not in keyword.arg}
        # Most services say CamelCase, Step Functions camelCase; Python's own parameters are neither.
        given = {name for name in names if re.search("^[A-Z]|[a-z][A-Z]", name)}
        maker = node.func.value
        if node.func.attr == "paginate" and isinstance(maker, ast.Call) and maker.args:
            yield ast.literal_eval(maker.args[0]), given - {"PaginationConfig"}
        elif given and node.func.attr not in OF_BOTO3 and node.func.attr not in ("query", "count"):
            yield node.func.attr, given


def unknown(path: Path) -> list[str]:
    found = []
    for method, given in calls(ast.parse(path.read_text())):
        every = [operation for some in operations().values() for operation in some]
        # A paginator that a variable holds may be any operation's.
        known = every if method == "paginate" else operations().get(method, [])
        shapes = [operation.input_shape for operation in known]
        if not any(shape is not None and given <= set(shape.members) for shape in shapes):
            found.append(f"{path.relative_to(ROOT)}: {method}({', '.join(sorted(given))})")
    return found


def test_every_call_and_its_parameters_are_in_the_model_of_a_service() -> None:
    assert sum(len(list(calls(ast.parse(path.read_text())))) for path in MODULES) > 60
    assert [problem for path in MODULES for problem in unknown(path)] == []


@pytest.mark.parametrize("source", ["s3.put_objekt(Bucket='b')", "s3.put_object(Buckets='b')"])
def test_a_misspelt_call_and_a_misspelt_parameter_would_be_found(source: str, tmp_path: Path) -> None:
    (method, given), *_ = calls(ast.parse(source))
    assert not any(given <= set(each.input_shape.members) for each in operations().get(method, []))


def test_every_error_that_code_catches_by_name_is_declared_by_a_service() -> None:
    caught = {
        name
        for path in MODULES
        for name in re.findall(r"\b(?!pl|polars|awswrangler)\w+\.exceptions\.(\w+)", path.read_text())
    }
    declared_errors = {shape.name for model in services().values() for shape in model.error_shapes}
    assert len(caught) > 3
    assert caught - declared_errors - {"ClientError"} == set()


def test_every_error_of_a_service_that_the_machine_catches_is_declared_by_it() -> None:
    named = {
        error
        for _, state in declared.states()
        for entry in (*state.get("Retry", []), *state.get("Catch", []))
        for error in entry["ErrorEquals"]
        if error.startswith(("Lambda.", "Glue.", "Athena."))
    }
    session = botocore.session.get_session()
    models = {name: session.get_service_model(name.lower()) for name in ("Lambda", "Glue", "Athena")}
    known = {f"{name}.{shape.name}" for name, model in models.items() for shape in model.error_shapes}
    assert named - BY_STEP_FUNCTIONS - known == set()
    assert BY_STEP_FUNCTIONS & known == set()
    assert named >= BY_STEP_FUNCTIONS
