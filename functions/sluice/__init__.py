"""Settings of the whole process, made before any module here and the packages that it needs are imported. Validate
alone imports Powertools' batches before.

Memory that Polars frees serves the next batch, in any thread, and goes back to the system when it was not needed for a
third of a second: a function pays for the peak, and returning pages at once cost a sixth of its time. Polars'
allocator reads this setting when Polars is loaded.

Python collects garbage after every 300,000 objects instead of 2,000: an import makes none, and looking for it took a
quarter of a cold start.

pandera is imported without the packages that it does not need for Polars.
"""

import gc
import os
import sys

from sluice.runtime.pandera_imports import HiddenFromPandera

os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,oversize_threshold:0,dirty_decay_ms:300,muzzy_decay_ms:0")
gc.set_threshold(300_000)
sys.meta_path.insert(0, HiddenFromPandera())
