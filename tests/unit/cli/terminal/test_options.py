from datetime import UTC, datetime

import pytest
import typer

from cli.terminal.options import moment


def test_since_is_a_duration_or_a_date():
    now = datetime.now(UTC)
    for text, seconds in (("30m", 1800), ("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600)):
        assert abs((now - datetime.fromisoformat(moment(text))).total_seconds() - seconds) < 5
    assert moment("2025-03-01") == "2025-03-01T00:00:00.000+00:00"
    assert moment("2025-03-01T12:00:00+02:00").startswith("2025-03-01T")
    with pytest.raises(typer.BadParameter):
        moment("yesterday")


def test_a_time_of_another_zone_is_compared_in_utc():
    assert moment("2025-03-01T12:00:00+02:00") == "2025-03-01T10:00:00.000+00:00"
