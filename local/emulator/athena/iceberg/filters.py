"""Conditions of WHERE that choose an Iceberg table's files, as Trino pushes them into the scan.

No patch of its own: `iceberg/table` uses it. What cannot be translated chooses no files: DuckDB applies all
conditions to the rows in any case.
"""

from collections.abc import Callable
from typing import Any

from pyiceberg.expressions import (
    And,
    BooleanExpression,
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
    Not,
    NotEqualTo,
    Or,
)
from sqlglot import exp

Constant = Callable[[exp.Column, Any], Any]  # what an expression without columns is, as a value of a column, or None
COMPARISONS: dict[type[exp.Expression], Any] = {
    exp.EQ: EqualTo,
    exp.NEQ: NotEqualTo,
    exp.LT: LessThan,
    exp.LTE: LessThanOrEqual,
    exp.GT: GreaterThan,
    exp.GTE: GreaterThanOrEqual,
    exp.In: In,
    exp.Is: IsNull,
}
SWAPPED = {LessThan: GreaterThan, GreaterThan: LessThan}
SWAPPED |= {LessThanOrEqual: GreaterThanOrEqual, GreaterThanOrEqual: LessThanOrEqual}
CONSTANT_NODES = (
    *(exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Paren, exp.Cast, exp.DataType, exp.DataTypeParam),
    *(exp.Add, exp.Sub, exp.Interval, exp.Var, exp.CurrentDate, exp.CurrentTimestamp),
)


def is_constant(expression: exp.Expression) -> bool:
    """Whether Trino evaluates an expression while it plans."""
    return all(isinstance(node, CONSTANT_NODES) for node in expression.walk())


def scan_filter(condition: exp.Expression, constant: Constant) -> BooleanExpression | None:
    """A condition as a filter of a scan, or None."""
    match condition:
        case exp.Paren():
            return scan_filter(condition.this, constant)
        case exp.And() | exp.Or():
            left, right = scan_filter(condition.this, constant), scan_filter(condition.expression, constant)
            if left is None or right is None:
                return None
            return And(left, right) if isinstance(condition, exp.And) else Or(left, right)
        case exp.Not():
            inner = scan_filter(condition.this, constant)
            return None if inner is None else Not(inner)
        case exp.Is(this=exp.Column(), expression=exp.Null()):
            return COMPARISONS[exp.Is](condition.this.name)  # type: ignore[no-any-return]
        case exp.Between(this=exp.Column()):
            low, high = (constant(condition.this, condition.args[end]) for end in ("low", "high"))
            if low is None or high is None:
                return None
            name = condition.this.name
            return And(COMPARISONS[exp.GTE](name, low), COMPARISONS[exp.LTE](name, high))
        case exp.In(this=exp.Column()) if condition.expressions:
            values = [constant(condition.this, each) for each in condition.expressions]
            return None if None in values else COMPARISONS[exp.In](condition.this.name, values)  # type: ignore[no-any-return]
    return comparison(condition, constant)


def comparison(condition: exp.Expression, constant: Constant) -> BooleanExpression | None:
    compare = COMPARISONS.get(type(condition))
    if compare in (None, In, IsNull):
        return None
    left, right = condition.this, condition.expression
    if isinstance(right, exp.Column):
        left, right, compare = right, left, SWAPPED.get(compare, compare)
    value = constant(left, right) if isinstance(left, exp.Column) else None
    return None if value is None else compare(left.name, value)  # type: ignore[no-any-return]
