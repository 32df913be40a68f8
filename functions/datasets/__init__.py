"""One file a dataset. A module here that declares `contract` is a dataset; there is no registry to edit."""
