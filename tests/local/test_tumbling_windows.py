"""Batches of a window keep to it, whatever has come in the meantime."""

from typing import Any

from local.adapter import tumbling_windows


def record(at: float) -> dict[str, Any]:
    return {"ApproximateArrivalTimestamp": at}


def test_a_batch_ends_where_the_next_window_begins():
    arrived = [record(at) for at in (60.0, 75.5, 119.9, 120.0, 121.0)]
    assert list(tumbling_windows._batch(arrived, None, 60)) == arrived[:3]
    assert list(tumbling_windows._batch(arrived[3:], 60, 60)) == []
    assert list(tumbling_windows._batch(arrived[3:], None, 60)) == arrived[3:]
