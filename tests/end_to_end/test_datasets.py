"""The living examples' good samples through the whole flow: what Athena reads is what their contracts say."""

from pathlib import Path
from typing import Any

from tests.end_to_end.command import Command

DATA = Path(__file__).parents[1] / "data"


def put(sluice: Command, dataset: str) -> Any:
    """Put a dataset's good sample under its key, and return its entry of the ledger."""
    folder = DATA / dataset
    (entry,) = sluice.json("put", folder / "good.csv", "--key", (folder / "key").read_text().strip())
    return entry


def test_flights_have_clock_times_gaps_and_two_levels_of_partitions(sluice: Command) -> None:
    entry = put(sluice, "flights")
    assert (entry["status"], entry["rows"], entry["published"]) == ("PUBLISHED", 15, 13)
    assert entry["discarded"] == {"duplicate": 2}
    rows = sluice.json(
        "query",
        "SELECT month, count(*) AS flights, min(sched_dep_time) AS earliest, max(arr_time) AS latest, "
        "count(*) - count(dep_time) AS cancelled FROM flights WHERE year = 2013 GROUP BY 1 ORDER BY 1",
    )
    assert [[int(row["month"]), int(row["flights"]), int(row["cancelled"])] for row in rows] == [[1, 12, 3], [7, 1, 0]]
    assert (rows[0]["earliest"], rows[0]["latest"]) == ("05:15", "24:00")


def test_grocery_lines_are_exact_to_the_cent_and_the_latest_of_a_key_stays(sluice: Command) -> None:
    entry = put(sluice, "grocery")
    assert entry["status"] == "PUBLISHED"
    assert entry["discarded"] == {"no_sale": 4, "duplicate": 2}
    (row,) = sluice.json("query", "SELECT count(*) AS lines, sum(sales_value) AS dollars FROM grocery")
    assert (int(row["lines"]), float(row["dollars"])) == (7, 42.49)
