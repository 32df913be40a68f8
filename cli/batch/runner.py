"""Runs many files together, up to 100 a run, so that one crawl and one query serve all of them.

Every file is validated like any upload; the ledger holds it back for its batch. The ledger has the progress too: a
batch that is repeated continues where it was interrupted.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched, groupby

from botocore.exceptions import BotoCoreError, ClientError

from cli.stack import history
from cli.stack.connection import Stack
from cli.stack.executions import replacing
from cli.stack.history import FINAL, Entry
from cli.stack.start_run import THREADS, resume_runs, start_run
from sluice.aws.object_version import ObjectVersion
from sluice.errors import SluiceError
from sluice.ingest import upload_event
from sluice.ledger.ledger import RECEIVED
from sluice.ledger.runs import MAX_SOURCES, Run, portions

_PAUSES = (0.5, 1.0, 2.0, 3.0, 5.0)
"""Seconds between reads of the ledger; the last one repeats."""
_LOST_EVENT_SECONDS = 60
"""After so long an upload without a ledger entry is announced again: its event may be lost."""
_TIMEOUT_SECONDS = 1800
"""After so long without any change a batch times out: Validate is tried four times, 15 minutes each at most."""
_MESSAGES_A_CALL = 10


class Stopped(Exception):
    """The user has interrupted; started runs continue in AWS."""


@dataclass(frozen=True)
class Candidate:
    """A file of a batch. put: find or create its object version, and return the version's id.

    announce: send an upload event, since S3 sends none of an object that was there before.
    """

    key: str
    dataset: str
    put: Callable[[], str]
    announce: bool = False


@dataclass
class Batch:
    """The result of a batch. problems: key → why the file was not uploaded, or has no final status."""

    entries: list[Entry] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def batches_of(candidates: Iterable[Candidate], *, size: int = MAX_SOURCES) -> list[list[Candidate]]:
    """Return the candidates in batches of one dataset each: the same candidates always make the same batches."""
    ordered = sorted(candidates, key=lambda candidate: (candidate.dataset, candidate.key))
    return [
        list(some)
        for _, of_dataset in groupby(ordered, key=lambda candidate: candidate.dataset)
        for some in batched(of_dataset, size, strict=False)
    ]


class Runner:
    """Runs batches to their final status; `run` may be called by several threads.

    on_final: called with entries that have a final status. on_replacing: while replaced rows are still to be removed.
    """

    def __init__(
        self,
        stack: Stack,
        stop: threading.Event,
        on_final: Callable[[Sequence[Entry]], None],
        on_replacing: Callable[[], None],
    ) -> None:
        self._stack = stack
        self._stop = stop
        self._on_final = on_final
        self._on_replacing = on_replacing
        for service in ("s3", "sqs", "stepfunctions"):
            stack.client(service)  # boto3 does not make clients in two threads at once
        self._ledger = stack.ledger

    def run(self, candidates: Sequence[Candidate]) -> Batch:
        """Upload the files, wait for their validation, start their runs, wait until each has ended. Raises Stopped."""
        batch = Batch()
        sources = self._put(candidates, batch)
        self._announce([source for candidate, source in sources if candidate.announce], new_only=True)
        mine = [source for _, source in sources]
        validated = self._await(mine, _is_validated, batch)
        self._start(validated)
        known = {entry["source"] for entry in validated}
        batch.entries = self._await([source for source in mine if source.uri in known], _is_final, batch)
        while replacing(self._stack, known):
            self._on_replacing()
            if self._stop.wait(_PAUSES[0]):
                raise Stopped
        return batch

    def _put(self, candidates: Sequence[Candidate], batch: Batch) -> list[tuple[Candidate, ObjectVersion]]:
        def put(candidate: Candidate) -> tuple[Candidate, ObjectVersion] | None:
            if self._stop.is_set():
                raise Stopped
            try:
                return candidate, ObjectVersion(self._stack.raw, candidate.key, candidate.put(), "", 0)
            except (SluiceError, ClientError, BotoCoreError, OSError) as error:
                batch.problems[candidate.key] = str(error)
                return None

        with ThreadPoolExecutor(THREADS) as threads:
            return [done for done in threads.map(put, candidates) if done]

    def _announce(self, sources: Sequence[ObjectVersion], *, new_only: bool) -> None:
        """Send the upload events of versions, as S3 would have."""
        known = history.entries(self._stack, ((s.uri, s.version_id) for s in sources)) if new_only else {}
        unknown = [source for source in sources if (source.uri, source.version_id) not in known]
        # The ledger's order is read before it is seen that this version is S3's latest: so nothing newer is in it.
        heads = history.heads(self._stack, (source.uri for source in unknown))
        with ThreadPoolExecutor(THREADS) as threads:
            latest = threads.map(lambda source: self._hold(source, heads), unknown)
            bodies = [json.dumps(upload_event.event_of(source)) for source in latest if source]
        for some in batched(bodies, _MESSAGES_A_CALL, strict=False):
            self._stack.client("sqs").send_message_batch(
                QueueUrl=self._stack.output("UploadQueueUrl"),
                Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(some)],
            )

    def _hold(self, source: ObjectVersion, heads: dict[str, Entry]) -> ObjectVersion | None:
        """Hold a version for its batch; return it with its order and size, None when it is not the latest any more."""
        s3 = self._stack.client("s3")
        now = s3.head_object(Bucket=source.bucket, Key=source.key)
        if now["VersionId"] != source.version_id:
            return None
        order = heads.get(source.uri, {}).get("latest_sequencer", "")
        self._ledger.note_put(source, origin="backfill", hold=True)
        return ObjectVersion(source.bucket, source.key, source.version_id, order, int(now["ContentLength"]))

    def _start(self, entries: Sequence[Entry]) -> None:
        received = [entry for entry in entries if entry["status"] == RECEIVED]
        resume_runs(self._stack, (entry["run_id"] for entry in received if entry.get("run_id")))
        without_run = [entry for entry in received if "rows" in entry and not entry.get("run_id")]
        without_run.sort(key=lambda entry: (entry["dataset"], entry["source"]))
        for dataset, some in groupby(without_run, key=lambda entry: str(entry["dataset"])):
            for sources in portions(map(ObjectVersion.from_item, some)):
                start_run(self._stack, Run.of(dataset, sources))

    def _await(self, sources: Sequence[ObjectVersion], done: Callable[[Entry], bool], batch: Batch) -> list[Entry]:
        """Return the sources' entries once all are done; those that stop changing become problems."""
        reported: set[str] = set()
        unchanged = _Unchanged()
        announced = False
        while True:
            entries = history.entries(self._stack, ((source.uri, source.version_id) for source in sources))
            found = [entries.get((source.uri, source.version_id), {}) for source in sources]
            if done is _is_final:
                self._report([entry for entry in found if entry and _is_final(entry)], reported)
            if all(entry and done(entry) for entry in found):
                return found
            unchanged.update(found)
            if unchanged.seconds > _TIMEOUT_SECONDS:
                left = [source.key for source, entry in zip(sources, found, strict=True) if not (entry and done(entry))]
                why = f"no final status, and no change for {unchanged.seconds / 60:.0f} minutes: sluice doctor"
                batch.problems |= dict.fromkeys(left, why)
                return [entry for entry in found if entry and done(entry)]
            if unchanged.seconds > _LOST_EVENT_SECONDS and not announced:
                announced = True
                self._announce([s for s, entry in zip(sources, found, strict=True) if not entry], new_only=False)
            if self._stop.wait(unchanged.pause):
                raise Stopped

    def _report(self, entries: Sequence[Entry], reported: set[str]) -> None:
        """Report entries with a final status, each once."""
        new = [entry for entry in entries if entry["source"] not in reported]
        reported |= {entry["source"] for entry in new}
        self._on_final(new)


class _Unchanged:
    """For how long entries have not changed, and how long to wait before the next read."""

    def __init__(self) -> None:
        self._since, self._state, self._reads = time.monotonic(), "", 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    @property
    def pause(self) -> float:
        return _PAUSES[min(self._reads, len(_PAUSES)) - 1]

    def update(self, entries: Sequence[Entry]) -> None:
        state = json.dumps([entry.get("updated_at") for entry in entries])
        if state != self._state:
            self._since, self._state, self._reads = time.monotonic(), state, 0
        self._reads += 1


def _is_validated(entry: Entry) -> bool:
    """Its validation has ended."""
    return entry["status"] != RECEIVED or "rows" in entry


def _is_final(entry: Entry) -> bool:
    return entry["status"] in FINAL
