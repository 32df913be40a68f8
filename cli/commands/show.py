"""`sluice show`: prints the history of a run, or of a file in all its versions."""

from collections.abc import Sequence
from datetime import UTC
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.commands.runs import REPLACED
from cli.stack import history
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.executions import StateTime, execution, run_input, state_times
from cli.stack.follow import print_outcome
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson
from sluice.aws.object_keys import report_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.ledger.history import replacements


def show(
    what: Annotated[str, typer.Argument(metavar="RUN|KEY", help="A run's id, an object key, or its s3:// address.")],
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Print the history of a run or of a file: states, times, rows, reasons, cost.

    A file is printed with every version, the latest first. Each reason has its first rows; personal columns are masked.

    Exit 0: found. 1: the ledger has no such run or file.

    Example: sluice show sales/S001/2025-03-05.csv

    Example: sluice show sales-1f0c9d0a7b3e4c52
    """
    where = connect(stack, profile, region)
    if found := history.versions(where, where.uri(what)):
        versions = _with_replacements(where, [{**entry, "report": _report(where, entry)} for entry in found])
        if as_json:
            output.print_json(versions)
        else:
            _print_file(where, versions)
        return
    run = _run(where, what)
    if run is None:
        output.fail(f"the ledger has neither a run nor a file {what!r}; sluice runs lists them", code=1)
    if as_json:
        output.print_json(run)
    else:
        _print_run(where, run)


def _run(stack: Stack, run_id: str) -> dict[str, Any] | None:
    """Return a run: its execution, states and files. Its input is kept for WorkDays, its ledger entries for ever."""
    sources = run_input(stack, run_id)
    entries = list(history.entries(stack, ((each.uri, each.version_id) for each in sources)).values())
    entries = entries or history.of_run(stack, run_id)
    if not entries:
        return None
    described = execution(stack, run_id)
    return {
        "run_id": run_id,
        "dataset": entries[0]["dataset"],
        "status": described.get("status", "unknown"),
        "started": described.get("startDate"),
        "stopped": described.get("stopDate"),
        "error": described.get("error"),
        "cause": described.get("cause"),
        "states": [vars(state) for state in state_times(stack, run_id)] if described else [],
        "files": sorted(entries, key=lambda entry: entry["source"]),
    }


def _with_replacements(stack: Stack, versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each published version that is not in the table any more which version replaced it: `replaced_by`."""
    gone, by = history.replaced(stack, versions), replacements(versions)
    return [
        {**each, "replaced_by": {name: by[each["source_id"]][name] for name in ("version", "run_id")}}
        if (each["source"], each["version"]) in gone and each["source_id"] in by
        else each
        for each in versions
    ]


def _report(stack: Stack, entry: Entry) -> dict[str, Any]:
    """Return the validation report of a version, {} when it has expired or is not written yet."""
    s3 = stack.client("s3")
    try:
        report: dict[str, Any] = get_json(s3, stack.work, report_key(ObjectVersion.from_item(entry)))
    except s3.exceptions.NoSuchKey:
        return {}
    return report


def _print_file(stack: Stack, versions: Sequence[dict[str, Any]]) -> None:
    output.out.print(Text(versions[0]["source"], style="bold"), soft_wrap=True)
    for version in versions:
        output.out.print()
        status = REPLACED if "replaced_by" in version else version["status"]
        output.out.print(output.status_text(status), Text(f"version {version['version']}", style="dim"))
        output.facts(
            {
                "dataset": f"{version['dataset']}, contract version {version.get('contract_version', '?')}",
                "put by": version.get("origin"),
                "received": _time(version["received_at"]),
                "claimed": _time(version.get("claimed_at")),
                "published": _time(version.get("published_at")),
                "failed": _time(version.get("failed_at")),
                "replaced by": _replacement(version),
                "run": f"{version['run_id']}, attempt {version['attempt']}" if version.get("run_id") else None,
                "size": f"{version['size']:,} bytes",
                "rows": _account(version),
                "discarded": output.counts(version["discarded"]) if version.get("discarded") else None,
                "cleaning": _cleaning(version),
                "why": "\n".join(history.why(version)) or None,
            }
        )
        _print_reasons(version)
    if versions[0]["status"] == "FAILED":
        output.hint(f"sluice redrive {versions[0]['run_id']}")


def _print_reasons(version: dict[str, Any]) -> None:
    if not version.get("reasons"):
        return
    examples = version["report"].get("examples", {})
    found = sorted(version["reasons"].items(), key=lambda each: -each[1])
    output.reasons(
        (name, rows, [(each["row_number"], each["text"]) for each in examples.get(name, [])]) for name, rows in found
    )


def _print_run(stack: Stack, run: dict[str, Any]) -> None:
    output.out.print(
        output.status_text(run["status"]), Text(run["run_id"], style="bold"), Text(run["dataset"], style="dim")
    )
    took = (run["stopped"] - run["started"]).total_seconds() if run["stopped"] else None
    costs = [entry["cost_usd"] for entry in run["files"] if "cost_usd" in entry]
    output.facts(
        {
            "started": run["started"] and _time(run["started"].astimezone(UTC).isoformat()),
            "took": f"{took:,.1f} s" if took is not None else None,
            "files": len(run["files"]),
            "cleaning": f"about {output.usd(sum(costs))}" if costs else None,
            "why": run["error"] and f"{run['error']}: {run['cause']}",
        }
    )
    _print_states(run["states"])
    print_outcome(stack, run["files"])
    if any(entry["status"] == "FAILED" for entry in run["files"]):
        output.hint(f"sluice redrive {run['run_id']}")


def _print_states(states: list[dict[str, Any]]) -> None:
    if not states:
        return
    listed = Listing(("state", "times", "seconds"), right=("times", "seconds"))
    for each in states:
        state = StateTime(**each)
        listed.add_row(state.state, output.number(state.times), f"{state.seconds:,.1f}")
    listed.print(output.out)


def _replacement(version: Entry) -> str | None:
    by = version.get("replaced_by")
    return f"version {by['version']}, {by['run_id']}: none of its rows is in the table" if by else None


def _account(version: Entry) -> str | None:
    if "published" not in version:
        return f"{version['rows']:,}" if "rows" in version else None
    discarded = sum(version["discarded"].values())
    return output.account(f"{version['rows']:,}", version["published"], version["quarantined"], discarded)


def _cleaning(version: Entry) -> str | None:
    if "cleaning_seconds" not in version:
        return None
    return f"{version['engine']}, {version['cleaning_seconds']:.2f} s, about {output.usd(version['cost_usd'])}"


def _time(moment: str | None) -> str | None:
    return moment[:19].replace("T", " ") + " UTC" if moment else None
