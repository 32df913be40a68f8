"""DynamoDB's condition expressions, as far as the ledger uses them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Values = Mapping[str, Any]
Condition = Callable[[Values, Values], bool]
"""Takes an item and the operands, both as plain values; operands are named with their colon."""

_TOKEN = re.compile(r"\s*(AND\b|OR\b|NOT\b|IN\b|BETWEEN\b|\w+(?=\s*\()|\(|\)|,|<=|>=|<>|=|<|>|[#:]\w+)")
_MISSING = object()


@cache
def condition(expression: str) -> Condition:
    """Return the predicate of an expression whose attributes are all placeholders `#name` of `name`.

    Raises ValueError for what it does not know: nothing is ever guessed.
    """
    tokens = _TOKEN.findall(expression)
    if "".join(tokens) != re.sub(r"\s", "", expression):
        raise ValueError(f"unknown syntax in {expression!r}")
    found, rest = _either(tokens)
    if rest:
        raise ValueError(f"{expression!r}: {rest} is left over")
    return found


def _either(tokens: list[str]) -> tuple[Condition, list[str]]:
    first, tokens = _both(tokens)
    while tokens[:1] == ["OR"]:
        second, tokens = _both(tokens[1:])
        first = (lambda a, b: lambda item, values: a(item, values) or b(item, values))(first, second)
    return first, tokens


def _both(tokens: list[str]) -> tuple[Condition, list[str]]:
    first, tokens = _term(tokens)
    while tokens[:1] == ["AND"]:
        second, tokens = _term(tokens[1:])
        first = (lambda a, b: lambda item, values: a(item, values) and b(item, values))(first, second)
    return first, tokens


def _term(tokens: list[str]) -> tuple[Condition, list[str]]:
    head, *rest = tokens
    if head == "NOT":
        inner, rest = _term(rest)
        return (lambda item, values: not inner(item, values)), rest
    if head == "(":
        inner, rest = _either(rest)
        return inner, rest[1:]
    if head[0] not in "#:":
        return _function(head, rest)
    operator, *rest = rest
    if operator == "IN":
        end = rest.index(")")
        among = [name for name in rest[1:end] if name != ","]
        return (lambda item, values: _value(head, item, values) in [values[name] for name in among]), rest[end + 1 :]
    return _comparison(head, operator, rest[0]), rest[1:]


def _function(name: str, rest: list[str]) -> tuple[Condition, list[str]]:
    end = rest.index(")")
    arguments = [each for each in rest[1:end] if each != ","]

    def holds(item: Values, values: Values) -> bool:
        first, *others = (_value(each, item, values) for each in arguments)
        if name == "attribute_exists":
            return first is not _MISSING
        if name == "attribute_not_exists":
            return first is _MISSING
        if name == "contains":
            return first is not _MISSING and others[0] in first
        raise ValueError(f"unknown function {name}")

    return holds, rest[end + 1 :]


def _comparison(left: str, operator: str, right: str) -> Condition:
    def holds(item: Values, values: Values) -> bool:
        a, b = _value(left, item, values), _value(right, item, values)
        if operator == "<>":
            return a is _MISSING or b is _MISSING or a != b
        if a is _MISSING or b is _MISSING:
            return False
        return (
            {"=": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator] if operator != "=" else a == b
        )

    return holds


def _value(name: str, item: Values, values: Values) -> Any:
    return values[name] if name[0] == ":" else item.get(name[1:], _MISSING)
