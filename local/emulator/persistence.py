"""What MiniStack cannot save of the patched services, so that the rest is saved (`sluice up --keep`).

Queries and their results are not kept: they would be the only state that is no JSON, and Athena would save nothing.
"""

from typing import Any

from ministack.services import athena


def patch() -> None:
    state_of = athena.get_state

    def without_queries() -> dict[str, Any]:
        executions = dict(athena._executions._data)
        athena._executions._data.clear()
        try:
            return dict(state_of())
        finally:
            athena._executions._data.update(executions)

    athena.get_state = without_queries
