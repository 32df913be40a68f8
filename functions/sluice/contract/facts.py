"""The facts that the checks of a model stand for: each is the reason of the rows for which it does not hold."""

import re
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera import Check
from pandera.api.polars.types import PolarsData

from sluice.runtime.polars_columns import select_column

Facts = dict[str, list[Check]]
"""By reason, the checks that must all pass."""


def column_facts(schema: pa.DataFrameSchema) -> dict[str, Facts]:
    """Return the facts of each column, in the model's order.

    A setting of a Field gives its fact by itself: `ge=1, le=9` of `size` is `size_is_between_1_and_9`. A method's fact
    is its name, or the name that it was given, with the column before it where the name does not begin with it.
    """
    return {name: _facts(name, column.checks, schema.columns) for name, column in schema.columns.items()}


def row_facts(schema: pa.DataFrameSchema) -> Facts:
    """Return the facts of whole rows, in the model's order."""
    facts: Facts = {}
    for check in schema.checks:
        facts.setdefault(str(check.name), []).append(check)
    return facts


def passed(check: Check, column: str, frame: pl.DataFrame) -> pl.Series:
    """Return which rows pass a check of a column ("": of whole rows), without nulls; one answer may stand for all.

    Raises what the check raises.
    """
    rows = PolarsData(frame.lazy(), column or "*")
    answer = check.get_backend(rows.lazyframe)(check).apply(rows)
    answers = pl.Series([answer]) if isinstance(answer, bool) else answer.collect(engine="in-memory").to_series()
    return select_column(answers, pl.first().fill_null(check.ignore_na)) if answers.has_nulls() else answers


def _facts(column: str, checks: Sequence[Check], columns: Collection[str]) -> Facts:
    settings = {str(check.name): check.statistics for check in checks if check.statistics}
    both_ends = settings.keys() >= _BOTH_ENDS
    facts: Facts = {}
    for check in checks:
        name = str(check.name)
        if both_ends and name in _BOTH_ENDS and check.statistics:
            limits = {limit: value for end in _BOTH_ENDS for limit, value in settings[end].items()}
            reason = f"{column}_{_between(limits)}"
        elif check.statistics and name in _OF_SETTINGS:
            reason = f"{column}_{_OF_SETTINGS[name](check.statistics)}"
        else:
            reason = _named(column, name, columns)
        facts.setdefault(reason, []).append(check)
    return facts


def _named(column: str, name: str, columns: Collection[str]) -> str:
    """Return the reason of a method: of columns `g` and `gr`, `gr_is_odd` begins with `gr`, and not with `g`."""
    begins = max((each for each in columns if name.startswith(f"{each}_")), key=len, default="")
    return name if begins == column else f"{column}_{name}"


def _at_least(settings: dict[str, Any]) -> str:
    return "is_not_negative" if settings["min_value"] == 0 else f"is_at_least_{_text(settings['min_value'])}"


def _greater(settings: dict[str, Any]) -> str:
    return "is_positive" if settings["min_value"] == 0 else f"is_greater_than_{_text(settings['min_value'])}"


def _between(settings: dict[str, Any]) -> str:
    least, most = _text(settings["min_value"]), _text(settings["max_value"])
    with_least, with_most = settings.get("include_min", True), settings.get("include_max", True)
    if with_least and with_most:
        return f"is_between_{least}_and_{most}"
    low = f"at_least_{least}" if with_least else f"greater_than_{least}"
    return f"is_{low}_and_{'at_most' if with_most else 'less_than'}_{most}"


def _length(settings: dict[str, Any]) -> str:
    exact, least, most = (settings.get(f"{name}_value") for name in ("exact", "min", "max"))
    if exact is not None:
        return f"has_length_{exact}"
    if least is not None and most is not None:
        return f"has_length_between_{least}_and_{most}"
    return f"has_length_at_least_{least}" if most is None else f"has_length_at_most_{most}"


_BOTH_ENDS = {"greater_than_or_equal_to", "less_than_or_equal_to"}
_OF_SETTINGS: dict[str, Callable[[dict[str, Any]], str]] = {
    "equal_to": lambda settings: f"equals_{_text(settings['value'])}",
    "not_equal_to": lambda settings: f"is_not_{_text(settings['value'])}",
    "greater_than": _greater,
    "greater_than_or_equal_to": _at_least,
    "less_than": lambda settings: f"is_less_than_{_text(settings['max_value'])}",
    "less_than_or_equal_to": lambda settings: f"is_at_most_{_text(settings['max_value'])}",
    "in_range": _between,
    "isin": lambda _: "is_in_set",
    "notin": lambda _: "is_not_in_set",
    "str_matches": lambda _: "matches_pattern",
    "str_contains": lambda _: "contains_pattern",
    "str_startswith": lambda _: "starts_with_prefix",
    "str_endswith": lambda _: "ends_with_suffix",
    "str_length": _length,
}
"""By the name of pandera's check, the fact without its column."""


def _text(value: object) -> str:
    """Return a value as part of a name: -0.5 is `minus_0_5`, 2025-01-31 is `2025_01_31`."""
    if isinstance(value, float | Decimal):
        value = f"{Decimal(str(value)).normalize():f}"
    text = re.sub(r"[^a-z0-9]+", "_", str(value).lower()).strip("_")
    return f"minus_{text}" if re.match(r"-[0-9]", str(value)) else text
