"""All that a dataset's file imports: the contract, its declarations, and the cleaning steps."""

from sluice.contract.declarations import RAW, Constant, Discard, Outliers, Partition, Reading, TextFormat, Unique
from sluice.contract.model import Contract
from sluice.contract.steps import Fill, Lowercase, MapValues, Step, Uppercase

__all__ = [
    "RAW",
    "Constant",
    "Contract",
    "Discard",
    "Fill",
    "Lowercase",
    "MapValues",
    "Outliers",
    "Partition",
    "Reading",
    "Step",
    "TextFormat",
    "Unique",
    "Uppercase",
]
