"""The state machine as a graph: whole, connected, and never green after an error."""

import json
import re
from typing import Any

import jsonata
import pytest

from tests.contract import declared

TRANSIENT = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    # The process died or ran out of time: once more, the steps are idempotent.
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
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
    caught = {
        catcher["Next"]
        for state in graph["States"].values()
        for catcher in state.get("Catch", [])
        if catcher["ErrorEquals"] == ["States.ALL"]
    }
    assert caught == {"PublishSources", "UndoSources", "RunFailed"}

    assert not declared.reachable(graph, "UndoSources") & {"Done", "CompleteSources"}
    assert ends(graph, "UndoSources") == {"RunFailed"}
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
        for retrier in state["Retry"]:
            assert set(retrier["ErrorEquals"]) <= TRANSIENT, name
            assert retrier["JitterStrategy"] == "FULL", name
            assert retrier["BackoffRate"] > 1, name


def test_every_lambda_task_retries_alike() -> None:
    retriers = {
        json.dumps(state["Retry"][-3:]) for state in tasks().values() if state["Resource"].endswith("lambda:invoke")
    }

    assert len(retriers) == 1


def test_every_caught_error_keeps_its_name_and_a_bounded_cause() -> None:
    for name, state in declared.states():
        for catcher in state.get("Catch", []):
            text = json.dumps(catcher, ensure_ascii=False)
            if "errorOutput" in text:
                assert "'Error': $states.errorOutput.Error" in text, name
                assert re.search(r"'Cause': \$substring\('' & .*\$states\.errorOutput\.Cause.*, 0, 500\)", text), name


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ('{"JobName": "clean", "ErrorMessage": "the file \\"a.csv\\" is gone", "Id": "1"}', '\\"a.csv\\" is gone'),
        ('{"QueryExecution": {"Status": {"StateChangeReason": "COLUMN_NOT_FOUND"}}}', "COLUMN_NOT_FOUND"),
        ("not JSON", "not JSON"),
        ("x" * 900, "x" * 500),
        (None, ""),
    ],
)
def test_the_reason_inside_of_a_jobs_or_a_querys_record_is_the_cause(cause: str | None, told: str) -> None:
    assign = declared.machine()["States"]["CleanLarge"]["Catch"][0]["Assign"]["large_error"]
    error = {"Error": "States.TaskFailed"} | ({"Cause": cause} if cause else {})

    assert evaluate(assign, states={"errorOutput": error})["Cause"].endswith(told)
    assert not evaluate(assign, states={"errorOutput": error})["Cause"].startswith("{")


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


def expressions(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[2:-2]] if value.startswith("{%") else []
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for child in children for found in expressions(child)]


def test_every_expression_can_be_read() -> None:
    found = expressions(declared.machine())
    assert len(found) > 50
    for expression in found:
        jsonata.Jsonata.jsonata(expression)


def evaluate(expression: str, **variables: Any) -> Any:
    assert expression.startswith("{%")
    return jsonata.Jsonata.jsonata(expression[2:-2]).evaluate(None, variables)


def source(key: str) -> dict[str, Any]:
    return {"id": f"id of {key}", "bucket": "raw", "key": key, "version_id": "1", "sequencer": "0", "size": 1}


def failure(key: str, error: str) -> dict[str, Any]:
    return {"source": source(key), "error": {"Error": error, "Cause": "why"}}


@pytest.mark.parametrize(
    ("failed", "error"),
    [
        ([failure("a.csv", "RowsLost")], "RowsLost"),
        ([failure("a.csv", "RowsLost"), failure("b.csv", "LeaseLost")], "SourcesFailed"),
    ],
)
def test_a_failed_run_names_the_error_of_its_one_source_or_says_that_several_failed(
    failed: list[dict[str, Any]], error: str
) -> None:
    state = declared.machine()["States"]["RunFailed"]

    assert evaluate(state["Error"], failed=failed) == error
    for item in failed:
        assert f"{item['source']['key']}: {item['error']['Error']} why" in evaluate(state["Cause"], failed=failed)


def test_one_claimed_source_is_still_a_list() -> None:
    assign = declared.machine()["States"]["ClaimSources"]["Assign"]
    small = {"source": source("a.csv"), "claimed": True, "engine": "polars"}
    overtaken = {"source": source("b.csv"), "claimed": False}
    broken = failure("c.csv", "SourceBusy")
    states = {"result": [small, overtaken, broken]}

    assert evaluate(assign["claimed"], states=states) == [small]
    assert evaluate(assign["failed"], states=states) == [broken]
    chosen = declared.machine()["States"]["ChooseEngine"]["Assign"]
    assert evaluate(chosen["small"], claimed=[small]) == [small]
    assert evaluate(chosen["large"], claimed=[small]) == []


def test_a_source_that_the_check_does_not_confirm_has_failed() -> None:
    published = [{"source": source(key), "new_partitions": 0} for key in ("a.csv", "b.csv", "c.csv")]
    assign = declared.machine()["States"]["Check"]["Assign"]
    states = {"result": {"Payload": {"ok": ["id of a.csv"], "mismatched": ["id of b.csv"]}}}

    checked = evaluate(assign["checked"], published=published, failed=[], states=states)
    failed = evaluate(assign["failed"], published=published, failed=[failure("d.csv", "RowsLost")], states=states)

    assert [item["source"]["key"] for item in checked] == ["a.csv"]
    assert [(item["source"]["key"], item["error"]["Error"]) for item in failed] == [
        ("d.csv", "RowsLost"),
        ("b.csv", "CheckFailed"),
        ("c.csv", "CheckFailed"),
    ]


def crawl_choice(crawler: dict[str, Any], *, crawled_after: int = 1_000_000, now: int = 1_500_000) -> str:
    state = declared.machine()["States"]["ChooseCrawl"]
    for choice in state["Choices"]:
        condition = choice["Condition"].replace("$millis()", str(now))
        if evaluate(condition, states={"input": crawler}, crawled_after=crawled_after, crawl_deadline=7_000_000):
            return str(choice["Next"])
    return str(state["Default"])


def crawled(status: str, started: str) -> dict[str, Any]:
    return {"State": "READY", "LastCrawl": {"Status": status, "StartTime": started}}


def test_a_crawl_counts_only_when_it_began_after_the_run_had_published() -> None:
    before, after = "1970-01-01T00:16:39Z", "1970-01-01T00:16:41Z"

    assert crawl_choice({"State": "READY"}) == "Crawl"
    assert crawl_choice(crawled("SUCCEEDED", before)) == "Crawl"
    assert crawl_choice(crawled("FAILED", before)) == "Crawl"
    assert crawl_choice(crawled("SUCCEEDED", after)) == "PlanCheck"
    assert crawl_choice(crawled("FAILED", after)) == "CrawlFailed"
    assert crawl_choice({"State": "RUNNING"}) == "WaitForCrawler"
    assert crawl_choice({"State": "STOPPING"}) == "WaitForCrawler"
    assert crawl_choice({"State": "RUNNING"}, now=7_000_001) == "CrawlFailed"


def test_after_an_own_start_the_next_finished_crawl_counts() -> None:
    own = declared.machine()["States"]["Crawl"]["Assign"]["crawled_after"]

    assert crawl_choice(crawled("SUCCEEDED", "1970-01-01T00:16:39Z"), crawled_after=own) == "PlanCheck"


def test_a_running_crawl_is_waited_for_not_failed() -> None:
    running, other = declared.machine()["States"]["Crawl"]["Catch"]

    assert running["ErrorEquals"] == ["Glue.CrawlerRunningException"]
    assert running["Next"] == "WaitForCrawler"
    assert other["Next"] == "UndoSources"


def test_only_a_source_without_a_manifest_fails_with_the_error_of_the_glue_job() -> None:
    output = declared.machine()["States"]["PublishSources"]["ItemProcessor"]["States"]["ReconcileFailed"]["Output"]
    job = {"Error": "States.TaskFailed", "Cause": "out of memory"}

    def error_of(reconcile: str, large_error: dict[str, str]) -> Any:
        item = {"source": source("a.csv"), "error": {"Error": reconcile, "Cause": "why"}}
        return evaluate(output, states={"input": item}, large_error=large_error)["error"]["Error"]

    assert error_of("NotCleaned", job) == "States.TaskFailed"
    assert error_of("NotCleaned", {}) == "NotCleaned"
    assert error_of("RowsLost", job) == "RowsLost"


def test_a_source_undone_at_once_is_not_undone_again() -> None:
    state = declared.machine()["States"]["UndoSources"]
    undone = {**failure("a.csv", "RowsLost"), "undone": True}
    waiting = failure("b.csv", "RowsLost")

    assert evaluate(state["Items"], failed=[undone, waiting]) == [waiting]
    assert evaluate(state["Items"], failed=[undone]) == []
    assert evaluate(state["Assign"]["failed"], failed=[undone, waiting], states={"result": [waiting]}) == [
        undone,
        waiting,
    ]


def test_a_full_run_fits_the_limits_of_step_functions() -> None:
    # 100 sources with keys of 1,024 bytes each, every one failed with a long cause: 256 KiB is the limit.
    longest = [
        {
            "source": {**source("k" * 1024), "id": "f" * 16, "bucket": "b" * 63, "version_id": "v" * 32},
            "error": {"Error": "e" * 60, "Cause": '"' * 500},
            "undone": True,
        }
        for _ in range(100)
    ]

    assert len(json.dumps(longest).encode()) < 256 * 1024
