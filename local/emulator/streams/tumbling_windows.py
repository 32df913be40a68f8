"""Lambda hands a function with a tumbling window the records of each window and the state that it returned before.

MiniStack drops TumblingWindowInSeconds. As on AWS there is one state per shard and window, a last call when the window
ends, retries of what fails, and metrics of iterator age and errors. Windows and the age of records are scaled like the
waits of Step Functions (SFN_WAIT_SCALE).
"""

import base64
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import cloudwatch, kinesis, lambda_svc
from ministack.services.cloudformation import provisioners

SCALE = float(os.environ.get("SFN_WAIT_SCALE", "1"))
LATE_SECONDS = 0.2  # a record that was stamped just before a window's end is in its shard by then
SOURCE = "AWS::Lambda::EventSourceMapping"
WINDOW = "TumblingWindowInSeconds"
Mapping = dict[str, Any]


@dataclass
class Shard:
    """How far a mapping has read a shard. start: of the open window, in seconds of the epoch."""

    position: int = 0
    start: float | None = None
    state: dict[str, Any] = field(default_factory=dict)


_shards: dict[tuple[str, str], Shard] = {}


def poll() -> bool:
    """Process one batch of every mapping that has windows; return whether there was any."""
    worked = False
    for account, region, mapping in list(_all_mappings()):
        if mapping.get(WINDOW) and mapping.get("Enabled", True):
            tokens = _request_account_id.set(account), _request_region.set(region)
            try:
                worked = _poll(mapping) or worked
            finally:
                _request_account_id.reset(tokens[0])
                _request_region.reset(tokens[1])
    return worked


def _poll(mapping: Mapping) -> bool:
    name = lambda_svc._kinesis_stream_name_from_arn_spec(lambda_svc.parse_arn(mapping["EventSourceArn"]))
    stream = kinesis._streams.get(name)
    if not stream or lambda_svc._esm_backoff_until.get(mapping["UUID"], 0) > time.time():
        return False
    steps = [_step(mapping, shard_id, shard["records"]) for shard_id, shard in stream["shards"].items()]
    return any(steps)  # of the list: every shard has its step


def _step(mapping: Mapping, shard_id: str, records: list[dict[str, Any]]) -> bool:
    """Hand over the next batch of the open window, or close it."""
    at = _shards.setdefault((mapping["UUID"], shard_id), Shard())
    seconds = max(1.0, float(mapping[WINDOW]) * SCALE)
    batch = list(_batch(records[at.position : at.position + int(mapping["BatchSize"])], at.start, seconds))
    if batch:
        start = _window_of(batch[0], seconds)
        answer = _call(mapping, shard_id, batch, start, seconds, at.state, final=False)
        if answer is None:
            return False
        at.position, at.start, at.state = at.position + len(batch), start, answer
        return True
    over = at.start is not None and time.time() > at.start + seconds + LATE_SECONDS
    if at.start is None or not over:
        return False
    if _call(mapping, shard_id, [], at.start, seconds, at.state, final=True) is None:
        return False
    at.start, at.state = None, {}
    return True


def _batch(records: list[dict[str, Any]], start: float | None, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the leading records of one window: the open one, or that of the first record."""
    for record in records:
        start = _window_of(record, seconds) if start is None else start
        if _window_of(record, seconds) != start:
            return
        yield record


def _window_of(record: dict[str, Any], seconds: float) -> float:
    return float(record["ApproximateArrivalTimestamp"] // seconds * seconds)


def _call(
    mapping: Mapping,
    shard_id: str,
    records: list[dict[str, Any]],
    start: float,
    seconds: float,
    state: dict[str, Any],
    *,
    final: bool,
) -> dict[str, Any] | None:
    """Return the state that the function answers, or None when it failed."""
    event = {
        "Records": [_event_of(record, shard_id, mapping) for record in records],
        "window": {"start": _utc_text(start), "end": _utc_text(start + seconds)},
        "state": state,
        "shardId": shard_id,
        "eventSourceARN": mapping["EventSourceArn"],
        "isFinalInvokeForWindow": final,
        "isWindowTerminatedEarly": False,
    }
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    started_at = time.time()
    result: dict[str, Any] = lambda_svc._execute_function(function, event) if function else {"error": True}
    _measure(mapping["FunctionName"].rsplit(":", 1)[-1], records, started_at, failed=bool(result.get("error")))
    if result.get("error"):
        mapping["LastProcessingResult"] = "FAILED"
        lambda_svc._esm_backoff_until[mapping["UUID"]] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
        return None
    mapping["LastProcessingResult"] = "OK"
    body = result.get("body")
    answer = json.loads(body) if isinstance(body, str | bytes) else body
    return dict((answer or {}).get("state") or {})


def _measure(function: str, records: list[dict[str, Any]], started_at: float, *, failed: bool) -> None:
    """Record the metrics of an invocation: errors, and the age of its last record (none when it closes a window)."""
    lambda_svc._emit_lambda_metrics(function, (time.time() - started_at) * 1000, failed, False)
    if records:
        age = (started_at - records[-1]["ApproximateArrivalTimestamp"]) / SCALE * 1000
        cloudwatch.record_metric("AWS/Lambda", "IteratorAge", age, "Milliseconds", {"FunctionName": function})


def _event_of(record: dict[str, Any], shard_id: str, mapping: Mapping) -> dict[str, Any]:
    data = record["Data"]
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": data if isinstance(data, str) else base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "eventSourceARN": mapping["EventSourceArn"],
    }


def _utc_text(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds" if seconds % 1 else "seconds")
    return moment.replace("+00:00", "Z")


_all_mappings = lambda_svc._iter_all_esms


def patch() -> None:
    poll_plainly = lambda_svc._poll_kinesis
    handlers = provisioners._RESOURCE_HANDLERS[SOURCE]
    create = handlers["create"]

    def plain_mappings() -> Iterator[Any]:
        return (found for found in _all_mappings() if not found[2].get(WINDOW))

    def poll_all() -> bool:
        plainly = poll_plainly()
        return poll() or plainly

    def create_with_window(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        made = create(logical_id, props, stack_name)
        if props.get(WINDOW):
            lambda_svc._esms[made[0]][WINDOW] = int(props[WINDOW])
        return made

    lambda_svc._iter_all_esms = plain_mappings
    lambda_svc._poll_kinesis = poll_all
    provisioners._RESOURCE_HANDLERS[SOURCE] = handlers | {"create": create_with_window}
