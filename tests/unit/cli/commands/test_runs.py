from cli.commands.runs import grouped


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


def test_each_file_without_a_run_has_a_line_of_its_own():
    assert [run["run_id"] for run in grouped([entry("a", "REJECTED"), entry("b", "REJECTED")])] == [None, None]


def test_files_that_wait_for_a_batch_share_a_line():
    listed = grouped([entry("a", "RECEIVED", rows=3), entry("b", "RECEIVED", rows=4), entry("c", "RECEIVED")])
    assert [(run["files"], run["rows"], run["run_id"]) for run in listed] == [(2, 7, None), (1, 0, None)]


def test_rows_of_a_replaced_version_are_not_counted_again():
    published = {"quarantined": 0, "discarded": {}, "published_at": "2025-03-05T10:00:05+00:00"}
    first = entry("s3://b/one", "PUBLISHED", run_id="r1", rows=579, published=579, **published)
    again = {**first, "version": "2", "run_id": "r2", "rows": 629, "published": 629}
    newer, older = grouped([again, first], {("s3://b/one", "1")})
    assert (newer["status"], newer["rows"], newer["published"], newer["replaced"]) == ("PUBLISHED", 629, 629, 0)
    assert (older["status"], older["rows"], older["published"], older["replaced"]) == ("REPLACED", 579, 0, 579)


def test_a_run_with_one_replaced_file_of_two_is_still_published():
    both = {"run_id": "r", "rows": 5, "published": 4, "quarantined": 1, "discarded": {}}
    (run,) = grouped([entry("a", "PUBLISHED", **both), entry("b", "PUBLISHED", **both)], {("a", "1")})
    assert (run["status"], run["rows"], run["published"], run["quarantined"], run["replaced"]) == (
        *("PUBLISHED", 10),
        *(4, 1, 5),
    )


def test_a_rejected_and_a_failed_file_say_why():
    rejected = entry("a", "REJECTED", problems=["30 of 40 rows would be quarantined"])
    failed = entry("b", "FAILED", run_id="r", error="RowsLost", cause="7 != 8")
    assert [run["why"] for run in grouped([rejected, failed])] == [
        ["30 of 40 rows would be quarantined"],
        ["RowsLost: 7 != 8"],
    ]
