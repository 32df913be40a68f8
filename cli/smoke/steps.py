"""The steps of the smoke test: each is run, timed and recorded; a failed one stops only those that need it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from cli.terminal.errors import advised
from sluice.errors import SluiceError

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class Unexpected(Exception):
    """A step found something else than expected. advice: what to do."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.advice = advice


class NotPossible(Exception):
    """A step cannot be tried here; the message says why."""


@dataclass(frozen=True)
class Step:
    """What one step expected and found. advice: what to do when it failed."""

    name: str
    expected: str
    state: str
    found: str
    seconds: float
    advice: str = ""


class Steps:
    """The steps so far. hidden: a text that no step may show. show: called with each step when it has ended."""

    def __init__(self, *, hidden: str, show: Callable[[Step], None]) -> None:
        self.done: list[Step] = []
        self._hidden = hidden
        self._show = show

    def run(self, name: str, expected: str, do: Callable[[], str], *, needs: Sequence[str] = ()) -> None:
        """Run a step unless one that it needs has not passed. do: returns what it found; raises what it did not."""
        started = time.perf_counter()
        passed = {step.name for step in self.done if step.state == PASSED}
        state, found, advice = FAILED, "", ""
        try:
            if missing := [need for need in needs if need not in passed]:
                raise NotPossible(f"needs {', '.join(missing)}")
            found = do()
            state = PASSED
        except NotPossible as reason:
            state, found = SKIPPED, str(reason)
        except Unexpected as unexpected:
            found, advice = str(unexpected), unexpected.advice
        except (BotoCoreError, ClientError) as error:
            found = advised(error)
        except SluiceError as error:
            found = str(error)
        texts = [text.replace(self._hidden, "ACCOUNT") for text in (expected, found, advice)]
        step = Step(name, texts[0], state, texts[1], round(time.perf_counter() - started, 1), texts[2])
        self.done.append(step)
        self._show(step)


def markdown(steps: Sequence[Step], title: str) -> str:
    """Return a report of the steps to attach to an issue."""
    lines = [f"# {title}", "", "| | step | expected | found | seconds |", "|---|---|---|---|---:|"]
    for step in steps:
        cells = [step.state, step.name, step.expected, step.found, f"{step.seconds:.1f}"]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    lines += [f"\n**{step.name}**: {_cell(step.advice)}" for step in steps if step.advice]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    for char in "\\|<`*_[":
        text = text.replace(char, f"\\{char}")
    return " ".join(text.split())
