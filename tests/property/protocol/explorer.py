"""Visits every state that actors can reach: every order of their calls, with faults at any of them.

An actor is a chain of functions of clients. A function is run from its beginning with the answers that it has had so
far, up to its next call: so an actor's state is its function and that list of answers, and no thread is needed. What
a function has returned is forgotten but for the name of the next one, as between two invocations of Lambda. One call
is one atomic step.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from tests.property.protocol.calls import Answer, Call
from tests.property.protocol.clients import ERROR, Clients
from tests.property.protocol.world import Item, World

GO, LOST, KILL = "go", "answer lost, repeated by the SDK", "killed after it"
FAULTS = (LOST, ERROR, KILL)
Fault = tuple[str, str]
"""In which function it happened, and how."""
WORK, RAW = "work", "raw"
"""Nothing in these buckets changes here but tags, and no table: the order of these calls does not matter."""


class _Pause(BaseException):
    """Unwinds an actor at its first call that has no answer yet."""

    def __init__(self, call: Call) -> None:
        self.call = call


Function = Callable[[Clients], str]


@dataclass(frozen=True)
class Actor:
    """functions: by name, the first begins; each returns the name of the next or "", and what it raises ends the actor.

    at_once: how the names of functions begin whose calls nothing comes between, to have fewer states.
    """

    name: str
    functions: dict[str, Function]
    at_once: str = "-"


@dataclass(frozen=True)
class _At:
    """Where an actor stands: in which function, after which answers. call: the next one, None at its end."""

    function: str
    digest: bytes
    answers: tuple[Any, ...] | None
    call: Call | None
    ended: str = ""


@dataclass
class Found:
    """What an exploration found. violations: invariant → the shortest way to it found, call by call."""

    states: int
    ends: int
    violations: dict[str, list[str]]
    outcomes: Counter[str]
    complete: bool


@dataclass(frozen=True)
class _State:
    world: World
    actors: tuple[_At, ...]
    faults: tuple[Fault, ...] = ()

    def key(self) -> bytes:
        stands = [(at.function, at.digest, at.ended) for at in self.actors]
        return hashlib.blake2b(f"{self.world.fingerprint}{stands}{self.faults}".encode(), digest_size=16).digest()


class Explorer:
    """Two judges return problems as texts. always: of any state; at_end: of one in which every actor has ended.

    at_end gets how each actor ended ("ok", "killed" or its error's name), and the faults that have happened.
    """

    def __init__(
        self,
        actors: Sequence[Actor],
        *,
        always: Callable[[World], list[str]],
        at_end: Callable[[World, dict[str, str], tuple[Fault, ...]], list[str]],
    ) -> None:
        self._actors = actors
        self._always = always
        self._at_end = at_end
        self._known: dict[tuple[str, str, bytes, str, str], _At] = {}

    def explore(self, world: World, *, budget: int, seconds: float = 1e9, first: bool = False) -> Found:
        """Visit every state. budget: how many faults may happen. first: stop at the first violation."""
        found = Found(0, 0, {}, Counter(), complete=True)
        started = monotonic()
        begun = _State(world, self._begun(world))
        came: dict[bytes, tuple[bytes, str]] = {begun.key(): (b"", "")}
        stack = [(begun, begun.key())]
        while stack:
            state, key = stack.pop()
            found.states += 1
            for problem in self._problems(state, found):
                if problem not in found.violations:
                    found.violations[problem] = _way(came, key)
            if (first and found.violations) or monotonic() - started > seconds:
                found.complete = False
                break
            for step, following in self._steps(state, len(state.faults) < budget):
                reached = following.key()
                if reached not in came:
                    came[reached] = (key, step)
                    stack.append((following, reached))
        return found

    def _begun(self, world: World) -> tuple[_At, ...]:
        firsts = [(actor, next(iter(actor.functions))) for actor in self._actors]
        return tuple(self._settle(world, actor, _run(actor, first, None)) for actor, first in firsts)

    def _problems(self, state: _State, found: Found) -> list[str]:
        problems = self._always(state.world)
        if all(at.call is None for at in state.actors):
            ended = {actor.name: at.ended for actor, at in zip(self._actors, state.actors, strict=True)}
            found.ends += 1
            found.outcomes[json.dumps(ended)] += 1
            problems = problems + self._at_end(state.world, ended, state.faults)
        return problems

    def _steps(self, state: _State, faulty: bool) -> Iterator[tuple[str, _State]]:
        for place, (actor, at) in enumerate(zip(self._actors, state.actors, strict=True)):
            if at.call is None:
                continue
            for how in (GO, *(FAULTS if faulty else ())):
                if at.call.reads and how in (LOST, KILL):
                    continue  # as if it had not called, or called once
                world, reached = self._step(state.world, actor, at, how)
                actors = (*state.actors[:place], reached, *state.actors[place + 1 :])
                faults = state.faults if how == GO else (*state.faults, (at.function, how))
                yield f"{actor.name}: {at.call}{'' if how == GO else f' — {how}'}", _State(world, actors, faults)

    def _step(self, world: World, actor: Actor, at: _At, how: str) -> tuple[World, _At]:
        assert at.call
        world = world if at.call.reads and not at.function.startswith(actor.at_once) else world.copy()
        answer = world.do(at.call)
        if how == LOST:
            answer = world.do(at.call)
        if how == KILL:
            return world, _At("", b"", None, None, "killed")
        reached = self._settle(world, actor, self._advance(actor, at, ("error", ERROR) if how == ERROR else answer))
        while reached.call and reached.function == at.function and at.function.startswith(actor.at_once):
            reached = self._settle(world, actor, self._advance(actor, reached, world.do(reached.call)))
        return world, reached

    def _settle(self, world: World, actor: Actor, at: _At) -> _At:
        """Do the reads of what never changes."""
        while at.call and (at.call.operation == "get_table" or at.call.parameters.get("Bucket") in (WORK, RAW)):
            at = self._advance(actor, at, world.do(at.call))
        return at

    def _advance(self, actor: Actor, at: _At, answer: Any) -> _At:
        kind, given = answer
        step = (actor.name, at.function, at.digest, kind, given.text if isinstance(given, Item) else repr(given))
        known = self._known.get(step)
        if known is None:
            known = self._known[step] = _run(actor, at.function, (at.answers, answer))
        return known


def _run(actor: Actor, function: str, answers: Any) -> _At:
    while function:
        clients = Clients(_replay(answers))
        try:
            function = actor.functions[function](clients)
        except _Pause as pause:
            digest = hashlib.blake2b(repr(clients.seen).encode(), digest_size=12).digest()
            return _At(function, digest, answers, pause.call)
        except AssertionError:
            raise
        except Exception as raised:
            return _At("", b"", None, None, type(raised).__name__)
        answers = None
    return _At("", b"", None, None, "ok")


def _replay(answers: Any) -> Callable[[Call], Answer]:
    given = []
    while answers:
        answers, answer = answers
        given.append(answer)

    def answer_of(call: Call) -> Answer:
        if not given:
            raise _Pause(call)
        return given.pop()

    return answer_of


def _way(came: dict[bytes, tuple[bytes, str]], key: bytes) -> list[str]:
    steps = []
    while key:
        key, step = came[key]
        steps.append(step)
    return [step for step in reversed(steps) if step]


def alone(world: World, program: Callable[[Clients], object]) -> tuple[World, str]:
    """Run one actor alone; return the state that it leaves, and how it ended."""
    world = world.copy()
    try:
        program(Clients(world.do))
    except Exception as raised:
        return world, f"{type(raised).__name__}: {raised}"
    return world, "ok"
