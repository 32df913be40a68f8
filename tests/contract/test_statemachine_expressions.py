"""The state machine's expressions, and what they pass from state to state."""

import json
from typing import Any

import jsonata
import pytest

from tests.contract import declared


def expressions(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[2:-2]] if value.startswith("{%") else []
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for child in children for found in expressions(child)]


def test_every_expression_can_be_read() -> None:
    found = expressions(declared.machine())
    assert len(found) > 50
    for expression in found:
        jsonata.Jsonata.jsonata(expression.replace("${CrawlMinutes}", "1440"))


def evaluate(expression: str, **variables: Any) -> Any:
    assert expression.startswith("{%")
    return jsonata.Jsonata.jsonata(expression[2:-2]).evaluate(None, variables)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ('{"JobName": "clean", "ErrorMessage": "the file \\"a.csv\\" is gone", "Id": "1"}', '\\"a.csv\\" is gone'),
        ('{"QueryExecution": {"Status": {"StateChangeReason": "COLUMN_NOT_FOUND"}}}', "COLUMN_NOT_FOUND"),
        ("not JSON", "not JSON"),
        ("x" * 900, "x" * 500),
        (None, ""),
    ],
)
def test_the_reason_inside_of_a_jobs_or_a_querys_record_is_the_cause(cause: str | None, reason: str) -> None:
    assign = declared.machine()["States"]["CleanLarge"]["Catch"][0]["Assign"]["large_error"]
    error = {"Error": "States.TaskFailed"} | ({"Cause": cause} if cause else {})

    assert evaluate(assign, states={"errorOutput": error})["Cause"].endswith(reason)
    assert not evaluate(assign, states={"errorOutput": error})["Cause"].startswith("{")


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


def test_an_error_after_publish_fails_every_published_source() -> None:
    published = [{"source": source(key), "new_partitions": 0} for key in ("a.csv", "b.csv")]
    error = {"Error": "States.TaskFailed", "Cause": "why"}
    state = declared.machine()["States"]["FailPublished"]
    before = failure("c.csv", "RowsLost")

    failed = evaluate(state["Assign"]["failed"], failed=[before], published=published, states={"input": error})

    assert failed == [before, *({"source": item["source"], "error": error} for item in published)]


def chosen(name: str, minutes: int, *, now: int = 0, **variables: Any) -> str:
    """The state that a Choice state chooses. minutes: the parameter CrawlMinutes; now: milliseconds."""
    state = declared.machine()["States"][name]
    for choice in state["Choices"]:
        condition = choice["Condition"].replace("${CrawlMinutes}", str(minutes)).replace("$millis()", str(now))
        if evaluate(condition, **variables):
            return str(choice["Next"])
    return str(state["Default"])


def test_a_run_without_new_partitions_or_in_a_stack_that_never_crawls_starts_no_crawl() -> None:
    def after(new_partitions: list[int], minutes: int) -> str:
        return chosen("AnyNewPartitions", minutes, published=[{"new_partitions": count} for count in new_partitions])

    assert after([0, 2], 1440) == "LookAtCrawler"
    assert after([0, 2], 0) == "LookAtCrawler"
    assert after([0, 2], -1) == "Done"
    assert after([0, 0], 0) == "Done"
    assert after([], 0) == "Done"


def test_a_crawl_starts_at_most_every_so_many_minutes() -> None:
    def after(crawler: dict[str, Any], minutes: int) -> str:
        return chosen("ChooseCrawl", minutes, now=3_600_000, states={"input": crawler})

    half_an_hour_ago = {"State": "READY", "LastCrawl": {"Status": "FAILED", "StartTime": "1970-01-01T00:30:00Z"}}
    assert after({"State": "READY"}, 60) == "Crawl"
    assert after(half_an_hour_ago, 60) == "Done"
    assert after(half_an_hour_ago, 29) == "Crawl"
    assert after(half_an_hour_ago, 0) == "Crawl"
    assert after({"State": "RUNNING"}, 0) == "Done"


def test_a_crawl_is_followed_to_its_end_for_two_hours() -> None:
    def after(state: str, now: int) -> str:
        return chosen("AnyCrawlRunning", 0, now=now, states={"input": {"State": state}}, crawl_deadline=7_200_000)

    assert after("RUNNING", 7_000_000) == "WaitForCrawler"
    assert after("STOPPING", 7_000_000) == "WaitForCrawler"
    assert after("READY", 7_300_000) == "CompareCrawl"
    assert after("RUNNING", 7_300_000) == "CrawlFailed"


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
