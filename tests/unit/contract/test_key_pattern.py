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
