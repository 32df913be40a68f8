"""Sizes that AWS refuses and MiniStack takes: keys of DynamoDB's indexes, inputs of executions, entries of PutEvents.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
"""

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import dynamodb, eventbridge
from ministack.services import stepfunctions as states

from local.emulator.stepfunctions.language import DATA_LIMIT

KEY_BYTES = {"HASH": 2048, "RANGE": 1024}
ENTRIES_BYTES = 256 * 1024
_KEYS = {"HASH": "hash", "RANGE": "range"}


def index_key_reason(table: dict[str, Any], item: dict[str, Any]) -> str | None:
    """Return why an index cannot hold the item, or None."""
    indexes = (table.get("GlobalSecondaryIndexes") or []) + (table.get("LocalSecondaryIndexes") or [])
    for key in (key for index in indexes for key in index["KeySchema"]):
        limit = KEY_BYTES[key["KeyType"]]
        if len(item.get(key["AttributeName"], {}).get("S", "").encode()) > limit:
            kind = _KEYS[key["KeyType"]]
            return (
                "One or more parameter values were invalid: "
                f"Aggregated size of all {kind} keys has exceeded the size limit of {limit} bytes"
            )
    return None


def entry_bytes(entry: dict[str, Any]) -> int:
    """Return the size of an entry of PutEvents, as its user guide counts."""
    texts = [entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", [])]
    return sum(len(text.encode()) for text in texts) + (14 if "Time" in entry else 0)


def patch() -> None:
    type_reason = dynamodb._index_key_type_reason
    start, put_events = states._start_execution, eventbridge._put_events

    def type_or_size_reason(table: dict[str, Any], item: dict[str, Any]) -> Any:
        return type_reason(table, item) or index_key_reason(table, item)

    def start_within_limit(data: dict[str, Any]) -> Any:
        if len(data.get("input", "{}").encode()) > DATA_LIMIT:
            message = (
                f"'input' failed to satisfy constraint: Member must have length less than or equal to {DATA_LIMIT}"
            )
            return error_response_json("ValidationException", f"1 validation error detected: Value at {message}", 400)
        return start(data)

    def put_events_within_limit(data: dict[str, Any], **kwargs: Any) -> Any:
        if sum(map(entry_bytes, data.get("Entries", []))) >= ENTRIES_BYTES:
            message = "Total size of the entries in the request is over the limit."
            return error_response_json("ValidationException", message, 400)
        return put_events(data, **kwargs)

    dynamodb._index_key_type_reason = type_or_size_reason
    states._start_execution = start_within_limit
    eventbridge._put_events = put_events_within_limit
