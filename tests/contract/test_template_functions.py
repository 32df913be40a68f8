"""Functions, their handlers and their environment agree."""

import ast

import pytest

from tests.contract import declared

FUNCTIONS = declared.functions()


def handler_of(name: str) -> str:
    return str(FUNCTIONS[name]["Handler"].removesuffix(".handler"))


def test_every_handler_file_has_its_function_and_every_function_its_file() -> None:
    files = {path.stem for path in declared.FUNCTIONS.glob("*.py")}

    assert {handler_of(name) for name in FUNCTIONS} == files


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_takes_an_event_and_a_context(name: str) -> None:
    tree = ast.parse((declared.FUNCTIONS / f"{handler_of(name)}.py").read_text())
    (handler,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "handler"]

    assert [argument.arg for argument in handler.args.args] == ["event", "context"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_given_exactly_the_environment_that_its_handler_reads(name: str) -> None:
    given = set(FUNCTIONS[name]["Environment"]["Variables"])

    assert given == declared.environment_read(handler_of(name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_role_and_a_log_group_of_its_own(name: str) -> None:
    stem = name.removesuffix("Function")
    group = declared.resources("AWS::Logs::LogGroup")[f"{stem}Logs"]["LogGroupName"]["Fn::Sub"]

    assert FUNCTIONS[name]["Role"] == {"Fn::GetAtt": [f"{stem}Role", "Arn"]}
    assert FUNCTIONS[name]["LoggingConfig"] == {"LogGroup": {"Ref": f"{stem}Logs"}}
    assert group == f"/aws/lambda/{FUNCTIONS[name]['FunctionName']['Fn::Sub']}"


def test_all_functions_share_one_bundle_one_layer_one_runtime_and_tracing() -> None:
    shared = declared.template()["Globals"]["Function"]

    assert shared["CodeUri"] == "functions/"
    assert shared["Layers"] == [{"Ref": "Packages"}]
    assert shared["Runtime"] == "python3.13"
    assert shared["Tracing"] == "Active"
    assert not any({"CodeUri", "Layers", "Runtime"} & properties.keys() for properties in FUNCTIONS.values())


def test_failed_messages_return_alone_and_validation_is_bounded() -> None:
    (event,) = FUNCTIONS["ValidateFunction"]["Events"].values()

    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "ValidationConcurrency"}}


@pytest.mark.parametrize(
    ("function", "rule"),
    [
        ("RecoverFunction", "FailedRunRule"),
        ("DescribeFunction", "EndedRunRule"),
        ("DescribeFunction", "NewsRule"),
        ("WatchFunction", "SilenceRule"),
    ],
)
def test_what_an_event_could_not_bring_about_goes_to_the_dead_letters(function: str, rule: str) -> None:
    invoke = FUNCTIONS[function]["EventInvokeConfig"]
    (target,) = declared.resources("AWS::Events::Rule")[rule]["Targets"]

    assert invoke["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert target["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}
