"""The demonstration, with fewer shops: every file ends as planned, the one for Spark too."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from demo import __main__, plan
from local import LocalAWS


@pytest.fixture(scope="module")
def fresh() -> Iterator[LocalAWS]:
    with LocalAWS(wait_scale=0.02) as aws:
        yield aws


def test_the_demonstration_ends_as_planned(fresh: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> None:
    assert __main__.why_no_spark() == "", "the tests need Java 17"
    monkeypatch.setattr(plan, "SHOPS", plan.SHOPS[:4])
    assert __main__.run(fresh) == []


def test_what_is_not_as_planned_is_found(fresh: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SHOPS", plan.SHOPS[:1])
    monkeypatch.setattr(__main__, "why_no_spark", lambda: "this test is about something else")
    good = plan.make(with_spark=False)
    (planted, *others) = good.first
    wrong = replace(good, first=(replace(planted, published=planted.published + 1), *others))
    monkeypatch.setattr(__main__, "make", lambda **_: wrong)
    found = __main__.run(fresh)
    assert f"{planted.key}: published is {planted.published}, planned {planted.published + 1}" in found
