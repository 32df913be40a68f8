"""The samples that `sluice smoke` uploads, and what is to become of each."""

from dataclasses import dataclass, field

DATASET = "sluice_smoke"
HEADER = "item_id,colour,amount,sold_on"


@dataclass(frozen=True)
class Sample:
    """A file. published: row number → item, colour, amount, day. quarantined: row number → reason."""

    name: str
    text: str
    published: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)
    quarantined: dict[int, str] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.text.splitlines()) - 1

    @property
    def months(self) -> list[str]:
        return sorted({day[:7] for *_, day in self.published.values()})


def _text(*rows: str, header: str = HEADER) -> str:
    return "".join(f"{row}\n" for row in (header, *rows))


GOOD = Sample(
    "good",
    _text("A1,Red,10.50,2025-01-30", "A2,blue,3,2025-01-31", "TEST9,red,1,2025-01-31", "A3,green,0.75,2025-02-01"),
    published={
        1: ("A1", "red", "10.50", "2025-01-30"),
        2: ("A2", "blue", "3.00", "2025-01-31"),
        4: ("A3", "green", "0.75", "2025-02-01"),
    },
    discarded={"test_item": 1},
)
CORRECTED = Sample(
    "good",
    _text("A1,red,12.50,2025-01-30", "A2,blue,3,2025-01-31", "A2,blue,4,2025-03-01"),
    published={1: ("A1", "red", "12.50", "2025-01-30"), 3: ("A2", "blue", "4.00", "2025-03-01")},
    discarded={"duplicate": 1},
)
BAD = Sample(
    "bad",
    _text("B1,red,5,2025-01-15", "B2,red,-5,2025-01-15", "B3,blue,1,2025-01-16", "B4,red,5,yesterday"),
    published={1: ("B1", "red", "5.00", "2025-01-15"), 3: ("B3", "blue", "1.00", "2025-01-16")},
    quarantined={2: "amount_is_not_negative", 4: "sold_on_is_a_date"},
)
BROKEN = Sample("broken", _text("C1,red,2025-01-15", header="item_id,colour,sold_on"))
"""Rejected: it has no amount."""

REDRIVEN = Sample("redriven", _text("D1,green,7.25,2025-01-20"), published={1: ("D1", "green", "7.25", "2025-01-20")})
RETRACTED = Sample("good", _text())
