"""The account of one cleaned file, whoever counted it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Counts:
    """Rows by what became of them; `reasons` counts rows by reason, `partitions` published rows by month."""

    rows_in: int
    published: int
    quarantined: int
    discarded: dict[str, int]
    reasons: dict[str, int]
    partitions: dict[str, int]

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> Self:
        """The counts that a manifest.json states; names that count no row are left out."""
        return cls(
            rows_in=manifest["rows_in"],
            published=manifest["published"],
            quarantined=manifest["quarantined"],
            discarded={name: rows for name, rows in manifest["discarded"].items() if rows},
            reasons={name: rows for name, rows in manifest["reasons"].items() if rows},
            partitions={"/".join(part["values"].values()): part["rows"] for part in manifest["partitions"]},
        )
