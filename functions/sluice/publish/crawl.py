"""Compares what a crawl left in the catalog with the contracts: the crawler is a witness, and changes no table."""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.manifest import TableDeclaration
from sluice.publish.tables import contract_version, differences


def disagreements(
    glue: Any, database: str, declared: Mapping[str, TableDeclaration], *, location: str, crawl: Mapping[str, str]
) -> list[str]:
    """Return what differs, a sentence each.

    declared: by dataset. location: s3://… of the lake bucket. crawl: {status, message} of the crawl.
    """
    found: dict[str, Any] = {}
    for page in glue.get_paginator("get_tables").paginate(DatabaseName=database):
        found |= {table["Name"]: table for table in page["TableList"]}
    return [*_failure(crawl), *_changed(found, declared, location), *_second_tables(found, declared, location)]


def _failure(crawl: Mapping[str, str]) -> Iterator[str]:
    if crawl["status"] != "SUCCEEDED":
        yield f"the crawl ended {crawl['status']}: {crawl['message']}"


def _changed(found: Mapping[str, Any], declared: Mapping[str, TableDeclaration], location: str) -> Iterator[str]:
    for name, declaration in declared.items():
        if declaration.table == "iceberg":
            continue  # a commit changes table and partitions at once: there is nothing to witness
        if name not in found:
            yield f"{name}: the catalog has no such table"
        else:
            yield from (f"{name}: {text}" for text in differences(found[name], name, location, declaration))


def _second_tables(found: Mapping[str, Any], declared: Mapping[str, TableDeclaration], location: str) -> Iterator[str]:
    for name, table in found.items():
        where = table.get("StorageDescriptor", {}).get("Location", "")
        # A dataset that was renamed leaves its table, which has the version of a contract.
        if name not in declared and where.startswith(f"{location}published/") and not contract_version(table):
            yield f"{name}: a table that no contract declares, over {where}"
