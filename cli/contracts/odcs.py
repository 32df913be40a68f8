"""A contract as a document of the Open Data Contract Standard 3.1, for tools that read it.

https://bitol-io.github.io/open-data-contract-standard/v3.1.0/
"""

import re
from typing import Any

import polars as pl
import yaml

from cli.contracts.document import ContractDocument, contract_document
from cli.contracts.page import words
from sluice.contract.model import LINEAGE, Contract

API_VERSION = "v3.1.0"
_LOGICAL = {pl.String: "string", pl.Boolean: "boolean", pl.Date: "date", pl.Datetime: "timestamp"}

Document = dict[str, Any]


def document(contract: Contract) -> Document:
    """Return the published table as the standard describes one; rules are checks of its columns."""
    declared = contract_document(contract)
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
                "properties": [_property(contract, declared, name) for name in contract.published],
                "quality": [_rule(name, test) for name, test in declared["row_rules"].items()],
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


def _property(contract: Contract, declared: ContractDocument, name: str) -> Document:
    dtype = contract.published[name]
    column = declared["columns"].get(
        name, {"type": None, "nullable": name not in LINEAGE, "rules": {}, "in_files": False}
    )
    found: Document = {
        "name": name,
        "logicalType": _logical(dtype),
        "physicalType": column["type"] or ("bigint" if dtype.is_integer() else "string"),
        "required": not column["nullable"],
    }
    if contract.unique and name in contract.unique.key:
        found |= {"primaryKey": True, "primaryKeyPosition": contract.unique.key.index(name) + 1}
    partitions = [part.name for part in contract.partition_by]
    if name in partitions:
        found |= {"partitioned": True, "partitionKeyPosition": partitions.index(name) + 1}
    if name in contract.personal:
        found["classification"] = "personal"
    if name in LINEAGE or not column["in_files"]:
        found["description"] = "made by Sluice"
    if column["rules"]:
        found["quality"] = [_rule(rule, test, name) for rule, test in column["rules"].items()]
    return found


def _logical(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    return "number" if dtype.is_numeric() else _LOGICAL[dtype.base_type()]


def _rule(name: str, test: str, column: str = "") -> Document:
    """Return a check: one of the standard's own for a list of values, else its words."""
    rule: Document = {"name": name, "description": words(name), "dimension": "conformity"}
    listed = re.search(r"\.is_in\(\[\[(.*)\]\]\)$", test)
    texts = re.findall(r'"((?:[^"\\]|\\.)*)"', listed.group(1)) if listed else []
    if column and texts:
        return rule | {
            "type": "library",
            "metric": "invalidValues",
            "arguments": {"validValues": texts},
            "mustBe": 0,
            "unit": "rows",
        }
    return rule | {"type": "text", "dimension": "conformity" if column else "consistency"}
