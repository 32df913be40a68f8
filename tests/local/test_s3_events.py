"""Events of uploads on EventBridge."""

import json
from collections.abc import Callable
from typing import Any

from local import Deployment, LocalAWS
from local.waiting import eventually


def events_of(aws: LocalAWS, queue: str, wanted: Callable[[dict[str, Any]], bool], count: int) -> list[Any]:
    sqs = aws.client("sqs")
    found: list[dict[str, Any]] = []

    def receive() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            if "detail" in body and wanted(body):  # alarms come to this queue, too
                found.append(body)
        return len(found) >= count

    eventually(receive)
    return found


def test_the_event_of_an_upload_has_its_version_and_its_raw_key(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    s3 = aws.client("s3")
    key = "events/store 7/größe+1%2F.csv"
    first = s3.put_object(Bucket=bucket, Key=key, Body=b"one")
    second = s3.put_object(Bucket=bucket, Key=key, Body=b"three")
    events = events_of(
        aws, stack.resources["CaptureQueue"], lambda event: event["detail"]["object"]["key"] == key, count=2
    )
    by_version = {event["detail"]["object"]["version-id"]: event["detail"]["object"] for event in events}
    assert set(by_version) == {first["VersionId"], second["VersionId"]}
    older, newer = by_version[first["VersionId"]], by_version[second["VersionId"]]
    assert (older["size"], newer["size"]) == (3, 5)
    assert f'"{newer["etag"]}"' == second["ETag"]
    assert int(older["sequencer"], 16) < int(newer["sequencer"], 16)
    assert len(older["sequencer"]) == len(newer["sequencer"])
    assert {event["detail"]["reason"] for event in events} == {"PutObject"}
    assert events[0]["detail-type"] == "Object Created"


def test_a_multipart_upload_and_a_copy_have_events_too(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    s3 = aws.client("s3")
    key = "events/multipart"
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"part")
    done = s3.complete_multipart_upload(
        Bucket=bucket,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    copied = s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource={"Bucket": bucket, "Key": key})
    events = events_of(
        aws,
        stack.resources["CaptureQueue"],
        lambda event: event["detail"]["object"]["key"].startswith(key),
        count=2,
    )
    assert {(event["detail"]["reason"], event["detail"]["object"]["version-id"]) for event in events} == {
        ("CompleteMultipartUpload", done["VersionId"]),
        ("CopyObject", copied["VersionId"]),
    }
