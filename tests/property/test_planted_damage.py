"""What is planted in real files of shops is found: the same counts, the same reasons, the same refusals."""

from datetime import date
from pathlib import Path

import pytest

from datasets.grocery import contract
from samples.grocery_files import shop_days
from samples.planted_damage import KINDS, ROW_DAMAGE, Planted, plant
from sluice.contract.registry import match
from sluice.engines.polars_engine import Lineage, clean
from sluice.errors import FileRejected
from sluice.read.source import FileSource


@pytest.fixture(scope="module")
def files() -> list[tuple[str, list[str]]]:
    return list(shop_days([date(2017, 12, 30)]))


def outcome(planted: Planted, folder: Path) -> Planted:
    upload = folder / "upload"
    upload.write_bytes(planted.content)
    lineage = Lineage(source_key=planted.key, run_id="test", file_stem="part")
    try:
        manifest = clean(contract, FileSource(upload), folder / "out", lineage=lineage, parts=match(planted.key).parts)
    except FileRejected as rejected:
        return Planted(planted.key, planted.content, planted.story, rejected_by=rejected.reason)
    return Planted(
        key=planted.key,
        content=planted.content,
        story=planted.story,
        rows_in=manifest.rows_in,
        published=manifest.published,
        quarantined=manifest.quarantined,
        reasons={name: rows for name, rows in manifest.reasons.items() if rows},
        discarded={name: rows for name, rows in manifest.discarded.items() if rows},
    )


def test_every_planted_file_ends_as_planned(files: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    plan = plant(files, seed=7)
    found = []
    for number, planted in enumerate(plan):
        folder = tmp_path / str(number)
        folder.mkdir()
        found.append(outcome(planted, folder))
    assert found == plan
    assert {planted.rejected_by for planted in plan} > {None, "file_is_complete", "file_is_utf_8"}


def test_every_kind_of_row_damage_is_planted(files: list[tuple[str, list[str]]]) -> None:
    reasons = {reason for planted in plant(files, seed=7) for reason in planted.reasons}
    assert reasons >= ROW_DAMAGE.keys()
    assert len(files) > len(KINDS)


def test_the_same_seed_plants_the_same_damage(files: list[tuple[str, list[str]]]) -> None:
    assert plant(files, seed=3) == plant(files, seed=3)
    assert plant(files, seed=3) != plant(files, seed=4)
