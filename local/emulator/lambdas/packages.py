"""A layer has the packages of its requirements.txt, as after `sam build`; in a template deployed as it is it has none.

Its functions get links to exactly those packages of this environment, and to the SDK that Lambda provides. They see no
others, so a function that imports what is not in its layer fails here too.
"""

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from ministack.services import lambda_svc
from packaging.requirements import InvalidRequirement, Requirement

from local.emulator.lambdas.worker import LINKED

REQUIREMENTS = "requirements.txt"
OF_THE_RUNTIME = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
"""What Lambda's Python runtime provides: the SDK."""

_linking = threading.Lock()


class PackageMissing(RuntimeError):
    """A layer requires a package that this environment does not have; the message says what to do."""


def linked(layer: bytes) -> bytes:
    """Return the layer (a ZIP) with the packages that its requirements name; one that has its packages as it is.

    Raises PackageMissing.
    """
    with zipfile.ZipFile(io.BytesIO(layer)) as archive:
        names = archive.namelist()
        if REQUIREMENTS not in names or any(name.startswith("python/") for name in names):
            return layer
        wanted = archive.read(REQUIREMENTS).decode()
    folder = Path(os.environ["SLUICE_STATE"]) / "packages" / hashlib.sha256(wanted.encode()).hexdigest()[:16]
    with _linking:
        if not folder.exists():
            link(wanted, folder)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"python/{LINKED}", f"{folder}\n")
    return content.getvalue()


def link(wanted: str, folder: Path) -> None:
    """Make a folder of links to the packages that a requirements file names. Raises PackageMissing."""
    links = {path.name: path for name in (*OF_THE_RUNTIME, *packages_of(wanted)) for path in installed_paths(name)}
    folder.mkdir(parents=True)
    for name, path in links.items():
        (folder / name).symlink_to(path)


def packages_of(wanted: str) -> Iterator[str]:
    """Yield the names of the packages that a requirements file wants here. Raises PackageMissing."""
    for line in wanted.splitlines():
        if text := line.partition("#")[0].strip():
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                raise PackageMissing(
                    f"the layer's {REQUIREMENTS} has the line {text!r}, which names no package: one a line, as PEP 508"
                ) from error
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement.name


def installed_paths(package: str) -> set[Path]:
    """Return what a package has in site-packages: its folders, modules and metadata. Raises PackageMissing."""
    try:
        found = distribution(package)
    except PackageNotFoundError as error:
        raise PackageMissing(
            f"the layer's {REQUIREMENTS} names {package}, which is not installed here: install it too, with uv add"
        ) from error
    first = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    return {Path(str(found.locate_file(name))) for name in first}


def patch() -> None:
    resolve = lambda_svc._resolve_layer_zip

    def resolve_linked(attachment: Any) -> bytes | None:
        layer: bytes | None = resolve(attachment)
        return linked(layer) if layer else layer

    lambda_svc._resolve_layer_zip = resolve_linked
