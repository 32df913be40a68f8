"""`sluice new`: infers a contract from sample files, and writes it with samples and open questions."""

import re
import sys
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer

import datasets
from cli.contracts.document import loaded
from cli.infer.proposal import Proposal, propose
from cli.infer.resample import resampled, write_samples
from cli.infer.sample_rows import sample_files
from cli.infer.sampling import read_samples
from cli.infer.writing import source
from cli.terminal import output
from cli.terminal.options import AsJson
from local.emulator.athena import reserved_words
from sluice.contract.key_pattern import name_problems
from sluice.contract.model import Contract
from sluice.read.source import FileSource
from sluice.runtime.text import printable
from sluice.validate import validator

ROOT = Path(datasets.__file__).parents[2]


def new(
    name: Annotated[str, typer.Argument(help="The dataset's name, also of its table and of the folder of its files.")],
    samples: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="CSV files as they will arrive.")],
    null: Annotated[list[str] | None, typer.Option(help="A text that stands for null, such as NA; repeatable.")] = None,
    files: Annotated[str | None, typer.Option(help="The naming convention, such as orders/{day:%Y-%m-%d}.csv.")] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Make the samples of an edited contract again, and contract.json.")
    ] = False,
    root: Annotated[Path, typer.Option(hidden=True)] = ROOT,
    as_json: AsJson = False,
) -> None:
    """Infer a dataset's contract from sample files, and write it with samples for its test.

    Writes functions/datasets/NAME.py and tests/data/NAME/; overwrites nothing. What cannot be inferred is marked
    DECIDE in the contract. After you answered it there, --resample writes tests/data/NAME/ again, as the contract is
    now: good.csv, bad.csv with what is expected of it, contract.json. It leaves the contract alone.

    Exit 0: written. 1: a rule is shown by no row, or the version must be raised. 2: wrong usage, or a sample from which
    nothing can be inferred.

    Example: sluice new stocks stocks-2025-03-05.csv

    Example: sluice new stocks *.csv --null NA --files "stocks/{day:%Y-%m-%d}.csv"
    """
    module, data = root / "functions" / "datasets" / f"{name}.py", root / "tests" / "data" / name
    if resample:
        if null or files:
            raise typer.BadParameter("--resample takes the contract as it is: no --null, no --files")
        _resample(name, samples, module, data, as_json)
        return
    _refuse(name, module, data)
    with output.status("reading the samples"):
        read = read_samples(samples)
        proposal = propose(name, read, null or (), files)
        text = source(proposal)
        contract = loaded(name, text)
        made = sample_files(read, contract)
    module.parent.mkdir(parents=True, exist_ok=True)
    with module.open("x", encoding="utf-8") as file:
        file.write(text)
    write_samples(data, made, contract)
    _print(proposal, contract, module, data, as_json)


def _resample(name: str, samples: list[Path], module: Path, data: Path, as_json: bool) -> None:
    if not module.exists():
        raise typer.BadParameter(f"{module} does not exist: without --resample it is written", param_hint="NAME")
    with output.status("reading the samples"):
        done = resampled(loaded(name, module.read_text(encoding="utf-8")), samples, data)
    if as_json:
        output.print_json(asdict(done) | {"samples": str(data)})
    else:
        output.headline("written", "bold green", f"{data}/")
        for line in done.lines(data):
            output.out.print(line, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if done.unshown or done.needs_version else 0)


def _refuse(name: str, module: Path, data: Path) -> None:
    for problem in name_problems(name):
        raise typer.BadParameter(f"{name!r}: {problem}", param_hint="NAME")
    if name in sys.stdlib_module_names:
        raise typer.BadParameter(f"{name!r} is a module of Python's standard library", param_hint="NAME")
    for path in (module, data):
        if path.exists():
            raise typer.BadParameter(f"{path} exists already; nothing is overwritten", param_hint="NAME")


def _print(proposal: Proposal, contract: Contract, module: Path, data: Path, as_json: bool) -> None:
    """Print the validation of the samples, the open questions and the next commands."""
    reports = {printable(str(path)): validator.check(contract, FileSource(path)) for path in proposal.samples.paths}
    questions = _questions(module)
    if as_json:
        validated = {path: report.to_dict() for path, report in reports.items()}
        output.print_json({"contract": str(module), "samples": str(data), "decide": questions, "reports": validated})
        return
    output.headline("written", "bold green", f"{module}\n         {data}/")
    for path, report in reports.items():
        output.report_table(path, report)
    output.out.print(f"\n{len(questions)} questions are marked DECIDE in the contract:", highlight=False)
    for question in questions:
        output.out.print(f"  {question}", highlight=False, soft_wrap=True)
    for column in contract.published:
        if words := reserved_words.advice(column):
            output.out.print(f"{column}: {words}", highlight=False, soft_wrap=True)
    if contract.personal:
        output.out.print(
            "Personal columns have invented values in the samples; check the others before you commit them."
        )
    if "hash" in contract.personal.values():
        output.out.print("Hashing needs a key: SLUICE_HASH_KEY=… on this machine, the parameter HashKey=own on AWS.")
    first = printable(str(proposal.samples.paths[0]))
    output.out.print("\nAfter you edited the contract, make its samples again: the same command, with --resample.\n")
    output.hint(
        f"sluice check {first} --dataset {contract.name}",
        f"sluice clean {first} --dataset {contract.name} --out out/",
        f"python -m pytest tests/contract -k {contract.name}",
    )


def _questions(module: Path) -> list[str]:
    """Return the questions marked DECIDE, as `line: question`, a column's with its name."""
    lines = module.read_text().splitlines()
    found = []
    for number, line in enumerate(lines, start=1):
        if question := re.search(r"# DECIDE: (.*)", line):
            below = list(takewhile(lambda text: text.strip().startswith("# "), lines[number:]))
            note = takewhile(lambda text: not re.match(r" *# (DECIDE|Seen|[0-9,]+ of)", text), below)
            column = re.match(r"    ([a-z][a-z0-9_]*): pl\.", lines[number + len(below)])
            words = [question.group(1), *(text.strip(" #") for text in note)]
            found.append(f"line {number}: {column.group(1) + ': ' if column else ''}{' '.join(words)}")
    return found
