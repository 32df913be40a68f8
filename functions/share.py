"""Share: a custom resource that uploads the shared package for the Glue job to import.

SAM uploads a Glue job's script but not its libraries, and no property can name another resource's uploaded zip.
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

WORK_BUCKET = os.environ["WORK_BUCKET"]
PACKAGES = ("sluice", "datasets")
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold: the same code makes the same zip whenever it was installed."""

S3 = clients.client("s3")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Answer CloudFormation with Data {Key, Uri} of the zip. Deleting leaves it: a job may be reading it."""
    data: dict[str, str] = {}
    problem = ""
    try:
        if event["RequestType"] != "Delete":
            key = share()
            data = {"Key": key, "Uri": f"s3://{WORK_BUCKET}/{key}"}
    # A stack whose custom resource never answers hangs for an hour: every error is an answer.
    except Exception as error:
        logger.exception("package not shared")
        problem = f"{type(error).__name__}: {error}"
    answer(event, data=data, problem=problem)


def share() -> str:
    """Upload the zip of our own packages unless it is there; return its key, which names its content."""
    body = zipped(Path(__file__).parent)
    key = f"code/{hashlib.sha256(body).hexdigest()[:32]}.zip"
    S3.put_object(Bucket=WORK_BUCKET, Key=key, Body=body)
    logger.info("package shared", key=key, bytes=len(body))
    return key


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


def answer(event: dict[str, Any], *, data: dict[str, str], problem: str) -> None:
    """Put the outcome to CloudFormation's response URL."""
    body = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem[:1000],
        # One id for good: with the zip's key as id, every update would be followed by a delete of the old one.
        "PhysicalResourceId": event.get("PhysicalResourceId", "shared-code"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data,
    }
    # The pre-signed URL was signed without a content type.
    request = Request(  # noqa: S310
        event["ResponseURL"], data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urlopen(request, timeout=30):  # noqa: S310
        pass
