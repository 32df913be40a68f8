"""What the campaign found: a table for people, a JSON document for machines."""

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.campaign import BROKEN, REDRIVEN, UNHELPED, UNREACHED, Outcome

COLUMNS = (UNHELPED, REDRIVEN, BROKEN, UNREACHED)


def document(outcomes: Sequence[Outcome], *, seconds: float, not_run: int) -> dict[str, Any]:
    """Return everything that was found; `faults` counts those that struck."""
    struck = [outcome for outcome in outcomes if outcome.part != "scenario" and outcome.survived != UNREACHED]
    return {
        "faults": len(struck),
        "survived_without_help": sum(outcome.survived == UNHELPED for outcome in struck),
        "survived_after_redrive": sum(outcome.survived == REDRIVEN for outcome in struck),
        "scenarios": sum(outcome.part == "scenario" for outcome in outcomes),
        "broken": sum(outcome.survived == BROKEN for outcome in outcomes),
        "not_reached": sum(outcome.survived == UNREACHED for outcome in outcomes),
        "not_run": not_run,
        "rows_lost": sum(outcome.lost for outcome in outcomes),
        "rows_doubled": sum(outcome.doubled for outcome in outcomes),
        "seconds": round(seconds),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "load": os.getloadavg()},
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }


def write(found: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def show(console: Console, outcomes: Sequence[Outcome], found: dict[str, Any]) -> None:
    """Print the table, what is broken, and the sum."""
    table = Table("part", "fault", *COLUMNS, "rows lost", "rows doubled", title="Faults, and how they were repaired")
    for part, kind in dict.fromkeys((outcome.part, outcome.kind) for outcome in outcomes):
        these = [outcome for outcome in outcomes if (outcome.part, outcome.kind) == (part, kind)]
        counts = Counter(outcome.survived for outcome in these)
        sums = [sum(outcome.lost for outcome in these), sum(outcome.doubled for outcome in these)]
        table.add_row(part, kind, *(str(counts[column] or "") for column in COLUMNS), *map(str, sums))
    console.print(table)
    for outcome in outcomes:
        if outcome.survived == BROKEN:
            console.print(f"[bold red]{BROKEN}[/] {outcome.part}: {outcome.fault}", *outcome.problems[:5], sep="\n  ")
    console.print(
        f"{found['faults']} faults injected: {found['survived_without_help']} survived without help, "
        f"{found['survived_after_redrive']} after a redrive, {found['broken']} broken; {found['scenarios']} scenarios; "
        f"rows lost {found['rows_lost']}, rows doubled {found['rows_doubled']}; {found['not_reached']} faults not "
        f"reached, {found['not_run']} not run; {found['seconds']} s"
    )
