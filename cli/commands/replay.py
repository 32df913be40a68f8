"""`sluice replay`: publishes files again, with corrected rows or by a changed contract."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.batch.candidates import put_again
from cli.batch.progress import exit_code, print_failures, run_all
from cli.batch.runner import Candidate, batches_of
from cli.repair import corrected_rows, preview
from cli.stack import history
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson, ParallelRuns
from sluice.contract import registry
from sluice.ledger.ledger import PUBLISHED

_ACCOUNT = ("rows", "published", "quarantined", "discarded")
_EVER = "0000"


def replay(
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="A corrected export of quarantined rows.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="A key to clean again; repeatable.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="Clean every file of it again that has rows in quarantine.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="With one --source: the version to clean, instead of the published one.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="With --dataset: every published file of it.")] = False,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than-version", min=1, help="With --dataset: files that were cleaned by an older contract version."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    at_a_time: ParallelRuns = 4,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Publish files again, with corrected rows or by a changed contract.

    FILE is a corrected export of sluice quarantine --export. Each file that it names is uploaded as a new version in
    which the corrected rows replace the old ones and no other byte is changed. Only rows that are in quarantine can be
    corrected; every changed cell is shown before you agree, with a warning where a spreadsheet may have changed it. The
    new version is validated and accounted for like any upload; rows that are good now leave the quarantine.

    Without FILE, unchanged files are cleaned again, after a change of the contract: use --source or --dataset. With
    --all or --older-than-version, the number of files and rows and the cost are shown before you agree. An interrupted
    --older-than-version continues where it stopped when it is repeated.

    Exit 0: all published. 1: some are not, or no row was corrected. 2: wrong usage, or no stack.

    Example: sluice quarantine sales --export rows.csv, correct it, then: sluice replay rows.csv --yes

    Example: sluice replay --dataset sales

    Example: sluice replay --dataset sales --older-than-version 2

    Example: sluice replay --source sales/S001/2025-03-05.csv --version 3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH
    """
    if [file is not None, bool(source), dataset is not None].count(True) != 1:
        raise typer.BadParameter("give one of FILE, --source and --dataset")
    if (every or older_than) and dataset is None:
        raise typer.BadParameter("--all and --older-than-version need --dataset")
    if version and (not source or len(source) > 1):
        raise typer.BadParameter("--version needs exactly one --source", param_hint="--version")
    where = connect(stack, profile, region)
    if file:
        rows = corrected_rows.read(file)
        uris = {uri for uri, _ in rows}
    else:
        uris = (
            {where.uri(key) for key in source} if source else _of_dataset(where, str(dataset), every, older_than, yes)
        )
    before = _published(where, uris)
    heads = history.heads(where, uris)
    changed = preview.changes(where, rows, heads) if file else []
    if changed and not yes:
        _ask(changed)
    candidates = list(corrected_rows.candidates(where, rows, heads)) if file else _again(where, uris, heads, version)
    result = run_all(where, batches_of(candidates), at_a_time)
    after = _published(where, uris)
    result["accounts"] = [
        {"source": uri, "before": _account(before.get(uri)), "after": _account(after.get(uri))} for uri in sorted(uris)
    ]
    if as_json:
        output.print_json(result)
    else:
        _print(where, result)
        print_failures(result)
    raise typer.Exit(exit_code(result))


def _ask(changed: Sequence[preview.Change]) -> None:
    preview.listing(changed).print(output.err)
    suspect = sum(bool(change.warning) for change in changed)
    question = f"{output.plural(len(changed), 'cell')} in all" + (f", {suspect:,} with a warning" if suspect else "")
    typer.confirm(f"{question}. Publish?", abort=True, err=True)


def _of_dataset(stack: Stack, dataset: str, every: bool, older_than: int | None, yes: bool) -> set[str]:
    """Return the published files of a dataset to clean again: all, the older ones, or those with rows in quarantine."""
    registry.load(dataset)
    found = history.published_now(stack, history.changed(stack, _EVER, dataset=dataset, status=PUBLISHED))
    if not (every or older_than):
        return {entry["source"] for entry in found if entry["quarantined"]}
    chosen = [entry for entry in found if every or entry["contract_version"] < int(older_than or 0)]
    cost = sum(entry.get("cost_usd", 0) for entry in chosen)
    rows = sum(entry["rows"] for entry in chosen)
    plan = f"{output.plural(len(chosen), 'file')}, {output.rows(rows)}, about {output.usd(cost)} as they cost before"
    output.err.print(plan, highlight=False)
    if chosen and not yes:
        typer.confirm("Clean them again?", abort=True, err=True)
    return {entry["source"] for entry in chosen}


def _again(stack: Stack, uris: Iterable[str], heads: Mapping[str, Entry], version: str | None) -> list[Candidate]:
    candidates = []
    for uri in sorted(uris):
        key = stack.key(uri)
        wanted = version or heads.get(uri, {}).get("published_version") or _latest(stack, uri)
        candidates.append(Candidate(key, registry.match(key).dataset, partial(put_again, stack, key, wanted)))
    return candidates


def _latest(stack: Stack, uri: str) -> str:
    """Return the latest version of a file that was never published (it may have been rejected)."""
    found = history.versions(stack, uri)
    if not found:
        output.fail(f"the ledger has no file {uri}; sluice runs lists the files", code=1)
    return str(found[0]["version"])


def _published(stack: Stack, uris: Iterable[str]) -> dict[str, Entry]:
    """Return the entries of the versions that are in the table now."""
    heads = history.heads(stack, uris)
    pairs = [(uri, head["published_version"]) for uri, head in heads.items() if "published_version" in head]
    return {uri: entry for (uri, _), entry in history.entries(stack, pairs).items()}


def _account(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return dict.fromkeys(_ACCOUNT, 0)
    return {name: entry[name] for name in _ACCOUNT[:3]} | {"discarded": sum(entry["discarded"].values())}


def _print(stack: Stack, result: dict[str, Any]) -> None:
    listed = Listing(("file", *_ACCOUNT), right=_ACCOUNT)
    for each in result["accounts"]:
        listed.add_row(Text(stack.key(each["source"])), *_changes(each["before"], each["after"]))
    if len(result["accounts"]) > 1:
        sides: Sequence[str] = ("before", "after")
        sums = {side: {name: sum(a[side][name] for a in result["accounts"]) for name in _ACCOUNT} for side in sides}
        listed.add_row(Text("all", style="bold"), *_changes(sums["before"], sums["after"]))
    listed.print(output.out)


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> list[Text]:
    texts = []
    for name in _ACCOUNT:
        same = before[name] == after[name]
        text = f"{after[name]:,}" if same else f"{before[name]:,} → {after[name]:,}"
        texts.append(Text(text, style="" if same else "bold"))
    return texts
