"""Route: gives each record of Firehose the dataset that it belongs to, and a line break at its end.

The dataset is what the record's partition key begins with (`sentiment/…`), so that also a record that
cannot be read reaches the quarantine of its dataset.
"""

import base64
import re
from typing import Any

from sluice.aws.telemetry import LambdaContext, logger, tracer

DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, Any]]]:
    """Return Firehose's records, each with its partition key `dataset`.

    A record without one is returned as failed: Firehose keeps it under its error prefix.
    """
    routed = [routed_record(record) for record in event["records"]]
    failed = sum(record["result"] != "Ok" for record in routed)
    logger.info("records routed", records=len(routed), failed=failed)
    return {"records": routed}


def routed_record(record: dict[str, Any]) -> dict[str, Any]:
    dataset = record["kinesisRecordMetadata"]["partitionKey"].split("/", 1)[0]
    if not DATASET.fullmatch(dataset):
        return {"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]}
    line = base64.b64decode(record["data"]).rstrip(b"\r\n") + b"\n"
    return {
        "recordId": record["recordId"],
        "result": "Ok",
        "data": base64.b64encode(line).decode(),
        "metadata": {"partitionKeys": {"dataset": dataset}},
    }
