"""pandera imports pandas, PySpark and Hypothesis where it finds them: in Glue, and wherever the local AWS is installed.
That takes longer than all other imports together, and 100 MB. For Polars it needs none of them.
"""

import sys
from collections.abc import Sequence
from types import FrameType, ModuleType

_NEEDLESS = {"hypothesis", "numpy", "pandas", "pyspark"}


class HiddenFromPandera:
    """A finder that hides from pandera the packages that it can do without."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raises ModuleNotFoundError."""
        if name in _NEEDLESS and _importer(sys._getframe(1)).partition(".")[0] == "pandera":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _importer(frame: FrameType | None) -> str:
    """Return the name of the module that imports."""
    while frame and str(frame.f_globals.get("__name__")).startswith("importlib"):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")) if frame else ""
