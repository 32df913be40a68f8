"""Writes the pages: of a run, of a rejected file, of a dataset over time. No run depends on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sluice.aws.object_keys import (
    bad_rows_key,
    contract_page_key,
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
from sluice.ledger.history import Entry, PastRun
from sluice.ledger.ledger import CLEANING, PUBLISHED, RECEIVED, REJECTED, SUPERSEDED
from sluice.ledger.runs import Run
from sluice.manifest import Manifest, StagedFile
from sluice.report import bad_rows, column_profile, contract_page, dataset_page, run_page
from sluice.report.page_writer import PageWriter
from sluice.report.render import render

_COLUMNS_OF = 20
"""Earlier runs whose columns a run's are compared with: one document each, of which little is kept."""
_KEPT = ("name", "kind", "rows", "nulls", "distinct", "outliers", "middle")
_TRIES = 6
"""How often a page is written anew because another writer was faster."""


def run(writer: PageWriter, run_id: str, *, if_decided: bool = False) -> list[str]:
    """Write the page of a run, its facts as JSON, and its dataset's page; return their keys.

    The pages of the runs whose files it replaced say so from then on.
    if_decided: write nothing while a file of the run is not decided.
    """
    task = Run.from_dict(get_json(writer.s3, writer.work_bucket, run_key(run_id)))
    entries = writer.history.entries(task.sources)
    if if_decided and any(_is_undecided(run_id, entry) for entry in entries.values()):
        return []
    contract = registry.load(task.dataset)
    published = _merged(writer.history.latest(task.dataset, status=PUBLISHED), entries.values())
    replaced_by = history.replacements(published)
    replaces = {
        new["source_id"]: old
        for old in published
        if (new := replaced_by.get(old["source_id"])) and old["run_id"] != run_id
    }
    parts = [
        replace(
            _part(writer, run_id, source, entries.get(source.id, {})),
            replaced_by=replaced_by.get(source.id),
            replaces=replaces.get(source.id),
        )
        for source in task.sources
    ]
    before = _before(published, run_id, parts)
    facts = run_page.facts(
        run_id,
        task.dataset,
        parts,
        _profiles(writer, contract, run_id, task.sources, parts),
        before=before,
        columns_before=_columns_of(writer, before),
    )
    facts["at"] = run_page_key(run_id)
    facts["links"] = {**_links(task.dataset), "bad_rows": _bad_rows(writer, run_id, task.sources, parts)}
    _put_run(writer, run_id, facts)
    for part in parts:
        if part.replaces and part.entry.get("run_id") == run_id:
            _note_replaced(writer, part.replaces, run_id)
    return [run_page_key(run_id), dataset(writer, contract, list(entries.values()))]


def _links(dataset: str) -> dict[str, str]:
    return {"dataset": dataset_page_key(dataset), "contract": contract_page_key(dataset)}


def _put_run(writer: PageWriter, run_id: str, facts: dict[str, Any]) -> None:
    for source in facts["sources"]:
        source["links"] = {name: _existing(writer, source[name]) for name in ("replaced_by", "replaces")}
    put_json(writer.s3, writer.work_bucket, run_facts_key(run_id), facts)
    writer.put(run_page_key(run_id), render("run", facts))


def _existing(writer: PageWriter, run_id: str) -> str:
    """Return the key of a run's page, "" where it is not there (any more): pages of runs are kept for WorkDays."""
    return run_page_key(run_id) if run_id and writer.is_there(run_page_key(run_id)) else ""


def _note_replaced(writer: PageWriter, old: Entry, run_id: str) -> None:
    """Write the page of an earlier run again, out of its facts: a version of its file is not in the table any more."""
    facts = writer.document(run_facts_key(old["run_id"]))
    if facts.get("format") != run_page.FORMAT:
        return
    for source in facts["sources"]:
        if (source["source"], source["version"]) == (old["source"], old["version"]):
            source |= {"status": "REPLACED", "replaced_by": run_id}
    _put_run(writer, old["run_id"], {**facts, **run_page.status(facts["sources"])})


def rejected(writer: PageWriter, source: ObjectVersion) -> list[str]:
    """Write the page of a rejected file and, if it has a dataset, the dataset's; return their keys."""
    report = get_json(writer.s3, writer.work_bucket, report_key(source))
    facts = {
        **report,
        "source": source.uri,
        "version": source.version_id,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "at": rejected_page_key(source.id),
    }
    try:
        contract = registry.load(report["dataset"])
    except UnknownDataset:
        writer.put(
            rejected_page_key(source.id), render("rejected", {**facts, "links": {"dataset": "", "contract": ""}})
        )
        return [rejected_page_key(source.id)]
    links = _links(contract.name)
    writer.put(rejected_page_key(source.id), render("rejected", {**facts, "links": links}))
    # The ledger may not have the rejection yet: it is recorded last, so that no rejection goes unreported.
    known = writer.history.entries([source]).values()
    rejection = {"status": REJECTED, "dataset": contract.name, "problems": report["problems"]}
    return [rejected_page_key(source.id), dataset(writer, contract, [{**entry, **rejection} for entry in known])]


def dataset(writer: PageWriter, contract: Contract, fresh: Sequence[Entry] = ()) -> str:
    """Write a dataset's page and its contract's, and return the key of the first.

    fresh: entries that the ledger's index may not have yet.
    Of several writers at the same time none overwrites a newer page: a page is replaced only if it is unchanged
    since before the ledger was read.
    """
    key = dataset_page_key(contract.name)
    expected = dataset_page.Expectations(
        contract.name, contract.version, contract.quarantine_limit, contract.expected_every
    )
    contract_key = contract_page_key(contract.name)
    words = contract_page.html(contract_page.page(contract, None), at=contract_key, dataset_page=key)
    writer.put(contract_key, words)
    for _ in range(_TRIES):
        unchanged = writer.unchanged(key)
        entries = _merged(writer.history.latest(contract.name, most=dataset_page.MOST_VERSIONS), fresh)
        facts = dataset_page.facts(expected, entries)
        facts |= {"at": key, "links": {"contract": contract_key}}
        for each in facts["latest"]:
            each["link"] = _existing(writer, each["run_id"])
        for each in facts["failures"]:
            each["link"] = _failure_page(writer, each)
        if writer.put(key, render("dataset", facts), **unchanged):
            put_json(writer.s3, writer.work_bucket, dataset_facts_key(contract.name), facts)
            return key
    raise TimeoutError(f"{key} was rewritten by others {_TRIES} times")


def _failure_page(writer: PageWriter, failure: Mapping[str, Any]) -> str:
    if failure["status"] == REJECTED:
        key = rejected_page_key(failure["source_id"])
        return key if writer.is_there(key) else ""
    return _existing(writer, failure["run_id"])


def _is_undecided(run_id: str, entry: Entry) -> bool:
    return entry.get("run_id") == run_id and entry["status"] in (RECEIVED, CLEANING)


def _part(writer: PageWriter, run_id: str, source: ObjectVersion, entry: Entry) -> run_page.Part:
    if entry.get("run_id") != run_id:
        # Another run has it by now, or a newer version overtook it: not this run's to report.
        return run_page.Part(source.uri, source.version_id, {**entry, "status": SUPERSEDED})
    if entry["status"] != PUBLISHED:
        return run_page.Part(source.uri, source.version_id, entry)
    manifest = Manifest.from_dict(get_json(writer.s3, writer.work_bucket, manifest_key(run_id, source)))
    examples = writer.document(report_key(source)).get("examples", {}) if manifest.reasons else {}
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
    with writer.fetched(chosen) as paths:
        return run_page.Profiles(
            column_profile.describe(contract, paths, statistics), sum(file.rows for file in chosen)
        )


def _bad_rows(writer: PageWriter, run_id: str, sources: Sequence[ObjectVersion], parts: Sequence[run_page.Part]) -> str:
    """Write the first quarantined rows of a run as CSV and return its key, "" where there are none."""
    chosen: list[StagedFile] = []
    rows, size = 0, 0
    for source, part in zip(sources, parts, strict=True):
        for file in part.manifest.quarantine_files if part.manifest else ():
            if rows < bad_rows.MOST_ROWS and size + file.bytes <= bad_rows.MOST_BYTES:
                chosen.append(StagedFile(staging_prefix(run_id, source) + file.path, file.rows, file.bytes))
                rows, size = rows + file.rows, size + file.bytes
    if not rows:
        return ""
    with writer.fetched(chosen) as paths:
        body = bad_rows.csv(paths)
    writer.put(bad_rows_key(run_id), body, kind="text/csv")
    return bad_rows_key(run_id)


def _before(published: Iterable[Entry], run_id: str, parts: Sequence[run_page.Part]) -> list[PastRun]:
    """Return the runs that published before this one did."""
    done = max((part.entry["published_at"] for part in parts if "published_at" in part.entry), default="")
    earlier = [each for each in history.runs(published) if each.run_id != run_id]
    return [each for each in earlier if each.at <= done] if done else earlier


def _columns_of(writer: PageWriter, before: Sequence[PastRun]) -> list[run_page.ColumnsBefore]:
    documents = (writer.document(run_facts_key(each.run_id)) for each in before[-_COLUMNS_OF:])
    return [
        run_page.ColumnsBefore(
            document["contract_version"], [{name: column[name] for name in _KEPT} for column in document["columns"]]
        )
        for document in documents
        if document
    ]


def _merged(indexed: Iterable[Entry], fresh: Iterable[Entry]) -> list[Entry]:
    entries = {entry["source_id"]: entry for entry in (*indexed, *fresh)}
    return sorted(entries.values(), key=lambda entry: str(entry["updated_at"]), reverse=True)
