"""`sluice show`: the life of one run, or of one file in all its versions."""

from collections.abc import Sequence
from datetime import UTC
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError
from rich.text import Text

from cli.stack import history
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.executions import Passage, execution, passages
from cli.stack.follow import outcome
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.options import AsJson
from sluice.aws.object_keys import report_key, run_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.ledger.runs import Run


def show_(
    what: Annotated[str, typer.Argument(metavar="RUN|KEY", help="A run's id, an object key, or its s3:// address.")],
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Tell the life of a run or of a file: states, times, rows, reasons, cost.

    Of a file every version is told, the latest first. Reasons show the first rows of each; personal columns are masked.

    Exit 0: found. 1: the ledger has never seen it.

    Example: sluice show sales/S001/2025-03-05.csv

    Example: sluice show sales-1f0c9d0a7b3e4c52
    """
    where = connect(stack, profile, region)
    if found := history.versions(where, where.uri(what)):
        lives = [{**entry, "report": _report(where, entry)} for entry in found]
        if as_json:
            output.print_json(lives)
        else:
            _print_file(where, lives)
        return
    run = _run(where, what)
    if run is None:
        output.fail(f"the ledger knows neither a run nor a file {what!r}; sluice runs lists them", code=1)
    if as_json:
        output.print_json(run)
    else:
        _print_run(where, run)


def _run(stack: Stack, run_id: str) -> dict[str, Any] | None:
    """Return a run: its execution, states and files. Its input is kept for WorkDays, its files for ever."""
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
        "states": [vars(passage) for passage in passages(stack, run_id)] if described else [],
        "files": sorted(entries, key=lambda entry: entry["source"]),
    }


def run_input(stack: Stack, run_id: str) -> tuple[ObjectVersion, ...]:
    """Return the sources that a run was started with; none when that is forgotten (after WorkDays)."""
    try:
        return Run.from_dict(get_json(stack.client("s3"), stack.work, run_key(run_id))).sources
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return ()


def _report(stack: Stack, entry: Entry) -> dict[str, Any]:
    """Return the gate's report on a version, {} when it has expired or is not written yet."""
    source = ObjectVersion.from_item(entry)
    try:
        report: dict[str, Any] = get_json(stack.client("s3"), stack.work, report_key(source))
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return {}
    return report


def _print_file(stack: Stack, lives: Sequence[dict[str, Any]]) -> None:
    output.out.print(Text(lives[0]["source"], style="bold"), soft_wrap=True)
    for life in lives:
        output.out.print()
        output.out.print(output.status_text(life["status"]), Text(f"version {life['version']}", style="dim"))
        output.facts(
            {
                "dataset": f"{life['dataset']}, contract version {life.get('contract_version', '?')}",
                "put by": life.get("origin"),
                "received": _time(life["received_at"]),
                "claimed": _time(life.get("claimed_at")),
                "published": _time(life.get("published_at")),
                "failed": _time(life.get("failed_at")),
                "run": f"{life['run_id']}, attempt {life['attempt']}" if life.get("run_id") else None,
                "size": f"{life['size']:,} bytes",
                "rows": _account(life),
                "discarded": output.counts(life["discarded"]) if life.get("discarded") else None,
                "cleaning": _cleaning(life),
                "why": "\n".join(life.get("problems", [])) or _error(life),
            }
        )
        _print_reasons(life)
    if lives[0]["status"] == "FAILED":
        output.hint(f"sluice redrive {lives[0]['run_id']}")


def _print_reasons(life: dict[str, Any]) -> None:
    if not life.get("reasons"):
        return
    examples = life["report"].get("examples", {})
    listed = output.table("reason", "rows", "first examples", right=("rows",), folded=("first examples",))
    for reason, rows in sorted(life["reasons"].items(), key=lambda each: -each[1]):
        told = [f"row {each['row_number']}: {output.short(each['text'])}" for each in examples.get(reason, [])]
        listed.add_row(reason, output.number(rows), Text("\n".join(told)))
    output.out.print(listed, highlight=False)


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
    outcome(stack, run["files"])
    if any(entry["status"] == "FAILED" for entry in run["files"]):
        output.hint(f"sluice redrive {run['run_id']}")


def _print_states(states: list[dict[str, Any]]) -> None:
    if not states:
        return
    listed = output.table("state", "times", "seconds", right=("times", "seconds"))
    for each in states:
        passage = Passage(**each)
        listed.add_row(passage.state, output.number(passage.times), f"{passage.seconds:,.1f}")
    output.out.print(listed, highlight=False)


def _account(life: Entry) -> str | None:
    if "published" not in life:
        return f"{life['rows']:,}" if "rows" in life else None
    discarded = sum(life["discarded"].values())
    return (
        f"{life['rows']:,} = {life['published']:,} published + {life['quarantined']:,} quarantined "
        f"+ {discarded:,} discarded"
    )


def _cleaning(life: Entry) -> str | None:
    if "cleaning_seconds" not in life:
        return None
    return f"{life['engine']}, {life['cleaning_seconds']:.2f} s, about {output.usd(life['cost_usd'])}"


def _error(life: Entry) -> str | None:
    return f"{life['error']}: {life['cause']}" if life["status"] == "FAILED" else None


def _time(told: str | None) -> str | None:
    return told[:19].replace("T", " ") + " UTC" if told else None
