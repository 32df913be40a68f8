"""What an uploader writes into metadata or tags leads no command to take his bytes for the operator's."""

import hashlib
from pathlib import Path

import boto3
import pytest

from cli.batch.candidates import in_bucket, in_folder, put_again
from cli.stack import upload
from cli.stack.connection import Stack
from sluice.aws.object_version import ObjectVersion
from tests.unit.cloud import LEDGER, RAW, REGION, WORK, Cloud
from tests.unit.sales_rows import as_csv

KEY = "sales/S001/2025-03-05.csv"
OURS, THEIRS = as_csv({}, {}), as_csv({"quantity": "7"})


@pytest.fixture
def stack(cloud: Cloud) -> Stack:
    outputs = {"RawBucketName": RAW, "WorkBucketName": WORK, "LedgerTableName": LEDGER}
    return Stack("acme", boto3.Session(), outputs, local=False)


def forged(cloud: Cloud, **metadata: str) -> str:
    tags = "sluice:origin=replay&sluice:wait=1"
    answer = cloud.s3.put_object(Bucket=RAW, Key=KEY, Body=THEIRS.encode(), Metadata=metadata, Tagging=tags)
    return str(answer["VersionId"])


def body(cloud: Cloud, version: str) -> str:
    return str(cloud.s3.get_object(Bucket=RAW, Key=KEY, VersionId=version)["Body"].read().decode())


def put_by(cloud: Cloud, version: str) -> str:
    return cloud.ledger.put_of(ObjectVersion(RAW, KEY, version, "", 0))[0]


def test_a_replay_copies_the_version_that_it_names_not_one_that_claims_to_be_its_copy(cloud: Cloud, stack: Stack):
    wanted = cloud.put(KEY, OURS).version_id
    theirs = forged(cloud, **{"sluice-copy-of": f"replay:{wanted}"})
    taken = put_again(stack, KEY, wanted)
    assert taken not in (wanted, theirs)
    assert body(cloud, taken) == OURS
    assert put_by(cloud, taken) == f"replay:{wanted}"


def test_an_interrupted_replay_uses_its_copy_until_another_client_replaces_it(cloud: Cloud, stack: Stack):
    wanted = cloud.put(KEY, OURS).version_id
    taken = put_again(stack, KEY, wanted)
    assert put_again(stack, KEY, wanted) == taken
    forged(cloud)
    again = put_again(stack, KEY, wanted)
    assert again != taken
    assert body(cloud, again) == OURS


def test_a_backfill_uploads_a_file_unless_the_key_has_its_very_content(cloud: Cloud, stack: Stack, tmp_path: Path):
    file = tmp_path / KEY
    file.parent.mkdir(parents=True)
    file.write_text(OURS)
    theirs = forged(cloud, **{"sluice-sha256": hashlib.sha256(OURS.encode()).hexdigest()})
    [candidate] = in_folder(stack, tmp_path, "", None).candidates
    taken = candidate.put()
    assert taken != theirs
    assert body(cloud, taken) == OURS
    assert put_by(cloud, taken) == "backfill"
    assert candidate.put() == taken


def test_an_object_of_another_bucket_is_copied_once_and_again_when_it_was_replaced(cloud: Cloud, stack: Stack):
    cloud.s3.create_bucket(Bucket="old", CreateBucketConfiguration={"LocationConstraint": REGION})
    etag = cloud.s3.put_object(Bucket="old", Key=KEY, Body=OURS.encode())["ETag"].strip('"')
    original = f"s3://old/{KEY}@{etag}"
    theirs = forged(cloud, **{"sluice-copy-of": hashlib.sha256(original.encode()).hexdigest()})
    [candidate] = in_bucket(stack, "old", "", None).candidates
    taken = candidate.put()
    assert taken != theirs
    assert (body(cloud, taken), put_by(cloud, taken)) == (OURS, f"backfill:{original}")
    assert candidate.put() == taken
    forged(cloud)
    assert body(cloud, candidate.put()) == OURS


def test_a_file_in_parts_has_the_checksum_that_s3_gives_it(
    cloud: Cloud, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(upload, "_PART_BYTES", 8 << 20)
    file = tmp_path / "large.csv"
    file.write_bytes(b"a,b\n" * (5 << 20))
    version = upload.upload(stack, file, KEY)
    found = upload.head(stack, KEY)
    assert found is not None
    assert found["VersionId"] == version
    assert upload.has_content_of(found, file)
    file.write_bytes(b"a,c\n" * (5 << 20))
    assert not upload.has_content_of(found, file)
