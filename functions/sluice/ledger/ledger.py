"""The ledger: one DynamoDB item a source version. It alone decides who may publish.

Key: `source` (s3://bucket/key) and `version` (the S3 version id). The item whose version is HEAD belongs to the key as
a whole (sluice.ledger.head). Powertools' idempotency is not used: it would decide a second time, from records that
expire, or stay in progress when a function dies, and it has no order of versions.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sluice.aws.dynamodb import Change, Items
from sluice.aws.object_version import ObjectVersion
from sluice.errors import ClaimRefused, LeaseLost, ManifestRefused, SourceBusy
from sluice.ledger.head import Head, accepted_last, as_read, may_publish, without

HEAD = "HEAD"

RECEIVED = "RECEIVED"
REJECTED = "REJECTED"
CLEANING = "CLEANING"
PUBLISHED = "PUBLISHED"
FAILED = "FAILED"
SUPERSEDED = "SUPERSEDED"

HOLD_SECONDS = 24 * 3600
"""For so long a file is held for its batch, at most; then it gets a run of its own."""

_LATEST = "(attribute_not_exists(#latest_sequencer) OR #latest_sequencer <= :latest_sequencer)"
_FREE = "(attribute_not_exists(#lease_owner) OR #lease_owner = :lease_owner OR #lease_until < :now)"
_HELD = "#lease_owner = :run"
_MAY_PUBLISH = f"{_HELD} AND (attribute_not_exists(#undoing) OR #undoing <> :run)"
"""A run that is being undone keeps its lease to the end, and may publish nothing any more."""
_NOT_UNDONE = "(attribute_not_exists(#undoing) OR #undoing <> :lease_owner)"
_IS_RECEIVED = "#status = :received"
_IS_CLEANING = "(#status = :cleaning AND #run_id = :run)"
_NOT_FAILED = "(attribute_not_exists(#failed_run) OR #failed_run <> :run)"
_LEASE = ("lease_owner", "lease_until")
_READY = ("ready_run", "ready_manifest")
_ATTEMPTS = 8
"""Of a change that depends on what was read. Who else changes these: one undo, and one removal of what was replaced."""


class Ledger:
    """client: DynamoDB's. clock: seconds since 1970."""

    def __init__(self, client: Any, table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._items = Items(client, table)
        self._clock = clock

    def entry(self, source: ObjectVersion) -> dict[str, Any]:
        """Return the item of one version, or {} when the ledger has none."""
        return self._items.get({"source": source.uri, "version": source.version_id})

    def head(self, source: ObjectVersion) -> dict[str, Any]:
        """Return the item of the key as a whole, or {} when no version was accepted yet."""
        return self._items.get({"source": source.uri, "version": HEAD})

    def receive(self, source: ObjectVersion) -> str:
        """Record a version as RECEIVED unless it is known; return the status that it has then."""
        now = self._now()
        item = {
            "source": source.uri,
            "version": source.version_id,
            "source_id": source.id,
            "status": RECEIVED,
            "dataset": "unknown",
            "attempt": 1,
            "sequencer": source.order,
            "size": source.size,
            "received_at": now,
            "updated_at": now,
        }
        return RECEIVED if self._items.add(item, key="source") else str(self.entry(source)["status"])

    def accept(self, source: ObjectVersion, *, run_id: str = "", **facts: Any) -> bool:
        """Record that a version passed validation. It is the latest of its key from now on.

        run_id: the run that takes it; without one it is held until `assign` names one.
        Returns False, and records SUPERSEDED, when a newer version has been accepted before.
        """
        if not self._set_head(source, accepted_last(source, source.order), condition=_LATEST) and not self._is_latest(
            source
        ):
            self._set(source, {"status": SUPERSEDED}, condition=_IS_RECEIVED, received=RECEIVED)
            return False
        # When the next write finds another status, a second delivery of the event has done it already.
        self._set(source, ({"run_id": run_id} if run_id else {}) | facts, condition=_IS_RECEIVED, received=RECEIVED)
        return True

    def assign(self, source: ObjectVersion, *, run_id: str) -> bool:
        """Record which run takes a held version; False when it is no longer held."""
        return self._set(source, {"run_id": run_id}, condition=_IS_RECEIVED, received=RECEIVED)

    def reject(self, source: ObjectVersion, **facts: Any) -> None:
        """Record that a version failed validation."""
        self._set(source, {"status": REJECTED, **facts}, condition=_IS_RECEIVED, received=RECEIVED)

    def claim(self, source: ObjectVersion, *, run_id: str, lease_seconds: int, engine: str) -> bool:
        """Take a source for a run, and its key's lease; the same run may claim again.

        Returns False when there is nothing to do: the version is decided already, or a newer one was accepted
        (recorded as SUPERSEDED). Raises SourceBusy while another run holds the key, and ClaimRefused for a
        version that the ledger does not know or that failed and was not reopened.
        """
        status = self.entry(source).get("status", "unknown")
        if status in (PUBLISHED, REJECTED, SUPERSEDED):
            return False
        if status not in (RECEIVED, CLEANING):
            raise ClaimRefused(f"{source.uri} version {source.version_id} is {status}")
        latest = str(self.head(source).get("latest_sequencer", ""))
        # Two events may report the same version with two sequencers: S3's, and one made from a listing.
        order = max(latest, source.order) if self._is_latest(source) else source.order
        if latest > order:
            self._supersede(source, run_id=run_id)
            return False
        now = int(self._clock())
        lease = {"lease_owner": run_id, "lease_until": now + lease_seconds, **accepted_last(source, order)}
        claimed = {"status": CLEANING, "run_id": run_id, "engine": engine, "claimed_at": self._now()}
        if not self._items.change_all(
            self._change(source, HEAD, lease, condition=f"{_FREE} AND {_LATEST} AND {_NOT_UNDONE}", now=now),
            # CLEANING by another run can be taken too: the lease above says that this run is dead. A late Claim of a
            # run that failed takes nothing from the redrive of its version.
            self._change(
                source,
                source.version_id,
                claimed,
                condition=f"#status IN (:received, :status) AND {_NOT_FAILED}",
                received=RECEIVED,
                run=run_id,
            ),
        ):
            raise SourceBusy(f"another run works on {source.uri}")
        return True

    def hold(self, source: ObjectVersion, *, run_id: str, lease_seconds: int) -> None:
        """Extend the run's lease. Raises LeaseLost when the run may not publish."""
        self._set_publishing(source, {"lease_until": int(self._clock()) + lease_seconds}, run_id=run_id)

    def may_publish(self, source: ObjectVersion, *, run_id: str) -> bool:
        """Return whether the run has the lease now and is not being undone."""
        return may_publish(self.head(source), run_id)

    def begin_publishing(self, source: ObjectVersion, *, run_id: str, manifest: str) -> None:
        """Record the key of the lake manifest as pending, before the first of its objects is there.

        Raises LeaseLost.
        """

        def add(head: Head) -> bool:
            if not may_publish(head, run_id):
                raise LeaseLost(f"{run_id} does not hold {source.uri}, or is being undone")
            pending = [*without(manifest, head, "pending"), manifest]
            return self._set_head_as_read(source, head, {"pending": pending}, condition=_MAY_PUBLISH, run=run_id)

        self._repeat(source, add)

    def end_publishing(self, source: ObjectVersion, *, run_id: str, manifest: str) -> None:
        """Record the key of the lake manifest of which all objects are there. Raises LeaseLost."""
        self._set_publishing(source, {"ready_run": run_id, "ready_manifest": manifest}, run_id=run_id)

    def removed(self, source: ObjectVersion, *, manifest: str) -> None:
        """Record that the objects of a pending or replaced manifest are removed, but not the manifest itself."""

        def move(head: Head) -> bool:
            values = {name: without(manifest, head, name) for name in ("pending", "replaced")}
            return self._set_head_as_read(
                source, head, {**values, "emptied": [*without(manifest, head, "emptied"), manifest]}
            )

        self._repeat(source, move)

    def forget(self, source: ObjectVersion, *, manifest: str) -> None:
        """Record that a manifest whose objects are removed is removed too. Repeating it is harmless."""
        self._repeat(
            source, lambda head: self._set_head_as_read(source, head, {"emptied": without(manifest, head, "emptied")})
        )

    def begin_undoing(self, source: ObjectVersion, *, run_id: str) -> bool:
        """Forbid the run to publish or complete a source from now on; False when it does not hold the lease."""
        return self._set_head(source, {"undoing": run_id}, condition=_HELD, run=run_id)

    def complete(self, source: ObjectVersion, *, run_id: str, manifest: str, **facts: Any) -> None:
        """Record PUBLISHED and release the lease: from here on this version is the published one.

        manifest: key of the run's lake manifest. What was published before, and what dead runs had begun to
        publish, is `replaced` from here on. Repeating it is harmless.
        Raises LeaseLost, and ManifestRefused when the run has not published all of the manifest.
        """
        entry = {"status": PUBLISHED, "published_at": self._now(), **facts}

        def promise(head: Head) -> bool:
            former = head.get("published_manifest")
            if former == manifest:
                return True
            if not may_publish(head, run_id):
                raise LeaseLost(f"{run_id} does not hold {source.uri}, or is being undone")
            if head.get("ready_manifest") != manifest:
                raise ManifestRefused(f"{run_id} has not published {source.uri}")
            replaced = [*head.get("replaced", []), *([former] if former else []), *without(manifest, head, "pending")]
            values = {
                "published_version": source.version_id,
                "published_run": run_id,
                "published_manifest": manifest,
                "pending": [],
                "replaced": replaced,
            }
            unchanged, read = as_read(head)
            promised = self._change(
                source,
                HEAD,
                values,
                condition=f"{_MAY_PUBLISH} AND {unchanged}",
                remove=(*_LEASE, *_READY),
                run=run_id,
                **read,
            )
            published = self._change(
                source, source.version_id, entry, condition=_IS_CLEANING, cleaning=CLEANING, run=run_id
            )
            return self._items.change_all(promised, published)

        self._repeat(source, promise)

    def fail(self, source: ObjectVersion, *, run_id: str, error: str, cause: str) -> str:
        """Record FAILED with its reason, releasing the lease if the run has it; return the status reached.

        Only a version that is received for this run or cleaned by it fails, and once a run: what was reopened
        meanwhile belongs to the next run. Any other keeps its status.
        What the run had published must be undone before. What is `pending` still is removed once the next version
        is published.
        """
        self._set_head(source, {}, condition=_HELD, remove=_LEASE, run=run_id)
        self._set(
            source,
            {"status": FAILED, "failed_run": run_id, "error": error, "cause": cause, "failed_at": self._now()},
            condition=f"#status IN (:received, :cleaning) AND #run_id = :run AND {_NOT_FAILED}",
            received=RECEIVED,
            cleaning=CLEANING,
            run=run_id,
        )
        # A late Claim may have taken the lease in between. From here on it finds the version failed.
        self._set_head(source, {}, condition=_HELD, remove=_LEASE, run=run_id)
        return str(self.entry(source).get("status", "unknown"))

    def reopen(self, source: ObjectVersion) -> int:
        """Make a FAILED version RECEIVED again for a redrive; return the number of the new attempt.

        Raises ClaimRefused when the version has not failed, or is being reopened by someone else.
        """
        former = int(self.entry(source).get("attempt", 1))
        values = {"status": RECEIVED, "attempt": former + 1}
        # Two attempts of one number would be one run, which ends only once: the second would never start.
        condition = "#status = :failed AND #attempt = :former"
        # Of a redriven version the contract may have been corrected, or the validation report have expired.
        remove = ("validated_by",)
        if not self._set(source, values, condition=condition, remove=remove, failed=FAILED, former=former):
            raise ClaimRefused(f"{source.uri} version {source.version_id} has not failed")
        return former + 1

    def note_validation(self, source: ObjectVersion, *, by: str) -> None:
        """Record which code has written the validation report of a RECEIVED version."""
        self._set(source, {"validated_by": by}, condition=_IS_RECEIVED, received=RECEIVED)

    def note_put(self, source: ObjectVersion, *, origin: str, hold: bool = False) -> None:
        """Record that a command has put this version, and why. hold: the command starts its run, with its batch.

        It stands here because uploaders may write what tags and metadata they like, but not the ledger.
        """
        until = int(self._clock()) + HOLD_SECONDS if hold else 0
        values = {"put_version": source.version_id, "put_origin": origin, "held_until": until}
        # A condition that always holds: the item may be there or not.
        condition = "attribute_exists(#put_version) OR attribute_not_exists(#put_version)"
        self._set_head(source, values, condition=condition)

    def put_of(self, source: ObjectVersion) -> tuple[str, int]:
        """Return the origin of this version and until when it is held (seconds since 1970): of others ("", 0)."""
        head = self.head(source)
        return (head["put_origin"], head["held_until"]) if head.get("put_version") == source.version_id else ("", 0)

    def _is_latest(self, source: ObjectVersion) -> bool:
        return bool(self.head(source).get("latest_version") == source.version_id)

    def _supersede(self, source: ObjectVersion, *, run_id: str) -> None:
        """Record that a newer version was accepted. What is `pending` is removed once that one is published."""
        self._set_head(source, {}, condition=_HELD, remove=_LEASE, run=run_id)
        self._set(
            source,
            {"status": SUPERSEDED},
            condition=f"{_IS_RECEIVED} OR {_IS_CLEANING}",
            received=RECEIVED,
            cleaning=CLEANING,
            run=run_id,
        )

    def _set_publishing(self, source: ObjectVersion, values: dict[str, Any], *, run_id: str) -> None:
        if not self._set_head(source, values, condition=_MAY_PUBLISH, run=run_id):
            raise LeaseLost(f"{run_id} does not hold {source.uri}, or is being undone")

    def _repeat(self, source: ObjectVersion, change: Callable[[Head], bool]) -> None:
        """Make a change that depends on the key's item until that stays as it was read. Raises SourceBusy."""
        for _ in range(_ATTEMPTS):
            if change(self.head(source)):
                return
        raise SourceBusy(f"the ledger's item of {source.uri} is changed by others again and again")

    def _set_head_as_read(
        self, source: ObjectVersion, head: Head, values: dict[str, Any], *, condition: str = "", **operands: Any
    ) -> bool:
        unchanged, read = as_read(head)
        whole = f"{condition} AND {unchanged}" if condition else unchanged
        return self._set_head(source, values, condition=whole, **operands, **read)

    def _set_head(self, source: ObjectVersion, values: dict[str, Any], **parts: Any) -> bool:
        return self._items.change(self._change(source, HEAD, values, **parts))

    def _set(self, source: ObjectVersion, values: dict[str, Any], **parts: Any) -> bool:
        return self._items.change(self._change(source, source.version_id, values, **parts))

    def _change(
        self,
        source: ObjectVersion,
        version: str,
        values: dict[str, Any],
        *,
        condition: str,
        remove: tuple[str, ...] = (),
        **operands: Any,
    ) -> Change:
        key = {"source": source.uri, "version": version}
        return Change(key, {**values, "updated_at": self._now()}, condition, operands, remove)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
