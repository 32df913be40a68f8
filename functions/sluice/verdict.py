"""The gate's verdict on a whole file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sluice.contract import Contract
from sluice.drift import Drift
from sluice.errors import FileRejected

TOO_MANY = "quarantined_share_is_within_limit"


@dataclass(frozen=True)
class Example:
    """One bad row: its number, and the text of the column that the reason speaks of (masked when personal)."""

    row_number: int
    text: str | None


@dataclass(frozen=True)
class Verdict:
    """What the contract says of a file.

    verdict: accepted or rejected. reasons: failed check → rows (1 for a check of the whole file).
    problems: why the file is rejected, in words. examples: reason → its first rows.
    drift: columns that are not as the contract expects them, whether the file is rejected for it or not.
    """

    verdict: str
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
        return self.verdict == "accepted"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def refuse_share(contract: Contract, rows: int, quarantined: int, reasons: Mapping[str, int]) -> None:
    """Raise FileRejected when the share of quarantined rows is above the contract's limit."""
    if quarantined <= contract.quarantine_limit * rows:
        return
    most = sorted(reasons.items(), key=lambda item: -item[1])[:3]
    told = ", ".join(f"{name} ({count:,})" for name, count in most)
    raise FileRejected(
        TOO_MANY,
        f"{quarantined:,} of {rows:,} rows ({quarantined / rows:.1%}) would be quarantined, the contract allows "
        f"{contract.quarantine_limit:.0%}: {told}. Correct the file and upload it again under the same key",
    )
