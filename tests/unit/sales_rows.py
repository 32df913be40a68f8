"""Sales rows for tests: a good one, and files made of variations of it."""

import csv
import io
from pathlib import Path

GOOD = {
    "transaction_id": "T1",
    "store_id": "S001",
    "product_id": "P1",
    "sale_date": "2025-03-05",
    "quantity": "2",
    "unit_price": "9.99",
    "currency": "EUR",
    "channel": "online",
    "category": "toys",
    "customer_age": "44",
    "is_test": "false",
    "updated_at": "2025-03-05T10:00:00",
}
HEADER = ",".join(GOOD)


def as_csv(*rows: dict[str, str]) -> str:
    """Return a CSV of good rows T1, T2, … with these changes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(GOOD), lineterminator="\n")
    writer.writeheader()
    for number, change in enumerate(rows, start=1):
        writer.writerow(GOOD | {"transaction_id": f"T{number}"} | change)
    return text.getvalue()


def written(folder: Path, content: str | bytes, name: str = "day.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
