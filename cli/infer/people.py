"""Which columns are likely to be about people: by their names, and by what their values look like."""

import re
from typing import Literal

import polars as pl

Likely = Literal["identifies", "describes", "perhaps"]

_IDENTIFIES = re.compile(
    r"(^|_)(first|last|middle|full|sur|given|family|maiden|user|customer|client|contact|patient|employee|passenger|"
    r"owner|member|cardholder)_?name($|_)|(^|_)(e?mail|phone|mobile|telephone|fax|address|addr|street|ssn|passport|"
    r"iban|dob)($|_)|social_security|national_id|tax_id|credit_card|card_number|account_number|ip_address|"
    r"(^|_)(customer|client|user|patient|employee|member|household|person)_(id|key|number|no)$"
)
_DESCRIBES = re.compile(
    r"(^|_)(age|gender|sex|race|ethnicity|religion|nationality|salary|income|birth|birthday|birthdate|marital|"
    r"disability|death)($|_)"
)
_LOOKS = {
    "e-mail addresses": r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
    "IP addresses": r"^(\d{1,3}\.){3}\d{1,3}$",
    "phone numbers": r"^(\+\d[\d ().-]{7,}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})$",
    "bank accounts": r"^[A-Z]{2}\d{2} ?([A-Z0-9]{4} ?){3,7}[A-Z0-9]{0,3}$",
}


def likely_personal(name: str, texts: pl.Series) -> tuple[Likely, str] | None:
    """Return how likely a column is personal, and why in words. texts: its distinct values."""
    for what, shape in _LOOKS.items():
        if len(texts) and (texts.str.contains(shape).mean() or 0) > 0.5:  # type: ignore[operator]
            return "identifies", f"the values look like {what}"
    if _IDENTIFIES.search(name):
        return "identifies", "by its name"
    if _DESCRIBES.search(name):
        return "describes", "by its name"
    if name == "name" or name.endswith("_name"):
        return "perhaps", "by its name"
    return None
