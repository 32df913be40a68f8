"""Mutations of the protocol: each takes one safeguard out of the real code, by its text."""

import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from sluice.ledger import ledger
from sluice.ledger.ledger import Ledger
from sluice.publish import publisher, remove


@dataclass(frozen=True)
class Mutation:
    """What the code does without it, where it stands, its text, and what stands there instead.

    owner: a module, or the class whose method it is. scenario: in which the explorer finds it; faults: with how many.
    """

    name: str
    owner: Any
    function: str
    old: str
    new: str
    scenario: str
    faults: int = 0

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Raises ValueError when the code no longer has the text."""
        original = getattr(self.owner, self.function)
        source = textwrap.dedent(inspect.getsource(original))
        if self.old not in source:
            raise ValueError(f"{self.function} has no {self.old!r} any more")
        module = inspect.getmodule(original)
        names: dict[str, Any] = {}
        exec(source.replace(self.old, self.new), vars(module), names)  # noqa: S102 (our own code, mutated)
        with patch.object(self.owner, self.function, names[self.function]):
            yield


MUTATIONS = (
    Mutation(
        "a run that is undone may publish",
        ledger,
        "may_publish",
        'head.get("lease_owner") == run_id != head.get("undoing")',
        'head.get("lease_owner") == run_id',
        "after publish: late publish, and the run gives up",
    ),
    Mutation(
        "a late publisher does not look after its copies",
        publisher,
        "publish",
        "_withdraw(lake, ledger, manifest)",
        "pass",
        "after claim: late publish, and the run gives up",
    ),
    Mutation(
        "a late publisher removes what is promised",
        publisher,
        "_withdraw",
        'if head.get("published_manifest") == manifest.key:',
        "if False:",
        "after claim: late publish, and the run finishes",
    ),
    Mutation(
        "a late publisher removes a manifest that the ledger names",
        publisher,
        "_withdraw",
        "if not is_named:",
        "if True:",
        "after publish: late publish, and the run finishes",
    ),
    Mutation(
        "a publication is not recorded before it begins",
        Ledger,
        "begin_publishing",
        "self._repeat(source, add)",
        "pass",
        "after claim: late claim, and the run finishes",
        faults=1,
    ),
    Mutation(
        "undoing removes what another run has begun",
        remove,
        "undo",
        'if head.get("lease_owner") == task.run_id else []',
        "",
        "after claim: late undo, and the run gives up",
    ),
    Mutation(
        "a run completes what it has not published",
        Ledger,
        "complete",
        'if head.get("ready_manifest") != manifest:',
        "if False:",
        "after claim: late complete, and the run finishes",
    ),
    Mutation(
        "a run completes though it is undone meanwhile",
        Ledger,
        "complete",
        'condition=f"{_MAY_PUBLISH} AND {unchanged}"',
        "condition=unchanged",
        "after publish: late complete, and the run gives up",
    ),
    Mutation(
        "completing forgets what it replaces",
        Ledger,
        "complete",
        "*([former] if former else []),",
        "",
        "after claim: late claim, and the run finishes",
    ),
    Mutation(
        "completing forgets what dead runs have begun",
        Ledger,
        "complete",
        '*without(manifest, head, "pending")',
        "",
        "after publish: version 3 overtakes the run",
    ),
    Mutation(
        "the ledger is changed whatever it has become since it was read",
        ledger,
        "as_read",
        'return " AND ".join(conditions), {f"read_{name}": head[name] for name in _MANIFESTS if name in head}',
        'return "attribute_exists(#source)", {}',
        "after complete: late remove, and the run finishes",
    ),
    Mutation(
        "what was removed is forgotten before it is removed",
        remove,
        "remove_replaced",
        "remove_objects(lake, manifest)",
        "ledger.removed(source, manifest=key); remove_objects(lake, manifest)",
        "after complete: late complete, and the run finishes",
        faults=1,
    ),
    Mutation(
        "partitions are registered after the run is ready to complete",
        publisher,
        "publish",
        "new = 0 if",
        "ledger.end_publishing(task.source, run_id=task.run_id, manifest=manifest.key); new = 0 if",
        "after claim: late complete, and the run finishes",
    ),
    Mutation(
        "a late claim of a failed run takes the lease between the two writes of failing",
        Ledger,
        "fail",
        "self._set_head(source, {}, condition=_HELD, remove=_LEASE, run=run_id)\n    return",
        "return",
        "before claim: late claim, and the run gives up",
    ),
    Mutation(
        "a late claim of a failed run takes the redriven version",
        Ledger,
        "claim",
        " AND {_NOT_FAILED}",
        "",
        "before claim: late claim, and the run is redriven",
    ),
)
