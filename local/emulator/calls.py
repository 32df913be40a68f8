"""Records every call of every principal, and makes chosen calls fail: what the fault campaign injects.

Adds to MiniStack's own endpoint, on the loopback interface only:

    GET    /_sluice/calls?since=N   the calls numbered above N
    GET    /_sluice/faults          the faults set, with how often each has fired
    POST   /_sluice/faults          set a fault: a JSON object with the fields of Fault
    DELETE /_sluice/faults          forget all faults
"""

import asyncio
import json
import os
import signal
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ministack import app as emulator
from ministack.core import iam_actions, iam_evaluator, router
from ministack.services import stepfunctions

from local.emulator.stepfunctions.calls import EXECUTION_HEADER

MAX_CALLS = 100_000  # calls
Answer = tuple[int, dict[str, str], Any]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass
class Fault:
    """From the `nth` matching call on, the next `times` calls fail.

    action  an IAM action or an operation, with wildcards: "s3:PutObject", "dynamodb:*", "s3:HeadObject"
    role    the name of the calling role, with wildcards
    when    "before" the call takes effect, or "after" (its answer is lost)
    how     "error" (an HTTP answer of `status` and `code`), "kill" (the calling process dies; a state machine,
            which has none, is stopped), or "stall" (all goes well, but not before the faults are forgotten)
    """

    action: str
    role: str = "*"
    nth: int = 1
    times: int = 1
    when: str = "before"
    how: str = "error"
    status: int = 500
    code: str = "InternalError"
    matched: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        if self.when not in ("before", "after") or self.how not in ("error", "kill", "stall"):
            raise ValueError(f"no such fault: {self.when} {self.how}")

    def strikes(self, call: "Call") -> bool:
        """Whether this call fails; counts it."""
        names = (call.action, call.operation)
        if not any(fnmatchcase(name, self.action) for name in names) or not fnmatchcase(call.role, self.role):
            return False
        self.matched += 1
        hit = self.nth <= self.matched < self.nth + self.times
        self.fired += hit
        return hit


@dataclass
class Call:
    """One call: `role` is empty for the account's root; `status` the HTTP status of its answer."""

    number: int
    service: str
    action: str
    operation: str
    role: str
    status: int = 0
    fault: str = ""


@dataclass
class Log:
    """The calls so far and the faults set."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=MAX_CALLS))
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0

    def note(self, service: str, action: str, operation: str, role: str) -> tuple[Call, Fault | None]:
        """The record of a new call, and the fault that it meets."""
        with self.lock:
            self.count += 1
            call = Call(self.count, service, action, operation, role)
            self.calls.append(call)
            struck = [fault for fault in self.faults if fault.strikes(call)]
            return call, struck[0] if struck else None


log = Log()
_ports: ContextVar[tuple[int, int] | None] = ContextVar("ports", default=None)
"""Of the connection that is served: the client's port and ours."""


def role_of(headers: dict[str, str], query: dict[str, Any]) -> str:
    """The name of the role whose session calls; empty for root and for unsigned calls."""
    found = iam_evaluator.resolve_credential(router.extract_access_key_id(headers, query))
    arn = getattr(found, "principal_arn", "")
    return arn.split("/")[1] if ":assumed-role/" in arn else ""


def failure(service: str, fault: Fault) -> Answer:
    """The answer that a struck call gets."""
    message = "injected fault"
    if service in ("s3", "sns", "iam", "sts", "cloudformation"):
        text = f"<Error><Code>{fault.code}</Code><Message>{message}</Message></Error>"
        if service != "s3":
            text = f"<ErrorResponse>{text}</ErrorResponse>"
        return fault.status, {"Content-Type": "application/xml"}, text.encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": fault.code}
    return fault.status, headers, json.dumps({"__type": fault.code, "message": message}).encode()


def kill_caller(execution_arn: str | None) -> None:
    """Stop the execution that calls, else kill the process at the other end of the connection, if not our own."""
    if execution_arn:
        stepfunctions._stop_execution({"executionArn": execution_arn, "cause": "injected fault"})
        return
    ports = _ports.get()
    pid = process_at(*ports) if ports else None
    if pid is not None and pid != os.getpid():
        os.kill(pid, signal.SIGKILL)


def process_at(port: int, server: int) -> int | None:
    """The process whose loopback connection goes from `port` to the port `server` (Linux).

    Both ports are compared: another process may use the same client port towards another server.
    """
    wanted = [f"0100007F:{port:04X}", f"0100007F:{server:04X}"]
    inode = ""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        parts = line.split()
        if parts[1:3] == wanted:
            inode = f"socket:[{parts[9]}]"
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if inode and str(descriptor.readlink()) == inode:
                return int(descriptor.parts[2])
        except OSError:
            continue  # that process has ended meanwhile, or is not ours
    return None


def administer(method: str, path: str, query: str, body: bytes) -> tuple[int, Any]:
    """Status and JSON of a call to the endpoint."""
    if path == "/_sluice/calls" and method == "GET":
        since = int(parse_qs(query).get("since", ["0"])[0])
        return 200, [asdict(call) for call in list(log.calls) if call.number > since]
    if path == "/_sluice/faults":
        with log.lock:
            if method == "POST":
                try:
                    log.faults.append(Fault(**json.loads(body)))
                except (TypeError, ValueError) as error:
                    return 400, {"message": str(error)}
            if method == "DELETE":
                log.faults.clear()
            return 200, [asdict(fault) for fault in log.faults]
    return 404, {"message": f"no {method} {path}"}


async def respond(send: Any, status: int, document: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


async def whole_body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def around(app: AsgiApp) -> AsgiApp:
    """`app` with the endpoint of this module, which learns the address of the client."""

    async def known(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/_sluice/"):
            body = await whole_body(receive)
            query = scope.get("query_string", b"").decode()
            await respond(send, *administer(scope["method"], scope["path"], query, body))
            return
        client, server = scope.get("client"), scope.get("server")
        _ports.set((client[1], server[1]) if client and server else None)
        await app(scope, receive, send)

    return known


def patch() -> None:
    dispatch, served = emulator._dispatch_service_request, emulator.app

    async def dispatch_noting(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request_id: str
    ) -> Answer:
        routed = emulator._routing_params(method, path, headers, body, query)
        service = router.detect_service(method, path, headers, routed)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, routed) or f"{service}:Unknown"
        operation = f"{action.split(':')[0]}:{emulator._ct_event_name(service, method, path, headers, routed)}"
        call, fault = log.note(service, action, operation, role_of(headers, query))
        if fault is not None:
            call.fault = f"{fault.when} {fault.how}"
        if fault is not None and fault.when == "before" and fault.how != "stall":
            answer = strike(service, fault, headers)
        elif fault is not None and fault.how == "stall":
            answer = await stall(fault, lambda: dispatch(method, path, headers, body, query, request_id))
        else:
            answer = await dispatch(method, path, headers, body, query, request_id)
            answer = strike(service, fault, headers) if fault is not None else answer
        call.status = answer[0]
        return answer

    emulator._dispatch_service_request = dispatch_noting
    emulator.app = around(served)


async def stall(fault: Fault, call: Callable[[], Awaitable[Answer]]) -> Answer:
    """The call's own answer, once the fault is cleared; the call takes effect then, or before with "after"."""
    answer = await call() if fault.when == "after" else None
    while fault in log.faults:
        await asyncio.sleep(0.05)
    return answer or await call()


def strike(service: str, fault: Fault, headers: dict[str, str]) -> Answer:
    """What a struck call comes to."""
    if fault.how == "kill":
        kill_caller(headers.get(EXECUTION_HEADER))
    return failure(service, fault)
