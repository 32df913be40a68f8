import time

import pytest

from sluice.contract.key_pattern import KeyPattern
from sluice.errors import ContractInvalid

SALES = KeyPattern("sales/{store_id}/{date:%Y-%m-%d}.csv")


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_key_yields_its_parts_compressed_or_not(suffix: str):
    assert SALES.match(f"sales/S001/2025-03-05.csv{suffix}") == {"store_id": "S001", "date": "2025-03-05"}


@pytest.mark.parametrize(
    "key",
    [
        "sales/S001/2025-3-5.csv",
        "sales/S001/2025-02-30.csv",
        "sales/S001/x/2025-03-05.csv",
        "sales//2025-03-05.csv",
        "other/S001/2025-03-05.csv",
        "sales/S001/2025-03-05.csv.bz2",
        "sales/S001/2025-03-05.csv\n",
        "sales/S001/2025-03-05xcsv",
    ],
)
def test_other_keys_do_not_match(key: str):
    assert SALES.match(key) is None


@pytest.mark.parametrize("pattern", ["a/{x}/{x}.csv", "a/{X}.csv", "a/{x.csv"])
def test_a_pattern_that_cannot_be_understood_is_refused(pattern: str):
    with pytest.raises(ContractInvalid):
        KeyPattern(pattern).match("a/b.csv") or KeyPattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("sales/{region}_{store}_{till}_{date:%Y%m%d}.csv", "sales/" + "_" * 1000),
        ("sales/{a}{b}{c}{d}-{e}.csv", "sales/" + "x" * 1000),
        ("{a}/{b}_{c}_{d}/{e}.csv", "_" * 300 + "/" + "_" * 300 + "/" + "_" * 300),
        ("{a}ab{b}ab{c}.csv", "ab" * 500),
        ("{a}_{b}_{c}_x_{date:%Y%m%d}.csv", "_" * 1000 + ".csv"),
        ("{a}_{b}_{c}_{date:%Y%m%d}.csv", "_" * 1000 + ".csv"),
    ],
)
def test_a_key_that_almost_matches_takes_milliseconds(pattern: str, key: str):
    began = time.perf_counter()

    assert KeyPattern(pattern).match(key) is None

    assert time.perf_counter() - began < 0.05


@pytest.mark.parametrize("day", ["\uff12\uff10\uff12\uff15-03-05", "\u0662\u0660\u0662\u0665-03-05", "2025-03-0²"])
def test_the_digits_of_a_date_are_ascii(day: str):
    assert SALES.match(f"sales/S001/{day}.csv") is None


def test_each_part_is_as_short_as_it_can_be():
    assert KeyPattern("{a}_{b}.csv").match("x_y_z.csv.gz") == {"a": "x", "b": "y_z"}
    assert KeyPattern("{a}{b}").match("xyz.gz") == {"a": "x", "b": "yz"}
    assert KeyPattern("{a}.gz").match("x.gz.gz") == {"a": "x"}
