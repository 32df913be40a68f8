"""Window: posts by minute and brand, of each window of a minute over the stream.

The result of a window becomes a file of its own dataset, which the usual flow publishes. Its key is made of the window,
the shard and the first record, so a window that is closed again writes the same file again; the ledger records those
that are done. A record counts where it came first, which another table records.
"""

import base64
import os
from typing import Any

from datasets import sentiment, sentiment_minutes
from sluice.aws import clients
from sluice.aws.dynamodb import Items
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.stream.seen_records import FirstSeen
from sluice.stream.windows import PerMinute, State, add, close

RAW_BUCKET = os.environ["RAW_BUCKET"]

S3 = clients.client("s3")
DYNAMODB = clients.client("dynamodb")
ITEMS = Items(DYNAMODB, os.environ["LEDGER_TABLE"])
FIRST_SEEN = FirstSeen(Items(DYNAMODB, os.environ["FIRST_SEEN_TABLE"]))

WHAT = PerMinute(sentiment.contract, time="posted_at", group="brand", value="score")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, State]:
    """Return {state} for the window's next batch, empty after its last one.

    event: Lambda's "time window event" of Kinesis: Records, window {start, end}, state, shardId,
    isFinalInvokeForWindow, isWindowTerminatedEarly.
    """
    records = [
        (record["kinesis"]["sequenceNumber"], base64.b64decode(record["kinesis"]["data"]))
        for record in event["Records"]
        if record["kinesis"]["partitionKey"].split("/", 1)[0] == WHAT.contract.name
    ]
    state = add(WHAT, event.get("state") or {}, records, lambda rows: firsts(rows, shard_id=event["shardId"]))
    if not (event["isFinalInvokeForWindow"] or event["isWindowTerminatedEarly"]):
        return {"state": state}
    if state:
        close(
            WHAT,
            state,
            result=sentiment_minutes.contract.name,
            window_start=event["window"]["start"].removesuffix("Z"),
            shard_id=event["shardId"],
            s3=S3,
            bucket=RAW_BUCKET,
            ledger=ITEMS,
        )
    return {"state": {}}


def firsts(rows: dict[str, str], *, shard_id: str) -> set[str]:
    """Return the rows that came for the first time. rows: row → sequence number, which is of its shard alone."""
    return FIRST_SEEN.of({row: f"{shard_id}/{number}" for row, number in rows.items()})
