"""What holds for every test."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# How long an example takes says more about the machine than about the code.
settings.register_profile("sluice", deadline=None)
settings.load_profile("sluice")

_TOGETHER = (
    ("tests/local/",),
    ("tests/spark/",),
    (
        "tests/end_to_end/test_cli_",
        "tests/end_to_end/test_catalog",
        "tests/end_to_end/test_datasets",
        "tests/end_to_end/test_pages",
        "tests/end_to_end/test_states",
        "tests/end_to_end/test_stream.py",
        "tests/end_to_end/test_upload",
    ),
    (
        "tests/end_to_end/test_hostile_uploads",
        "tests/end_to_end/test_permissions",
        "tests/end_to_end/test_personal_data",
    ),
)
"""How the names of files begin that share what takes long to start: a local AWS with a stack, a Java with Spark."""


class _Sharing(LoadFileScheduling):
    """A worker takes a file whole, and with it all that share what it starts."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((names[0] for names in _TOGETHER if file.startswith(names)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Sharing | None:
    return _Sharing(config, log) if config.getvalue("dist") == "loadfile" else None
