"""The demonstration, with fewer shops: every file ends as planned, the one for Spark too."""

from dataclasses import replace

import pytest

from demo import __main__, plan
from local import LocalAWS


def test_the_demonstration_ends_as_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert __main__.why_no_spark() == "", "the tests need Java 17"
    monkeypatch.setattr(plan, "SHOPS", plan.SHOPS[:4])
    with LocalAWS(wait_scale=0.02) as aws:
        assert __main__.run(aws) == []


def test_what_is_not_as_planned_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SHOPS", plan.SHOPS[:1])
    monkeypatch.setattr(__main__, "why_no_spark", lambda: "this test is about something else")
    good = plan.make(with_spark=False)
    (planted, *others) = good.first
    wrong = plan.Plan((replace(planted, published=planted.published + 1), *others), good.correction, None)
    monkeypatch.setattr(__main__, "make", lambda **_: wrong)
    with LocalAWS(wait_scale=0.02) as aws:
        found = __main__.run(aws)
    assert any(planted.key in line and "published" in line for line in found)
