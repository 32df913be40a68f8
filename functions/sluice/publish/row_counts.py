"""The query that counts the rows of a run's sources in the table, and the comparison with the manifests."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from sluice.aws.object_version import ObjectVersion
from sluice.publish.lake import LakeManifest
from sluice.publish.sql import identifier, literal

_PATH_BYTES = 120_000
"""Of the objects' paths, above which the query finds the rows by their source and run: query and parameters are one
payload of Step Functions, which has at most 262,144 bytes."""
_PLAIN = re.compile(r"[A-Za-z0-9/=._-]{1,900}")
"""Keys that are the same in every notation of a path, and fit a parameter, which has at most 1,024 characters."""
_HASHES_A_PARAMETER = 30
"""Hashes of 32 characters, with their commas and quotes."""
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


def count_query(manifests: Sequence[LakeManifest], *, bucket: str) -> CountQuery:
    """Return the query for the rows of a run's manifests, of one dataset: (_source_key, _run_id, rows).

    bucket: the lake's. Only the run's own objects are read, so neither how much is read nor whether the query
    succeeds depends on other files of their partitions: Athena forbids that an object changes under a query, and
    these never do. Keys of uploads never become SQL.
    Raises ValueError for a name that is no plain identifier.
    """
    account = manifests[0].account
    partitions = [each.values for manifest in manifests for each in manifest.account.partitions]
    conditions, parameters = [], []
    for column in account.partition_columns:
        values = sorted({partition[column["name"]] for partition in partitions})
        condition, literals = _partition_condition(column, values)
        conditions.append(condition)
        parameters += literals
    objects = [key for manifest in manifests for key in manifest.published]
    # Athena takes no empty list: a manifest is no object of the table.
    paths = [f"s3://{bucket}/{key}" for key in objects or [manifests[0].key]]
    if sum(map(len, paths)) <= _PATH_BYTES and all(map(_PLAIN.fullmatch, objects)):
        conditions.append(f'"$path" IN ({", ".join("?" * len(paths))})')
        parameters += map(literal, paths)
    else:
        hashes = (manifest.source.hash for manifest in manifests)
        lists = [",".join(some) for some in batched(hashes, _HASHES_A_PARAMETER, strict=False)]
        key_hash = "substr(lower(to_hex(sha256(to_utf8(substr(_source_key, 6))))), 1, 32)"
        conditions.append("(" + " OR ".join(f"contains(split(?, ','), {key_hash})" for _ in lists) + ")")
        conditions.append("_run_id = ?")
        parameters += map(literal, [*lists, account.run_id])
    query = (
        f'SELECT _source_key, _run_id, count(*) AS "rows" FROM {identifier(account.dataset)}'  # noqa: S608
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
