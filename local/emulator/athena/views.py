"""Replaces a view of the Glue catalog by its query, as Athena does.

No patch of its own: `engine` uses it. Athena stores a view as a table of the catalog whose original text is a comment
with a JSON document in Base64: originalSql, and the database of its tables.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects import Athena

from local.emulator.athena.files import BadData
from local.emulator.athena.tables import Tables

TEXT = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/")


def expand(statement: exp.Query, tables: Tables, *, database: str, around: frozenset[str] = frozenset()) -> None:
    """Replace every view of a statement by its query, also those of which it is made. Raises BadData, ClientError."""
    for node in list(named_tables(statement)):
        name = f"{node.db or database}.{node.name}".lower()
        table = tables.table(*name.split("."))
        if table.get("TableType") != "VIRTUAL_VIEW":
            continue
        if node.args.get("version"):
            raise BadData("NOT_SUPPORTED", f"View {name} cannot be read as of a version")
        if name in around:
            raise BadData("VIEW_IS_RECURSIVE", f"Statement stack contains view {name} already")
        query, schema = definition(table)
        for inner in named_tables(query):
            inner.set("db", exp.to_identifier(inner.db or schema, quoted=True))
        expand(query, tables, database=schema, around=around | {name})
        node.replace(query.subquery(node.alias or node.name, copy=False))


def named_tables(statement: exp.Query) -> Iterator[exp.Table]:
    """The tables and views of the catalog that a statement names."""
    defined = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    for node in statement.find_all(exp.Table):
        if isinstance(node.this, exp.Identifier) and (node.db or node.name.lower() not in defined):
            yield node


def definition(view: dict[str, Any]) -> tuple[exp.Query, str]:
    """The query of a view, and the database of its tables. Raises BadData."""
    text = TEXT.fullmatch(view.get("ViewOriginalText") or "")
    document = json.loads(base64.b64decode(text[1])) if text and view["Parameters"].get("presto_view") else None
    if document is None:
        raise BadData("INVALID_VIEW", f"Invalid view: {view['Name']}")
    query = sqlglot.parse_one(document["originalSql"], read=Athena)
    if not isinstance(query, exp.Query):
        raise BadData("INVALID_VIEW", f"Invalid view: {view['Name']}")
    return query, document["schema"]
