"""One file a dataset. A module here that declares `contract` is a dataset; there is no registry to edit."""

import sluice  # noqa: F401 (sets how Polars keeps memory, before a dataset loads it)
