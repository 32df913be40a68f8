"""Writes the pages: of a run, of a rejected file, of a dataset over time. No run depends on them."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.object_keys import (
    dataset_facts_key,
    dataset_page_key,
    manifest_key,
    rejected_page_key,
    report_key,
    run_facts_key,
    run_key,
    run_page_key,
    staging_prefix,
)
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json, put_json
from sluice.contract import registry
from sluice.contract.model import Contract
from sluice.errors import UnknownDataset
from sluice.ledger import history
from sluice.ledger.history import Entry, PastRun, RunHistory
from sluice.ledger.ledger import CLEANING, PUBLISHED, RECEIVED, REJECTED, SUPERSEDED
from sluice.ledger.runs import Run
from sluice.manifest import Manifest, StagedFile
from sluice.report import column_profile, dataset_page, run_page
from sluice.report.render import render

_COLUMNS_OF = 5
"""Earlier runs whose columns a run's are compared with: one small document each."""
_TRIES = 6
"""How often a page is written anew because another writer was faster."""


@dataclass(frozen=True)
class PageWriter:
    """The ledger and the bucket from which pages are made, and to which they are written."""

    s3: Any
    work_bucket: str
    history: RunHistory


def run(writer: PageWriter, run_id: str, *, if_decided: bool = False) -> list[str]:
    """Write the page of a run, its facts as JSON, and its dataset's page; return their keys.

    if_decided: write nothing while a file of the run is not decided.
    """
    task = Run.from_dict(get_json(writer.s3, writer.work_bucket, run_key(run_id)))
    entries = writer.history.entries(task.sources)
    if if_decided and any(_is_undecided(run_id, entry) for entry in entries.values()):
        return []
    contract = registry.load(task.dataset)
    parts = [_part(writer, run_id, source, entries.get(source.id, {})) for source in task.sources]
    before = _before(writer.history.latest(task.dataset, status=PUBLISHED), run_id, parts)
    facts = run_page.facts(
        run_id,
        task.dataset,
        parts,
        _profiles(writer, contract, run_id, task.sources, parts),
        before=before,
        columns_before=_columns_of(writer, before),
    )
    put_json(writer.s3, writer.work_bucket, run_facts_key(run_id), facts)
    _put_page(writer, run_page_key(run_id), render("run", facts))
    return [run_page_key(run_id), dataset(writer, contract, list(entries.values()))]


def rejected(writer: PageWriter, source: ObjectVersion) -> list[str]:
    """Write the page of a rejected file and, if it has a dataset, the dataset's; return their keys."""
    report = get_json(writer.s3, writer.work_bucket, report_key(source))
    facts = {
        **report,
        "source": source.uri,
        "version": source.version_id,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _put_page(writer, rejected_page_key(source.id), render("rejected", facts))
    try:
        contract = registry.load(report["dataset"])
    except UnknownDataset:
        return [rejected_page_key(source.id)]
    # The ledger may not have the rejection yet: it is recorded last, so that no rejection goes unreported.
    known = writer.history.entries([source]).values()
    rejection = {"status": REJECTED, "dataset": contract.name, "problems": report["problems"]}
    return [rejected_page_key(source.id), dataset(writer, contract, [{**entry, **rejection} for entry in known])]


def dataset(writer: PageWriter, contract: Contract, fresh: Sequence[Entry] = ()) -> str:
    """Write a dataset's page and return its key. fresh: entries that the ledger's index may not have yet.

    Of several writers at the same time none overwrites a newer page: a page is replaced only if it is unchanged
    since before the ledger was read.
    """
    key = dataset_page_key(contract.name)
    expected = dataset_page.Expectations(
        contract.name, contract.version, contract.quarantine_limit, contract.expected_every
    )
    for _ in range(_TRIES):
        unchanged = _unchanged(writer, key)
        entries = _merged(writer.history.latest(contract.name, most=dataset_page.MOST_VERSIONS), fresh)
        facts = dataset_page.facts(expected, entries)
        if _put_page(writer, key, render("dataset", facts), **unchanged):
            put_json(writer.s3, writer.work_bucket, dataset_facts_key(contract.name), facts)
            return key
    raise TimeoutError(f"{key} was rewritten by others {_TRIES} times")


def _is_undecided(run_id: str, entry: Entry) -> bool:
    return entry.get("run_id") == run_id and entry["status"] in (RECEIVED, CLEANING)


def _part(writer: PageWriter, run_id: str, source: ObjectVersion, entry: Entry) -> run_page.Part:
    if entry.get("run_id") != run_id:
        # Another run has it by now, or a newer version overtook it: not this run's to report.
        return run_page.Part(source.uri, source.version_id, {**entry, "status": SUPERSEDED})
    if entry["status"] != PUBLISHED:
        return run_page.Part(source.uri, source.version_id, entry)
    manifest = Manifest.from_dict(get_json(writer.s3, writer.work_bucket, manifest_key(run_id, source)))
    examples = _document(writer, report_key(source)).get("examples", {}) if manifest.reasons else {}
    return run_page.Part(source.uri, source.version_id, entry, manifest, examples)


def _profiles(
    writer: PageWriter,
    contract: Contract,
    run_id: str,
    sources: Sequence[ObjectVersion],
    parts: Sequence[run_page.Part],
) -> run_page.Profiles:
    """Fetch as many published rows as the profiles may use, and profile their columns."""
    of = {
        StagedFile(staging_prefix(run_id, source) + file.path, file.rows, file.bytes): part.manifest.statistics
        for source, part in zip(sources, parts, strict=True)
        if part.manifest
        for file in part.manifest.files
    }
    chosen = column_profile.choose(list(of))
    statistics = next(iter(of.values())) if len({id(each) for each in of.values()}) == 1 else {}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.parquet" for number in range(len(chosen))]
        for file, path in zip(chosen, paths, strict=True):
            writer.s3.download_file(writer.work_bucket, file.path, str(path))
        return run_page.Profiles(
            column_profile.describe(contract, paths, statistics), sum(file.rows for file in chosen)
        )


def _before(published: Iterable[Entry], run_id: str, parts: Sequence[run_page.Part]) -> list[PastRun]:
    """Return the runs that published before this one did."""
    done = max((part.entry["published_at"] for part in parts if "published_at" in part.entry), default="")
    earlier = [each for each in history.runs(published) if each.run_id != run_id]
    return [each for each in earlier if each.at <= done] if done else earlier


def _columns_of(writer: PageWriter, before: Sequence[PastRun]) -> list[list[Mapping[str, Any]]]:
    documents = (_document(writer, run_facts_key(each.run_id)) for each in before[-_COLUMNS_OF:])
    return [document["columns"] for document in documents if document]


def _document(writer: PageWriter, key: str) -> dict[str, Any]:
    """Return a document, or {} when there is none (any more)."""
    try:
        found: dict[str, Any] = get_json(writer.s3, writer.work_bucket, key)
    except writer.s3.exceptions.NoSuchKey:
        return {}
    return found


def _merged(indexed: Iterable[Entry], fresh: Iterable[Entry]) -> list[Entry]:
    entries = {entry["source_id"]: entry for entry in (*indexed, *fresh)}
    return sorted(entries.values(), key=lambda entry: str(entry["updated_at"]), reverse=True)


def _unchanged(writer: PageWriter, key: str) -> dict[str, str]:
    """Return the condition that the object of a key has not changed since now."""
    try:
        return {"IfMatch": writer.s3.head_object(Bucket=writer.work_bucket, Key=key)["ETag"]}
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return {"IfNoneMatch": "*"}


def _put_page(writer: PageWriter, key: str, html: str, **condition: str) -> bool:
    """Write a page; False when its condition does not hold."""
    try:
        writer.s3.put_object(
            Bucket=writer.work_bucket, Key=key, Body=html.encode(), ContentType="text/html; charset=utf-8", **condition
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        return False
    return True
