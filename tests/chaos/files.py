"""Sales files whose versions differ in everything that publishing has to get right."""

from datetime import date, timedelta

HEADER = (
    "transaction_id,store_id,product_id,sale_date,quantity,unit_price,currency,channel,category,customer_age,"
    "is_test,updated_at"
)
_FIRST_DAY = date(1900, 1, 15)


def day(number: int) -> date:
    """A date in a month of its own for each number, so that each version needs a partition that is new."""
    month = _FIRST_DAY.month - 1 + number
    return date(_FIRST_DAY.year + month // 12, month % 12 + 1, 15)


def sales(number: int, *, store: str = "S001", rows: int = 8) -> bytes:
    """One version of a sales file: good rows of two months, a duplicate, a test row, one row to quarantine."""
    lines = [HEADER]
    for row in range(rows):
        sold = day(number + row % 2)
        lines.append(_line(f"{store}-{number}-{row}", store, sold + timedelta(days=row % 7), quantity=row % 9 + 1))
    lines.append(lines[1])
    lines.append(_line(f"TEST-{number}", store, day(number)))
    lines.append(_line(f"{store}-{number}-bad", store, day(number), channel="fax"))
    return ("\n".join(lines) + "\n").encode()


def broken(number: int) -> bytes:
    """A file that validation rejects: most of its rows are bad."""
    bad = [_line(f"B-{number}-{row}", "S001", day(number), channel="fax") for row in range(5)]
    return ("\n".join([HEADER, *bad]) + "\n").encode()


def _line(transaction: str, store: str, sold: date, *, quantity: int = 2, channel: str = "online") -> str:
    return (
        f"{transaction},{store},P{quantity},{sold.isoformat()},{quantity},{quantity}.50,EUR,{channel},toys,44,false,"
        f"{sold.isoformat()}T10:00:00"
    )
