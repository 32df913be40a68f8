"""The project's own template on one local AWS, shared by the session, and the `sluice` command on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import LocalAWS, deploy, detached
from tests.end_to_end.command import Command
from tests.permissions.world import World, running

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAWS]:
    with LocalAWS(wait_scale=0.02) as running:
        deploy(running, ROOT / "template.yaml", stack="sluice", parameters={"Streaming": "yes"})
        yield running


@pytest.fixture(scope="session")
def runtime(aws: LocalAWS, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which `aws` is the local AWS that is up: never one that the developer has up."""
    folder = tmp_path_factory.mktemp("runtime")
    detached.remember(aws, state_home=folder)
    return folder


@pytest.fixture(scope="module")
def sluice(runtime: Path) -> Iterator[Command]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(runtime))
        patch.delenv("SLUICE_STACK", raising=False)
        yield Command()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The template with a dataset about people, a key of its own for data and one for hashes."""
    with running(tmp_path_factory.mktemp("people")) as made:
        yield made
