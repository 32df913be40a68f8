"""The contract document: a contract as JSON, which `sluice explain` prints and `sluice diff` compares.

Rules are Python. Their text here is the expression that they run, as Polars writes it, so that two versions of a
rule are compared without comparing source code.
"""

import importlib.util
import json
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData

from sluice.contract import registry
from sluice.contract.facts import Facts, column_facts, row_facts
from sluice.contract.glue_types import glue_type
from sluice.contract.model import Contract
from sluice.errors import ContractInvalid

ContractDocument = dict[str, Any]


def contract_document(contract: Contract) -> ContractDocument:
    """Return all that a contract declares; equal contracts give equal documents."""
    frame = pl.LazyFrame(schema=contract.types)
    schema = contract.row.to_schema()
    with pl.Config(fmt_table_cell_list_len=-1, fmt_str_lengths=10_000):
        return {
            "dataset": contract.name,
            "version": contract.version,
            "about": _about(contract),
            "files": list(contract.files),
            "same_as_key": list(contract.same_as_key),
            "reading": _reading(contract),
            "columns": {name: _column(contract, name, facts, frame) for name, facts in column_facts(schema).items()},
            "row_rules": _rules(contract, row_facts(schema), "*", frame),
            "cleaning": [_step(step.columns, step.apply(pl.col("text"))) for step in contract.cleaning],
            "discard": {rule.name: str(rule.when) for rule in contract.discard},
            "unique": {"key": list(contract.unique.key), "latest": contract.unique.latest} if contract.unique else None,
            "latest_across_files": contract.unique is not None and contract.unique.across_files,
            "impute": {
                name: how if isinstance(how, str) else {"constant": how.text} for name, how in contract.impute.items()
            },
            "outliers": [asdict(rule) for rule in contract.outliers],
            "partition_by": [asdict(part) for part in contract.partition_by],
            "quarantine_limit": contract.quarantine_limit,
            "expected_every_seconds": _seconds(contract.expected_every),
            "personal": dict(contract.personal),
        }


def _about(contract: Contract) -> str:
    return " ".join((contract.row.__doc__ or "").split())


def _seconds(time: timedelta | None) -> int | None:
    return None if time is None else int(time.total_seconds())


def _reading(contract: Contract) -> ContractDocument:
    reading = contract.reading
    return {
        "delimiter": reading.format.delimiter,
        "quote": reading.format.quote,
        "encoding": reading.format.encoding,
        "null_markers": list(reading.null_markers) if isinstance(reading.null_markers, tuple) else [""],
        "dates": {name: list(formats) for name, formats in reading.dates.items()},
        "aliases": dict(reading.aliases),
        "input_only": list(reading.input_only),
        "optional": list(reading.optional),
        "unknown_columns": reading.unknown_columns,
        "decimal_comma": reading.decimal_comma,
    } | _rare(contract)


def _rare(contract: Contract) -> ContractDocument:
    """Return the settings that few contracts have, where they are set."""
    reading, written, markers = contract.reading, contract.reading.format, contract.reading.null_markers
    settings = {
        "null_markers_by_column": {} if isinstance(markers, tuple) else {name: [*of] for name, of in markers.items()},
        "time_zones": dict(reading.time_zones),
        "century_pivots": dict(reading.century_pivots),
        "escape": written.escape,
        "trailing_delimiter": written.trailing_delimiter,
        "quoted_empty_is_text": written.quoted_empty_is_text,
        "skip_lines": written.skip_lines,
    }
    return {name: value for name, value in settings.items() if value}


def _column(contract: Contract, name: str, facts: Facts, frame: pl.LazyFrame) -> ContractDocument:
    column = contract.row.to_schema().columns[name]
    return {
        "type": glue_type(contract.types[name]),
        "in_files": name in contract.parsed,
        "nullable": bool(column.nullable),
        "rules": _rules(contract, facts, name, frame),
    }


def _rules(contract: Contract, facts: Facts, column: str, frame: pl.LazyFrame) -> dict[str, str]:
    return {
        reason: " and ".join(_test(contract, check, column, frame) for check in checks)
        for reason, checks in facts.items()
    }


def _test(contract: Contract, check: Check, column: str, frame: pl.LazyFrame) -> str:
    """Return what a check tests, as Polars writes it, or its settings where it is one of pandera's without such."""
    # pandera keeps the values of `isin` as a set; its statistics have them as they were given.
    given = {
        name: sorted(value, key=str) if isinstance(value, set | frozenset) else value
        for name, value in (check.statistics or {}).items()
    }
    tested = check._check_fn(PolarsData(frame, column), **(check._check_kwargs | given))
    if check.statistics and not isinstance(tested, pl.LazyFrame):
        return str(check.error)
    if not isinstance(tested, pl.LazyFrame):
        raise ContractInvalid(f"dataset {contract.name!r}: the check {check.name} must return a LazyFrame")
    plan = tested.explain(optimized=False).splitlines()[0]
    return plan.removeprefix("SELECT [").removesuffix("]")


def _step(columns: tuple[str, ...], does: pl.Expr) -> ContractDocument:
    return {"columns": list(columns), "does": str(does)}


def loaded(name: str, text: str) -> Contract:
    """Return the contract that a dataset's Python text declares. Raises ContractInvalid."""
    spec = importlib.util.spec_from_loader(f"datasets.{name}", loader=None)
    if spec is None:
        raise AssertionError(name)
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(spec.name)
    sys.modules[spec.name] = module
    try:
        exec(compile(text, f"{name}.py", "exec"), module.__dict__)  # noqa: S102 (a contract is Python)
    finally:
        del sys.modules[spec.name]
        if before is not None:
            sys.modules[spec.name] = before
    contract = getattr(module, "contract", None)
    if not isinstance(contract, Contract):
        raise ContractInvalid(f"{name}.py declares no `contract`")
    return contract


def document_of(named: str) -> ContractDocument:
    """Return the contract document of a dataset (by its name), of a contract's .py file (which is run), or of a .json.

    Raises UnknownDataset, ContractInvalid.
    """
    path = Path(named)
    if path.suffix == ".json" and path.is_file():
        return read(path)
    if path.suffix == ".py" and path.is_file():
        return contract_document(loaded(path.stem, path.read_text()))
    return contract_document(registry.load(named))


_LATER: ContractDocument = {"optional": []}
"""The settings that a document of an older Sluice may lack, as they were understood then."""


def read(path: Path) -> ContractDocument:
    """Return the contract document that `written` wrote. Raises ContractInvalid."""
    try:
        found = dict(json.loads(path.read_text()))
        return found | {"reading": _LATER | found["reading"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ContractInvalid(f"{path} is no contract that `sluice diff --save` wrote") from error


def written(of: ContractDocument) -> str:
    """Return a contract document as the text of a .json file."""
    return json.dumps(of, indent=2, ensure_ascii=False) + "\n"
