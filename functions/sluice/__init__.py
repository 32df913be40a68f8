"""What holds for the whole process. Every module here comes after it, and the packages that a function needs too:
Validate alone has asked Powertools for its batches before.

RunHistory that Polars frees serves the next batch, whichever thread works on it, and goes back to the system when it is
not wanted for a third of a second: a function pays for the peak, and pages that come and go cost a sixth of its time.
Its allocator reads this when Polars is loaded.

Python looks for garbage after every 300,000 objects instead of 2,000: what an import makes is none, and looking for
it took a quarter of a cold start.

pandera does without what it does not need for Polars.
"""

import gc
import os
import sys

from sluice.runtime.pandera_imports import HiddenFromPandera

os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,oversize_threshold:0,dirty_decay_ms:300,muzzy_decay_ms:0")
gc.set_threshold(300_000)
sys.meta_path.insert(0, HiddenFromPandera())
