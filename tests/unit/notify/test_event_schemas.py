"""The documented schemas of events hold for what the functions really tell, and leave nothing of it out."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract import declared
from tests.unit.cloud import LAKE, Cloud
from tests.unit.sales_rows import as_csv

DOCS = Path(__file__).parents[3] / "docs"
SCHEMAS = {path.name.partition(".")[0]: json.loads(path.read_text()) for path in (DOCS / "events").glob("*.json")}
GUIDE = (DOCS / "events.md").read_text()
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]


def sent(cloud: Cloud) -> dict[str, Any]:
    return {message["detail-type"]: message for message in cloud.messages() if "detail-type" in message}


def published(cloud: Cloud) -> dict[str, Any]:
    source = cloud.put("sales/S001/2025-03-05.csv", as_csv(*[{}] * 9, {"channel": "fax"}, {"is_test": "yes"}))
    cloud.run(source)
    return sent(cloud)


def rejected(cloud: Cloud) -> dict[str, Any]:
    cloud.validate(cloud.put("sales/S001/2025-03-06.csv", as_csv({}, {"channel": "fax"})))
    return sent(cloud)


def unknown(cloud: Cloud) -> dict[str, Any]:
    cloud.validate(cloud.put("elsewhere/day.csv", "a,b\n1,2\n"))
    return sent(cloud)


def failed(cloud: Cloud) -> dict[str, Any]:
    source = cloud.put("sales/S001/2025-03-07.csv", as_csv({}))
    cloud.run(source, until="claim")
    error = {"Error": "RowsLost", "Cause": '{"errorMessage": "7 != 8"}'}
    cloud.step("undo", source, error=error)
    cloud.invoke("report", {**cloud.task(source), "failed": [{"source": source.to_dict(), "error": error}]})
    return sent(cloud)


def stale(cloud: Cloud) -> dict[str, Any]:
    published(cloud)
    later = datetime.now(UTC) + timedelta(hours=48.5)
    cloud.invoke("watch", cloud.event_of("watch") | {"time": later.isoformat()})
    return sent(cloud)


def disagreeing(cloud: Cloud) -> dict[str, Any]:
    cloud.invoke("compare_crawl", {"status": "FAILED", "message": "access denied"})
    return sent(cloud)


def differing(cloud: Cloud) -> dict[str, Any]:
    cloud.run(cloud.put("sales/S001/2025-03-09.csv", as_csv({})))
    sent(cloud)
    for listed in cloud.s3.list_objects_v2(Bucket=LAKE, Prefix="published/")["Contents"]:
        cloud.s3.delete_object(Bucket=LAKE, Key=listed["Key"])
    cloud.invoke("verify", cloud.event_of("verify"))
    return sent(cloud)


def unannounced(cloud: Cloud) -> dict[str, Any]:
    cloud.put("sales/S001/2025-03-08.csv", as_csv({}))
    soon = datetime.now(UTC) + timedelta(minutes=15)
    cloud.invoke("watch", cloud.event_of("watch") | {"time": soon.isoformat()})
    return sent(cloud)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (published, "DatasetUpdated"),
        (rejected, "FileRejected"),
        (unknown, "FileRejected"),
        (failed, "RunFailed"),
        (stale, "DatasetStale"),
        (disagreeing, "CrawlDisagrees"),
        (unannounced, "UnseenObjects"),
        (differing, "LakeDiffers"),
    ],
)
def test_a_real_event_is_what_its_schema_says_and_no_more(cloud: Cloud, make: Any, name: str):
    event = make(cloud)[name]
    assert problems(name, event) == []
    assert set(event["detail"]) == set(SCHEMAS[name]["properties"]["detail"]["properties"])


def test_every_event_has_a_schema_and_a_chapter_with_an_example():
    code = "".join(path.read_text() for path in (DOCS.parent / "functions" / "sluice").rglob("*.py"))
    names = set(re.findall(r'Notice\("(\w+)"', code))
    known = {"FileRejected", "DatasetUpdated", "RunFailed", "DatasetStale"}
    assert set(SCHEMAS) == names == known | {"CrawlDisagrees", "UnseenObjects", "LakeDiffers"}
    assert {example["detail-type"] for example in EXAMPLES} == names
    assert all(f"\n## {name}\n" in GUIDE and f"events/{name}.schema.json" in GUIDE for name in names)


def test_the_guide_names_every_metric_that_the_functions_count():
    listed = re.search(r"Metrics are in .*?\. Each costs", GUIDE, re.DOTALL)
    assert listed
    assert set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", listed[0])) == declared.counted()


def test_a_file_above_its_quarantine_limit_is_counted_for_the_stacks_alarm(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
):
    published(cloud)
    rejected(cloud)
    sheets = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    [sheet] = [sheet for sheet in sheets if "FilesAboveQuarantineLimit" in sheet]
    assert sheet["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert (sheet["service"], sheet["FilesAboveQuarantineLimit"]) == ("acme-sales", [1])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["detail-type"])
def test_an_example_of_the_guide_follows_its_schema(example: dict[str, Any]):
    name = example["detail-type"]
    assert problems(name, example) == []
    assert set(example["detail"]) == set(SCHEMAS[name]["properties"]["detail"]["properties"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_refuses_what_lacks_a_field(name: str):
    Draft202012Validator.check_schema(SCHEMAS[name])
    example = next(example for example in EXAMPLES if example["detail-type"] == name)
    for missing in example["detail"]:
        detail = {field: value for field, value in example["detail"].items() if field != missing}
        assert problems(name, {**example, "detail": detail}) == [f"{missing!r} is a required property"]


def problems(name: str, event: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(event)]
