"""A rule for import-linter: every module of a package is reached from the files that are run."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

ROOT = Path(__file__).parents[2]


class ReachedContract(Contract):
    """entries: globs of the files that are run, from the project's root; package: whose modules must be reached."""

    entries = fields.ListField(subfield=fields.StringField())
    package = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        package = str(self.package)
        modules = {package, *graph.find_descendants(package)}
        files = [path for glob in self.entries for path in sorted(ROOT.glob(str(glob)))]
        begun = {name for path in files for name in _imported(path) if name in modules}
        reached = begun.union(*(graph.find_upstream_modules(name) for name in begun))
        packages = {name for name in modules if graph.find_children(name)}
        unreached = sorted(modules - packages - reached)
        return ContractCheck(kept=not unreached, metadata={"unreached": unreached})

    def render_broken_contract(self, check: Any) -> None:
        for name in check.metadata["unreached"]:
            output.print_error(f"{name} is reached from nothing that is run")


def _imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file may import: of `from a import b` both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
