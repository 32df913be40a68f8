"""Firehose buffers the records of a Kinesis stream by time and size; MiniStack writes each record as a file of its own.

As on AWS the transforming function gets the partition keys and routes the records, a file holds all records of a
prefix, compressed, the delivery acts under its role, and what cannot be routed goes under the error prefix. Successes
and failures are metrics. Buffering times are scaled like the waits of Step Functions (SFN_WAIT_SCALE).
"""

import base64
import contextvars
import gzip
import json
import logging
import os
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import cloudwatch, firehose, lambda_svc

from local.emulator.iam import roles

SCALE = float(os.environ.get("SFN_WAIT_SCALE", "1"))
AGAIN_SECONDS = 1.0  # between tries of what could not be written; AWS goes on for a day
MIB = 1 << 20
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrived:
    """A record of the stream."""

    partition_key: str
    data: bytes
    at: float


@dataclass
class Buffer:
    """Records of one delivery stream that are not delivered yet."""

    stream: dict[str, Any]
    records: list[Arrived] = field(default_factory=list)
    size: int = 0
    timer: threading.Timer | None = None


_buffers: dict[str, Buffer] = {}
_lock = threading.Lock()


def configuration(stream: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = stream["destinations"][0]["config"]
    return found


def ingest(stream_arn: str, records: list[tuple[str, bytes]]) -> None:
    """Take the records of one call of PutRecord or PutRecords."""
    now = time.time()
    for stream in list(firehose._streams.values()):
        if (stream.get("kinesis_source") or {}).get("KinesisStreamARN") == stream_arn and stream["destinations"]:
            _keep(stream, [Arrived(key, data, now) for key, data in records])


def _keep(stream: dict[str, Any], records: list[Arrived]) -> None:
    hints = configuration(stream).get("BufferingHints") or {}
    seconds, size = float(hints.get("IntervalInSeconds", 300)), int(hints.get("SizeInMBs", 5)) * MIB
    with _lock:
        buffer = _buffers.setdefault(stream["arn"], Buffer(stream))
        buffer.records += records
        buffer.size += sum(len(record.data) for record in records)
        full = buffer.size >= size
        if buffer.timer is None or full:
            if buffer.timer is not None:
                buffer.timer.cancel()
            _wait(buffer, 0 if full else seconds * SCALE)


def _wait(buffer: Buffer, seconds: float) -> None:
    context = contextvars.copy_context()  # account and region of the request
    buffer.timer = threading.Timer(seconds, context.run, args=(_deliver, buffer))
    buffer.timer.daemon = True
    buffer.timer.start()


def _deliver(buffer: Buffer) -> None:
    with _lock:
        records, buffer.records, buffer.size, buffer.timer = buffer.records, [], 0, None
    try:
        deliver(buffer.stream, records)
        _measure(buffer.stream, "DeliveryToS3.Success", good=True)
    except (BotoCoreError, ClientError, roles.RoleUnusable) as error:
        _measure(buffer.stream, "DeliveryToS3.Success", good=False)
        logger.warning("Firehose %s: %s", buffer.stream["name"], error)
        with _lock:
            buffer.records = records + buffer.records
            buffer.size += sum(len(record.data) for record in records)
            if buffer.timer is None:
                _wait(buffer, AGAIN_SECONDS)


def _measure(stream: dict[str, Any], metric: str, *, good: bool) -> None:
    cloudwatch.record_metric("AWS/Firehose", metric, float(good), "None", {"DeliveryStreamName": stream["name"]})


def deliver(stream: dict[str, Any], records: list[Arrived]) -> None:
    """Write the records, a file a prefix. Raises ClientError, BotoCoreError, RoleUnusable; then write all again."""
    config = configuration(stream)
    credentials = roles.credentials(config["RoleARN"], service="firehose.amazonaws.com", session=stream["name"])
    s3 = roles.client("s3", credentials)
    now = time.gmtime()
    files: dict[str, list[bytes]] = {}
    for record, routed in zip(records, transformed(stream, records), strict=True):
        if routed.get("result") == "Dropped":
            continue
        keys = (routed.get("metadata") or {}).get("partitionKeys") or {}
        try:
            if routed.get("result") != "Ok":
                raise firehose._DeliveryError("processing-failed", "The Lambda function did not process the record.")
            prefix = firehose._evaluate_prefix(config.get("Prefix", ""), now, None, keys)
            files.setdefault(prefix, []).append(base64.b64decode(routed["data"]))
        except firehose._DeliveryError as error:
            prefix = firehose._evaluate_prefix(config.get("ErrorOutputPrefix", ""), now, error_type=error.output_type)
            files.setdefault(f"!{prefix}", []).append(_failed_record(record, error))
    bucket = firehose._s3_bucket_from_arn(config["BucketARN"])
    for prefix, bodies in files.items():
        failed = prefix.startswith("!")
        stamp = time.strftime("%Y-%m-%d-%H-%M-%S", now)
        name = f"{prefix.removeprefix('!')}{stream['name']}-{stream['version']}-{stamp}-{uuid.uuid4()}"
        zipped = config.get("CompressionFormat") == "GZIP" and not failed
        body = gzip.compress(b"".join(bodies), mtime=0) if zipped else b"".join(bodies)
        s3.put_object(Bucket=bucket, Key=name + ("" if failed else config.get("FileExtension", "")), Body=body)


def _failed_record(record: Arrived, error: Any) -> bytes:
    entry = {
        "attemptsMade": 1,
        "arrivalTimestamp": int(record.at * 1000),
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": error.message,
        "rawData": base64.b64encode(record.data).decode(),
    }
    return json.dumps(entry).encode() + b"\n"


def transformed(stream: dict[str, Any], records: list[Arrived]) -> list[dict[str, Any]]:
    """The records transformed by the function of the delivery stream; unchanged where it has none."""
    ids = [f"{number:020}" for number in range(len(records))]
    given = [
        {
            "recordId": name,
            "approximateArrivalTimestamp": int(record.at * 1000),
            "data": base64.b64encode(record.data).decode(),
            "kinesisRecordMetadata": {"partitionKey": record.partition_key},
        }
        for name, record in zip(ids, records, strict=True)
    ]
    function = _function_of(configuration(stream))
    if function is None:
        return [{"result": "Ok", **record} for record in given]
    answers: dict[str, dict[str, Any]] = {}
    for batch in _batches(given):
        answered = _asked(function, stream, batch)
        _measure(stream, "ExecuteProcessing.Success", good=bool(answered))
        answers |= {answer["recordId"]: answer for answer in answered}
    failed = {"result": "ProcessingFailed"}
    return [answers.get(name, failed) for name in ids]


def _batches(records: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Batches of about a MiB, the template's BufferSizeInMBs."""
    parts: list[list[dict[str, Any]]] = [[]]
    size = 0
    for record in records:
        size += len(record["data"])
        if size > MIB and parts[-1]:
            parts.append([])
            size = len(record["data"])
        parts[-1].append(record)
    return parts


def _function_of(config: dict[str, Any]) -> str | None:
    processing = config.get("ProcessingConfiguration") or {}
    for processor in processing.get("Processors") or [] if processing.get("Enabled") else []:
        for parameter in processor["Parameters"]:
            if (processor["Type"], parameter["ParameterName"]) == ("Lambda", "LambdaArn"):
                return str(parameter["ParameterValue"])
    return None


def _asked(arn: str, stream: dict[str, Any], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    role = configuration(stream)["RoleARN"]
    if not roles.allowed(role, "lambda:InvokeFunction", arn):
        logger.warning("Firehose %s: %s may not call %s", stream["name"], role, arn)
        return []
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        return []
    record = lambda_svc._execution_record_for_config(function, config)
    event = {"invocationId": str(uuid.uuid4()), "deliveryStreamArn": stream["arn"], "records": records}
    result = lambda_svc._execute_function(record, event)
    body = result.get("body")
    answer = json.loads(body) if isinstance(body, str | bytes) else body
    return [] if result.get("error") else list((answer or {}).get("records", []))


def patch() -> None:
    firehose.ingest_from_kinesis_source = ingest
