"""What a local AWS keeps beyond its end (`sluice up --keep`), and whether it was saved whole.

Objects are written as they are put, everything else when the local AWS ends. One that is killed leaves what does not
belong together, so a mark is written last, and taken away when the next one starts.
"""

import importlib.metadata
import json
import shutil
from pathlib import Path

MARK = "saved.json"


def port_of(folder: Path) -> int | None:
    """Return the port of what a folder holds, None when it holds nothing that is whole."""
    mark = _mark(folder)
    return int(mark["port"]) if mark else None


def begin(folder: Path) -> None:
    """Begin to use a folder. What it holds is deleted unless it is whole: `is_broken` says so before."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_whole(folder):
        for each in ("services", "s3"):
            shutil.rmtree(folder / each, ignore_errors=True)
    (folder / MARK).unlink(missing_ok=True)


def is_broken(folder: Path) -> bool:
    """Whether a folder holds something that was not saved whole, or by another version of MiniStack."""
    return (folder / "s3").exists() and not is_whole(folder)


def is_whole(folder: Path) -> bool:
    """Whether a folder holds what was saved whole, by this version of MiniStack."""
    return port_of(folder) is not None


def saved(folder: Path, *, port: int) -> None:
    """Mark what a folder holds as whole."""
    text = json.dumps({"port": port, "version": _version()})
    (folder / MARK).write_text(text)


def environment(folder: Path) -> dict[str, str]:
    """Return MiniStack's settings for a folder."""
    return {
        "PERSIST_STATE": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "S3_PERSIST": "1",
        "SLUICE_KEEP": str(folder),
        "STATE_DIR": str(folder / "services"),
    }


def _mark(folder: Path) -> dict[str, str | int] | None:
    try:
        mark = dict(json.loads((folder / MARK).read_text()))
    except (FileNotFoundError, ValueError):
        return None
    return mark if mark.get("version") == _version() else None


def _version() -> str:
    return importlib.metadata.version("ministack")
