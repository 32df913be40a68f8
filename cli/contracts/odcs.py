"""A contract as a document of the Open Data Contract Standard 3.1, for tools that read it.

https://bitol-io.github.io/open-data-contract-standard/v3.1.0/
"""

from typing import Any

import polars as pl
import yaml
from pandera import Check

from cli.contracts.document import contract_document
from sluice.contract.facts import Facts, column_facts
from sluice.contract.glue_types import glue_type
from sluice.contract.model import LINEAGE, Contract
from sluice.report.contract_page import words

API_VERSION = "v3.1.0"
_LOGICAL = {pl.String: "string", pl.Boolean: "boolean", pl.Date: "date", pl.Datetime: "timestamp"}

Document = dict[str, Any]


def document(contract: Contract) -> Document:
    """Return the published table as the standard describes one; rules are checks of its columns."""
    declared = contract_document(contract)
    facts = column_facts(contract.row.to_schema())
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": f"sluice-{contract.name}",
        "name": contract.name,
        "version": f"{contract.version}.0.0",
        "status": "active",
        "description": {"purpose": declared["about"] or contract.name},
        "schema": [
            {
                "name": contract.name,
                "physicalName": contract.name,
                "physicalType": "table",
                "logicalType": "object",
                "description": declared["about"] or contract.name,
                "properties": [_property(contract, name, facts.get(name, {})) for name in contract.published],
                "quality": [_row_rule(name) for name in declared["row_rules"]],
            }
        ],
        "customProperties": [
            {"property": "sluiceFiles", "value": list(contract.files)},
            {"property": "sluiceQuarantineLimit", "value": contract.quarantine_limit},
            {"property": "sluiceReading", "value": declared["reading"]},
        ],
    }


def as_yaml(contract: Contract) -> str:
    return str(yaml.safe_dump(document(contract), sort_keys=False, allow_unicode=True, width=110))


def _property(contract: Contract, name: str, facts: Facts) -> Document:
    dtype = contract.published[name]
    column = contract.row.to_schema().columns.get(name)
    found: Document = {
        "name": name,
        "logicalType": _logical(dtype),
        "physicalType": glue_type(dtype),
        "required": name in LINEAGE if column is None else not column.nullable,
    }
    if contract.unique and name in contract.unique.key:
        found |= {"primaryKey": True, "primaryKeyPosition": contract.unique.key.index(name) + 1}
    partitions = [part.name for part in contract.partition_by]
    if name in partitions:
        found |= {"partitioned": True, "partitionKeyPosition": partitions.index(name) + 1}
    if name in contract.personal:
        found["classification"] = "personal"
    if name not in contract.parsed:
        found["description"] = "made by Sluice"
    if facts:
        found["quality"] = [_rule(reason, checks) for reason, checks in facts.items()]
    return found


def _logical(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    return "number" if dtype.is_numeric() else _LOGICAL[dtype.base_type()]


def _row_rule(name: str) -> Document:
    return {"name": name, "description": words(name), "dimension": "consistency", "type": "text"}


def _rule(name: str, checks: list[Check]) -> Document:
    """Return a check of a column: one of the standard's own for a list of texts, else its words."""
    rule: Document = {"name": name, "description": words(name), "dimension": "conformity"}
    allowed = [value for check in checks for value in (check.statistics or {}).get("allowed_values", ())]
    if not allowed or not all(isinstance(value, str) for value in allowed):
        return rule | {"type": "text"}
    return rule | {
        "type": "library",
        "metric": "invalidValues",
        "arguments": {"validValues": allowed},
        "mustBe": 0,
        "unit": "rows",
    }
