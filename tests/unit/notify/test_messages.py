import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.object_version import ObjectVersion
from sluice.notify.messages import Failure, dataset_updated, file_rejected, plain_cause, run_failed

VERDICT = {
    "dataset": "sales",
    "contract_version": 3,
    "rows": 12_000,
    "would_quarantine": 4_000,
    "reasons": {f"check_{number}": 100 - number for number in range(30)},
    "problems": ["4,000 of 12,000 rows (33.3%) would be quarantined"],
}


def version(key: str) -> ObjectVersion:
    return ObjectVersion(bucket="raw", key=key, version_id="v1", sequencer="01", size=1)


def failure(number: int, status: str = "FAILED") -> Failure:
    return Failure(version(f"sales/{number}.csv"), status, "RowsLost", "7 != 8", rows=7)


def test_a_rejection_says_what_why_and_what_to_do():
    notice = file_rejected(version("sales/S1/2025-03-05.csv"), VERDICT, work_bucket="work")
    assert notice.subject == "Sluice rejected sales/S1/2025-03-05.csv"
    for part in (
        "File:    s3://raw/sales/S1/2025-03-05.csv",
        "12,000 read, 4,000 would be quarantined",
        "check_0: 100",
        "4,000 of 12,000 rows (33.3%) would be quarantined",
        "sluice show s3://raw/sales/S1/2025-03-05.csv",
    ):
        assert part in notice.text
    assert list(notice.detail["reasons"]) == [f"check_{number}" for number in range(10)]


def test_the_command_in_a_message_is_safe_to_paste():
    notice = file_rejected(version("sales/$(rm -rf ~);'.csv"), VERDICT, work_bucket="work")
    assert """sluice show 's3://raw/sales/$(rm -rf ~);'"'"'.csv'""" in notice.text


@given(st.text(max_size=300))
def test_any_key_makes_a_legal_message(key: str):
    notice = file_rejected(version(key), VERDICT, work_bucket="work")
    assert len(notice.subject) <= 100
    assert notice.subject.isascii()
    assert notice.subject.isprintable()
    assert all(char.isprintable() or char == "\n" for char in notice.text)
    # However a key is made up, it adds no line of its own.
    assert notice.text.count("\n") == file_rejected(version("a"), VERDICT, work_bucket="work").text.count("\n")


def test_a_failed_run_names_each_file_and_the_command_that_runs_it_again():
    notice = run_failed(run_id="sales-1", dataset="sales", sources=3, failures=[failure(1), failure(2)])
    assert "2 of the run's 3 file(s) failed." in notice.text
    assert "sluice redrive sales-1" in notice.text
    assert notice.text.count("RowsLost") == 2
    assert [each["key"] for each in notice.detail["failed"]] == ["sales/1.csv", "sales/2.csv"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("FAILED", "has what was published before"),
        ("CLEANING", "not undone yet"),
        ("PUBLISHED", "it was published before"),
    ],
)
def test_a_failed_run_says_what_the_table_has(status: str, said: str):
    assert said in run_failed(run_id="r", dataset="sales", sources=1, failures=[failure(1, status)]).text


def test_a_run_of_a_hundred_failures_fits_an_event_and_a_message():
    failures = [Failure(version(f"{number:03}" + "é" * 500), "FAILED", "E" * 50, "é" * 500) for number in range(100)]
    notice = run_failed(run_id="r", dataset="sales", sources=100, failures=failures)
    assert len(json.dumps(notice.detail, ensure_ascii=False).encode()) < 256 * 1024
    assert len(notice.text.encode()) < 256 * 1024
    assert "and 90 more" in notice.text


def test_an_update_of_very_many_partitions_fits_an_event():
    partitions = [f"day={number:0100}" for number in range(5000)]
    notice = dataset_updated(version("a"), dataset="sales", run_id="r", counts={"published": 1}, partitions=partitions)
    assert notice.detail["partitions"] == partitions[:1851]  # 108 bytes each
    assert notice.detail["partitions_total"] == 5000


LONGEST = "\x01" * 1024
"""A key whose every byte takes six in JSON."""


@pytest.mark.parametrize("key", [LONGEST, "\u0436" * 512])
def test_events_of_the_longest_names_fit(key: str):
    source = version(key)
    partitions = [f"region={'%D0%B6' * 41}{number:03}/city={'%D0%B6' * 41}/day=2025-01-01" for number in range(600)]
    failures = [Failure(source, "FAILED", "E" * 50, key[:500]) for _ in range(100)]
    rejected = VERDICT | {"problems": [key] * 30}
    for notice in (
        dataset_updated(source, dataset="sales", run_id="r", counts={"published": 1}, partitions=partitions),
        run_failed(run_id="r", dataset="sales", sources=100, failures=failures),
        file_rejected(source, rejected, work_bucket="work"),
    ):
        assert len(json.dumps(notice.detail, ensure_ascii=False).encode()) < 256 * 1024 - 100


@pytest.mark.parametrize(
    ("cause", "plain"),
    [
        ('{"errorMessage": "7 != \\"8\\"", "errorType": "RowsLost"}', '7 != "8"'),
        ('{"errorType": "RowsLost", "errorMessage": "cut off in the mid', "cut off in the mid"),
        ('{"JobName": "clean", "ErrorMessage": "out of memory"}', "out of memory"),
        ("States.Timeout", "States.Timeout"),
        ("", ""),
    ],
)
def test_the_words_of_a_cause_are_found(cause: str, plain: str):
    assert plain_cause(cause) == plain
