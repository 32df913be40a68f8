"""Errors as Athena names them: of a statement that is refused at once, and of a query that fails.

No patch of its own: `engine` and `queries` use it. The kinds are Trino's error codes, which the reason of a failed
query begins with.
"""

import re

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.dialects import Athena

from local.emulator.athena.reserved_words import IN_QUERIES
from local.emulator.athena.results import athena_types
from local.emulator.athena.statements import reserved_name

_CALL = r"(?:No function matches the given name and argument types '|for the function call \")"
_KINDS: tuple[tuple[str, str, str], ...] = (
    (r'Referenced (?:column|table) "(.+?)" not found', "COLUMN_NOT_FOUND", "Column '{0}' cannot be resolved"),
    (r'"(.+?)" does not have a column named "(.+?)"', "COLUMN_NOT_FOUND", "Column '{0}.{1}' cannot be resolved"),
    (r'Could not find key "(.+?)" in struct', "COLUMN_NOT_FOUND", "Column '{0}' cannot be resolved"),
    (r"Function with name \"?(\w+)\"? does not exist", "FUNCTION_NOT_FOUND", "Function '{0}' not registered"),
    (rf"{_CALL}(\W+?)\((.*?)\)['\"]", "TYPE_MISMATCH", "Cannot apply operator {0} to {1}"),
    (rf"{_CALL}(\w+)\((.*?)\)['\"]", "FUNCTION_NOT_FOUND", "Unexpected parameters ({1}) for function {0}"),
    (
        r'column "(.+?)" must appear in the GROUP BY',
        "EXPRESSION_NOT_AGGREGATE",
        "'{0}' must be an aggregate expression or appear in GROUP BY clause",
    ),
    (r'Ambiguous reference to (?:column name )?"(.+?)"', "AMBIGUOUS_NAME", "Column '{0}' is ambiguous"),
    (r"Cannot compare values of type (.+?) and type (.+?) -", "TYPE_MISMATCH", "Cannot compare {0} with {1}"),
    (r"clause cannot contain aggregates", "EXPRESSION_NOT_SCALAR", "WHERE clause cannot contain aggregations"),
    (r"aggregate function calls cannot be nested", "NESTED_AGGREGATION", "Cannot nest aggregations"),
    (r"Division by zero", "DIVISION_BY_ZERO", "Division by zero"),
    (r"with value (\S+) can't be cast .* type (\w+)", "INVALID_CAST_ARGUMENT", "Cannot cast {0} to {1}: out of range"),
    (
        r"Could not convert string ['\"](.*?)['\"] to (\w+(?:\(.*?\))?)",
        "INVALID_CAST_ARGUMENT",
        "Cannot cast '{0}' to {1}",
    ),
    (r'invalid (date|timestamp) field format: "(.*?)"', "INVALID_CAST_ARGUMENT", "Value cannot be cast to {0}: {1}"),
    (r"More than one row returned by a sub", "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"),
)
_CLASSES: tuple[tuple[type[duckdb.Error], str], ...] = (
    (duckdb.ConversionException, "INVALID_CAST_ARGUMENT"),
    (duckdb.OutOfRangeException, "NUMERIC_VALUE_OUT_OF_RANGE"),
    (duckdb.InvalidInputException, "INVALID_FUNCTION_ARGUMENT"),
    (duckdb.OutOfMemoryException, "EXCEEDED_LOCAL_MEMORY_LIMIT"),
    (duckdb.ParserException, "SYNTAX_ERROR"),
    (duckdb.BinderException, "TYPE_MISMATCH"),
)


def described(error: duckdb.Error) -> str:
    """The reason of a failed query, such as `COLUMN_NOT_FOUND: Column 'x' cannot be resolved`.

    What has no text of Athena's here has the first line of the engine's, after the kind of the error's class.
    """
    text = str(error).split("\n")[0]
    for pattern, kind, words in _KINDS:
        if found := re.search(pattern, text):
            is_value = kind == "INVALID_CAST_ARGUMENT"
            parts = [
                part if is_value and not place else athena_types(part) for place, part in enumerate(found.groups())
            ]
            return f"{kind}: {words.format(*parts)}"
    kind = next((name for each, name in _CLASSES if isinstance(error, each)), "GENERIC_USER_ERROR")
    return f"{kind}: {athena_types(re.sub(r'^[A-Z][A-Za-z -]* Error: ', '', text))}"


def refusal(sql: str) -> str | None:
    """Why Athena does not start a statement, None where it does: a syntax error, or a reserved word as a name."""
    if (found := reserved_name(sql)) is not None:
        return _mismatched(sql, *found)
    try:
        parsed = sqlglot.parse(sql, read=Athena)
    except sqlglot.errors.ParseError as error:
        first = error.errors[0]
        word = first.get("highlight") or "<EOF>"
        column = max(1, (first.get("col") or 1) - len(word) + 1)
        line, why = first.get("line") or 1, first.get("description") or ""
        return f"line {line}:{column}: mismatched input '{word}'. {why}".strip()
    except sqlglot.errors.SqlglotError as error:
        return f"line 1:1: {str(error).splitlines()[0]}"
    names = [name for statement in parsed if statement is not None for name in statement.find_all(exp.Identifier)]
    reserved = [name for name in names if not name.quoted and "start" in name.meta and name.name.lower() in IN_QUERIES]
    if not reserved:
        return None
    name = min(reserved, key=lambda each: int(each.meta["start"]))
    return _mismatched(sql, name.name, int(name.meta["start"]))


def _mismatched(sql: str, name: str, offset: int) -> str:
    before = sql[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    return f"line {line}:{column}: mismatched input '{name}'. Expecting: <identifier>"
