"""What the ledger says of each dataset: how many rows it promises, and of which manifests a run goes on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sluice.aws.object_keys import dataset_of_manifest
from sluice.ledger.ledger import HEAD


@dataclass
class Promises:
    """rows: promised of sources of which no run goes on. pending: keys of manifests, of those of which one does."""

    rows: int = 0
    pending: list[str] = field(default_factory=list)


def promises(items: Iterable[dict[str, Any]]) -> dict[str, Promises]:
    """Return what a ledger promises, by dataset. items: all of them, those of one source together."""
    found: dict[str, Promises] = {}
    for _, some in groupby(items, key=lambda item: item["source"]):
        of_source = {item["version"]: item for item in some}
        head = of_source.get(HEAD, {})
        pending = head.get("pending", [])
        for key in pending:
            found.setdefault(dataset_of_manifest(key), Promises()).pending.append(key)
        if promised := head.get("published_manifest"):
            of_dataset = found.setdefault(dataset_of_manifest(promised), Promises())
            if not pending:
                of_dataset.rows += int(of_source.get(head["published_version"], {}).get("published", 0))
    return found
