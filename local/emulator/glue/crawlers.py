"""A crawler reads its targets under its role; MiniStack's crawlers report SUCCEEDED without reading anything.

Catalog targets are refused as AWS refuses them, when they are set: mixed with other targets, with a delete behavior
other than LOG, or naming a table that does not exist (Glue guide, "Choose data sources" and "Crawler API").
"""

import contextvars
import threading
import time
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import new_uuid
from ministack.services import glue

from local.emulator.glue.crawl import Crawl, NotCrawled
from local.emulator.glue.hive import UnknownType
from local.emulator.iam import roles

LOG_GROUP = "/aws-glue/crawlers"
Answer = tuple[int, dict[str, str], bytes]
Crawler = dict[str, Any]

_starting = threading.Lock()


def start(data: dict[str, Any]) -> Answer:
    """StartCrawler."""
    name = data.get("Name")
    crawler = glue._crawlers.get(name)
    if crawler is None:
        return error("EntityNotFoundException", f"Crawler with name {name} does not exist")
    with _starting:
        if crawler["State"] != "READY":
            return error("CrawlerRunningException", f"Crawler with name {name} has already started")
        crawler.update(State="RUNNING", CrawlElapsedTime=0)
    # A thread does not inherit the request's account and region by itself.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(carry_out, crawler), daemon=True).start()
    answer: Answer = glue.json_response({})
    return answer


def error(code: str, message: str) -> Answer:
    answer: Answer = glue.error_response_json(code, message, 400)
    return answer


def refusal(targets: dict[str, Any], policy: dict[str, str]) -> Answer | None:
    """The error that targets meet with a SchemaChangePolicy, if they do."""
    catalog = targets.get("CatalogTargets") or []
    if not catalog:
        return None
    if any(entries for kind, entries in targets.items() if kind != "CatalogTargets"):
        return error("InvalidInputException", "Catalog targets cannot be mixed with other types of targets")
    if policy.get("DeleteBehavior", "DEPRECATE_IN_DATABASE") != "LOG":
        return error("InvalidInputException", "The delete behavior of a crawler with catalog targets must be LOG")
    for target in catalog:
        for name in target.get("Tables") or []:
            if f"{target['DatabaseName']}/{name}" not in glue._tables:
                return error("EntityNotFoundException", f"Table {target['DatabaseName']}.{name} not found")
    return None


def carry_out(crawler: Crawler) -> None:
    """Crawl, and set its final status."""
    started_at, failure = time.time(), ""
    try:
        credentials = roles.credentials(crawler["Role"], service="glue.amazonaws.com", session="AWS-Crawler")
        crawl = Crawl(crawler, credentials)
        try:
            crawl.run()
        except (ClientError, UnknownType, NotCrawled) as caught:
            failure = str(caught)
            crawl.messages.append(f"ERROR : {failure}")
        keep_log(credentials, crawler, crawl.messages)
    except roles.RoleUnusable as caught:
        failure = str(caught)
    crawler["LastCrawl"] = {
        "Status": "FAILED" if failure else "SUCCEEDED",
        "LogGroup": LOG_GROUP,
        "LogStream": crawler["Name"],
        "MessagePrefix": new_uuid(),
        "StartTime": started_at,
    } | ({"ErrorMessage": failure} if failure else {})
    crawler.update(State="READY", CrawlElapsedTime=int((time.time() - started_at) * 1000))


def keep_log(credentials: roles.Credentials, crawler: Crawler, messages: list[str]) -> None:
    """Put the crawl's messages into CloudWatch Logs; without the permission there is no log, as in AWS."""
    logs = roles.client("logs", credentials)
    where = {"logGroupName": LOG_GROUP, "logStreamName": crawler["Name"]}
    now = int(time.time() * 1000)
    for operation, arguments in (
        (logs.create_log_group, {"logGroupName": LOG_GROUP}),
        (logs.create_log_stream, where),
        (logs.put_log_events, where | {"logEvents": [{"timestamp": now, "message": text} for text in messages]}),
    ):
        try:
            operation(**arguments)
        except ClientError as caught:
            if caught.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                return


def patch() -> None:
    create, update = glue._create_crawler, glue._update_crawler

    def create_checked(data: dict[str, Any]) -> Answer:
        refused = refusal(data.get("Targets", {}), data.get("SchemaChangePolicy", {}))
        return refused or create(data)

    def update_checked(data: dict[str, Any]) -> Answer:
        kept = glue._crawlers.get(data.get("Name")) or {}
        given = {name: data.get(name, kept.get(name, {})) for name in ("Targets", "SchemaChangePolicy")}
        return refusal(given["Targets"], given["SchemaChangePolicy"]) or update(data)

    glue._create_crawler = create_checked
    glue._update_crawler = update_checked
    glue._start_crawler = start
