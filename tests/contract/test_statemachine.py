"""The state machine as a graph: whole, connected, and never green after an error."""

import json
import re
from typing import Any

from tests.contract import declared

TRANSIENT = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    # The process died or ran out of time: once more, the steps are idempotent.
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    # Other commits to the table came between each attempt of the function.
    "CommitConflict",
    # A service did not answer the function, however often its SDK asked: the steps are idempotent.
    "ClientError",
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "InternalServerError",
    "InternalServiceException",
    "InternalServerException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "TransactionCanceledException",
    # Another run holds the source, or the job's concurrency is used up: wait.
    "SourceBusy",
    "Glue.ConcurrentRunsExceededException",
    "Glue.ResourceNumberLimitExceededException",
    "Glue.SdkClientException",
    "Glue.OperationTimeoutException",
    "Glue.ThrottlingException",
    "Glue.InternalServiceException",
    "Athena.SdkClientException",
    "Athena.TooManyRequestsException",
    "Athena.InternalServerException",
}


def tasks() -> dict[str, Any]:
    return {name: state for name, state in declared.states() if state["Type"] == "Task"}


def test_every_state_is_named_once() -> None:
    names = [name for name, _ in declared.states()]

    assert sorted(names) == sorted(set(names))


def test_every_transition_leads_to_a_state_of_the_same_graph() -> None:
    for graph in declared.graphs():
        assert graph["StartAt"] in graph["States"]
        for name, state in graph["States"].items():
            assert set(declared.successors(state)) <= set(graph["States"]), name


def test_every_state_can_be_reached() -> None:
    for graph in declared.graphs():
        assert declared.reachable(graph, graph["StartAt"]) == set(graph["States"])


def test_every_state_leads_somewhere_or_ends() -> None:
    for name, state in declared.states():
        ends = state["Type"] in ("Succeed", "Fail") or state.get("End") is True
        follows = "Next" in state or "Default" in state
        assert ends != follows, name


def test_an_error_of_the_run_never_ends_green() -> None:
    graph = declared.machine()
    after_success = declared.reachable(graph, "AnyNewPartitions")
    caught = {
        catcher["Next"]
        for name, state in graph["States"].items()
        if name not in after_success
        for catcher in state.get("Catch", [])
        if catcher["ErrorEquals"] == ["States.ALL"]
    }
    assert caught == {"PublishSources", "FailPublished", "RunFailed"}

    assert not declared.reachable(graph, "FailPublished") & {"Done", "CompleteSources"}
    assert "UndoSources" in declared.reachable(graph, "FailPublished")
    assert ends(graph, "FailPublished") == ends(graph, "UndoSources") == {"RunFailed"}
    # The Glue job's error becomes that of the sources it did not finish; they are among `failed` from there on.
    assert graph["States"]["CleanLarge"]["Catch"][0]["Assign"].keys() == {"large_error"}


def ends(graph: dict[str, Any], start: str) -> set[str]:
    reached = declared.reachable(graph, start)
    return {name for name in reached if not declared.successors(graph["States"][name])}


def test_every_task_catches_every_error() -> None:
    for name, state in tasks().items():
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_every_task_ends_in_time() -> None:
    machine_seconds = declared.machine()["TimeoutSeconds"]
    for name, state in tasks().items():
        assert 0 < state["TimeoutSeconds"] < machine_seconds, name


def test_the_glue_task_outlasts_its_job() -> None:
    longest = declared.template()["Parameters"]["GlueTimeoutMinutes"]["MaxValue"]

    assert tasks()["CleanLarge"]["TimeoutSeconds"] > 60 * longest


def test_a_lambda_task_outlasts_its_function() -> None:
    default = declared.template()["Globals"]["Function"]["Timeout"]
    for name, state in tasks().items():
        if state["Resource"].endswith("lambda:invoke"):
            assert state["TimeoutSeconds"] > function_of(state).get("Timeout", default), name


def test_only_transient_errors_are_retried_with_full_jitter() -> None:
    for name, state in tasks().items():
        assert state["Retry"], name
        # A query fails as a whole, whatever the reason: also when Athena was short of something.
        failed = {"States.TaskFailed"} if name == "CountRows" else set()
        for retrier in state["Retry"]:
            assert set(retrier["ErrorEquals"]) <= TRANSIENT | failed, name
            assert retrier["JitterStrategy"] == "FULL", name
            assert retrier["BackoffRate"] > 1, name


def test_every_lambda_task_retries_alike_and_throttling_by_itself() -> None:
    retriers = [state["Retry"] for state in tasks().values() if state["Resource"].endswith("lambda:invoke")]

    assert {json.dumps(retry[-2:]) for retry in retriers} == {json.dumps(retriers[0][-2:])}
    throttled = retriers[0][-2]
    assert throttled["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
    assert throttled["MaxAttempts"] >= 20
    assert seconds_waited_on_average(throttled) > 15 * 60
    for retry in retriers:
        assert sorted(error for retrier in retry[-2:] for error in retrier["ErrorEquals"]) == sorted(of_lambda())
        assert [retrier["ErrorEquals"] for retrier in retry[:-2]] in ([], [["SourceBusy"]], [["CommitConflict"]])


def seconds_waited_on_average(retrier: dict[str, Any]) -> float:
    """With full jitter a pause is anything from 0 to its longest."""
    longest = (retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n for n in range(retrier["MaxAttempts"]))
    return sum(min(pause, retrier["MaxDelaySeconds"]) / 2 for pause in longest)


def test_a_new_account_s_ten_functions_are_not_used_up_by_validation_or_by_one_run() -> None:
    defaults = {name: each["Default"] for name, each in declared.template()["Parameters"].items()}
    maps = [state for _, state in declared.states() if state["Type"] == "Map"]

    assert defaults["ValidationConcurrency"] + defaults["RunConcurrency"] < 10
    assert {state["MaxConcurrency"] for state in maps} == {"{% $number('${RunConcurrency}') %}"}


def of_lambda() -> set[str]:
    """The transient errors that any Lambda task may end with."""
    ours = {"SourceBusy", "CommitConflict"}
    return {error for error in TRANSIENT - ours if not error.startswith(("Glue.", "Athena."))}


def test_every_caught_error_keeps_its_name_and_a_bounded_cause() -> None:
    for name, state in declared.states():
        for catcher in state.get("Catch", []):
            text = json.dumps(catcher, ensure_ascii=False)
            if "errorOutput" in text:
                assert "'Error': $states.errorOutput.Error" in text, name
                assert re.search(r"'Cause': \$substring\('' & .*\$states\.errorOutput\.Cause.*, 0, 500\)", text), name


def test_no_crawl_fails_a_run() -> None:
    crawling = {"AnyNewPartitions"}
    states = declared.machine()["States"]
    while more := {name for each in crawling for name in declared.successors(states[each])} - crawling:
        crawling |= more

    assert {"LookAtCrawler", "Crawl", "FollowCrawler", "CompareCrawl", "Done"} <= crawling
    assert not crawling & {"AnyFailed", "UndoSources", "Report", "RunFailed"}
    for name in crawling:
        if states[name]["Type"] == "Task":
            assert states[name]["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_readers_do_not_wait_for_a_crawl() -> None:
    states = declared.machine()["States"]

    assert [name for name, state in states.items() if "AnyNewPartitions" in declared.successors(state)] == ["AnyFailed"]
    assert [name for name, state in states.items() if "PlanCheck" in declared.successors(state)] == [
        "AnyPublished",
        "Commit",
    ]
    assert [name for name, state in states.items() if "Commit" in declared.successors(state)] == ["AnyPublished"]


def test_a_commit_that_others_came_between_is_tried_again_wherever_a_table_is_committed_to() -> None:
    conflicts = {
        name
        for name, state in tasks().items()
        if any("CommitConflict" in retrier["ErrorEquals"] for retrier in state["Retry"])
    }
    assert conflicts == {"Commit", "Undo", "UndoPublish", "RemoveReplaced"}


def function_of(state: dict[str, Any]) -> dict[str, Any]:
    placeholder = re.fullmatch(r"\$\{(\w+)Arn\}", state["Arguments"]["FunctionName"])
    assert placeholder
    return declared.functions()[placeholder[1]]


def test_a_state_its_function_and_its_file_have_one_name() -> None:
    extra = {"UndoPublish": "Undo"}  # the one function that two states call
    for name, state in tasks().items():
        if state["Resource"].endswith("lambda:invoke"):
            function = f"{extra.get(name, name)}Function"
            assert state["Arguments"]["FunctionName"] == f"${{{function}Arn}}"
            handler = re.sub(r"(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()
            assert declared.functions()[function]["Handler"] == f"{handler}.handler"


def test_every_placeholder_is_given_and_every_given_one_is_used() -> None:
    text = (declared.ROOT / "statemachine" / "etl.asl.json").read_text()
    given = declared.template()["Resources"]["EtlStateMachine"]["Properties"]["DefinitionSubstitutions"]

    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(given)
