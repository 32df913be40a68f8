from datetime import UTC, datetime

import pytest
import typer

from cli.commands.runs import grouped
from cli.terminal.options import moment
from cli.terminal.output import plural, short, usd


def test_how_far_back_is_told_in_units_or_by_a_date():
    now = datetime.now(UTC)
    for text, seconds in (("30m", 1800), ("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600)):
        assert abs((now - datetime.fromisoformat(moment(text))).total_seconds() - seconds) < 5
    assert moment("2025-03-01") == "2025-03-01T00:00:00.000+00:00"
    assert moment("2025-03-01T12:00:00+02:00").startswith("2025-03-01T")
    with pytest.raises(typer.BadParameter):
        moment("yesterday")


def test_a_time_of_another_zone_is_compared_in_utc():
    assert moment("2025-03-01T12:00:00+02:00") == "2025-03-01T10:00:00.000+00:00"


def entry(source: str, status: str, **more: object) -> dict[str, object]:
    times = {"received_at": "2025-03-05T10:00:00+00:00", "updated_at": "2025-03-05T10:00:09+00:00"}
    return {"source": source, "version": "1", "status": status, "dataset": "sales", **times, **more}


def test_a_run_has_the_status_of_its_worst_file_and_the_sums_of_all():
    done = {"published": 8, "quarantined": 1, "discarded": {"duplicate": 1}, "rows": 10, "cost_usd": 0.5}
    (run,) = grouped(
        [
            entry("s3://b/one", "PUBLISHED", run_id="r", published_at="2025-03-05T10:00:05+00:00", **done),
            entry("s3://b/two", "FAILED", run_id="r", failed_at="2025-03-05T10:00:09+00:00", rows=4),
        ]
    )
    assert (run["status"], run["files"], run["rows"], run["published"]) == ("FAILED", 2, 14, 8)
    assert (run["discarded"], run["seconds"], run["cost_usd"]) == (1, 9.0, 0.5)


def test_files_without_a_run_stand_alone():
    assert [run["run_id"] for run in grouped([entry("a", "REJECTED"), entry("b", "REJECTED")])] == [None, None]


def test_numbers_and_texts_are_shown_as_people_read_them():
    assert (plural(1, "row"), plural(2000, "row")) == ("1 row", "2,000 rows")
    assert (usd(0.0000061), usd(12.5), usd(None)) == ("$0.000006", "$12.50", "")
    assert (short(None), short("x" * 70)) == ("(empty)", '"' + "x" * 60 + '…"')


def test_files_that_wait_for_a_run_are_one_line():
    listed = grouped([entry("a", "RECEIVED", rows=3), entry("b", "RECEIVED", rows=4), entry("c", "RECEIVED")])
    assert [(run["files"], run["rows"], run["run_id"]) for run in listed] == [(2, 7, None), (1, 0, None)]
