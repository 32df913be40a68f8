"""Maintain: expires snapshots of Iceberg tables on a schedule, deletes what none names, and compacts partitions."""

import os
import time
from typing import Any

from sluice.aws import clients
from sluice.aws.dynamodb import Items
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.maintain.maintain import clean_up, iceberg_tables
from sluice.maintain.merge import merge
from sluice.maintain.promises import Promises, promises
from sluice.publish.iceberg.compaction import compact
from sluice.publish.lake import Catalog, Lake

SNAPSHOT_DAYS = int(os.environ["SNAPSHOT_DAYS"])
LAKE = Lake(clients.client("s3"), os.environ["LAKE_BUCKET"])
CATALOG = Catalog(clients.client("glue"), os.environ["DATABASE"])
LEDGER = Items(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])

_SPARE_MS = 180_000
"""Milliseconds in which one file is merged and committed; with less time left none is begun."""


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, dict[str, int]]:
    """Return by table {snapshots, objects, partitions}: expired, deleted, compacted. event: the "Scheduled Event".

    What time does not suffice for is left to the next day. Raises RowsLost, CommitConflict and ManifestMissing.
    """

    def may_go_on() -> bool:
        return bool(context.get_remaining_time_in_millis() > _SPARE_MS)

    promised = promises(LEDGER.scan())
    tables = list(iceberg_tables(CATALOG))
    done = {}
    for dataset in tables:
        of_table = promised.get(dataset, Promises())
        cleanup = clean_up(LAKE, CATALOG, dataset, of_table, snapshot_days=SNAPSHOT_DAYS, now=time.time())
        done[dataset] = {**cleanup.to_dict(), "partitions": 0}
    for dataset in tables:
        for each in compact(LAKE, CATALOG, dataset, merge, now=time.time(), may_go_on=may_go_on):
            logger.info(
                "partition compacted",
                dataset=dataset,
                partition=each.partition,
                files=each.files,
                files_after=each.files_after,
                outcome=each.outcome,
            )
            done[dataset]["partitions"] += each.outcome == "compacted"
    logger.info("tables maintained", tables=done)
    return done
