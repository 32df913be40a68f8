"""Athena runs Trino's SQL under its caller's permissions, over registered partitions, within the workgroup's limits.

MiniStack runs DuckDB's SQL over everything, invents bytes scanned, doubles the result's key, and enforces neither the
workgroup's configuration nor its scan limit.
"""

import contextvars
import json
import logging
import threading
import time
from typing import Any

from botocore.exceptions import ClientError
from ministack.core import iam_evaluator, router
from ministack.core.responses import new_uuid
from ministack.services import athena

from local.emulator.athena import ctas
from local.emulator.athena.engine import Engine, Limits
from local.emulator.athena.errors import refusal
from local.emulator.athena.results import QueryCancelled, QueryFailed, Result, csv_of, shown, text_file_of
from local.emulator.iam import roles

Answer = tuple[int, dict[str, str], bytes]
Execution = dict[str, Any]
MAX_RESULTS = 1000

_caller: contextvars.ContextVar[roles.Credentials] = contextvars.ContextVar("caller")
_started: dict[str, str] = {}  # ClientRequestToken -> query id: a repeated request is the same query


def refuse(message: str) -> Answer:
    answer: Answer = athena.error_response_json("InvalidRequestException", message, 400)
    return answer


def start(data: dict[str, Any]) -> Answer:
    """StartQueryExecution."""
    token = data.get("ClientRequestToken")
    if token in _started:
        return athena.json_response({"QueryExecutionId": _started[token]})  # type: ignore[no-any-return]
    name = data.get("WorkGroup", "primary")
    workgroup = athena._workgroups.get(name)
    if workgroup is None:
        return refuse(f"WorkGroup {name} is not found.")
    configuration = workgroup.get("Configuration", {})
    result = result_configuration(data.get("ResultConfiguration", {}), configuration)
    if not result.get("OutputLocation"):
        return refuse("No output location provided, by the workgroup or the request.")
    if message := refusal(data["QueryString"]):
        return refuse(message)
    execution = new_execution(data, name, result)
    athena._executions[execution["QueryExecutionId"]] = execution
    if token:
        _started[token] = execution["QueryExecutionId"]
    # A thread does not inherit the request's account and region by itself.
    context = contextvars.copy_context()
    cutoff = configuration.get("BytesScannedCutoffPerQuery")
    arguments = (carry_out, execution, data.get("ExecutionParameters"), cutoff)
    threading.Thread(target=context.run, args=arguments, daemon=True).start()
    return athena.json_response({"QueryExecutionId": execution["QueryExecutionId"]})  # type: ignore[no-any-return]


def result_configuration(asked: dict[str, Any], workgroup: dict[str, Any]) -> dict[str, Any]:
    """Where and how the result is written: as the workgroup says if it enforces, else as asked."""
    own = workgroup.get("ResultConfiguration", {})
    enforced = workgroup.get("EnforceWorkGroupConfiguration", True)
    return dict(own if enforced and own.get("OutputLocation") else own | asked)


def new_execution(data: dict[str, Any], workgroup: str, result: dict[str, Any]) -> Execution:
    query_id = new_uuid()
    kind = athena._detect_statement_type(data["QueryString"])
    folder = result["OutputLocation"].rstrip("/")
    location = f"{folder}/{query_id}.{'csv' if kind == 'DML' else 'txt'}"
    if ctas.STATEMENT.match(data["QueryString"]):
        location = f"{folder}/tables/{query_id}"
    context = {"Catalog": "awsdatacatalog"} | data.get("QueryExecutionContext", {})
    version = "Athena engine version 3"
    return {
        "QueryExecutionId": query_id,
        "Query": data["QueryString"],
        "StatementType": kind,
        "ResultConfiguration": result | {"OutputLocation": location},
        "QueryExecutionContext": context,
        "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
        "Statistics": {"EngineExecutionTimeInMillis": 0, "DataScannedInBytes": 0},
        "WorkGroup": workgroup,
        "EngineVersion": {"SelectedEngineVersion": version, "EffectiveEngineVersion": version},
    } | ({"ExecutionParameters": data["ExecutionParameters"]} if data.get("ExecutionParameters") else {})


def carry_out(execution: Execution, parameters: list[str] | None, cutoff: int | None) -> None:
    """Run a query and set its final status."""
    status, started_at = execution["Status"], time.time()
    status["State"] = "RUNNING"
    database = execution["QueryExecutionContext"].get("Database", "default").strip("`")  # awswrangler quotes it for DDL
    location = execution["ResultConfiguration"]["OutputLocation"]
    writer = ctas.TableWriter(_caller.get(), database=database, location=location, encryption=encryption_of(execution))
    engine = Engine(_caller.get(), database=database, writer=writer)
    try:
        check_bucket(execution)
        result = engine.run(execution["Query"], parameters, Limits(cutoff))
        write(execution, result, writer.written)
        execution["_results"] = result
        ended, reason = "SUCCEEDED", None
    except QueryCancelled as error:
        ended, reason = "CANCELLED", str(error)
    except (QueryFailed, ClientError) as error:
        ended, reason = "FAILED", str(error)
    except Exception as error:
        # Athena's name for its own errors. Without an end the query would seem to run forever.
        ended, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}"
        logging.getLogger(__name__).exception("query %s", execution["QueryExecutionId"])
    milliseconds = int((time.time() - started_at) * 1000)
    execution["Statistics"] |= {
        "EngineExecutionTimeInMillis": milliseconds,
        "TotalExecutionTimeInMillis": milliseconds,
        "DataScannedInBytes": engine.bytes_scanned,
    }
    if status["State"] != "CANCELLED":  # which StopQueryExecution may have made it meanwhile
        status |= {"CompletionDateTime": time.time()} | ({"StateChangeReason": reason} if reason else {})
        status["State"] = ended


def bucket_and_key(execution: Execution) -> tuple[str, str]:
    bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    return bucket, key


def check_bucket(execution: Execution) -> None:
    """Athena first looks up the bucket of the result, and fails with this message when the caller may not."""
    try:
        roles.client("s3", _caller.get()).get_bucket_location(Bucket=bucket_and_key(execution)[0])
    except ClientError as error:
        raise QueryFailed(f"Unable to verify/create output bucket {bucket_and_key(execution)[0]}: {error}") from error


def encryption_of(execution: Execution) -> dict[str, str]:
    """The arguments of PutObject by which what a query writes is encrypted."""
    encryption = execution["ResultConfiguration"].get("EncryptionConfiguration", {})
    match encryption.get("EncryptionOption"):
        case "SSE_S3":
            return {"ServerSideEncryption": "AES256"}
        case "SSE_KMS":
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["KmsKey"]}
    return {}


def write(execution: Execution, result: Result, files: list[str]) -> None:
    """Write the result to its output location, or the manifest of the files of a table.

    Raises ClientError when the caller may not.
    """
    extra = encryption_of(execution)
    bucket, key = bucket_and_key(execution)
    s3 = roles.client("s3", _caller.get())
    if ctas.STATEMENT.match(execution["Query"]):
        manifest = f"{key}-manifest.csv"
        s3.put_object(Bucket=bucket, Key=manifest, Body="".join(f"{file}\n" for file in files).encode(), **extra)
        execution["Statistics"]["DataManifestLocation"] = f"s3://{bucket}/{manifest}"
    else:
        body = csv_of(result) if execution["StatementType"] == "DML" else text_file_of(result)
        s3.put_object(Bucket=bucket, Key=key, Body=body, **extra)
    s3.put_object(Bucket=bucket, Key=f"{key}.metadata", Body=json.dumps(result.columns).encode(), **extra)


def results(data: dict[str, Any]) -> Answer:
    """GetQueryResults."""
    execution = athena._executions.get(data.get("QueryExecutionId"))
    if execution is None:
        return refuse(f"QueryExecution {data.get('QueryExecutionId')} was not found")
    state = execution["Status"]["State"]
    if state != "SUCCEEDED":
        return refuse(f"Query did not finish successfully. Final query state: {state}")
    result: Result = execution["_results"]
    start_at, page = int(data.get("NextToken") or 0), int(data.get("MaxResults") or MAX_RESULTS)
    header: list[list[str | None]] = [[*result.names]] if execution["StatementType"] == "DML" else []
    texts = header + result.rows
    answer: dict[str, Any] = {
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": [shown(row) for row in texts[start_at : start_at + page]],
            "ResultSetMetadata": {"ColumnInfo": result.columns},
        },
    }
    if start_at + page < len(texts):
        answer["NextToken"] = str(start_at + page)
    return athena.json_response(answer)  # type: ignore[no-any-return]


def patch() -> None:
    handle = athena.handle_request

    async def handle_knowing_the_caller(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Any
    ) -> Answer:
        key = router.extract_access_key_id(headers, query)
        found = iam_evaluator.resolve_credential(key)
        if isinstance(found, iam_evaluator.ResolvedCredential):
            credentials = roles.Credentials(found.access_key_id, found.secret_access_key, found.session_token or "")
            _caller.set(credentials)
        answer: Answer = await handle(method, path, headers, body, query)
        return answer

    athena.handle_request = handle_knowing_the_caller
    athena._start_query_execution = start
    athena._get_query_results = results
