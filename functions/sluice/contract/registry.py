"""The registry of datasets: every module of the package `datasets` that declares `contract` is one."""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache

import datasets
from sluice.contract.model import Contract
from sluice.errors import ContractInvalid, UnknownDataset, UnknownKey


@dataclass(frozen=True)
class Match:
    """A key that follows a dataset's naming convention, with the parts captured from it as text."""

    dataset: str
    parts: dict[str, str]


@cache
def contracts() -> dict[str, Contract]:
    """Return every dataset's contract by name. Raises ContractInvalid when two claim one name."""
    found: dict[str, Contract] = {}
    for module in sorted(pkgutil.iter_modules(datasets.__path__), key=lambda module: module.name):
        contract = importlib.import_module(f"datasets.{module.name}").contract
        if contract.name in found:
            raise ContractInvalid(f"dataset {contract.name!r} is declared twice")
        found[contract.name] = contract
    return found


def load(name: str) -> Contract:
    """Return the contract of a dataset. Raises UnknownDataset, listing the known ones."""
    try:
        return contracts()[name]
    except KeyError:
        known = ", ".join(sorted(contracts())) or "none"
        raise UnknownDataset(f"there is no dataset {name!r} in functions/datasets (known: {known})") from None


def match(key: str) -> Match:
    """Return the dataset whose naming convention a key follows. Raises UnknownKey."""
    for name, contract in contracts().items():
        for pattern in contract.patterns:
            parts = pattern.match(key)
            if parts is not None:
                return Match(name, parts)
    known = ", ".join(pattern for contract in contracts().values() for pattern in contract.files)
    raise UnknownKey(f"the key {key!r} follows no dataset's naming convention (known: {known})")
