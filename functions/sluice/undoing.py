"""Gives up a source of a run: readers see what stood before, and the ledger says FAILED and why."""

from contextlib import suppress
from functools import partial
from typing import Any

from sluice.errors import LeaseLost
from sluice.fencing import fenced
from sluice.ledger import Ledger
from sluice.objects import ObjectVersion
from sluice.publishing import UndoRecord, restore
from sluice.storage import get_json


def undo(
    s3: Any,
    ledger: Ledger,
    source: ObjectVersion,
    *,
    run_id: str,
    work_bucket: str,
    lake_bucket: str,
    error: str,
    cause: str,
) -> str:
    """Undo what a run did with a source and return the ledger's status of it. Repeating it is harmless.

    The lake is touched only while the run holds the source's lease: otherwise another run answers for it, or
    this one has completed and its rows stay. Once begun, the run can publish and complete the source no more.
    """
    if ledger.begin_undoing(source, run_id=run_id):
        _restore(s3, ledger, source, run_id=run_id, work_bucket=work_bucket, lake_bucket=lake_bucket)
    return ledger.fail(source, run_id=run_id, error=error, cause=cause)


def _restore(
    s3: Any, ledger: Ledger, source: ObjectVersion, *, run_id: str, work_bucket: str, lake_bucket: str
) -> None:
    record = ledger.head(source).get("undo")
    if not record:
        return
    undo = UndoRecord.from_dict(get_json(s3, work_bucket, record))
    # Lost: this very undoing was done meanwhile, by another invocation, or the lease has ended and a run has it.
    with suppress(LeaseLost), fenced(s3, lake_bucket, partial(ledger.holds, source, run_id=run_id)) as fence:
        restore(undo, fence)
