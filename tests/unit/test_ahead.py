import time
from collections.abc import Callable, Iterator
from threading import Barrier

import pytest

from sluice.ahead import side_by_side


def test_what_workers_make_comes_in_the_items_order_and_no_worker_has_two_at_a_time():
    busy: list[list[int]] = [[], []]

    def worker(number: int) -> Callable[[int], tuple[int, int]]:
        def work(item: int) -> tuple[int, int]:
            busy[number].append(item)
            assert len(busy[number]) == 1
            time.sleep(0.004 if item % 3 == 0 else 0.001)  # later items are often ready first
            busy[number].remove(item)
            return item, number

        return work

    made = list(side_by_side(iter(range(40)), worker(0), worker(1)))
    assert [item for item, _ in made] == list(range(40))
    assert {number for _, number in made} == {0, 1}


def test_two_items_are_worked_on_at_once():
    both = Barrier(2, timeout=5)

    def work(item: int) -> int:
        both.wait()
        return item

    assert list(side_by_side(iter(range(4)), work, work)) == [0, 1, 2, 3]


def test_no_more_is_begun_than_there_are_workers():
    begun: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            begun.append(item)
            yield item

    made = side_by_side(items(), str, str)
    for number in range(5):
        assert next(made) == str(number)
        assert len(begun) <= number + 2


def test_what_a_worker_raises_comes_in_its_place():
    def work(item: int) -> float:
        return 6 / (item - 2)

    made = side_by_side(iter(range(9)), work, work)
    assert [next(made), next(made)] == [-3.0, -6.0]
    with pytest.raises(ZeroDivisionError):
        next(made)
