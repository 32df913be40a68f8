"""Flows of a file that is uploaded and cleaned by Lambda, into tables and an environment new, old or as they were."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import HOLD_SECONDS, Ledger
from tests.permissions.expectations import (
    TABLES,
    Wrong,
    fresh,
    logged,
    numbers,
    published,
)
from tests.permissions.world import World, guests

CRAWLER_LOGS = "/aws-glue/crawlers"


def good(world: World) -> list[str]:
    """A good file with a new partition goes all the way."""
    wrong = Wrong()
    key, month = fresh("good")
    body = guests({"arrival": f"{month}-01"}, {"arrival": f"{month}-02"}, {"nights": "0"})
    version = published(world, key, body, wrong)
    if wrong:
        return wrong
    wrong.expect(world.rows(key) == 2, "consumers see its two rows")
    wrong.expect(world.tags(key, version).get("sluice:status") == "PUBLISHED", "the upload is tagged PUBLISHED")
    wrong.expect(world.announced("DatasetUpdated", key), "the event bus is notified")
    quarantined = f"SELECT count(*) FROM guests_quarantine WHERE _source_key = 's3://{world.raw}/{key}'"  # noqa: S608
    wrong.expect(world.query(quarantined) == [["1"]], "the quarantine has its third row")
    return wrong


def rejected(world: World) -> list[str]:
    """A file that is none of ours is rejected, and people are notified."""
    wrong = Wrong()
    key, _ = fresh("rejected")
    version = world.put(key, "no,header,of,ours\n1,2,3,4\n")
    status = world.status(key, version, "REJECTED", "PUBLISHED", "FAILED")
    wrong.expect(status == "REJECTED", f"the ledger says REJECTED ({status or 'nothing'})")
    wrong.expect(world.tags(key, version).get("sluice:validation") == "rejected", "the upload is tagged")
    if not wrong:
        wrong.expect(world.alerted(key), "people are notified")
        wrong.expect(world.announced("FileRejected", key), "the event bus is notified")
        report = f"reports/{world.entry(key, version)['source_id']}/validation.json"
        wrong.expect(report in world.objects(world.stack.outputs["WorkBucketName"], report), "the report is there")
    return wrong


def released(world: World) -> list[str]:
    """A file that is held for a batch which never comes is started by the watch, without a second validation."""
    wrong = Wrong()
    key, month = fresh("released")
    version = world.put(key, guests({"arrival": f"{month}-01"}))
    source = ObjectVersion(world.raw, key, version, "", 0)
    dynamodb, table = world.aws.client("dynamodb"), world.stack.outputs["LedgerTableName"]
    Ledger(dynamodb, table).note_put(source, origin="backfill", hold=True)
    held = world.wait(lambda: world.entry(key, version), lambda entry: "held_until" in entry)
    if not wrong.expect("held_until" in held, "the file is held"):
        return wrong
    Ledger(dynamodb, table, clock=lambda: time.time() - HOLD_SECONDS - 1).note_put(source, origin="backfill", hold=True)
    later = datetime.now(UTC) + timedelta(seconds=HOLD_SECONDS + 60)
    world.invoke("WatchFunction", {"time": later.isoformat()})
    status = world.status(key, version, "PUBLISHED", "FAILED", "REJECTED")
    wrong.expect(status == "PUBLISHED", f"the ledger says PUBLISHED ({status or 'nothing'})")
    return wrong


def first(world: World) -> list[str]:
    """A first file makes the tables and the crawler's log."""
    database, glue = world.stack.outputs["DatabaseName"], world.aws.client("glue")
    for table in TABLES:
        with suppress(glue.exceptions.EntityNotFoundException):
            glue.delete_table(DatabaseName=database, Name=table)
    logs = world.aws.client("logs")
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=CRAWLER_LOGS)
    wrong = Wrong(good(world))
    wrong.expect(logged(world, CRAWLER_LOGS, world.stack.outputs["CrawlerName"]), "the crawler's log is kept")
    return wrong


def cold(world: World) -> list[str]:
    """A new environment of the cleaning function reads the key of the hashes."""
    wrong = Wrong()
    name, functions = world.stack.resources["CleanFunction"], world.aws.client("lambda")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {"Variables": variables | {"COLD": str(next(numbers))}}
    functions.update_function_configuration(FunctionName=name, Environment=changed)
    key, _ = fresh("cold")
    published(world, key, guests({"arrival": "2025-03-05", "email": "cold@example.org"}), wrong)
    return wrong


def described(world: World) -> list[str]:
    """There is a page of a run, of its dataset and of a rejected file."""
    wrong = Wrong()
    work = world.stack.outputs["WorkBucketName"]
    key, _ = fresh("described")
    version = published(world, key, guests({"arrival": "2025-03-05"}), wrong)
    bad, _ = fresh("rejected")
    bad_version = world.put(bad, "no,header,of,ours\n1,2,3,4\n")
    world.status(bad, bad_version, "REJECTED", "PUBLISHED", "FAILED")
    if wrong:
        return wrong
    run_id, bad_id = world.entry(key, version)["run_id"], world.entry(bad, bad_version)["source_id"]
    wanted = {f"runs/{run_id}/report.html", f"runs/{run_id}/report.json", f"reports/{bad_id}/report.html"}

    def missing() -> set[str]:
        there = {*world.objects(work, f"runs/{run_id}/"), *world.objects(work, f"reports/{bad_id}/")}
        if not world.objects(work, "pages/guests.html"):
            return wanted | {"pages/guests.html"}
        page = world.aws.client("s3").get_object(Bucket=work, Key="pages/guests.html")["Body"].read().decode()
        return (wanted - there) | {f"{run_id} on pages/guests.html" for _ in "x" if run_id not in page}

    left = world.wait(missing, lambda left: not left)
    wrong.expect(not left, f"there is {sorted(left)}")
    return wrong


def corrected(world: World) -> list[str]:
    """A second version of a file replaces just the first one's rows."""
    wrong = Wrong()
    key, month = fresh("corrected")
    published(world, key, guests({"arrival": f"{month}-01"}, {"arrival": "2025-03-05"}, {"nights": "0"}), wrong)
    if not wrong:
        published(world, key, guests({"arrival": "2025-03-06"}), wrong)
    if not wrong:
        wrong.expect(world.rows(key) == 1, "consumers see the new row only")
        wrong.expect(month in world.months(), "the partition that is empty now stays registered")
    return wrong
