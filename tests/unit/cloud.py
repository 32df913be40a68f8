"""An AWS in this process (moto) with Sluice's buckets, ledger, topic and catalog; handlers run against it."""

import importlib
import io
import json
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import duckdb
import polars as pl
import requests
import sqlglot

from sluice.aws.object_version import ObjectVersion
from sluice.contract import registry
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Run
from sluice.publish.iceberg.catalog import load
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.lake import Catalog

RAW = "acme-sales-raw"
LAKE = "acme-sales-lake"
WORK = "acme-sales-work"
DATABASE = "acme_sales"
LEDGER = "acme-sales-ledger"
FIRST_SEEN = "acme-sales-first-seen"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:acme-sales"
EVENTS = Path(__file__).parents[2] / "events"

SAMPLE = ObjectVersion(
    bucket=RAW,
    key="sales/S001/2025-03-05.csv",
    version_id="3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH",
    sequencer="0067C8F2A1B3C4D5E6",
    size=1841,
)
"""The object version that the files in events/ speak of."""

STATES = ("claim", "clean", "reconcile", "publish", "commit", "complete", "remove_replaced")
"""Of a run, after its files were validated; commit: of Iceberg tables."""

SAMPLE_RUN = Run.of("sales", [SAMPLE]).run_id

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "RAW_BUCKET": RAW,
    "LAKE_BUCKET": LAKE,
    "WORK_BUCKET": WORK,
    "DATABASE": DATABASE,
    "CRAWLER": "acme-sales-published",
    "LEDGER_TABLE": LEDGER,
    "FIRST_SEEN_TABLE": FIRST_SEEN,
    "STATE_MACHINE_ARN": MACHINE,
    "ALERTS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:acme-sales-alerts",
    "EVENT_BUS": "default",
    "DEAD_LETTERS_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/dead-letters",
    "MAX_RECEIVES": "4",
    "SMALL_FILE_BYTES": "1000000",
    "LEASE_SECONDS": "30000",
    "CLEAN_MEMORY_MB": "3008",
    "GLUE_DPUS": "4",
    "SLUICE_HASH_KEY_SECRET": "none",
    "WATCH_MINUTES": "60",
    "SNAPSHOT_DAYS": "7",
    "UPLOAD_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/uploads",
    "POWERTOOLS_SERVICE_NAME": "acme-sales",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


@dataclass(frozen=True)
class Context:
    """What Lambda hands to a handler."""

    function_name: str = "sluice"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice"
    aws_request_id: str = "d9a3f0c1-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Cloud:
    """Make it inside `mock_aws`, with ENVIRONMENT set."""

    handlers: dict[str, ModuleType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.glue = boto3.client("glue")
        self.sqs = boto3.client("sqs")
        self.stepfunctions = boto3.client("stepfunctions")
        for bucket in (RAW, LAKE, WORK):
            place = {"LocationConstraint": REGION}
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        for bucket in (RAW, LAKE):
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.glue.create_database(DatabaseInput={"Name": DATABASE})
        self.dynamodb = boto3.client("dynamodb")
        _create_ledger(self.dynamodb)
        self.ledger = Ledger(self.dynamodb, LEDGER)
        self.dynamodb.create_table(
            TableName=FIRST_SEEN,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "record", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "record", "KeyType": "HASH"}],
        )
        self.stepfunctions.create_state_machine(
            name="acme-sales",
            definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/acme",
        )
        self._listen()
        self.sqs.create_queue(QueueName="dead-letters")

    def put(self, key: str, body: str | bytes, sequencer: str = "01") -> ObjectVersion:
        """Upload a file and return the version that it became."""
        data = body.encode() if isinstance(body, str) else body
        version = self.s3.put_object(Bucket=RAW, Key=key, Body=data)["VersionId"]
        return ObjectVersion(RAW, key, version, sequencer, len(data))

    def module(self, name: str) -> ModuleType:
        """Import a handler's module as a cold start does, once a test."""
        if name not in self.handlers:
            sys.modules.pop(name, None)
            self.handlers[name] = importlib.import_module(name)
        return self.handlers[name]

    def invoke(self, name: str, event: Any) -> Any:
        return self.module(name).handler(event, Context())

    def validate(self, source: ObjectVersion) -> Any:
        return self.invoke("validate", self.event("validate", source))

    def step(self, name: str, source: ObjectVersion, **more: Any) -> Any:
        """Invoke a handler of the state machine on one source, in the run that the ledger names."""
        task = self.task(source)
        # One Commit is of all sources of the run.
        return self.invoke(name, {**task, **({"sources": [task["source"]]} if name == "commit" else {}), **more})

    def task(self, source: ObjectVersion) -> dict[str, Any]:
        entry = self.ledger.entry(source)
        return {"run_id": entry["run_id"], "dataset": entry["dataset"], "source": source.to_dict()}

    def run(self, source: ObjectVersion, *, until: str = "remove_replaced") -> None:
        """Do what the state machine does with a source, up to and with one state."""
        self.validate(source)
        for name in STATES if until != "validate" else ():
            if name != "commit" or registry.load(self.task(source)["dataset"]).table == "iceberg":
                self.step(name, source)
            if name == until:
                return

    def event(self, name: str, source: ObjectVersion) -> Any:
        """Return the sample event of a function, speaking of this source instead of the sample's."""
        event = json.loads((EVENTS / f"{name}.json").read_text())
        run_id = self.ledger.entry(source).get("run_id", "sales-0000000000000000")
        return _about(event, source, run_id)

    def event_of(self, name: str) -> Any:
        """Return the sample event of a function that speaks of no source."""
        return json.loads((EVENTS / f"{name}.json").read_text())

    def lake(self, prefix: str = "") -> list[str]:
        """The keys that readers see."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=LAKE, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def stand(self) -> dict[str, str]:
        """Key → version id of everything that readers see."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=LAKE)
        versions = [version for page in pages for version in page.get("Versions", [])]
        return {version["Key"]: version["VersionId"] for version in versions if version["IsLatest"]}

    def table(self, dataset: str = "sales") -> pl.DataFrame:
        """The rows that readers see, with the partition columns out of the paths, and `$path` as in Athena."""
        frames = []
        for key in self.readable(dataset):
            body = self.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
            names = dict(part.split("=", 1) for part in key.split("/")[2:-1]) | {"$path": f"s3://{LAKE}/{key}"}
            frames.append(pl.read_parquet(io.BytesIO(body)).with_columns(**{k: pl.lit(v) for k, v in names.items()}))
        return pl.concat(frames) if frames else pl.DataFrame()

    def readable(self, dataset: str) -> list[str]:
        """The keys of a table's objects: of an Iceberg table those in its current snapshot."""
        with suppress(self.glue.exceptions.EntityNotFoundException):
            table = self.glue.get_table(DatabaseName=DATABASE, Name=dataset)["Table"]
            if table["Parameters"].get("table_type") == "ICEBERG":
                tasks = load(Catalog(self.glue, DATABASE), dataset, S3FileIO(self.s3)).scan().plan_files()
                return sorted(task.file.file_path.removeprefix(f"s3://{LAKE}/") for task in tasks)
        return self.lake(f"published/{dataset}/")

    def query(self, plan: dict[str, Any]) -> str:
        """Run a planned count over what readers see, as Athena would; return the query's execution id."""
        sql = plan["query"]
        for literal in plan["parameters"]:
            sql = sql.replace("?", literal, 1)
        database = duckdb.connect()
        database.execute(
            'CREATE TABLE sales (_source_key VARCHAR, _run_id VARCHAR, sale_month VARCHAR, "$path" VARCHAR)'
        )
        if (seen := self.table()).height:
            rows = seen.select("_source_key", "_run_id", "sale_month", "$path").rows()
            database.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", rows)
        counts = database.execute(sqlglot.transpile(sql, read="trino", write="duckdb")[0]).fetchall()
        return answer_query([["_source_key", "_run_id", "rows"], *counts])

    def messages(self) -> list[dict[str, Any]]:
        """What was sent to the topic and to the bus since the last call, oldest first."""
        found = []
        while batch := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in batch:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def ended(self, run_id: str, status: str = "SUCCEEDED") -> list[str]:
        """Tell Describe that a run's execution has ended; return the keys of the pages it wrote."""
        event = self.event_of("describe")
        event["detail"] |= {"name": run_id, "status": status}
        return list(self.invoke("describe", event)["pages"])

    def describe(self) -> list[str]:
        """Hand Describe what has happened since the last call, as the rules would; return the keys of the pages."""
        events = [message for message in self.messages() if "detail-type" in message]
        runs = dict.fromkeys(event["detail"]["run_id"] for event in events if event["detail-type"] == "DatasetUpdated")
        notices = [event for event in events if event["detail-type"] in ("RunFailed", "FileRejected")]
        pages = [key for event in notices for key in self.invoke("describe", event)["pages"]]
        return [*pages, *(key for run_id in runs for key in self.ended(run_id))]

    def dead_letters(self) -> list[dict[str, Any]]:
        """What was laid into the dead letter queue."""
        queue = ENVIRONMENT["DEAD_LETTERS_URL"]
        answer = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return list(answer.get("Messages", []))

    def _listen(self) -> None:
        self.queue = self.sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:heard"
        sns, events = boto3.client("sns"), boto3.client("events")
        topic = sns.create_topic(Name="acme-sales-alerts")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        events.put_rule(Name="heard", EventPattern=json.dumps({"source": ["sluice"]}))
        events.put_targets(Rule="heard", Targets=[{"Id": "heard", "Arn": arn}])


def answer_query(rows: list[list[Any]]) -> str:
    """Let moto's Athena answer its next query with these rows; return that query's execution id."""
    data = [{"Data": [{"VarCharValue": str(cell)} for cell in row]} for row in rows]
    answer = {"account_id": ACCOUNT, "region": REGION, "results": [{"rows": data, "column_info": []}]}
    requests.post("http://motoapi.amazonaws.com/moto-api/static/athena/query-results", json=answer, timeout=10)
    athena = boto3.client("athena")
    started = athena.start_query_execution(
        QueryString="SELECT 1", ResultConfiguration={"OutputLocation": f"s3://{WORK}/athena/"}
    )
    return str(started["QueryExecutionId"])


def _create_ledger(client: Any) -> None:
    client.create_table(
        TableName=LEDGER,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "source", "AttributeType": "S"},
            {"AttributeName": "version", "AttributeType": "S"},
            {"AttributeName": "dataset", "AttributeType": "S"},
            {"AttributeName": "updated_at", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_dataset",
                "KeySchema": [
                    {"AttributeName": "dataset", "KeyType": "HASH"},
                    {"AttributeName": "updated_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        KeySchema=[
            {"AttributeName": "source", "KeyType": "HASH"},
            {"AttributeName": "version", "KeyType": "RANGE"},
        ],
    )


def _about(event: Any, source: ObjectVersion, run_id: str) -> Any:
    """Return the event with the sample's source and run replaced, also inside JSON texts."""
    if isinstance(event, dict):
        if event.get("id") == SAMPLE.id:
            return source.to_dict()
        if event.get("version-id") == SAMPLE.version_id:
            new = {"key": source.key, "size": source.size, "version-id": source.version_id}
            return {**event, **new, "sequencer": source.sequencer}
        return {name: _about(value, source, run_id) for name, value in event.items()}
    if isinstance(event, list):
        return [_about(value, source, run_id) for value in event]
    if isinstance(event, str) and event.startswith("{"):
        return json.dumps(_about(json.loads(event), source, run_id))
    return run_id if event == SAMPLE_RUN else event
