"""Names of columns that a query gives none: `_col0`, by their position in the result.

No patch of its own: `engine` and `ctas` use it. https://docs.aws.amazon.com/athena/latest/ug/select.html
"""

import itertools
import re
from dataclasses import replace

from sqlglot import exp

from local.emulator.athena.results import Result

UNNAMED = re.compile(r"_unnamed_\d+")


def mark_unnamed(statement: exp.Query) -> None:
    """Give each expression that has no name one that `named` knows: their positions show in the result only."""
    numbers = itertools.count()
    for values in list(statement.find_all(exp.Values)):
        alias = values.args.get("alias")
        if not (alias and alias.args.get("columns")):
            first = values.expressions[0]
            width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
            columns = [exp.to_identifier(f"_unnamed_{next(numbers)}") for _ in range(width)]
            name = alias.this if alias else exp.to_identifier(f"_values_{next(numbers)}")
            values.set("alias", exp.TableAlias(this=name, columns=columns))
    for select in list(statement.find_all(exp.Select)):
        for projection in list(select.expressions):
            inside = projection.unnest()
            if not (projection.alias or isinstance(inside, exp.Column | exp.Star | exp.Dot | exp.Aliases)):
                alias = exp.Alias(this=projection.copy(), alias=exp.to_identifier(f"_unnamed_{next(numbers)}"))
                projection.replace(alias)


def named(result: Result) -> Result:
    names = [f"_col{at}" if UNNAMED.fullmatch(name) else name for at, name in enumerate(result.names)]
    columns = [column | {"Name": name, "Label": name} for name, column in zip(names, result.columns, strict=True)]
    return replace(result, names=names, columns=columns)
