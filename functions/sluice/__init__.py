"""Settings of the whole process, made before Polars and pandera are imported. docs/performance.md has the measurements.

Polars' allocator, jemalloc, reuses freed memory in all threads and returns it to the system after 0.3 seconds.
Python collects garbage after 300,000 new objects instead of 2,000: imports make many objects and no garbage.
pandera imports only what it needs for Polars.
"""

import gc
import os
import sys

from sluice.runtime.pandera_imports import HiddenFromPandera

os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,oversize_threshold:0,dirty_decay_ms:300,muzzy_decay_ms:0")
gc.set_threshold(300_000)
sys.meta_path.insert(0, HiddenFromPandera())
