"""The query that counts the rows of a run's sources in the table, and the comparison with the manifests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from sluice.aws.object_version import ObjectVersion
from sluice.publish.sql import identifier, literal

_HASHES_A_PARAMETER = 59
"""A parameter has at most 1,024 characters: 59 hashes of 16 with their commas and quotes."""
_VALUES = 100
"""Above so many values of a partition column the query reads the range from the least to the greatest."""


@dataclass(frozen=True)
class CountQuery:
    """SQL with `?` in it, and the literals that Athena puts there."""

    query: str
    parameters: list[str]


@dataclass(frozen=True)
class Count:
    """Rows in the table of one source and one run."""

    source_key: str
    run_id: str
    rows: int


def count_query(
    dataset: str,
    sources: Sequence[ObjectVersion],
    *,
    partition_columns: Sequence[Mapping[str, str]],
    partitions: Sequence[Mapping[str, str]],
) -> CountQuery:
    """Return the query for all rows of the sources, of whichever run: (_source_key, _run_id, rows).

    partition_columns: [{name, type}]; partitions: the values of all partitions that hold, or held, the sources'
    rows; only these are read. Keys never become SQL: the sources are found by the hash of their key, which
    Trino computes once for each distinct key of a file.
    Raises ValueError for a name that is no plain identifier.
    """
    conditions, parameters = [], []
    for column in partition_columns:
        values = sorted({partition[column["name"]] for partition in partitions})
        condition, literals = _partition_condition(column, values)
        conditions.append(condition)
        parameters += literals
    hashes = [",".join(some) for some in batched((s.hash for s in sources), _HASHES_A_PARAMETER, strict=False)]
    key_hash = "substr(lower(to_hex(sha256(to_utf8(substr(_source_key, 6))))), 1, 16)"
    conditions.append("(" + " OR ".join(f"contains(split(?, ','), {key_hash})" for _ in hashes) + ")")
    parameters += [literal(text) for text in hashes]
    query = (
        f'SELECT _source_key, _run_id, count(*) AS "rows" FROM {identifier(dataset)}'  # noqa: S608
        f" WHERE {' AND '.join(conditions)} GROUP BY _source_key, _run_id"
    )
    return CountQuery(query, parameters)


def counts(athena: Any, query_execution_id: str) -> Iterator[Count]:
    """Yield the result of a finished query, whose first row is the header."""
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_execution_id)
    rows = (row["Data"] for page in pages for row in page["ResultSet"]["Rows"])
    next(rows, None)
    for source_key, run_id, number in rows:
        yield Count(source_key["VarCharValue"], run_id["VarCharValue"], int(number["VarCharValue"]))


def mismatched(expected: Mapping[ObjectVersion, int], seen: Iterable[Count], *, run_id: str) -> list[str]:
    """Return the ids of the sources of which the table has other rows than the expected ones of this run."""
    rows: dict[str, dict[str, int]] = {}
    for count in seen:
        rows.setdefault(count.source_key, {})[count.run_id] = count.rows
    return [
        source.id
        for source, published in expected.items()
        if rows.get(source.uri, {}) != ({run_id: published} if published else {})
    ]


def _partition_condition(column: Mapping[str, str], values: Sequence[str]) -> tuple[str, list[str]]:
    name = identifier(column["name"])
    text = name if column["type"] == "string" else f"CAST({name} AS varchar)"
    if not values:
        return "1 = 0", []
    if len(values) > _VALUES:
        return f"{text} BETWEEN ? AND ?", [literal(values[0]), literal(values[-1])]
    return f"{text} IN ({', '.join('?' * len(values))})", [literal(value) for value in values]
