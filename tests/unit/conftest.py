from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.unit.cloud import ENVIRONMENT, Cloud


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield Cloud()
