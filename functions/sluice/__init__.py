"""Memory that Polars frees goes back to the system after a tenth of a second, not after seconds: a function pays for
the peak. Its allocator reads this when Polars is loaded, which every module here that uses it comes after."""

import os

os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")
