"""Writes what it was given into an object, so that a test sees that it really ran."""

import argparse
import json
import sys
import time

import boto3

parser = argparse.ArgumentParser()
parser.add_argument("--bucket", required=True)
parser.add_argument("--key", required=True)
parser.add_argument("--text", default="")
parser.add_argument("--fail", default="")
parser.add_argument("--seconds", type=float, default=0)
known, _ = parser.parse_known_args()

time.sleep(known.seconds)
if known.fail:
    raise RuntimeError(known.fail)
body = {"argv": sys.argv[1:], "text": known.text, "caller": boto3.client("sts").get_caller_identity()["Arn"]}
boto3.client("s3").put_object(Bucket=known.bucket, Key=known.key, Body=json.dumps(body).encode())
