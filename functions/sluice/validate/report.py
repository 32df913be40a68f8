"""The validation report on a file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from sluice.read.schema_drift import Drift


@dataclass(frozen=True)
class Example:
    """One bad row: its number, and the text of the reason's column (masked when personal)."""

    row_number: int
    text: str | None


@dataclass(frozen=True)
class ValidationReport:
    """The outcome of a validation.

    result: accepted or rejected. reasons: failed check → rows (1 for a check of the whole file).
    problems: why the file is rejected, in words. examples: reason → its first rows.
    drift: columns that are not as the contract expects them, whether the file is rejected for it or not.
    """

    result: str
    dataset: str
    contract_version: int
    rows: int = 0
    would_quarantine: int = 0
    discarded: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    drift: list[Drift] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        return self.result == "accepted"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the report of `to_dict`; what it does not know is ignored."""
        known = {field.name: data[field.name] for field in fields(cls)}
        examples = {reason: [Example(**each) for each in some] for reason, some in data["examples"].items()}
        return cls(**known | {"examples": examples, "drift": [Drift(**each) for each in data["drift"]]})
