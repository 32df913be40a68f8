"""One running local AWS with one deployed stack, shared by the session: its tests never clean up after others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import Deployment, LocalAWS, deploy

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAWS]:
    with LocalAWS(wait_scale=0.05) as running:
        yield running


@pytest.fixture(scope="session")
def stack(aws: LocalAWS) -> Deployment:
    return deploy(aws, DATA / "template.yaml", stack="contract", parameters={"Stage": "dev"})


@pytest.fixture
def bucket(stack: Deployment) -> str:
    return stack.outputs["BucketName"]
