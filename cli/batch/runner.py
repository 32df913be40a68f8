"""Runs many files together: up to 100 a run, so that a crawl and a query serve all of them.

Every file goes through the gate like any upload; a tag makes it wait there for its batch. What was done the ledger
says: a batch that is repeated goes on where the first one was interrupted.
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
from cli.stack.history import FINAL, Entry
from cli.stack.start_run import THREADS, begin, begin_again
from sluice.aws.object_version import ObjectVersion
from sluice.errors import SluiceError
from sluice.ingest import batch_hold, object_tags, upload_event
from sluice.ledger.ledger import RECEIVED
from sluice.ledger.runs import MAX_SOURCES, Run

_PAUSES = (0.5, 1.0, 2.0, 3.0, 5.0)
"""Seconds between looks at the ledger; the last one again and again."""
_LOST_SECONDS = 60
"""After so long an upload of which the gate knows nothing is announced again: an event may be lost."""
_PATIENCE_SECONDS = 1800
"""After so long without any change a batch is given up: the gate tries four times, 15 minutes each at most."""
_MESSAGES_A_CALL = 10


class Stopped(Exception):
    """The user wants to stop; what was started goes on in AWS."""


@dataclass(frozen=True)
class Candidate:
    """A file that shall be run with others. put: find or make its object version, and return the version's id.

    announce: S3 tells nobody of the object, because it has been there before.
    """

    key: str
    dataset: str
    put: Callable[[], str]
    announce: bool = False


@dataclass
class Batch:
    """What became of some candidates. problems: key → why it never became an upload, or is undecided."""

    entries: list[Entry] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def batches_of(candidates: Iterable[Candidate], *, most: int = MAX_SOURCES) -> list[list[Candidate]]:
    """Return the candidates in batches of one dataset each: the same candidates always make the same batches."""
    ordered = sorted(candidates, key=lambda offer: (offer.dataset, offer.key))
    return [
        list(some)
        for _, of_dataset in groupby(ordered, key=lambda offer: offer.dataset)
        for some in batched(of_dataset, most, strict=False)
    ]


class Runner:
    """Takes batches from offered to decided; `run` may be called by several threads."""

    def __init__(self, stack: Stack, stop: threading.Event, decided: Callable[[Sequence[Entry]], None]) -> None:
        self._stack = stack
        self._stop = stop
        self._decided = decided
        for service in ("s3", "sqs", "stepfunctions"):
            stack.client(service)  # boto3 does not make clients in two threads at once
        self._ledger = stack.ledger

    def run(self, candidates: Sequence[Candidate]) -> Batch:
        """Put the files, wait for the gate, run them together, wait for the end. Raises Stopped."""
        batch = Batch()
        sources = self._put(candidates, batch)
        self._announce([source for offer, source in sources if offer.announce], new_only=True)
        mine = [source for _, source in sources]
        judged = self._await(mine, _judged, batch)
        self._start(judged)
        known = {entry["source"] for entry in judged}
        batch.entries = self._await([source for source in mine if source.uri in known], _final, batch)
        return batch

    def _put(self, candidates: Sequence[Candidate], batch: Batch) -> list[tuple[Candidate, ObjectVersion]]:
        def put(offer: Candidate) -> tuple[Candidate, ObjectVersion] | None:
            if self._stop.is_set():
                raise Stopped
            try:
                return offer, ObjectVersion(self._stack.raw, offer.key, offer.put(), "", 0)
            except (SluiceError, ClientError, BotoCoreError, OSError) as error:
                batch.problems[offer.key] = str(error)
                return None

        with ThreadPoolExecutor(THREADS) as threads:
            return [done for done in threads.map(put, candidates) if done]

    def _announce(self, sources: Sequence[ObjectVersion], *, new_only: bool) -> None:
        """Tell the gate of versions as S3 would have told it."""
        known = history.entries(self._stack, ((s.uri, s.version_id) for s in sources)) if new_only else {}
        unknown = [source for source in sources if (source.uri, source.version_id) not in known]
        # The ledger's order is read before it is seen that this version is S3's latest: so nothing newer is in it.
        heads = history.heads(self._stack, (source.uri for source in unknown))
        with ThreadPoolExecutor(THREADS) as threads:
            latest = threads.map(lambda source: self._marked(source, heads), unknown)
            bodies = [json.dumps(upload_event.event_of(source)) for source in latest if source]
        for some in batched(bodies, _MESSAGES_A_CALL, strict=False):
            self._stack.client("sqs").send_message_batch(
                QueueUrl=self._stack.output("UploadQueueUrl"),
                Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(some)],
            )

    def _marked(self, source: ObjectVersion, heads: dict[str, Entry]) -> ObjectVersion | None:
        """Tag a version to wait, and return it with its order and size; None when it is not the latest any more."""
        s3 = self._stack.client("s3")
        now = s3.head_object(Bucket=source.bucket, Key=source.key)
        if now["VersionId"] != source.version_id:
            return None
        order = heads.get(source.uri, {}).get("latest_sequencer", "")
        marks = batch_hold.tag(source.hash, now=time.time()) | {batch_hold.ORIGIN: "backfill"}
        object_tags.tag(s3, source, **{name.removeprefix("sluice:"): value for name, value in marks.items()})
        return ObjectVersion(source.bucket, source.key, source.version_id, order, int(now["ContentLength"]))

    def _start(self, entries: Sequence[Entry]) -> None:
        received = [entry for entry in entries if entry["status"] == RECEIVED]
        begin_again(self._stack, (entry["run_id"] for entry in received if entry.get("run_id")))
        alone = [entry for entry in received if "rows" in entry and not entry.get("run_id")]
        alone.sort(key=lambda entry: (entry["dataset"], entry["source"]))
        for dataset, some in groupby(alone, key=lambda entry: str(entry["dataset"])):
            begin(self._stack, Run.of(dataset, [ObjectVersion.from_item(entry) for entry in some]))

    def _await(self, sources: Sequence[ObjectVersion], done: Callable[[Entry], bool], batch: Batch) -> list[Entry]:
        """Return the sources' entries as soon as all are done; what does not change any more is a problem."""
        told: set[str] = set()
        calm = _Calm()
        announced = False
        while True:
            entries = history.entries(self._stack, ((source.uri, source.version_id) for source in sources))
            found = [entries.get((source.uri, source.version_id), {}) for source in sources]
            if done is _final:
                self._tell([entry for entry in found if entry and _final(entry)], told)
            if all(entry and done(entry) for entry in found):
                return found
            calm.see(found)
            if calm.seconds > _PATIENCE_SECONDS:
                left = [source.key for source, entry in zip(sources, found, strict=True) if not (entry and done(entry))]
                why = f"undecided, and nothing has changed for {calm.seconds / 60:.0f} minutes: sluice doctor"
                batch.problems |= dict.fromkeys(left, why)
                return [entry for entry in found if entry and done(entry)]
            if calm.seconds > _LOST_SECONDS and not announced:
                announced = True
                self._announce([s for s, entry in zip(sources, found, strict=True) if not entry], new_only=False)
            if self._stop.wait(calm.pause):
                raise Stopped

    def _tell(self, entries: Sequence[Entry], told: set[str]) -> None:
        """Tell of entries that are decided, of each once."""
        new = [entry for entry in entries if entry["source"] not in told]
        told |= {entry["source"] for entry in new}
        self._decided(new)


class _Calm:
    """For how long the ledger has said the same, and how long to wait before asking it again."""

    def __init__(self) -> None:
        self._since, self._seen, self._looks = time.monotonic(), "", 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    @property
    def pause(self) -> float:
        return _PAUSES[min(self._looks, len(_PAUSES)) - 1]

    def see(self, entries: Sequence[Entry]) -> None:
        state = json.dumps([entry.get("updated_at") for entry in entries])
        if state != self._seen:
            self._since, self._seen, self._looks = time.monotonic(), state, 0
        self._looks += 1


def _judged(entry: Entry) -> bool:
    """The gate has spoken."""
    return entry["status"] != RECEIVED or "rows" in entry


def _final(entry: Entry) -> bool:
    return entry["status"] in FINAL
