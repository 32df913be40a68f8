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
def test_a_function_has_a_role_of_its_own_and_writes_to_the_one_log_group(name: str) -> None:
    role = name.replace("Function", "Role")
    logs = [each["Resource"] for each in declared.statements(role) if "logs:PutLogEvents" in declared.actions(each)]

    assert FUNCTIONS[name]["Role"] == {"Fn::GetAtt": [role, "Arn"]}
    assert "LoggingConfig" not in FUNCTIONS[name]
    assert logs == [{"Fn::GetAtt": ["FunctionsLogs", "Arn"]}]


def test_all_functions_share_one_bundle_one_layer_one_runtime_one_log_group_and_tracing() -> None:
    shared = declared.template()["Globals"]["Function"]

    assert shared["CodeUri"] == "functions/"
    assert shared["Layers"] == [{"Ref": "PackagesLayer"}]
    assert shared["Runtime"] == "python3.13"
    assert shared["Tracing"] == "Active"
    assert shared["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionsLogs"}}
    assert not any({"CodeUri", "Layers", "Runtime"} & properties.keys() for properties in FUNCTIONS.values())


def test_failed_messages_return_alone_and_validation_is_bounded() -> None:
    (event,) = FUNCTIONS["ValidateFunction"]["Events"].values()

    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["Properties"]["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "ValidationConcurrency"}}


def test_a_large_file_takes_no_time_from_others() -> None:
    (event,) = FUNCTIONS["ValidateFunction"]["Events"].values()

    assert event["Properties"]["BatchSize"] == 1


def test_an_event_whose_function_fails_goes_to_the_dead_letter_queue() -> None:
    called = {rule: target for rule, target in declared.event_targets().items() if target["Arn"] in arns()}

    assert {name: target["Arn"]["Fn::GetAtt"][0] for name, target in called.items()} == {
        "RecoverFunctionFailedRunRule": "RecoverFunction",
        "DescribeFunctionEndedRunRule": "DescribeFunction",
        "DescribeFunctionNoticeRule": "DescribeFunction",
        "WatchFunctionWatchSchedule": "WatchFunction",
        "VerifyFunctionVerifySchedule": "VerifyFunction",
        "MaintainFunctionMaintainSchedule": "MaintainFunction",
    }
    for target in called.values():
        invoke = FUNCTIONS[target["Arn"]["Fn::GetAtt"][0]]["EventInvokeConfig"]
        assert invoke["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


def arns() -> list[dict[str, list[str]]]:
    return [{"Fn::GetAtt": [name, "Arn"]} for name in FUNCTIONS]
