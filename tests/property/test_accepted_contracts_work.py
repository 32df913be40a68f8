"""A contract that is accepted cleans any file: each row is accounted for, and the partitions
of path and manifest are one text.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.contract import Contract
from sluice.contract.partitions import partition_path
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.errors import FileRejected
from sluice.manifest import Manifest
from sluice.read.source import FileSource
from tests.property.generated_contracts import CELLS, accepted, text_of


def published_paths(manifest: Manifest, out: Path) -> Iterator[str]:
    for file in (out / "published").rglob("*.parquet"):
        yield file.parent.relative_to(out / "published").as_posix()


@settings(max_examples=100, deadline=None)
@given(accepted(), st.lists(st.sampled_from(CELLS), max_size=12))
def test_a_contract_that_is_accepted_cleans_any_file(contract: Contract, cells: list[str]):
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "rows.csv", Path(folder) / "out"
        file.write_text(text_of(cells))
        lineage = Lineage(source_key="s3://raw/rows/a.csv", run_id="run", file_stem="rows")
        try:
            manifest = polars_engine.clean(contract, FileSource(file), out, lineage=lineage)
        except FileRejected:
            # Nothing else can be wrong with such a file than that it has no rows.
            assert not cells
            return
        manifest.balance()
        assert manifest.rows_in == len(cells)
        assert manifest.published + manifest.quarantined + sum(manifest.discarded.values()) == len(cells)
        assert {part.path or "." for part in manifest.partitions} == set(published_paths(manifest, out))
        for part in manifest.partitions:
            assert partition_path(part.values) == part.path
            assert unquote(part.path) == "/".join(f"{name}={value}" for name, value in part.values.items())
        json.dumps(manifest.to_dict(), allow_nan=False)
