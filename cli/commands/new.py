"""`sluice new`: infers a contract from sample files, and writes it with samples and open questions."""

import re
import sys
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer

import datasets
from cli.contracts.document import contract_document, loaded, written
from cli.infer.proposal import Proposal, propose
from cli.infer.sample_rows import SampleFiles, sample_files
from cli.infer.sampling import read_samples
from cli.infer.writing import source
from cli.terminal import output
from cli.terminal.options import AsJson
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
    root: Annotated[Path, typer.Option(hidden=True)] = ROOT,
    as_json: AsJson = False,
) -> None:
    """Infer a dataset's contract from sample files, and write it with samples for its test.

    Writes functions/datasets/NAME.py and tests/data/NAME/; overwrites nothing. What cannot be inferred is marked
    DECIDE in the contract.

    Exit 0: written. 2: wrong usage, or a sample from which nothing can be inferred.

    Example: sluice new stocks stocks-2025-03-05.csv

    Example: sluice new stocks *.csv --null NA --files "stocks/{day:%Y-%m-%d}.csv"
    """
    module, data = root / "functions" / "datasets" / f"{name}.py", root / "tests" / "data" / name
    _refuse(name, module, data)
    with output.status("reading the samples"):
        proposal = propose(name, read_samples(samples), null or (), files)
    text = source(proposal)
    contract = loaded(name, text)
    made = sample_files(proposal, contract)
    _write(module, data, text, made, proposal)
    (data / "contract.json").write_text(written(contract_document(contract)))
    _print(proposal, contract, module, data, as_json)


def _refuse(name: str, module: Path, data: Path) -> None:
    for problem in name_problems(name):
        raise typer.BadParameter(f"{name!r}: {problem}", param_hint="NAME")
    if name in sys.stdlib_module_names:
        raise typer.BadParameter(f"{name!r} is a module of Python's standard library", param_hint="NAME")
    for path in (module, data):
        if path.exists():
            raise typer.BadParameter(f"{path} exists already; nothing is overwritten", param_hint="NAME")


def _write(module: Path, data: Path, text: str, files: SampleFiles, proposal: Proposal) -> None:
    encoding = proposal.samples.format.encoding
    module.parent.mkdir(parents=True, exist_ok=True)
    data.mkdir(parents=True)
    with module.open("x", encoding="utf-8") as file:
        file.write(text)
    (data / "good.csv").write_bytes(files.good.encode(encoding))
    (data / "bad.csv").write_bytes(files.bad.encode(encoding))
    lines = ["row_number,reasons", *(f"{number},{reason}" for number, reason in files.expected)]
    (data / "bad.expected.csv").write_text("\n".join(lines) + "\n")


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
    if contract.personal:
        output.out.print(
            "Personal columns have invented values in the samples; check the others before you commit them."
        )
    if "hash" in contract.personal.values():
        output.out.print("Hashing needs a key: SLUICE_HASH_KEY=… on this machine, the parameter HashKey=own on AWS.")
    first = printable(str(proposal.samples.paths[0]))
    output.out.print()
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
