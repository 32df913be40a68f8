from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from moto import mock_aws

from tests.unit.cloud import ENVIRONMENT, Cloud

# moto gives every test a session of its own, and each session would read and parse the models of all services again.
botocore.session.create_loader = cache(botocore.session.create_loader)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield Cloud()
