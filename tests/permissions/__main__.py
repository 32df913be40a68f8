"""`make permissions`: the whole campaign; prints a table, writes out/permissions.json, fails on a superfluous one."""

import argparse
import json
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.permissions.campaign import (
    NEEDED,
    SUPERFLUOUS,
    UNPROVEN,
    Permission,
    Policies,
    Trial,
    attempt,
    document,
    exercise,
)
from tests.permissions.flows import FLOWS
from tests.permissions.world import ROOT, running

OUT = ROOT / "out" / "permissions.json"
OF_SPARK = ("large", "stopped")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", action="append", help="only the permissions of this role (its logical id)")
    parser.add_argument("--action", default="*", help="only these actions, such as glue:*")
    parser.add_argument("--without-spark", action="store_true", help="leave out what needs Java and pyspark")
    given = parser.parse_args()
    flows = tuple(flow for flow in FLOWS if not (given.without_spark and flow.name in OF_SPARK))
    console = Console() if sys.stdout.isatty() else Console(width=180)
    started, trials = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as world:
        exercised = exercise(world, flows)
        wanted = (one for one in Policies(world).all() if one.role in (given.role or [one.role]))
        permissions = [one for one in wanted if fnmatchcase(one.action, given.action)]
        for number, permission in enumerate(permissions, 1):
            trials.append(attempt(world, permission, exercised))
            told = f"{permission.role} {permission.action} {short(permission)}"
            sys.stderr.write(f"{number}/{len(permissions)} {told}: {trials[-1].outcome}\n")
    result = document(trials, exercised) | {"seconds": round(time.monotonic() - started)}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=1) + "\n")
    show(console, trials)
    console.print(
        f"{result['tried']} of {result['permissions']} permissions tried, {result['failures_seen']} failures seen, "
        f"{result['superfluous']} superfluous; {result['not_enforceable_locally']} not enforceable locally "
        f"(listed above); {result['seconds']} s. All of it: {OUT.relative_to(ROOT)}"
    )
    return 1 if result["superfluous"] else 0


def show(console: Console, trials: list[Trial]) -> None:
    for outcome in (NEEDED, UNPROVEN, SUPERFLUOUS):
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
