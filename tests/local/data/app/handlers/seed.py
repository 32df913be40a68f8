"""A custom resource: puts an object when created or updated, deletes it when deleted."""

import json
import urllib.request

import boto3


def handle(event, context):
    properties = event["ResourceProperties"]
    status, reason, key = "SUCCESS", "", f"seed/{properties['Stage']}"
    try:
        s3 = boto3.client("s3")
        if event["RequestType"] == "Delete":
            s3.delete_object(Bucket=properties["Bucket"], Key=event["PhysicalResourceId"])
        else:
            s3.put_object(Bucket=properties["Bucket"], Key=key, Body=event["RequestType"].encode())
    except Exception as error:
        status, reason = "FAILED", str(error)
    answer = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId") if event["RequestType"] == "Delete" else key,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Key": key},
    }
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=5)  # noqa: S310
