"""Visits every state that actors can reach: every order of their calls, with faults at any of them.

An actor is a chain of functions of clients. A function is run from its beginning with the answers that it has had so
far, up to its next call: so an actor's state is its function and that list of answers, and no thread is needed. What
a function has returned is forgotten but for the name of the next one, as between two invocations of Lambda. One call
is one atomic step.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.dynamodb import Items, Key, stored
from tests.property.protocol.world import Answer, Call, Item, World

GO, LOST, ERROR, KILL = "go", "answer lost, repeated by the SDK", "error after it took effect", "killed after it"
FAULTS = (LOST, ERROR, KILL)
Fault = tuple[str, str]
"""In which function it happened, and how."""
_KEYS_A_PAGE = 1000
"""Of a listing."""
_ASKED_LATE = ("published_version",)
"""Attributes for which the code asks after a further call."""
WORK, RAW = "work", "raw"
"""Nothing in these buckets changes here but tags, and no table: the order of these calls does not matter."""


class _Pause(BaseException):
    """Unwinds an actor at its first call that has no answer yet."""

    def __init__(self, call: Call) -> None:
        self.call = call


Function = Callable[["Clients"], str]


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


class Clients:
    """An actor's boto clients: those of all services are one. answer: what each call gets.

    seen: what the actor has seen of each answer. Of an item these are the attributes that it has asked for, so two
    histories that differ in others are one. That holds as long as it asks before its next call, which is checked.
    """

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        self._answer = answer
        self.seen: list[Any] = []
        self.exceptions = _EXCEPTIONS
        self.meta = SimpleNamespace(region_name="eu-west-1")

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            kind, given = self._answer(Call(operation, parameters))
            if operation == "get_item" and kind != "error":
                return {"Item": given}
            self.seen.append((kind, given))
            if kind == "error":
                raise error(given, operation)
            return {**given, "Body": io.BytesIO(given["Body"])} if "Body" in given else given

        return call

    def get_paginator(self, operation: str) -> Any:
        def paginate(**parameters: Any) -> Iterator[Any]:
            page = getattr(self, operation)(**parameters)
            yield page
            while page.get("KeyCount") == _KEYS_A_PAGE:
                page = getattr(self, operation)(**parameters, StartAfter=page["Contents"][-1]["Key"])
                yield page

        return SimpleNamespace(paginate=paginate)


class Seen(Mapping[str, Any]):
    """An item as the ledger's Items returns it, which records what is asked of it."""

    def __init__(self, clients: Clients, item: Mapping[str, Any]) -> None:
        self._clients = clients
        self._item = item
        self._asked: dict[str, Any] = {name: item.get(name) for name in _ASKED_LATE}
        clients.seen.append(self._asked)

    def __getitem__(self, name: str) -> Any:
        assert name in self._asked or self._clients.seen[-1] is self._asked, f"add {name} to _ASKED_LATE"
        self._asked[name] = self._item.get(name)
        return self._item[name]

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        for name in self._item:
            self[name]
        self._asked["all"] = True
        return iter(self._item)

    def __len__(self) -> int:
        return len(list(iter(self)))


def get_item(items: Items, key: Key) -> Mapping[str, Any]:
    """Items.get, recording what is asked of the item."""
    clients: Clients = items._client
    return Seen(clients, clients.get_item(TableName="", Key=stored(key), ConsistentRead=True)["Item"] or {})


_CODES = (
    "ConditionalCheckFailedException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "NoSuchKey",
    "AlreadyExistsException",
    "EntityNotFoundException",
    "ConcurrentModificationException",
)
_EXCEPTIONS = SimpleNamespace(**{code: type(code, (ClientError,), {}) for code in _CODES})


def error(code: str, operation: str) -> Exception:
    """Return the error of a code as botocore raises it."""
    if code == ERROR:
        return OSError(f"{operation}: the connection broke")
    reasons = {"CancellationReasons": [{"Code": "ConditionalCheckFailed"}]} if code.startswith("Transaction") else {}
    kind = getattr(_EXCEPTIONS, code, ClientError)
    return kind({"Error": {"Code": code, "Message": code}, **reasons}, operation)


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
