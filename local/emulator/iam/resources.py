"""IAM checks Glue, Athena and Logs calls on their own resources; MiniStack on wrong ones, and refuses right policies.

Glue: MiniStack takes a crawler's name for a table's; a call on a table is checked on the catalog, the database and
the table (docs: "Specifying AWS Glue resource ARNs"). Athena: a query belongs to its workgroup.
Logs: in policies the ARN of a group ends in `:*`, which covers its streams (docs: "CloudWatch Logs resources").
Lambda: a layer version is read by lambda:GetLayerVersion on its own ARN (Service Authorization Reference).
"""

import json
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import athena

# The API actions whose names say which kind of resource `Name`, `JobName`, ... names.
BY_NAME = (("Crawler", "crawler"), ("JobRun", "job"), ("Job", "job"), ("SecurityConfiguration", None))


class Resources(str):
    """The first of several resources that one call needs to be allowed on; `others` are the rest."""

    others: tuple[str, ...] = ()


def glue_resources(action: str, given: dict[str, Any], root: str) -> list[str]:
    """The ARNs that a Glue call is checked on; `root` is arn:aws:glue:REGION:ACCOUNT."""
    for part, kind in BY_NAME:
        if part in action:
            name = given.get("JobName") or given.get("CrawlerName") or given.get("Name")
            return [f"{root}:{kind}/{name}"] if kind and name else ["*"]
    if "Database" in action or "Table" in action or "Partition" in action:
        return catalog_resources(action, given, root)
    return ["*"]


def catalog_resources(action: str, given: dict[str, Any], root: str) -> list[str]:
    """The catalog, the database, and the table or tables of a catalog call."""
    database = given.get("DatabaseName") or (given.get("DatabaseInput") or {}).get("Name")
    if database is None and "Database" in action:
        database = given.get("Name")
    found = [f"{root}:catalog"]
    if database is None:
        return found
    found.append(f"{root}:database/{database}")
    table_input = given.get("TableInput") or {}
    table = given.get("TableName") or table_input.get("Name") or given.get("Name")
    tables = given.get("TablesToDelete") or ([table] if table and "Database" not in action else [])
    if "GetTables" in action:
        tables = ["*"]
    return found + [f"{root}:table/{database}/{name}" for name in tables]


def athena_resource(given: dict[str, Any], root: str) -> str:
    """The workgroup of an Athena call: named, or that of the query which is named."""
    execution = athena._executions.get(given.get("QueryExecutionId", "")) or {}
    return f"{root}:workgroup/{given.get('WorkGroup') or execution.get('WorkGroup') or 'primary'}"


def log_resource(given: dict[str, Any], root: str) -> str:
    """The stream that a call of Logs names, or would name in the group that it names."""
    return f"{root}:log-group:{given['logGroupName']}:log-stream:{given.get('logStreamName', '')}"


def layer_version(service: str, query: Any) -> str:
    """The ARN of the layer version that a GetLayerVersionByArn names, empty for any other call."""
    if service != "lambda" or "LayerVersion" not in query.get("find", []):
        return ""
    arn = query["Arn"]
    return str(arn if isinstance(arn, str) else arn[0])


def patch() -> None:
    action_of = iam_actions.extract_iam_action
    extract, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def extract_right(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account: str
    ) -> str:
        if layer := layer_version(service, query):
            return layer
        if service not in ("glue", "athena", "logs") or path.startswith("/iceberg"):
            return str(extract(service, method, path, headers, body, query, region, account))
        given = json.loads(body or b"{}")
        root = f"arn:aws:{service}:{region}:{account}"
        if service == "logs" and given.get("logGroupName"):
            return log_resource(given, root)
        if service == "logs":
            return str(extract(service, method, path, headers, body, query, region, account))
        if service == "athena":
            return athena_resource(given, root)
        found = glue_resources(headers.get("x-amz-target", "").rsplit(".", 1)[-1], given, root)
        resources = Resources(found[-1])
        resources.others = tuple(found[:-1])
        return resources

    def extract_action(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if layer_version(service, query):
            return "lambda:GetLayerVersion"
        return action_of(service, method, path, headers, body, query)

    def enforce_all(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **context: Any
    ) -> Any:
        for resource in (resource_arn, *getattr(resource_arn, "others", ())):
            denied = enforce(access_key, action, service, region, resource_arn=str(resource), **context)
            if denied:
                return denied
        return None

    iam_actions.extract_iam_action = extract_action
    iam_actions.extract_resource_arn = extract_right
    iam_evaluator.enforce = enforce_all
