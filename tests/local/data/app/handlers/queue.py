"""Writes each message's body into the table; a message that says so fails by itself, or fails the batch."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handle(event, context):
    failures = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        if body.get("fail") == "batch":
            raise RuntimeError("the whole batch fails")
        if body.get("fail") == "item":
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        table.put_item(Item={"id": body["id"], "state": "seen", "batch": len(event["Records"])})
    return {"batchItemFailures": failures}
