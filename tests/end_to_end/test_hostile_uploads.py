"""Hostile names, contents and events, from the upload to the table: accepted right, or rejected by name."""

import gzip
import json
import zlib

from tests.permissions.world import World, guests

DAY = "2025-03-05.csv"
NAMES = (
    "a b+c%2Fd..%2F..%2Fetc",
    '\'"`x\' OR \'1\'=\'1\'; DROP TABLE guests; --"}],"status":"PUBLISHED","x":[{"y":"',
    "größe-東京-🛒-<script>alert(1)<&script>",
    "x" * (1024 - len("guests//") - len(DAY)),
)
CELLS = ("=HYPERLINK(1)", "'; DROP TABLE guests; --", '"}]}', "../../etc/passwd", "{% $states.input %}", "\u202eevil")
HEADER = guests().strip()

FILES = {
    # name: (key's end, content, reason of the rejection)
    "empty": ("csv", b"", "file_is_not_empty"),
    "binary": ("csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "file_is_text"),
    "utf-16": ("csv", guests({}).encode("utf-16"), "file_is_utf_8"),
    "very wide": ("csv", ",".join(f"c{number}" for number in range(5000)).encode(), "header_has_at_most_2000_columns"),
    "very long": ("csv", HEADER.encode() + b"\n1," + b"x" * (17 << 20), "file_has_records_under_16_mib"),
    "SQL as a column": ("csv", f'{HEADER},"x""; DROP TABLE guests"\n'.encode(), "header_has_no_unknown_column"),
    "300 MiB of nothing": ("csv.gz", gzip.compress(HEADER.encode() + b"\n" + bytes(300 << 20), 1), "file_is_text"),
    "cut off": ("csv.gz", zlib.compress(b"", wbits=31) + gzip.compress(guests({}).encode())[:-9], "file_is_complete"),
}


def test_hostile_names_and_cells_are_published_as_they_are(world: World) -> None:
    body = guests(*({"phone": f'"{cell.replace(chr(34), chr(34) * 2)}"'} for cell in CELLS))
    uploads = {key: world.put(key, body) for key in (f"guests/{name}/{DAY}" for name in NAMES)}
    for key, version in uploads.items():
        assert world.status(key, version, "PUBLISHED", "FAILED", "REJECTED") == "PUBLISHED", key

    seen = world.query("SELECT _source_key, phone, count(*) FROM guests GROUP BY _source_key, phone")
    ours = {f"s3://{world.raw}/{key}" for key in uploads}
    cells = [cell.removeprefix("\u202e") for cell in CELLS]  # invisible characters are trimmed
    assert sorted(row for row in seen if row[0] in ours) == sorted([uri, cell, "1"] for uri in ours for cell in cells)


def test_hostile_files_are_rejected_by_the_reason(world: World) -> None:
    uploads = {}
    for name, (ending, content, _) in FILES.items():
        key = f"guests/{name}/2025-03-05.{ending}"
        uploads[name] = (key, world.put(key, content))
    for name, (key, version) in uploads.items():
        assert world.status(key, version, "PUBLISHED", "FAILED", "REJECTED") == "REJECTED", name
        assert FILES[name][2] in world.entry(key, version)["reasons"], name


def test_a_forged_event_of_another_bucket_is_a_dead_letter(world: World) -> None:
    s3, sqs = world.aws.client("s3"), world.aws.client("sqs")
    s3.create_bucket(Bucket="elsewhere")
    key = f"guests/forged/{DAY}"
    s3.put_object(Bucket="elsewhere", Key=key, Body=guests({}).encode())
    thing = {"key": key, "size": 100, "version-id": "null", "sequencer": "0A"}
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "elsewhere"}, "object": thing},
    }
    sqs.send_message(QueueUrl=world.stack.outputs["UploadQueueUrl"], MessageBody=json.dumps(event))

    def laid_aside() -> list[str]:
        letters = sqs.receive_message(
            QueueUrl=world.stack.outputs["DeadLetterQueueUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [letter["Body"] for letter in letters.get("Messages", []) if "elsewhere" in letter["Body"]]

    assert world.wait(laid_aside, bool)
    table = world.stack.outputs["LedgerTableName"]
    assert "elsewhere" not in json.dumps(world.aws.client("dynamodb").scan(TableName=table)["Items"], default=str)
