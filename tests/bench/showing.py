"""Shows what was measured: tables for a terminal, a picture for a page."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Results = dict[str, Any]

ENGINES = {
    "clean": "sluice clean",
    "naive": "pandas, pandera, pyarrow",
    "duckdb_sql": "DuckDB SQL",
    "plain_polars": "plain Polars",
}
NAMES = {
    **ENGINES,
    "check": "sluice check (floor: parse)",
    "parse_pyarrow_quoted": "parse with pyarrow, quoted line breaks",
}
OBJECT = {
    "validate": "the function's code, streaming from S3",
    "download": "the same stream, thrown away",
    "check_on_disk": "the gate on the same file on disk",
}
PARITY = {
    "files": "\nboth engines on the same files, every row compared (Spark warm)",
    "growth": "\nboth engines as files grow (medians; Spark warm, each size in a session of its own)",
}
RATIOS = ("median_ratio_to_floor", "median_cpu_ratio_to_floor")
FLOOR_PARTS = ("parse_", "write_")


def show(console: Console, results: Results) -> None:
    """Print a table for each part that was measured."""
    for name, compared in results.get("engine", {}).get("files", {}).items():
        console.print(_engine_table(name, compared))
    if "imports" in results:
        console.print(_import_table(results["imports"]))
    if "profile" in results:
        console.print(_profile_table(results["profile"]))
    for kind, title in PARITY.items():
        if "parity" in results:
            console.print(_parity_table(title, results["parity"][kind]))
    if "object" in results:
        console.print(_object_table(results["object"]))
    if "pipeline" in results:
        console.print(_pipeline_table(results["pipeline"]))
        console.print(_gigabyte_table(results["pipeline"]))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=None, padding=(0, 1), header_style="dim", title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=not number)
    return table


def _engine_table(name: str, compared: Results) -> Table:
    megabytes = compared["file_bytes"] / 1e6
    title = f"\n{name}: {megabytes:,.0f} MB, medians of {len(compared['rounds'])} interleaved runs"
    table = _table(title, "", "seconds", "processor s", "peak MB", "x floor", "in processor s", "published")
    for job, seconds in compared["median_work_seconds"].items():
        bare = job.startswith(FLOOR_PARTS)
        ratios = ("", "") if bare else (f"{compared[kind][job]:.2f}" for kind in RATIOS)
        facts = compared["rounds"][0][job]["answer"]
        table.add_row(
            NAMES.get(job, job.replace("_", " with ")),
            f"{seconds:.2f}",
            f"{compared['median_cpu_seconds'][job]:.2f}",
            f"{compared['median_peak_bytes'][job] / 1e6:,.0f}",
            *ratios,
            f"{facts['published']:,}" if "published" in facts else "",
            style="bold" if job in ("clean", "check") else "dim" if bare else "",
        )
        if job == "check":
            times = f"{compared['median_check_to_any_file_parse']:.2f}"
            table.add_row("  to a parse that takes quoted line breaks", "", "", "", times)
    return table


def _import_table(measured: Results) -> Table:
    sizes = measured["unzipped_bytes"]
    title = f"\ncold starts, with the {sizes['all'] / 1e6:.0f} MB of a function and its layer, unzipped"
    table = _table(title, "function", "import s", "processor s", "peak MB", "imports Polars")
    for name, runs in sorted(measured["handlers"].items(), key=lambda item: -_median(item[1], "work")):
        polars = "yes" if runs[0]["answer"]["polars"] else ""
        seconds, cpu = (f"{_median(runs, what):.2f}" for what in ("work", "cpu"))
        table.add_row(name, seconds, cpu, f"{_median(runs, 'peak_bytes') / 1e6:.0f}", polars)
    return table


def _median(runs: list[Results], what: str) -> float:
    return median(run[what] for run in runs)


def _profile_table(measured: Results) -> Table:
    table = _table("\nwhere the time of a cleaning goes (some steps are parts of others)", "step", "s", "processor s")
    for step, spent in measured["answer"]["steps"].items():
        table.add_row(step, f"{spent['wall']:.2f}", f"{spent['cpu']:.2f}")
    table.add_row("everything", f"{measured['work']:.2f}", f"{measured['cpu']:.2f}", style="bold")
    return table


def _parity_table(title: str, files: Results) -> Table:
    table = _table(
        title, "", "rows", "published", "quarantined", "discarded", "differing", "parts",
        "Polars s", "Spark s", "x", "facts s", "Polars MB", "Spark MB",
    )  # fmt: skip
    for name, one in files.items():
        counts = (f"{one[what]:,}" for what in ("rows", "published", "quarantined", "discarded"))
        unlike = "counts only: 0" if one["differing_rows"] is None else f"{one['differing_rows']:,}"
        seconds = (f"{one[what]:.2f}" for what in ("polars_seconds", "spark_seconds", "ratio", "learn_seconds"))
        peaks = (f"{one[what] / 1e6:,.0f}" for what in ("polars_peak_bytes", "spark_peak_bytes"))
        wrong = bool(one["differences"])
        row = (name, *counts, "differ" if wrong else unlike, str(one["parts"]), *seconds, *peaks)
        table.add_row(*row, style="red" if wrong else None)
    return table


def _object_table(measured: Results) -> Table:
    rows, size = f"{measured['rows']:,} rows", f"{measured['file_bytes'] / 1e6:,.0f} MB"
    table = _table(f"\nvalidation of an object in S3\n{size}, {rows}, {measured['result']}", "", "seconds", "peak MB")
    for name, seconds in measured["median_work_seconds"].items():
        peak = measured["largest_peak_bytes"][name]
        wide = name == "validate" and peak > measured["target_bytes"]
        table.add_row(OBJECT[name], f"{seconds:.2f}", f"{peak / 1e6:,.0f}", style="red" if wide else None)
    for limit in measured["limits"]:
        figures = (f"{limit['work']:.2f}", f"{limit['peak_bytes'] / 1e6:,.0f}") if limit["held"] else ("no", "")
        table.add_row(f"within RLIMIT_DATA of {limit['mib']:,} MiB", *figures)
    return table


def _pipeline_table(measured: Results) -> Table:
    columns = {name: measured[name] for name in ("one_file", "uploads", "backfill")}
    title = "\nthe pipeline on the local AWS, real files of shops; for each file"
    table = _table(title, "", *(f"{name.replace('_', ' ')} ({one['files']})" for name, one in columns.items()))

    def row(what: str, value: Callable[[Results], float], form: str = ".1f") -> None:
        table.add_row(what, *(format(value(one) / one["files"], form) for one in columns.values()))

    row("seconds from upload to queryable, all at once", lambda one: one["seconds"], ".2f")
    row("runs", lambda one: one["runs"], ".2f")
    row("state transitions", lambda one: one["state_transitions"])
    row("crawls", lambda one: one["crawls"], ".2f")
    row("Athena queries", lambda one: one["requests"].get("athena:StartQueryExecution", 0), ".2f")
    row("function calls", lambda one: one["lambda"]["calls"])
    row("billed milliseconds of functions", lambda one: one["lambda"]["milliseconds"], ",.0f")
    row("requests to services", lambda one: sum(one["requests"].values()))
    for service in measured["one_file"]["usd"]:
        if service not in ("all", "of_1000_files"):
            row(f"USD for 1,000 files: {service}", lambda one, name=service: one["usd"][name] * 1_000, ".3f")
    row("USD for 1,000 files", lambda one: one["usd"]["all"] * 1_000, ".2f")
    table.add_row(
        "USD for 1,000 files, always Glue and a crawl each", f"{measured['always_glue']['of_1000_files']:.2f}"
    )
    return table


def _gigabyte_table(measured: Results) -> Table:
    """What a gigabyte costs: small files by the function, one file by the job, one file as others would do it."""
    large, always = measured["large"], measured["always_glue"]
    title = "\na gigabyte of text, in months that are known; from one file each"
    names = [f"{name}: {one['file_bytes'] / 1e6:,.0f} MB" for name, one in large.items()]
    table = _table(title, "", *names, "always Glue, a crawl each")

    def row(what: str, value: Callable[[Results], str], last: str = "") -> None:
        table.add_row(what, *(value(one) for one in large.values()), last)

    row("seconds from upload to queryable", lambda one: f"{one['seconds']:.1f}")
    row("billed seconds of functions", lambda one: f"{one['lambda']['milliseconds'] / 1_000:.1f}")
    row("seconds of the job", lambda one: f"{one['job_seconds']}")
    row("seconds of a small file's job, as good as its start", lambda one: f"{one['job_start_seconds']}")
    for service in large["function"]["usd_a_gigabyte"]:
        if service not in ("all", "job", "crawls"):
            row(f"USD a GB: {service}", lambda one, name=service: f"{one['usd_a_gigabyte'][name]:.5f}")
    jobs = always["of_a_gigabyte"] - always["crawl"]
    row("USD a GB: Glue job", lambda one: f"{one['usd_a_gigabyte']['job']:.5f}", f"{jobs:.5f}")
    row("USD a GB: crawls", lambda one: f"{one['usd_a_gigabyte']['crawls']:.5f}", f"{always['crawl']:.5f}")
    row("USD a GB", lambda one: f"{one['usd_a_gigabyte']['all']:.4f}", f"{always['of_a_gigabyte']:.4f}")
    return table


def draw(results: Results, path: Path) -> None:
    """Draw time as a multiple of the floor and peak memory, a bar for each job and file."""
    files = results.get("engine", {}).get("files", {})
    if not files:
        return
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "sluice"
    import matplotlib.pyplot as plt

    bars = [
        (f"{label}, {name}", compared["median_ratio_to_floor"][job], compared["median_peak_bytes"][job] / 1e6)
        for name, compared in files.items()
        for job, label in ENGINES.items()
        if job in compared["median_work_seconds"]
    ]
    labels, ratios, peaks = zip(*reversed(bars), strict=True)
    figure, (times, memory) = plt.subplots(1, 2, sharey=True, figsize=(10, 1 + 0.35 * len(bars)), layout="constrained")
    for axes, values, title in ((times, ratios, "time, times the floor"), (memory, peaks, "peak memory, MB")):
        colours = ["#1f6f8b" if label.startswith("sluice") else "#c9c9c9" for label in labels]
        drawn = axes.barh(labels, values, color=colours)
        axes.bar_label(drawn, fmt="{:,.1f}" if axes is times else "{:,.0f}", padding=3, fontsize=8)
        axes.set_title(title, fontsize=10, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.12)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
