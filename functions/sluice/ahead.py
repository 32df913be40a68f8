"""Work ahead, in threads, while the caller works on what came before; memory stays bounded by a few items."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue


def one_ahead[T](items: Iterator[T]) -> Iterator[T]:
    """Yield the items, of which the next one is made while the caller works; raises what making one raises."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
            del item


def side_by_side[T, R](items: Iterator[T], *workers: Callable[[T], R]) -> Iterator[R]:
    """Yield what the workers make of the items, in the items' order; raises what a worker raises. No worker has two
    items at a time, and no more items than workers are held beside the caller's."""
    free: SimpleQueue[Callable[[T], R]] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def work(item: T) -> R:
        worker = free.get()
        try:
            return worker(item)
        finally:
            free.put(worker)

    with ThreadPoolExecutor(len(workers), thread_name_prefix="beside") as threads:
        coming: deque[Future[R]] = deque()
        for item in items:
            coming.append(threads.submit(work, item))
            del item
            if len(coming) >= len(workers):
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
