"""A queue's function is called although its concurrency came as the text of a parameter."""

from typing import Any

import pytest
from ministack.services import lambda_svc

from local.adapter import queue_concurrency


@pytest.fixture
def concurrency(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(lambda_svc, "_sqs_esm_concurrency", lambda_svc._sqs_esm_concurrency)
    queue_concurrency.rebind()
    return lambda_svc._sqs_esm_concurrency


def test_text_counts_as_a_number(concurrency: Any) -> None:
    assert concurrency({"ScalingConfig": {"MaximumConcurrency": "7"}}, {}, {}) == 7


def test_without_a_limit_the_default_holds(concurrency: Any) -> None:
    assert concurrency({}, {}, {}) == lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY
