"""The runtime of Lambda on this machine: awslambdaric asks a loopback server of ours for one event."""

import json
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

PROVIDED = (
    # The runtime's own client, and nothing else: the SDK that AWS puts beside it is another from month to month.
    "awslambdaric",
    "runtime_client",
    "simplejson",
    "snapshot_restore_py",
)
ANSWER_SECONDS = 120


class _Api(HTTPServer):
    """The runtime API: hands out one event and keeps what is answered."""

    def __init__(self, event: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.event = event
        self.answer: Any = None
        self.answered = threading.Event()


class _Call(BaseHTTPRequestHandler):
    server: _Api

    def do_GET(self) -> None:
        body = json.dumps(self.server.event).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "d9a3f0c1-0000-4000-8000-000000000000")
        self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:f")
        # Without a type the client's native part reads from address 0.
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.answer = json.loads(self.rfile.read(length) or "null")
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answered.set()

    def log_message(self, *_: Any) -> None:
        """Say nothing: the test tells what matters."""


def invoke(built: Sequence[Path], handler: str, event: Any, environment: Mapping[str, str], runtime: Path) -> Any:
    """Return what a built function answers to an event, or the error it reports.

    built: the folders of the function and of its layer's packages, alone on the path with what Lambda provides, linked
    into `runtime`.
    """
    for name in PROVIDED:
        for found in Path(sysconfig.get_path("purelib")).glob(f"{name}*"):
            if not found.name.endswith((".dist-info", "-stubs")) and not (runtime / found.name).exists():
                (runtime / found.name).symlink_to(found)
    api = _Api(event)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    path = [str(folder) for folder in (*built, runtime)]
    start = f"import sys; sys.path[:0] = {path!r}; from awslambdaric.__main__ import main; "
    process = subprocess.Popen(
        # The interpreter that the environment was made from: -I -S keep every other package away.
        [sys._base_executable, "-I", "-S", "-c", start + f"main(['bootstrap', {handler!r}])"],
        cwd=built[0],
        env={
            "PATH": os.defpath,
            "LAMBDA_TASK_ROOT": str(built[0]),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "built",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        if not api.answered.wait(ANSWER_SECONDS):
            process.kill()
            raise TimeoutError(process.communicate()[0][-3000:])
        return api.answer
    finally:
        process.kill()
        process.wait()
        api.shutdown()
        api.server_close()
