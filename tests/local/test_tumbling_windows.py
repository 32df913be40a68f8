"""Batches of a window keep to it, whatever has come in the meantime."""

from typing import Any

import pytest

from local.emulator.streams import tumbling_windows


def record(at: float) -> dict[str, Any]:
    return {"ApproximateArrivalTimestamp": at}


def test_a_batch_ends_where_the_next_window_begins():
    arrived = [record(at) for at in (60.0, 75.5, 119.9, 120.0, 121.0)]
    assert list(tumbling_windows._batch(arrived, None, 60)) == arrived[:3]
    assert list(tumbling_windows._batch(arrived[3:], 60, 60)) == []
    assert list(tumbling_windows._batch(arrived[3:], None, 60)) == arrived[3:]


def test_what_a_function_failed_at_is_handed_over_again_and_its_window_closed_once(monkeypatch: pytest.MonkeyPatch):
    arrived = [record(at) for at in (60.0, 75.5, 130.0)]
    calls: list[tuple[int, float, dict[str, Any], bool]] = []
    fails = iter([True, False, True, False, True, True, False, False])

    def call(
        mapping: Any, shard_id: str, records: list[Any], start: float, seconds: float, state: Any, *, final: bool
    ) -> dict[str, Any] | None:
        if next(fails):
            return None
        calls.append((len(records), start, state, final))
        return {} if final else {"seen": state.get("seen", 0) + len(records)}

    monkeypatch.setattr(tumbling_windows, "_call", call)
    monkeypatch.setattr(tumbling_windows, "SCALE", 1.0)
    monkeypatch.setattr(tumbling_windows, "_shards", {})
    mapping = {"UUID": "m", "BatchSize": 1, "TumblingWindowInSeconds": 60}
    for _ in range(8):
        tumbling_windows._step(mapping, "s", arrived)
    assert calls == [
        (1, 60.0, {}, False),
        (1, 60.0, {"seen": 1}, False),
        (0, 60.0, {"seen": 2}, True),
        (1, 120.0, {}, False),
    ]
