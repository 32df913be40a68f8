"""Setup: a custom resource that prepares a deployment, and empties what holds no data before the stack is deleted.

The tables of all contracts must exist before CloudFormation makes the crawler, whose targets they are. The Glue job
imports from the work bucket: SAM uploads a job's script but not its libraries, and no property can name another
resource's uploaded zip. Its wheels come in a layer that no function has, since Lambda tells where a layer's zip is.
"""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.contract import registry
from sluice.engines.accounting import declared_tables
from sluice.errors import SetupFailed, TableDisagrees
from sluice.manifest import TableDeclaration
from sluice.publish import tables
from sluice.publish.iceberg import table as iceberg
from sluice.publish.lake import Catalog, Lake

WORK_BUCKET = os.environ["WORK_BUCKET"]
PACKAGES = ("sluice", "datasets")
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold: the same code makes the same zip whenever it was installed."""

_MAX_ANSWER = 4096
"""Bytes of a custom resource's answer, as CloudFormation takes it."""

_SPARE_MS = 30_000
"""Milliseconds before its timeout at which the function answers."""

_LAKE_FORMATION = (
    "; this account's catalog is governed by Lake Formation: grant the function's role what docs/security.md lists"
)

_NEW_NAME = "Nothing is changed: give the dataset a new name, deploy, and move its files with `sluice migrate NEW_NAME`"

S3 = clients.client("s3")
LAKE = Lake(S3, os.environ["LAKE_BUCKET"])
CATALOG = Catalog(clients.client("glue"), os.environ["DATABASE"])
LOCATION = f"s3://{LAKE.bucket}/"
LAMBDA = clients.client("lambda")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Answer CloudFormation with Data {CodeUri, PackagesUri, Tables: names with commas between them}."""
    data: dict[str, str] = {}
    problem = ""
    try:
        if event["RequestType"] == "Delete":
            empty_work_bucket(context)
        else:
            # The tables first: when they fail, nothing lies in the bucket yet.
            names = make_tables()
            packages = share_packages(event["ResourceProperties"]["GluePackages"])
            data = {"CodeUri": share_code(), "PackagesUri": packages, "Tables": ",".join(names)}
    # A stack whose custom resource never answers hangs for an hour: every error is an answer.
    except Exception as error:
        logger.exception("setup failed")
        problem = f"{type(error).__name__}: {error}"
        if "Lake Formation" in problem:
            problem += _LAKE_FORMATION
    answer(event, data=data, problem=problem)


def make_tables() -> list[str]:
    """Create or update the tables of all contracts; return the names of those that the crawler has as targets.

    An Iceberg table is created by its first commit.

    Raises TableDisagrees, before any table is changed, and SetupFailed when there is no dataset.
    """
    contracts = registry.contracts()
    if not contracts:
        raise SetupFailed("functions/datasets declares no dataset: add one before the first deployment")
    declared = {name: declared_tables(contract) for name, contract in contracts.items()}
    problems = [text for name, declaration in declared.items() for text in problems_of(name, declaration)]
    if problems:
        raise TableDisagrees(f"{'; '.join(problems)}. {_NEW_NAME}")
    for name, declaration in declared.items():
        tables.ensure(CATALOG.glue, CATALOG.database, name, location=LOCATION, declaration=declaration)
        if declaration.table == "iceberg":
            iceberg.evolve(LAKE, CATALOG, name, declaration)
    logger.info("tables made", tables=sorted(contracts))
    crawled = [name for name, contract in contracts.items() if contract.table == "parquet"]
    # A crawler needs a target, and crawls no Iceberg table with others.
    return sorted(crawled or [f"{name}_quarantine" for name in contracts])


def problems_of(name: str, declaration: TableDeclaration) -> list[str]:
    """Return why the tables of a dataset cannot become as declared, a clause each."""
    found = tables.problems(CATALOG.glue, CATALOG.database, name, location=LOCATION, declaration=declaration)
    return found + (iceberg.problems(LAKE, CATALOG, name, declaration) if declaration.table == "iceberg" else [])


def share_code() -> str:
    """Upload the zip of our own packages; return its URI, which names its content."""
    body = zipped(Path(__file__).parent)
    key = f"code/{hashlib.sha256(body).hexdigest()[:32]}.zip"
    S3.put_object(Bucket=WORK_BUCKET, Key=key, Body=body)
    logger.info("package shared", key=key, bytes=len(body))
    return f"s3://{WORK_BUCKET}/{key}"


def share_packages(layer: str) -> str:
    """Copy the zip of a layer version, wheels in it, for the Glue job to install; return its URI."""
    content = LAMBDA.get_layer_version_by_arn(Arn=layer)["Content"]
    with urlopen(content["Location"], timeout=60) as stream:  # noqa: S310 (pre-signed by Lambda)
        body = stream.read()
    # Glue takes a zip of wheels by this end of its name (Glue guide, "Using Python libraries", appendix A).
    key = f"code/{hashlib.sha256(body).hexdigest()[:32]}.gluewheels.zip"
    S3.put_object(Bucket=WORK_BUCKET, Key=key, Body=body)
    logger.info("wheels shared", key=key, bytes=len(body))
    return f"s3://{WORK_BUCKET}/{key}"


def zipped(root: Path) -> bytes:
    """Return a zip of the packages' modules, the same bytes for the same code."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), date_time=_OLDEST)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def empty_work_bucket(context: LambdaContext) -> None:
    """Delete every object version of the work bucket, which CloudFormation deletes only when it is empty.

    Raises SetupFailed when the time does not suffice; the next deletion goes on from there.
    """
    deleted = 0
    try:
        while versions := _some_versions():
            if context.get_remaining_time_in_millis() < _SPARE_MS:
                raise SetupFailed(
                    f"{deleted} objects of {WORK_BUCKET} are deleted, more remain: delete the stack again"
                )
            errors = S3.delete_objects(Bucket=WORK_BUCKET, Delete={"Objects": versions, "Quiet": True}).get("Errors")
            if errors:
                raise SetupFailed(f"{errors[0]['Key']} cannot be deleted: {errors[0]['Code']}")
            deleted += len(versions)
    except S3.exceptions.NoSuchBucket:  # deleted by hand
        return
    logger.info("work bucket emptied", versions=deleted)


def _some_versions() -> list[dict[str, str]]:
    page = S3.list_object_versions(Bucket=WORK_BUCKET)
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def answer(event: dict[str, Any], *, data: dict[str, str], problem: str) -> None:
    """Put the outcome to CloudFormation's response URL."""
    body = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem[:1000],
        # One id for good: with the zip's key as id, every update would be followed by a delete of the old one.
        "PhysicalResourceId": event.get("PhysicalResourceId", "setup"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data,
    }
    text = json.dumps(body).encode()
    if len(text) > _MAX_ANSWER:
        reason = f"the datasets' names take more than the {_MAX_ANSWER} bytes of an answer: shorten them"
        text = json.dumps({**body, "Status": "FAILED", "Reason": reason, "Data": {}}).encode()
    # The pre-signed URL was signed without a content type.
    request = Request(event["ResponseURL"], data=text, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urlopen(request, timeout=30):  # noqa: S310
        pass
