"""`make permissions`: the whole campaign; prints a table and writes out/permissions.json.

It fails when a permission is superfluous, when a trial breaks off, and when --role and --action leave none.
"""

import argparse
import json
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.permissions.campaign import BROKEN_OFF, NEEDED, SUPERFLUOUS, UNPROVEN, Trial, document
from tests.permissions.flows import FLOWS
from tests.permissions.lanes import Lanes
from tests.permissions.policies import Permission
from tests.permissions.world import ROOT

OUT = ROOT / "out" / "permissions.json"
OF_SPARK = ("large", "stopped")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", action="append", help="only the permissions of this role (its logical id)")
    parser.add_argument("--action", default="*", help="only these actions, such as glue:*")
    parser.add_argument("--without-spark", action="store_true", help="leave out what needs Java and pyspark")
    parser.add_argument("--lanes", type=int, default=2, help="local AWSs at the same time")
    given = parser.parse_args()
    flows = tuple(flow for flow in FLOWS if not (given.without_spark and flow.name in OF_SPARK))
    console = Console() if sys.stdout.isatty() else Console(width=180)
    started = time.monotonic()
    lanes = Lanes(given.lanes, flows, roles=given.role, action=given.action)

    def result() -> dict[str, Any]:
        trials = [lanes.trials[number] for number in lanes.wanted if number in lanes.trials]
        seconds = round(time.monotonic() - started)
        return document(trials, lanes.exercised) | {"left": len(lanes.wanted) - len(trials), "seconds": seconds}

    def keep() -> None:
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(result(), indent=1) + "\n")

    lanes.run(keep)
    keep()
    found = result()
    show(console, list(lanes.trials.values()))
    console.print(
        f"{found['tried']} of {found['permissions']} permissions tried, {found['failures_seen']} failures seen, "
        f"{found['superfluous']} superfluous; {found['not_enforceable_locally']} not enforceable locally "
        f"(listed above); {found['broken_off']} broken off; {found['seconds']} s. All of it: {OUT.relative_to(ROOT)}"
    )
    return 1 if found["superfluous"] or found["broken_off"] or not found["permissions"] else 0


def show(console: Console, trials: list[Trial]) -> None:
    for outcome in (NEEDED, UNPROVEN, BROKEN_OFF, SUPERFLUOUS):
        table = Table(title=outcome, title_justify="left")
        for column in ("role", "action", "resource", "flow", "why"):
            table.add_column(column, overflow="fold")
        for trial in (trial for trial in trials if trial.outcome == outcome):
            what = trial.permission
            table.add_row(what.role, what.action, short(what), trial.flow, trial.why[:160])
        if table.row_count:
            console.print(table)


def short(permission: Permission) -> str:
    """The resource without partition, account and region."""
    return permission.resource.split(":", 5)[-1]


if __name__ == "__main__":
    sys.exit(main())
