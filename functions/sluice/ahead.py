"""Work ahead: the next item is made in a thread of its own while the caller works on the last one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


def one_ahead[T](items: Iterator[T]) -> Iterator[T]:
    """Yield the items; raises what making one raises. At most one is waiting: memory stays bounded by the item."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
            del item
