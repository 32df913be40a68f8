"""The conditions of a statement that choose a table's files, as Trino pushes them into the scan.

No patch of its own: `tables` and `iceberg/table` use it. DuckDB applies all conditions to the rows in any case.
"""

from collections.abc import Iterable
from typing import Any

from sqlglot import exp
from sqlglot.dialects import DuckDB

from local.emulator.athena.files import PATH

INNER = {"", "INNER", "CROSS"}


def conditions_on(table: exp.Table) -> list[exp.Expression]:
    """The conditions of WHERE, joined by AND, that hold for every row of a table that the result is made of.

    Beside other tables only conditions whose columns name the table are known to be on it, and only inner joins keep
    no row that does not meet them.
    """
    select: Any = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select is not None else None
    if where is None or select.args.get("from_") is None:
        return []
    joins = select.args.get("joins") or []
    sources = [select.args["from_"].this, *(join.this for join in joins)]
    inner = all(not join.side and join.kind.upper() in INNER for join in joins)
    if not inner or all(source is not table for source in sources):
        return []
    names = {table.alias_or_name.lower()} | (set() if joins else {""})
    found: list[Any] = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    return [
        condition
        for condition in found
        if not condition.find(exp.Query) and all(each.table.lower() in names for each in condition.find_all(exp.Column))
    ]


def key_conditions(conditions: Iterable[exp.Expression], keys: set[str]) -> list[str]:
    """Those conditions that are on nothing but the keys of partitions, in DuckDB's SQL."""
    found = []
    for condition in conditions:
        columns = list(condition.find_all(exp.Column))
        if columns and all(column.name.lower() in keys for column in columns):
            plain = exp.paren(condition.copy())
            for column in list(plain.find_all(exp.Column)):
                column.replace(exp.column(column.name, quoted=True))
            found.append(plain.sql(dialect=DuckDB))
    return found


def chosen_paths(conditions: Iterable[exp.Expression]) -> set[str] | None:
    """The files that `"$path" = …` or `"$path" IN (…)` leaves: Trino opens no others (trinodb/trino #13012)."""
    for condition in conditions:
        left = condition.this
        if isinstance(condition, exp.In | exp.EQ) and isinstance(left, exp.Column) and left.name == PATH:
            values = condition.expressions if isinstance(condition, exp.In) else [condition.expression]
            if values and all(isinstance(value, exp.Literal) for value in values):
                return {value.name for value in values}
    return None
