"""Gives up a source of a run: readers see what stood before, and the ledger says FAILED and why."""

from typing import Any

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
    this one has completed and its rows stay.
    """
    head = ledger.head(source)
    if head.get("lease_owner") == run_id and head.get("undo"):
        restore(s3, lake_bucket, UndoRecord.from_dict(get_json(s3, work_bucket, head["undo"])))
    return ledger.fail(source, run_id=run_id, error=error, cause=cause)
