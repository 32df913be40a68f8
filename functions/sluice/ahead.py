"""Work ahead, in threads, while the caller works on what came before; memory stays bounded by a few items."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor


def one_ahead[T](items: Iterator[T]) -> Iterator[T]:
    """Yield the items, of which the next one is made while the caller works; raises what making one raises."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
            del item


def side_by_side[T, R](items: Iterator[T], work: Callable[[T], R], threads: int) -> Iterator[R]:
    """Yield what `work` makes of the items, in their order; raises what it raises. No more items than threads are held
    beside the caller's."""
    with ThreadPoolExecutor(threads, thread_name_prefix="beside") as pool:
        coming: deque[Future[R]] = deque()
        for item in items:
            coming.append(pool.submit(work, item))
            del item
            if len(coming) >= threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
