import json
from typing import Any

import pytest

from sluice.aws.object_keys import file_stem, manifest_key, rejected_key, report_key
from sluice.aws.object_version import ObjectVersion
from sluice.errors import FileRejected, ManifestRefused, NotCleaned, NotValidated, RowsLost
from tests.unit.cloud import WORK, Cloud
from tests.unit.sales_rows import as_csv

FILE = as_csv(*[{}] * 6, {"sale_date": "2025-04-05"}, {"channel": "fax"}, {"is_test": "yes"})


@pytest.fixture
def source(cloud: Cloud) -> ObjectVersion:
    source = cloud.put("sales/S001/2025-03-05.csv", FILE)
    cloud.run(source, until="clean")
    return source


def change(cloud: Cloud, key: str, **values: Any) -> None:
    document = json.loads(cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read())
    cloud.s3.put_object(Bucket=WORK, Key=key, Body=json.dumps({**document, **values}))


def manifest(cloud: Cloud, source: ObjectVersion) -> str:
    return manifest_key(cloud.task(source)["run_id"], source)


def test_the_account_of_a_file_adds_up(cloud: Cloud, source: ObjectVersion):
    assert cloud.step("reconcile", source) == {
        "id": source.id,
        "rows_in": 9,
        "published": 7,
        "quarantined": 1,
        "discarded": {"test_transaction": 1},
    }


@pytest.mark.parametrize(
    "wrong",
    [{"rows_in": 10}, {"published": 6}, {"quarantined": 0}, {"discarded": {}}, {"partitions": []}, {"files": []}],
)
def test_a_manifest_that_does_not_add_up_is_refused(cloud: Cloud, source: ObjectVersion, wrong: dict[str, Any]):
    change(cloud, manifest(cloud, source), **wrong)
    with pytest.raises(RowsLost):
        cloud.step("reconcile", source)


def test_cleaning_must_have_read_the_rows_that_validation_read(cloud: Cloud, source: ObjectVersion):
    change(cloud, report_key(source), rows=10)
    with pytest.raises(RowsLost, match="cleaning read 9 rows, validation 10"):
        cloud.step("reconcile", source)


def test_cleaning_must_have_quarantined_the_rows_that_validation_would(cloud: Cloud, source: ObjectVersion):
    change(cloud, report_key(source), would_quarantine=2)
    with pytest.raises(RowsLost, match="cleaning quarantined 1 rows, validation 2"):
        cloud.step("reconcile", source)


def test_validation_by_an_older_contract_may_have_quarantined_otherwise(cloud: Cloud, source: ObjectVersion):
    change(cloud, report_key(source), would_quarantine=2, contract_version=0)
    assert cloud.step("reconcile", source)["quarantined"] == 1


@pytest.mark.parametrize(
    "wrong", [{"run_id": "another"}, {"dataset": "other"}, {"source_key": "s3://x/y"}, {"source_version": "v0"}]
)
def test_the_manifest_of_another_run_or_source_is_refused(cloud: Cloud, source: ObjectVersion, wrong: dict[str, Any]):
    change(cloud, manifest(cloud, source), **wrong)
    with pytest.raises(ManifestRefused, match=next(iter(wrong))):
        cloud.step("reconcile", source)


def test_every_staged_file_must_be_there(cloud: Cloud, source: ObjectVersion):
    staged = cloud.s3.list_objects_v2(Bucket=WORK, Prefix=f"runs/{cloud.task(source)['run_id']}/")["Contents"]
    for entry in [entry["Key"] for entry in staged if entry["Key"].endswith(".parquet")]:
        body = cloud.s3.get_object(Bucket=WORK, Key=entry)["Body"].read()
        cloud.s3.delete_object(Bucket=WORK, Key=entry)
        with pytest.raises(RowsLost, match="is not there"):
            cloud.step("reconcile", source)
        cloud.s3.put_object(Bucket=WORK, Key=entry, Body=body[:-1])
        with pytest.raises(RowsLost, match=f"has {len(body) - 1:,} bytes"):
            cloud.step("reconcile", source)
        cloud.s3.put_object(Bucket=WORK, Key=entry, Body=body)
    assert cloud.step("reconcile", source)["published"] == 7


def test_a_source_without_a_manifest_was_not_cleaned(cloud: Cloud, source: ObjectVersion):
    cloud.s3.delete_object(Bucket=WORK, Key=manifest(cloud, source))
    with pytest.raises(NotCleaned):
        cloud.step("reconcile", source)


def test_a_file_that_the_glue_job_rejected_is_rejected_with_its_reason(cloud: Cloud, source: ObjectVersion):
    cloud.s3.delete_object(Bucket=WORK, Key=manifest(cloud, source))
    rejection = {"reason": "file_is_complete", "message": "the gzip stream ends at byte 7"}
    cloud.s3.put_object(Bucket=WORK, Key=rejected_key(cloud.task(source)["run_id"], source), Body=json.dumps(rejection))
    with pytest.raises(FileRejected, match="file_is_complete: the gzip stream ends at byte 7"):
        cloud.step("reconcile", source)


def test_a_source_without_a_report_was_not_validated(cloud: Cloud, source: ObjectVersion):
    cloud.s3.delete_object(Bucket=WORK, Key=report_key(source))
    with pytest.raises(NotValidated):
        cloud.step("reconcile", source)


@pytest.mark.parametrize(
    "path",
    [
        "published/../../other/0123456789abcdef0123456789abcdef-000.parquet",
        "published/sale_month=2025-03/0123456789abcdef0123456789abcdef-000.parquet",
        "manifests/sales/{stem}-000.parquet",
        "published/a=b/c/{stem}-000.parquet",
        "quarantine/sales/{stem}-000.parquet",
        "published/{stem}-000.parquet/x",
        "published/{stem}.parquet",
    ],
)
def test_a_staged_path_leads_to_the_source_s_own_files_only(cloud: Cloud, source: ObjectVersion, path: str):
    cloud.step("reconcile", source)
    document = json.loads(cloud.s3.get_object(Bucket=WORK, Key=manifest(cloud, source))["Body"].read())
    document["files"][0]["path"] = path.format(stem=file_stem(cloud.task(source)["run_id"], source))
    change(cloud, manifest(cloud, source), **document)
    with pytest.raises(ManifestRefused, match="is not a staged file"):
        cloud.step("publish", source)
    assert cloud.lake() == []
