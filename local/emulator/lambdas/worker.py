"""The process of one Python Lambda environment: reads invocations from standard input, one JSON a line.

Nothing of this project is on its path, so it imports the standard library only. Standard output carries the
protocol, so what the handler prints goes to standard error, which becomes the function's log. The line END_OF_LOG
on standard error ends the log of each invocation.
"""

# ruff: noqa: T201, PTH110, PTH118, PTH120 (printing is its protocol)
# mypy: disallow-untyped-defs=false
import importlib
import json
import os
import site
import sys
import time
import traceback

END_OF_LOG = "\x04end of invocation"
LINKED = "linked.pth"  # in a layer whose packages are links to those of this environment


class Context:
    """The context object of an invocation; AWS documents its members under "Python context object"."""

    identity = None
    client_context = None

    def __init__(self, init, call, deadline):
        self.function_name = init["function_name"]
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.invoked_function_arn = call["invoked_function_arn"]
        self.memory_limit_in_mb = str(init["memory"])
        self.aws_request_id = call["request_id"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = deadline

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.time()) * 1000))


class BadHandler(Exception):
    """The handler cannot be loaded; `kind` is the error type that Lambda gives it."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def belongs_to_python(path):
    """Whether an entry of sys.path is Python's own, not one of installed packages."""
    own = os.path.dirname(os.__file__)
    return path.startswith(own) and "site-packages" not in path


def load(init):
    """The handler function. Raises BadHandler as Lambda's own runtime client does."""
    sys.path.insert(0, init["code_dir"])
    layers = filter(None, os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep))
    packages = [os.path.join(layer, "python") for layer in layers]
    if any(os.path.exists(os.path.join(folder, LINKED)) for folder in packages):
        sys.path[1:] = [path for path in sys.path[1:] if belongs_to_python(path)]
    for folder in packages:
        site.addsitedir(folder)
    name = init["module"]
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        traceback.print_exc()
        raise BadHandler("Runtime.ImportModuleError", f"Unable to import module '{name}': {error}") from error
    except SyntaxError as error:
        traceback.print_exc()
        raise BadHandler("Runtime.UserCodeSyntaxError", f"Syntax error in module '{name}': {error}") from error
    if not hasattr(module, init["handler"]):
        raise BadHandler("Runtime.HandlerNotFound", f"Handler '{init['handler']}' missing on module '{name}'")
    return getattr(module, init["handler"])


def described(error):
    """The error payload of an invocation that raised."""
    kind = getattr(error, "kind", None) if isinstance(error, BadHandler) else type(error).__name__
    trace = [] if isinstance(error, BadHandler) else traceback.format_list(traceback.extract_tb(error.__traceback__))
    return {"errorMessage": str(error), "errorType": kind, "stackTrace": trace[1:]}


def answer(handler, failure, init, message):
    call = message["ctx"]
    for name, value in (("_X_AMZN_TRACE_ID", call.get("trace_id")),):
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    deadline = time.time() + call["timeout_ms"] / 1000
    try:
        if failure is not None:
            raise failure
        result = handler(message["event"], Context(init, call, deadline))
        return json.dumps({"status": "ok", "result": result})
    except Exception as error:
        if not isinstance(error, BadHandler):
            print(f"[ERROR] {type(error).__name__}: {error}\n{traceback.format_exc()}", file=sys.stderr)
        return json.dumps({"status": "ok", "result": None, "raised": described(error)})


def main():
    # A copy of the protocol's descriptor: what native code prints to descriptor 1 must not disturb it.
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    init = json.loads(sys.stdin.readline())
    os.environ.update(init["env"])
    os.environ.setdefault("AWS_LAMBDA_LOG_GROUP_NAME", f"/aws/lambda/{init['function_name']}")
    os.environ["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"
    os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "on-demand"
    handler = None
    failure: Exception | None = None
    try:
        handler = load(init)
    except BadHandler as error:
        failure = error
    except Exception as error:
        traceback.print_exc()
        failure = error
    print(json.dumps({"status": "ready"}), file=protocol, flush=True)
    for line in sys.stdin:
        text = answer(handler, failure, init, json.loads(line))
        print(END_OF_LOG, file=sys.stderr, flush=True)
        print(text, file=protocol, flush=True)


if __name__ == "__main__":
    main()
