from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from sluice.clean.parallel import in_parallel


def test_what_is_made_comes_in_the_items_order():
    later, ready = Event(), []

    def work(item: int) -> int:
        if item == 0:
            assert later.wait(timeout=5)
        ready.append(item)
        if item == 1:
            later.set()
        return item

    assert list(in_parallel(iter(range(40)), work, 3)) == list(range(40))
    assert ready.index(1) < ready.index(0)


def test_two_items_are_worked_on_at_once():
    both = Barrier(2, timeout=5)

    def work(item: int) -> int:
        both.wait()
        return item

    assert list(in_parallel(iter(range(4)), work, 2)) == [0, 1, 2, 3]


def test_no_more_is_begun_than_there_are_threads():
    begun: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            begun.append(item)
            yield item

    made = in_parallel(items(), str, 2)
    for number in range(5):
        assert next(made) == str(number)
        assert len(begun) <= number + 2


def test_what_a_worker_raises_comes_in_its_place():
    def work(item: int) -> float:
        return 6 / (item - 2)

    made = in_parallel(iter(range(9)), work, 2)
    assert [next(made), next(made)] == [-3.0, -6.0]
    with pytest.raises(ZeroDivisionError):
        next(made)
