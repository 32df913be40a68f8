"""What template.yaml, the state machine and the handlers declare, in the form in which the tests ask for it."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from local.template import read_template

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"

Declaration = dict[str, Any]


@cache
def template() -> Declaration:
    return read_template(ROOT / "template.yaml")


def resources(kind: str) -> dict[str, Declaration]:
    """The properties of every resource of a type, by logical id."""
    found = {name: entry for name, entry in template()["Resources"].items() if entry["Type"] == kind}
    return {name: entry.get("Properties", {}) for name, entry in found.items()}


def functions() -> dict[str, Declaration]:
    return resources("AWS::Serverless::Function")


def events() -> dict[str, Declaration]:
    """The rules of the stack by logical id: those of the template, and those that SAM makes of events."""
    made = {
        f"{name}{event}": declared["Properties"]
        for name, function in functions().items()
        for event, declared in function.get("Events", {}).items()
        if declared["Type"] in ("EventBridgeRule", "Schedule")
    }
    own = resources("AWS::Events::Rule")
    return own | made


def event_targets() -> dict[str, Declaration]:
    """The one target of each rule."""
    targets: dict[str, Declaration] = {}
    for rule, properties in events().items():
        if "Targets" in properties:
            (targets[rule],) = properties["Targets"]
        else:
            function = next(name for name in functions() if rule.startswith(name))
            targets[rule] = {"Arn": {"Fn::GetAtt": [function, "Arn"]}, **properties}
    return targets


@cache
def machine() -> Declaration:
    definition: Declaration = json.loads((ROOT / "statemachine" / "etl.asl.json").read_text())
    return definition


def states(graph: Declaration | None = None) -> Iterator[tuple[str, Declaration]]:
    """Every state of the machine by name, those inside of Map states too."""
    for name, state in (graph or machine())["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def graphs(graph: Declaration | None = None) -> Iterator[Declaration]:
    """The machine, and the inner graph of each of its Map states."""
    graph = graph or machine()
    yield graph
    for state in graph["States"].values():
        if "ItemProcessor" in state:
            yield from graphs(state["ItemProcessor"])


def successors(state: Declaration) -> list[str]:
    """The names of the states that may follow: Next, Default, Choices and Catch."""
    edges = [*state.get("Choices", []), *state.get("Catch", []), state]
    return [edge["Next"] for edge in edges if "Next" in edge] + [state[key] for key in ("Default",) if key in state]


def reachable(graph: Declaration, start: str) -> set[str]:
    """The states of one graph that can follow `start`, itself included."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += successors(graph["States"][name])
    return seen


@cache
def sources(handler: str) -> tuple[ast.Module, ...]:
    """The syntax trees of a handler's module and of everything under functions/ that it imports, directly or not."""
    seen: set[Path] = set()
    waiting = [FUNCTIONS / f"{handler}.py"]
    trees: list[ast.Module] = []
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        trees.append(ast.parse(path.read_text()))
        waiting += list(_imports(trees[-1]))
    return tuple(trees)


def _imports(tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            path = FUNCTIONS.joinpath(*name.split(".")).with_suffix(".py")
            if path.exists():
                yield path


def environment_read(handler: str) -> set[str]:
    """The names that a handler and what it imports read as os.environ["NAME"]."""
    return {
        node.slice.value
        for tree in sources(handler)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) in ("os.environ", "environ")
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }


def calls(handler: str) -> set[str]:
    """The names of all methods and functions that a handler and what it imports call."""
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        for tree in sources(handler)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


def counted() -> set[str]:
    """The names of all metrics that the handlers count, alone or by what they import."""
    return {
        keyword.arg
        for path in FUNCTIONS.glob("*.py")
        for tree in sources(path.stem)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "count"
        for keyword in node.keywords
        if keyword.arg
    }


def statements(role: str) -> list[Declaration]:
    """The statements of a role: its own, then those of the managed policies of the template that it names."""
    properties = template()["Resources"][role]["Properties"]
    own = [
        statement for policy in properties.get("Policies", []) for statement in policy["PolicyDocument"]["Statement"]
    ]
    managed = template()["Resources"]
    for reference in properties.get("ManagedPolicyArns", []):
        name = reference.get("Ref") or reference["Fn::If"][1]["Ref"]
        own += managed[name]["Properties"]["PolicyDocument"]["Statement"]
    return own


def actions(statement: Declaration) -> list[str]:
    given = statement["Action"]
    return [given] if isinstance(given, str) else list(given)
