"""Judges what came out: rows, ledger, objects and runs, against each latest version cleaned on its own."""

import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import duckdb
import polars as pl

from sluice.contract import registry
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.manifest import Manifest
from sluice.read.source import FileSource
from tests.chaos.world import Item, Upload, World

DATASET = "sales"
KINDS = ("published", "quarantine")


@dataclass
class Verification:
    """lost, doubled: rows that EXCEPT ALL finds on one side only. problems: every other difference."""

    lost: int = 0
    doubled: int = 0
    rows: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not (self.lost or self.doubled or self.problems)


def verify(world: World, keys: Sequence[str] | None = None, *, athena: bool = True) -> Verification:
    """Verify these keys, all by default; orphaned objects and running executions are searched everywhere."""
    keys = list(world.uploads) if keys is None else list(keys)
    found = Verification()
    _verify_ledger(world, keys, found)
    promised = _promised(world)
    _verify_objects(world, promised, found)
    latest = {key: accepted[-1] for key in keys if (accepted := _accepted(world, key))}
    sources = [f"s3://{world.raw}/{key}" for key in keys]
    objects = [name for uri in sources for name in promised.get(uri, [])]
    reference = [_cleaned(upload) for upload in latest.values()]
    published, quarantined = _concat([rows for _, rows, _ in reference]), _concat([rows for _, _, rows in reference])
    for kind, expected in zip(KINDS, (published, quarantined), strict=True):
        _compare(expected, _read(world, [name for name in objects if name.startswith(f"{kind}/")]), found, kind)
    if athena:
        _compare(published, _ask(world, sources), found, "athena", text=True)
    found.problems += [f"still running: {name}" for name in world.running()]
    return found


def _accepted(world: World, key: str) -> list[Upload]:
    return [upload for upload in world.uploads[key] if not upload.rejected]


def _verify_ledger(world: World, keys: Iterable[str], found: Verification) -> None:
    items = {(item["source"], item["version"]): item for item in world.items(keys)}
    for key in keys:
        accepted = _accepted(world, key)
        for upload in world.uploads[key]:
            item = items.get((upload.version.uri, upload.version.version_id), {})
            wanted = _wanted(upload, latest=bool(accepted) and upload is accepted[-1])
            if item.get("status") not in wanted:
                why = f" ({item['error']}: {item['cause']})" if item.get("error") else ""
                found.problems.append(
                    f"{key} {upload.version.version_id[:8]} is {item.get('status')}{why}, not {wanted}"
                )
        if accepted:
            _verify_latest(accepted[-1], items, found)


def _wanted(upload: Upload, *, latest: bool) -> tuple[str, ...]:
    if upload.rejected:
        return ("REJECTED",)
    return ("PUBLISHED",) if latest else ("PUBLISHED", "SUPERSEDED", "FAILED")


def _verify_latest(upload: Upload, items: dict[tuple[str, str], Item], found: Verification) -> None:
    version = upload.version
    head = items.get((version.uri, "HEAD"), {})
    if head.get("published_version") != version.version_id:
        found.problems.append(f"{version.key}: the ledger promises {head.get('published_version')}")
    left = [name for name in ("lease_owner", "pending", "replaced", "emptied") if head.get(name)]
    if left:
        found.problems.append(f"{version.key}: the ledger's head still has {left}")
    item = items.get((version.uri, version.version_id), {})
    manifest = _cleaned(upload)[0]
    for name in ("published", "quarantined"):
        if item.get(name) != getattr(manifest, name):
            found.problems.append(f"{version.key}: the ledger counts {item.get(name)} {name}")


def _promised(world: World) -> dict[str, list[str]]:
    """Source → objects, as the lake manifests say that the ledger promises; the manifest is one of them."""
    s3, promised = world.aws.client("s3"), {}
    for item in world.items():
        if item["version"] != "HEAD" or not item.get("published_manifest"):
            continue
        name = item["published_manifest"]
        document = json.loads(s3.get_object(Bucket=world.lake, Key=name)["Body"].read())
        promised[item["source"]] = [*(each["key"] for each in document["objects"]), name]
    return promised


def _verify_objects(world: World, promised: dict[str, list[str]], found: Verification) -> None:
    """What is there must be what is promised, and each object written once."""
    pages = world.aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=world.lake)
    versions = [version for page in pages for version in page.get("Versions", [])]
    # What an Iceberg table's metadata name is for `sluice verify` and maintenance.
    there = {each["Key"] for each in versions if each["IsLatest"] and not each["Key"].startswith("metadata/")}
    wanted = {name for objects in promised.values() for name in objects}
    found.problems += [f"orphan {name}" for name in there - wanted]
    found.problems += [f"missing {name}" for name in wanted - there]
    written = Counter(version["Key"] for version in versions)
    found.problems += [f"{name} was written {written[name]} times" for name in wanted & there if written[name] > 1]


def _cleaned(upload: Upload) -> tuple[Manifest, pl.DataFrame, pl.DataFrame]:
    """The account, the published and the quarantined rows of one version, cleaned on its own."""
    return _clean(upload.version.uri, upload.version.key, upload.version.hash, upload.body)


@lru_cache(maxsize=2000)
def _clean(uri: str, key: str, stem: str, body: bytes) -> tuple[Manifest, pl.DataFrame, pl.DataFrame]:
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "file.csv", Path(folder) / "out"
        file.write_bytes(body)
        manifest = polars_engine.clean(
            registry.load(DATASET),
            FileSource(file),
            out,
            lineage=Lineage(uri, "reference", stem),
            parts=registry.match(key).parts,
        )
        frames = [
            _concat([pl.read_parquet(file, hive_partitioning=False) for file in _parquet(out / kind)]) for kind in KINDS
        ]
    return manifest, frames[0], frames[1]


def _parquet(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def _read(world: World, names: Sequence[str]) -> pl.DataFrame:
    """The rows of these objects as they are now: an object that is not there has none."""
    s3, frames = world.aws.client("s3"), []
    for name in names:
        try:
            body = s3.get_object(Bucket=world.lake, Key=name)["Body"].read()
        except s3.exceptions.NoSuchKey:
            continue
        frames.append(pl.read_parquet(io.BytesIO(body)))
    return _concat(frames)


def _ask(world: World, sources: Sequence[str]) -> pl.DataFrame:
    """The rows of these sources as text, as Athena shows them to a reader."""
    columns = ["_source_key", "_row_number", *[name for name, _ in _columns(world)]]
    text = ", ".join(f'CAST("{name}" AS varchar) AS "{name}"' for name in columns)
    listed = ", ".join(f"'{source}'" for source in sources)
    rows = world.query(f'SELECT {text} FROM "{DATASET}" WHERE _source_key IN ({listed})')  # noqa: S608 (our own keys)
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _columns(world: World) -> list[tuple[str, str]]:
    table = world.aws.client("glue").get_table(DatabaseName=world.stack.outputs["DatabaseName"], Name=DATASET)["Table"]
    columns = [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]
    return [column for column in columns if not column[0].startswith("_")]


def _compare(expected: pl.DataFrame, seen: pl.DataFrame, found: Verification, what: str, *, text: bool = False) -> None:
    """Count rows on one side only; every column counts but the run that brought the row."""
    columns = [name for name in (seen if text else expected).columns if name != "_run_id"]
    if not columns or expected.is_empty() or seen.is_empty():
        lost, doubled = expected.height, seen.height
    else:
        lost = _except_all(expected, seen, columns, text=text)
        doubled = _except_all(seen, expected, columns, text=text)
    found.rows += expected.height
    found.lost += lost
    found.doubled += doubled
    if lost or doubled:
        found.problems.append(f"{what}: {lost} rows lost, {doubled} too many")


def _except_all(left: pl.DataFrame, right: pl.DataFrame, columns: Sequence[str], *, text: bool) -> int:
    database = duckdb.connect()
    database.register("l", left.to_arrow())
    database.register("r", right.to_arrow())
    names = ", ".join(f'CAST("{name}" AS VARCHAR)' if text else f'"{name}"' for name in columns)
    query = f"SELECT count(*) FROM (SELECT {names} FROM l EXCEPT ALL SELECT {names} FROM r)"  # noqa: S608 (columns)
    (count,) = database.execute(query).fetchone() or (0,)
    return int(count)


def _concat(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    with_rows = [frame for frame in frames if frame.height]
    return pl.concat(with_rows, how="vertical_relaxed") if with_rows else pl.DataFrame()
