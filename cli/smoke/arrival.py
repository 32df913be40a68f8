"""Says why an upload does not arrive or fails, and what to do."""

from botocore.exceptions import BotoCoreError, ClientError

from cli.stack.connection import Stack
from cli.stack.history import Entry

RULE = "UploadRule"
_DEPLOY = "deploy the template again"


def resources(stack: Stack) -> dict[str, tuple[str, str]]:
    """Return the resources of the stack: logical id → type and name."""
    pages = stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
    return {
        each["LogicalResourceId"]: (each["ResourceType"], each.get("PhysicalResourceId", ""))
        for page in pages
        for each in page["StackResourceSummaries"]
    }


def unseen(stack: Stack) -> str:
    """Return what to do when no event of an upload has reached the ledger."""
    try:
        return _missing_link(stack)
    except (ClientError, BotoCoreError) as error:
        return f"look for the missing link between bucket, rule, queue and Validate: {error}"


def _missing_link(stack: Stack) -> str:
    notified = stack.client("s3").get_bucket_notification_configuration(Bucket=stack.raw)
    if "EventBridgeConfiguration" not in notified:
        return f"the raw bucket sends no events to EventBridge: {_DEPLOY}"
    events, rule = stack.client("events"), resources(stack)[RULE][1].rsplit("/", 1)[-1]
    try:
        state = events.describe_rule(Name=rule)["State"]
    except events.exceptions.ResourceNotFoundException:
        return f"the rule {rule} ({RULE}) is gone: delete nothing by hand, {_DEPLOY}"
    if state != "ENABLED":
        return f"the rule {rule} ({RULE}) is {state}: aws events enable-rule --name {rule}"
    if not events.list_targets_by_rule(Rule=rule)["Targets"]:
        return f"the rule {rule} ({RULE}) has no target: {_DEPLOY}"
    queue = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.output("UploadQueueUrl"),
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    if waiting := sum(int(count) for count in queue.values()):
        return f"{waiting} uploads wait in the queue: read the log of {stack.name}-validate"
    return "the first events of a new bucket may take some minutes: repeat it, then sluice doctor"


def advice(stack: Stack, entry: Entry) -> str:
    """Return what to do about a file that did not end as planned."""
    cause = f"{entry.get('error', '')} {entry.get('cause', '')}"
    if "AccessDenied" in cause or "not authorized" in cause:
        return f"a permission is missing; the step permissions names it, else {_DEPLOY}"
    if "key_follows_naming_rule" in entry.get("reasons", {}):
        return "the stack does not have the dataset of the smoke test: deploy this folder's version"
    option = "" if stack.local else f" --stack {stack.name}"
    return f"sluice show {entry.get('run_id') or stack.key(entry['source'])}{option}"
