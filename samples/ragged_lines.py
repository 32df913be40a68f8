"""Spoils lines of a CSV so that they cannot be split into fields: the damage no rule about values sees."""

from collections.abc import Callable

import numpy as np
import polars as pl

Damage = Callable[[str], str]


def _drop_last_field(line: str) -> str:
    return line.rpartition(",")[0]


def _drop_first_field(line: str) -> str:
    return line.partition(",")[2]


def _only_first_field(line: str) -> str:
    return line.partition(",")[0] or "?"


def _one_more_field(line: str) -> str:
    return line + ",surplus"


def _one_empty_field_more(line: str) -> str:
    return line + ","


def _quote_inside_a_field(line: str) -> str:
    return line.replace(",", ',5" pipe,', 1)


def _text_after_a_closing_quote(line: str) -> str:
    return '"a"b' + line


def _quote_never_closed(line: str) -> str:
    return '"' + line.replace('"', "")


def _quote_never_closed_in_the_middle(line: str) -> str:
    first, _, rest = line.replace('"', "").partition(",")
    return f'{first},"{rest}'


DAMAGES: tuple[Damage, ...] = (
    _drop_last_field,
    _drop_first_field,
    _only_first_field,
    _one_more_field,
    _one_empty_field_more,
    _quote_inside_a_field,
    _text_after_a_closing_quote,
    _quote_never_closed,
    _quote_never_closed_in_the_middle,
)


def spoil(lines: pl.Series, *, rate: float, rng: np.random.Generator) -> pl.Series:
    """The lines, a share `rate` of them damaged in a way drawn by `rng`.

    A quote that is not closed mostly stays so: a quote in the lines that follow opens a field, and text
    after it makes it no proper close. An opening quote before an empty field is one.
    """
    where = np.unique(rng.integers(0, len(lines), rng.binomial(len(lines), rate)))
    kinds = rng.integers(0, len(DAMAGES), len(where))
    spoiled = [DAMAGES[kind](line) for kind, line in zip(kinds, lines.gather(where), strict=True)]
    return lines.scatter(where, pl.Series(spoiled, dtype=pl.String))
