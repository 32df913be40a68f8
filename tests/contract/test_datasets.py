"""Every dataset that is found accepts its good sample, and rejects its bad one row by row, by the named rules."""

from pathlib import Path

import pytest

from sluice.contract import registry
from tests.contract.samples import DATA, advice, cleaned, expected, quarantined, reasons_of, sample

pytestmark = pytest.mark.parametrize("dataset", sorted(registry.contracts()))


def test_every_row_of_the_good_sample_is_accepted(dataset: str, tmp_path: Path):
    contract = registry.load(dataset)
    manifest = cleaned(contract, DATA / dataset, sample(contract, "good"), tmp_path / "out")
    assert manifest.quarantined == 0, (quarantined(tmp_path / "out"), advice(dataset))
    assert manifest.published > 0
    assert manifest.published + sum(manifest.discarded.values()) == manifest.rows_in


def test_every_row_of_the_bad_sample_is_quarantined_for_the_reasons_written_down(dataset: str, tmp_path: Path):
    contract = registry.load(dataset)
    manifest = cleaned(contract, DATA / dataset, sample(contract, "bad"), tmp_path / "out")
    assert quarantined(tmp_path / "out") == expected(DATA / dataset), advice(dataset)
    assert manifest.published == 0
    assert manifest.quarantined == manifest.rows_in


def test_the_bad_sample_shows_every_rule(dataset: str):
    shown = {reason for reasons in expected(DATA / dataset).values() for reason in reasons}
    assert reasons_of(registry.load(dataset)) <= shown, advice(dataset)
