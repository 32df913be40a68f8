"""The run history of a dataset, read from the ledger: its latest file versions, and its published runs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice, pairwise
from typing import Any

from sluice.aws.dynamodb import Items
from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import PUBLISHED, RECEIVED

Entry = dict[str, Any]


@dataclass(frozen=True)
class PastRun:
    """A published run, from the ledger. at: when its last file was published (ISO, UTC).

    latency_seconds: of its slowest file, from upload to table. cost_usd: estimate of its cleaning.
    name: its file, or how many files. replaced_files, replaced_rows: files, and their published rows, that a later
    version of the same key has replaced in the table.
    """

    run_id: str
    at: str
    name: str
    contract_version: int
    files: int
    replaced_files: int
    rows: int
    published: int
    replaced_rows: int
    quarantined: int
    discarded: int
    reasons: dict[str, int]
    cleaning_seconds: float
    latency_seconds: float
    cost_usd: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class RunHistory:
    """Reads the ledger. client: DynamoDB's."""

    def __init__(self, client: Any, table: str) -> None:
        self._items = Items(client, table)

    def entries(self, sources: Iterable[ObjectVersion]) -> dict[str, Entry]:
        """Return the entries of these versions as they are now, by source id; unknown ones are left out."""
        keys = ({"source": source.uri, "version": source.version_id} for source in sources)
        return {item["source_id"]: item for item in self._items.get_all(keys)}

    def latest(self, dataset: str, *, status: str | None = None, most: int = 1_000) -> list[Entry]:
        """Return the dataset's versions that changed last, latest first. The index may be a second behind."""
        operands = {"dataset": dataset, "status": status} if status else {"dataset": dataset}
        how = {"FilterExpression": "#status = :status"} if status else {}
        found = self._items.query(
            "#dataset = :dataset", operands, IndexName="by_dataset", ScanIndexForward=False, **how
        )
        return list(islice(found, most))

    def held_until(self, now: datetime, dataset: str, *, since: datetime) -> list[Entry]:
        """Return the dataset's versions that changed since, and whose hold for a batch has ended without a run."""
        operands = {"dataset": dataset, "since": since.isoformat(), "received": RECEIVED, "now": int(now.timestamp())}
        ended = "#status = :received AND attribute_not_exists(#run_id) AND #held_until <= :now"
        condition = "#dataset = :dataset AND #updated_at >= :since"
        return list(self._items.query(condition, operands, IndexName="by_dataset", FilterExpression=ended))

    def last_published(self, dataset: str) -> str:
        """Return when a file of the dataset was published last (ISO, UTC), or nothing."""
        return max((run.at for run in runs(self.latest(dataset, status=PUBLISHED, most=100))), default="")


def replacements(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return, by source id, the entry that replaced each published version of a key among these.

    A key's version that was published last is in the table, the others are not: Complete records both at once.
    """
    by_key: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry["status"] == PUBLISHED and "published_at" in entry:
            by_key[entry["source"]].append(entry)
    ordered = (sorted(some, key=lambda entry: str(entry["published_at"])) for some in by_key.values())
    return {old["source_id"]: new for some in ordered for old, new in pairwise(some)}


def runs(entries: Iterable[Entry]) -> list[PastRun]:
    """Return the runs of published entries, oldest first. What replaced a file is looked for among the entries."""
    found = list(entries)
    replaced = replacements(found)
    by_run: dict[str, list[Entry]] = defaultdict(list)
    for entry in found:
        if entry["status"] == PUBLISHED and "published_at" in entry:
            by_run[entry["run_id"]].append(entry)
    made = (
        _past_run(run_id, some, [entry for entry in some if entry["source_id"] in replaced])
        for run_id, some in by_run.items()
    )
    return sorted(made, key=lambda run: (run.at, run.run_id))


def _past_run(run_id: str, entries: Sequence[Entry], replaced: Sequence[Entry]) -> PastRun:
    reasons: Counter[str] = Counter()
    for entry in entries:
        reasons.update(entry.get("reasons", {}))
    return PastRun(
        run_id=run_id,
        at=max(entry["published_at"] for entry in entries),
        name=str(entries[0]["source"]) if len(entries) == 1 else f"{len(entries)} files",
        contract_version=max(int(entry.get("contract_version", 0)) for entry in entries),
        files=len(entries),
        replaced_files=len(replaced),
        rows=sum(entry.get("rows", 0) for entry in entries),
        published=sum(entry.get("published", 0) for entry in entries),
        replaced_rows=sum(entry.get("published", 0) for entry in replaced),
        quarantined=sum(entry.get("quarantined", 0) for entry in entries),
        discarded=sum(sum(entry.get("discarded", {}).values()) for entry in entries),
        reasons=dict(reasons.most_common()),
        cleaning_seconds=sum(entry.get("cleaning_seconds", 0) for entry in entries),
        latency_seconds=max(seconds_between(entry["received_at"], entry["published_at"]) for entry in entries),
        cost_usd=sum(entry.get("cost_usd", 0) for entry in entries),
    )


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one time of the ledger to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
