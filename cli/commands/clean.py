"""`sluice clean`: cleans a file into typed, partitioned Parquet on this machine, without AWS."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli import spark
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson, Dataset, File
from sluice.aws.secrets import hash_key
from sluice.contract import registry
from sluice.engines import polars_engine
from sluice.errors import FileRejected
from sluice.manifest import Manifest
from sluice.read.source import FileSource


def clean(
    file: File,
    dataset: Dataset,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the result: new or empty.")],
    engine: Annotated[Literal["polars", "spark"], typer.Option(help="polars runs in this process.")] = "polars",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the result in OUT.")] = False,
    as_json: AsJson = False,
) -> None:
    """Clean a file into published/, quarantine/ and manifest.json, every row accounted for.

    Exit 0: cleaned. 1: the file is rejected and nothing is published. 2: wrong usage or unknown dataset.

    Example: sluice clean day.csv --dataset sales --out out/
    """
    contract = registry.load(dataset)
    _prepare(out, overwrite)
    lineage = polars_engine.Lineage(source_key=file.name, run_id="local", file_stem=file.name.split(".")[0])
    try:
        if engine == "spark":
            manifest = spark.clean(contract, file, out, lineage)
        else:
            with output.progress("cleaning") as progress:
                manifest = polars_engine.clean(
                    contract, FileSource(file), out, lineage=lineage, hash_key=hash_key(), progress=progress
                )
    except FileRejected as rejected:
        if as_json:
            output.print_json({"result": "rejected", "reason": rejected.reason, "problem": rejected.message})
        output.fail(f"{file}: rejected, nothing is published. {rejected}", code=1)
    if as_json:
        output.print_json(manifest.to_dict())
    else:
        _print(manifest, out)


def _prepare(out: Path, overwrite: bool) -> None:
    if out.is_dir() and any(out.iterdir()):
        if not overwrite:
            raise typer.BadParameter(f"{out} is not empty (use --overwrite to replace it)", param_hint="--out")
        if not _is_ours(out):
            raise typer.BadParameter(f"{out} has other files than a result; nothing is replaced", param_hint="--out")
        for name in _RESULT:
            path = out / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


_RESULT = ("published", "quarantine", "manifest.json", "report.html", "_work")


def _is_ours(out: Path) -> bool:
    return all(path.name in _RESULT for path in out.iterdir())


def _print(manifest: Manifest, out: Path) -> None:
    partitions = f"{output.plural(len(manifest.partitions), 'partition')} in {out}/published"
    listed = Listing(("", "rows", "where and why"), right=("rows",), prose=("where and why",))
    listed.add_row("in", f"{manifest.rows_in:,}", "")
    listed.add_row("published", f"{manifest.published:,}", partitions)
    listed.add_row("quarantined", f"{manifest.quarantined:,}", output.counts(manifest.reasons))
    listed.add_row("discarded", f"{sum(manifest.discarded.values()):,}", output.counts(manifest.discarded))
    listed.print(output.out)
    memory = f"{manifest.peak_rss_bytes / 1e6:,.0f} MB peak memory"
    output.out.print(f"{manifest.seconds:.2f} s, {memory}", style="dim", highlight=False)
