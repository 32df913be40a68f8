"""Behaves as its event says: answers, raises, sleeps, dies, or reads S3."""

import os
import time

import boto3


class RowsLost(Exception):
    """A class of the caller's own."""


def handle(event, context):
    match event.get("do"):
        case "raise":
            raise RowsLost("two rows are missing\nand a second line")
        case "sleep":
            time.sleep(event["seconds"])
        case "exit":
            os._exit(3)
        case "read":
            return boto3.client("s3").get_object(Bucket=event["bucket"], Key=event["key"])["Body"].read().decode()
        case "list":
            return boto3.client("s3").list_objects_v2(Bucket=event["bucket"], Prefix=event["prefix"])["KeyCount"]
        case "print":
            print(event["line"])  # noqa: T201
        case "remaining":
            time.sleep(event.get("seconds", 0))
            return {
                "milliseconds": context.get_remaining_time_in_millis(),
                "request": context.aws_request_id,
                "arn": context.invoked_function_arn,
                "root": os.environ["LAMBDA_TASK_ROOT"],
            }
    return event
