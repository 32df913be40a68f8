"""The Glue job's script on real Spark, against an S3 that its workers reach over HTTP."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest
from pyspark.sql import SparkSession

from glue import clean as job
from sluice.aws.object_keys import file_stem, manifest_key, report_key, run_key, staging_prefix
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import put_json
from sluice.contract.registry import load
from sluice.errors import NotCleaned
from sluice.ledger.runs import Run
from sluice.manifest import Manifest
from sluice.publish.reconcile import reconcile
from sluice.read.source import FileSource
from sluice.validate import validator
from tests.unit.sales_rows import as_csv, written

RAW, WORK = "raw-bucket", "work-bucket"
ROWS = as_csv(*[{"sale_date": f"2025-0{1 + number % 2}-05"} for number in range(40)], {"quantity": "two"})


class Buckets:
    """What stands around the job: uploads with their validation reports, and the input of the run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.s3 = boto3.client("s3")
        for bucket in (RAW, WORK):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})

    def upload(self, content: bytes, key: str, *, validated: bool = True) -> ObjectVersion:
        version = self.s3.put_object(Bucket=RAW, Key=key, Body=content)["VersionId"]
        source = ObjectVersion(RAW, key, version, "0A", len(content))
        report = validator.check(load("sales"), FileSource(written(self.folder, content)), key)
        if validated:
            put_json(self.s3, WORK, report_key(source), report.to_dict())
        return source

    def run(self, *sources: ObjectVersion) -> Run:
        run = Run.of("sales", sources)
        put_json(self.s3, WORK, run_key(run.run_id), run.to_dict())
        ids = ",".join(source.id for source in sources)
        given = {"run_id": run.run_id, "dataset": "sales", "source_ids": ids, "raw_bucket": RAW, "work_bucket": WORK}
        job.main(["--JOB_NAME", "clean", *(part for name, text in given.items() for part in (f"--{name}", text))])
        return run

    def document(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=WORK, Key=key)["Body"].read())

    def staged(self, run_id: str, source: ObjectVersion) -> dict[str, int]:
        prefix = staging_prefix(run_id, source)
        found = self.s3.list_objects_v2(Bucket=WORK, Prefix=prefix).get("Contents", [])
        return {entry["Key"].removeprefix(prefix): entry["Size"] for entry in found}

    def rows(self, run_id: str, source: ObjectVersion, path: str) -> pl.DataFrame:
        body = self.s3.get_object(Bucket=WORK, Key=staging_prefix(run_id, source) + path)["Body"].read()
        return pl.read_parquet(body, hive_partitioning=False)


@pytest.fixture
def buckets(spark: SparkSession, tmp_path: Path) -> Iterator[Buckets]:
    yield Buckets(tmp_path)
    resource = boto3.resource("s3")
    for bucket in (RAW, WORK):
        resource.Bucket(bucket).object_versions.delete()
        resource.Bucket(bucket).delete()


def test_the_job_leaves_what_reconcile_and_publish_expect(buckets: Buckets):
    plain = buckets.upload(ROWS.encode(), "sales/S001/2025-03-05.csv")
    packed = buckets.upload(gzip.compress(ROWS.encode()), "sales/S002/2025-03-05.csv.gz")
    run = buckets.run(plain, packed)
    for source in (plain, packed):
        manifest = Manifest.from_dict(buckets.document(manifest_key(run.run_id, source)))
        staged = buckets.staged(run.run_id, source)
        report = buckets.document(report_key(source))
        reconcile(manifest, run_id=run.run_id, dataset="sales", source=source, report=report, staged=staged)
        assert (manifest.engine, manifest.rows_in, manifest.published, manifest.quarantined) == ("spark", 41, 40, 1)
        assert set(staged) == {
            f"published/sale_month=2025-01/{file_stem(run.run_id, source)}-000.parquet",
            f"published/sale_month=2025-02/{file_stem(run.run_id, source)}-000.parquet",
            f"quarantine/{file_stem(run.run_id, source)}-000.parquet",
            "manifest.json",
        }
        january = buckets.rows(run.run_id, source, manifest.files[0].path)
        assert january["_source_key"].unique().to_list() == [source.uri]
        assert january["_row_number"].to_list() == list(range(1, 40, 2))


def test_the_job_reads_the_version_that_the_run_names(buckets: Buckets):
    older = buckets.upload(ROWS.encode(), "sales/S001/2025-03-05.csv")
    buckets.upload(as_csv({}).encode(), "sales/S001/2025-03-05.csv")
    run = buckets.run(older)
    assert buckets.document(manifest_key(run.run_id, older))["rows_in"] == 41


def test_a_source_that_fails_does_not_stop_the_others_and_the_job_says_why(buckets: Buckets):
    good = buckets.upload(ROWS.encode(), "sales/S001/2025-03-05.csv")
    bad = buckets.upload(as_csv({"quantity": "two"}).encode(), "sales/S002/2025-03-05.csv")
    unknown = buckets.upload(ROWS.encode(), "sales/S003/2025-03-05.csv", validated=False)
    with pytest.raises(NotCleaned) as failed:
        buckets.run(good, bad, unknown)
    run_id = Run.of("sales", [good, bad, unknown]).run_id
    assert str(failed.value).startswith("2 of 3 sources: s3://raw-bucket/sales/S002/2025-03-05.csv: FileRejected:")
    assert "NotValidated: there is no report on s3://raw-bucket/sales/S003/2025-03-05.csv" in str(failed.value)
    assert buckets.document(manifest_key(run_id, good))["published"] == 40
    assert list(buckets.staged(run_id, bad)) == ["rejected.json"]
    rejected = buckets.document(f"{staging_prefix(run_id, bad)}rejected.json")
    assert rejected["reason"] == "quarantined_share_is_within_limit"
    assert buckets.staged(run_id, unknown) == {}


def test_a_source_of_another_bucket_is_refused(buckets: Buckets):
    strange = ObjectVersion("elsewhere", "sales/S001/2025-03-05.csv", "v", "0A", 1)
    with pytest.raises(ValueError, match="are not sources of"):
        buckets.run(strange)
