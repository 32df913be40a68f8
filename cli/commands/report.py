"""`sluice report`: fetches the page of a run, a file or a dataset, or makes the page of a local `sluice clean`."""

import json
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from cli.stack import history
from cli.stack import pages as linked
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.terminal import output
from cli.terminal.options import AsJson
from sluice.aws import object_keys
from sluice.contract import registry
from sluice.errors import SluiceError
from sluice.ledger.history import RunHistory
from sluice.manifest import Manifest
from sluice.report import column_profile, pages, run_page
from sluice.report.page_writer import PageWriter
from sluice.report.render import render
from sluice.validate.validator import column_of

_EXAMPLES = 3


class NoPage(SluiceError):
    """There is no such page; the message says why and what to do."""


@dataclass(frozen=True)
class Page:
    """A page in the work bucket. facts: the key of its JSON; run_id, dataset: of what it can be written anew."""

    key: str
    facts: str | None = None
    run_id: str | None = None
    dataset: str | None = None


def report(
    what: Annotated[str, typer.Argument(help="A run, an uploaded key, a dataset, or the manifest.json of a `clean`.")],
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="File to write, of this page alone.", show_default="in STACK-pages/"),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    renew: Annotated[bool, typer.Option("--renew", help="Write the page in the work bucket again first.")] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the page of a run, of an uploaded file, or of a dataset over time, with the pages that it leads to.

    They are written below the folder STACK-pages as they lie in the work bucket, so that their links work offline and
    no page has the place of another. With --out it is one HTML file, without links. A run's page is written some
    seconds after its end. Given the manifest.json of `sluice clean`, the page is written beside it. With --json the
    same facts are printed.

    Exit 0: done. 2: there is no such page, or no stack.

    Example: sluice report sales-c66ce407936a9ab413e32c455b75a32b --open

    Example: sluice report sales --out sales.html

    Example: sluice clean day.csv -d sales --out out/ && sluice report out/manifest.json
    """
    if Path(what).name == "manifest.json":  # of any other name, what is here may be what was uploaded
        _local(Path(what), out, open_, as_json)
        return
    where = connect(stack, profile, region)
    page = find(where, what)
    if renew:
        _write(where, page)
    if as_json:
        output.print_json(json.loads(_fetch(where, page.facts or page.key, what)))
        return
    body = _fetch(where, page.key, what)
    if out:
        out.write_bytes(linked.alone(page.key, body))
    else:
        out = linked.save(where, page.key, body, Path(f"{where.name}-pages"))
    _done(out, open_)


def find(where: Stack, what: str) -> Page:
    """Return the page of a dataset, of an uploaded key's latest version, or of a run. Raises NoPage."""
    if what in registry.contracts():
        return Page(object_keys.dataset_page_key(what), object_keys.dataset_facts_key(what), dataset=what)
    if "/" not in what:
        return Page(object_keys.run_page_key(what), object_keys.run_facts_key(what), run_id=what)
    versions = history.versions(where, where.uri(what))
    if not versions:
        raise NoPage(f"no file was uploaded as {where.uri(what)}: sluice runs")
    latest = versions[0]
    if latest["status"] == "REJECTED":
        return Page(
            object_keys.rejected_page_key(latest["source_id"]), f"reports/{latest['source_id']}/validation.json"
        )
    if "run_id" not in latest:
        raise NoPage(f"{latest['source']} is {latest['status']}, in no run yet: sluice show {what}")
    return Page(
        object_keys.run_page_key(latest["run_id"]), object_keys.run_facts_key(latest["run_id"]), run_id=latest["run_id"]
    )


def _write(where: Stack, page: Page) -> None:
    writer = PageWriter(where.client("s3"), where.work, RunHistory(where.client("dynamodb"), where.ledger_table))
    with output.status("writing the page"):
        if page.run_id:
            _write_run(writer, page.run_id)
        elif page.dataset:
            pages.dataset(writer, registry.load(page.dataset))


def _write_run(writer: PageWriter, run_id: str) -> None:
    try:
        pages.run(writer, run_id)
    except writer.s3.exceptions.NoSuchKey:
        raise NoPage(f"nothing is left of a run {run_id}: sluice runs lists the runs") from None


def _fetch(where: Stack, key: str, what: str) -> bytes:
    s3 = where.client("s3")
    try:
        body: bytes = s3.get_object(Bucket=where.work, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey as error:
        if "/" not in what and what not in registry.contracts() and not history.of_run(where, what):
            raise NoPage(f"{what} is neither a run, nor a dataset, nor an uploaded key: sluice runs") from error
        raise NoPage(
            f"there is no page of {what}. It is written some seconds after the end of a run and kept for the "
            "stack's WorkDays. See: sluice runs; to write it now: --renew"
        ) from error
    return body


def _local(manifest: Path, out: Path | None, open_: bool, as_json: bool) -> None:
    facts = facts_of_manifest(manifest)
    if as_json:
        output.print_json(facts)
        return
    path = out or manifest.parent / "report.html"
    path.write_text(render("run", facts), encoding="utf-8")
    _done(path, open_)


def facts_of_manifest(path: Path) -> dict[str, Any]:
    """Return the facts of the page of a local `sluice clean`. Raises NoPage when the file is no manifest."""
    try:
        manifest = Manifest.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoPage(f"{path} is not the manifest.json that `sluice clean` writes ({error})") from error
    contract = registry.load(manifest.dataset)
    chosen = column_profile.choose(manifest.files)
    profile = column_profile.describe(contract, [path.parent / file.path for file in chosen], manifest.statistics)
    quarantined = [path.parent / file.path for file in manifest.quarantine_files]
    shown = {reason: _examples(manifest.dataset, quarantined, reason) for reason in manifest.reasons}
    part = run_page.Part(manifest.source_key, manifest.source_version, {}, manifest, shown)
    rows = sum(file.rows for file in chosen)
    return run_page.facts(manifest.run_id, manifest.dataset, [part], run_page.Profiles(profile, rows))


def _examples(dataset: str, files: Sequence[Path], reason: str) -> list[dict[str, Any]]:
    """Return the first quarantined rows with a reason; the quarantine masks what is personal."""
    rows = pl.scan_parquet(list(files), glob=False).filter(pl.col("_reasons").list.contains(reason))
    column = column_of(registry.load(dataset), reason)
    first = (
        rows.select("_row_number", text=pl.col(column).str.slice(0, 120)).head(_EXAMPLES).collect(engine="streaming")
    )
    return [{"row_number": number, "text": text} for number, text in first.iter_rows()]


def _done(path: Path, open_: bool) -> None:
    output.out.print(f"{path}", highlight=False, soft_wrap=True)
    if open_ and not webbrowser.open(path.resolve().as_uri()):
        output.err.print("no browser found: open the file yourself", style="dim")
