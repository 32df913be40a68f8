"""Queries run in threads of their own: nothing that they use may be imported by the first of them."""

import os
import subprocess
import sys

TRANSLATE = """
import sys
from local.emulator import patches
from local.emulator.athena import engine
from sqlglot.dialects import DuckDB

before = set(sys.modules)
for sql in (
    "SELECT sale_month, count(*) AS lines, sum(price) FROM sales WHERE day >= date '2025-01-01' GROUP BY 1 ORDER BY 1",
    "SELECT regexp_replace(a, 'b') FROM t CROSS JOIN UNNEST(_reasons) AS reasons (reason) WHERE reason = 'x'",
    "WITH one AS (SELECT CAST(1.5 AS decimal(4, 2)) AS x) SELECT approx_percentile(x, 0.5), max_by(x, x) FROM one",
    "SELECT date_format(timestamp '2025-01-01 09:00:00', '%Y-%m-%d %H:%i'), array_join(ARRAY['a'], ';')",
):
    engine.bound(engine.parsed(sql), []).sql(dialect=DuckDB)
print(sorted(name for name in set(sys.modules) - before))
"""


def test_the_first_query_imports_nothing() -> None:
    environment = os.environ | {"GATEWAY_PORT": "1", "SLUICE_STATE": "unused"}

    done = subprocess.run(
        [sys.executable, "-c", TRANSLATE], env=environment, capture_output=True, text=True, check=False
    )

    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
