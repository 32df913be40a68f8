"""Memory that Polars frees serves the next batch, whichever thread works on it, and goes back to the system when it is
not wanted for a third of a second: a function pays for the peak, and pages that come and go cost a sixth of its time.
Its allocator reads this when Polars is loaded, which every module here that uses it comes after."""

import os

os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,oversize_threshold:0,dirty_decay_ms:300,muzzy_decay_ms:0")
