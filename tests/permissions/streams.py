"""Flows of single records: through the stream into a file of their dataset and into the counts by the minute."""

import base64
import json
from datetime import datetime, timedelta

from local import faults
from tests.installation import QueryRefused
from tests.permissions.expectations import Wrong, numbers
from tests.permissions.world import World

POSTS = 9


def streamed(world: World) -> list[str]:
    """Records of a dataset, a damaged one among them, become rows of its table, and rows of the minutes."""
    wrong = Wrong()
    number = next(numbers)
    minute = datetime(2001, 1, 1) + timedelta(minutes=number)
    known = set(world.objects(world.raw))
    post = {"brand": "acme", "text": "good", "text_length": 4, "score": 0.5, "posted_at": minute.isoformat()}
    posts = [post | {"post_id": f"{number}-{index}", "received_at": minute.isoformat()} for index in range(POSTS)]
    shard, last = _send(world, f"sentiment/{number}", *(json.dumps(each) for each in posts), "no JSON")
    for table, counted in (
        ("sentiment", f"SELECT count(*) FROM sentiment WHERE post_id LIKE '{number}-%'"),  # noqa: S608 (our own text)
        ("sentiment_minutes", f"SELECT sum(posts) FROM sentiment_minutes WHERE minute = TIMESTAMP '{minute}'"),  # noqa: S608
    ):

        def rows(table: str = table, counted: str = counted) -> int:
            return _rows(world, counted) if _decided(world, f"{table}/", known) else 0

        found = world.wait(rows, lambda rows: rows == POSTS or bool(_stored(world, known, f"{number}-")))
        wrong.expect(found == POSTS, f"{table} has the {POSTS} posts ({found}, {_stored(world, known, f'{number}-')})")
    # A window that is not closed is tried again, and would be counted as the next trial's.
    closed = world.wait(lambda: _counted(world, shard), lambda counted: counted >= last, seconds=15)
    wrong.expect(closed >= last, "the ledger remembers the window")
    return wrong


def undelivered(world: World) -> list[str]:
    """A delivery that fails is tried again; a record of no dataset is stored, and people are notified."""
    wrong = Wrong()
    known = set(world.objects(world.raw))
    role = world.stack.resources["DeliveryRole"]
    faults.inject(world.aws, "s3:PutObject", role=role, status=503, code="SlowDown")
    try:
        text = f"record {next(numbers)}"
        _send(world, "Of no dataset", text)
        stored = world.wait(lambda: _stored(world, known, text), bool)
    finally:
        faults.clear(world.aws)
    if wrong.expect(bool(stored), "the record is stored"):
        wrong.expect(world.alerted(stored[0]), "people are notified")
    return wrong


def _send(world: World, key: str, *records: str) -> tuple[str, int]:
    """Put records; returns their shard and the last one's sequence number."""
    sent = [{"Data": record.encode(), "PartitionKey": key} for record in records]
    answer = world.aws.client("kinesis").put_records(StreamName=world.stack.outputs["RecordStreamName"], Records=sent)
    last = answer["Records"][-1]
    return str(last["ShardId"]), int(last["SequenceNumber"])


def _counted(world: World, shard: str) -> int:
    """The sequence number up to which the ledger says that a shard has been counted."""
    answer = world.aws.client("dynamodb").query(
        TableName=world.ledger,
        ConsistentRead=True,
        KeyConditionExpression="#source = :window",
        ExpressionAttributeNames={"#source": "source"},
        ExpressionAttributeValues={":window": {"S": f"window://sentiment/{shard}"}},
    )
    return max((int(item["last"]["S"]) for item in answer["Items"] if "digest" in item), default=0)


def _new(world: World, prefix: str, known: set[str]) -> list[str]:
    return [name for name in world.objects(world.raw, prefix) if name not in known]


def _stored(world: World, known: set[str], text: str) -> list[str]:
    """New files of what could not be delivered with a text in a record; another trial's records may come late."""
    s3, found = world.aws.client("s3"), []
    for name in _new(world, "undelivered/", known):
        lines = s3.get_object(Bucket=world.raw, Key=name)["Body"].read().splitlines()
        if any(text in base64.b64decode(json.loads(line)["rawData"]).decode() for line in lines):
            found.append(name)
    return found


def _decided(world: World, prefix: str, known: set[str]) -> bool:
    """Whether there are new files, and the ledger has decided on all of them."""
    s3, new = world.aws.client("s3"), _new(world, prefix, known)
    versions = ((name, s3.head_object(Bucket=world.raw, Key=name)["VersionId"]) for name in new)
    statuses = [world.entry(name, version).get("status") for name, version in versions]
    return bool(new) and all(status in ("PUBLISHED", "REJECTED", "FAILED") for status in statuses)


def _rows(world: World, query: str) -> int:
    try:
        return int(world.query(query)[0][0] or 0)
    except QueryRefused:  # there is no such table yet
        return 0
