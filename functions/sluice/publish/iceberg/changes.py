"""The data files that a swap of sources takes out of an Iceberg table, and those that it puts in.

A file with rows of several sources is replaced by one with the rows of the others: copy-on-write. What an earlier run
published comes back from the snapshots: its own files may be deleted once its rows were compacted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pyiceberg.expressions import In
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table

from sluice.errors import TableDisagrees
from sluice.publish.iceberg.data_files import SOURCE, data_files, sources_of
from sluice.publish.iceberg.shared_files import Part, is_shared, new_paths, parts_of, path_of, shared_file
from sluice.publish.lake import Lake, LakeManifest


@dataclass
class Changes:
    removed: list[DataFile] = field(default_factory=list)
    added: list[DataFile] = field(default_factory=list)


class Rewriter:
    """Rewrites shared files, each only once for all attempts of a commit: another commit does not change them."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._done: dict[tuple[str, frozenset[Part]], DataFile | None] = {}

    def with_parts(self, table: Table, file: DataFile, parts: list[Part], kept: list[Part]) -> DataFile | None:
        """Return a file with the rows of only some of a file's parts, None for no part.

        Raises RowsLost unless it has exactly these rows, and TableDisagrees for who must not rewrite.
        """
        done = (file.file_path, frozenset(kept))
        if done not in self._done:
            self._done[done] = self._rewritten(table, file, parts, kept) if kept else None
        return self._done[done]

    def _rewritten(self, table: Table, file: DataFile, parts: list[Part], kept: list[Part]) -> DataFile:
        if self._lake.rewrite is None:
            raise TableDisagrees(f"{file.file_path} has rows of several sources, and only a run may rewrite it")
        if file.spec_id != table.spec().spec_id:
            raise TableDisagrees(f"{file.file_path} has rows of several sources, and a partitioning of before")
        path = next(new_paths(file.file_path.rpartition("/")[0]))
        keep, drop = {part.source for part in kept}, {part.source for part in parts if part not in kept}
        if keep & drop:
            raise TableDisagrees(f"{file.file_path} has rows of {min(keep & drop)} from several runs")
        start = len(f"s3://{self._lake.bucket}/")
        which = {"only": keep} if len(keep) < len(drop) else {"but": drop}
        written = self._lake.rewrite(self._lake.s3, self._lake.bucket, file.file_path[start:], path[start:], **which)
        if written is None:
            raise TableDisagrees(f"{file.file_path} has no rows of {min(keep)}, as its index says")
        return shared_file(table, file, path, kept, written)


def changes(
    table: Table, rewriter: Rewriter, bucket: str, wanted: Mapping[str, LakeManifest | None], run_id: str
) -> Changes:
    """Return how the table comes to have, of each source, the files of its wanted manifest and no others.

    Raises TableDisagrees and RowsLost.
    """
    done = Changes()
    target: dict[str, DataFile] = {}
    for manifest in wanted.values():
        if manifest is not None:
            target |= data_files(table, bucket, manifest)
    there: set[str] = set()
    for file in _files(table, wanted):
        if not is_shared(file):
            there.add(file.file_path)
            if file.file_path not in target:
                done.removed.append(file)
            continue
        parts = list(parts_of(table, file))
        ours = [part for part in parts if part.source in wanted]
        there |= {path_of(file, part) for part in ours}
        kept = [part for part in parts if part.source not in wanted or path_of(file, part) in target]
        if kept != parts:
            done.removed.append(file)
            if rewritten := rewriter.with_parts(table, file, parts, kept):
                done.added.append(rewritten)
    missing = {path: file for path, file in target.items() if path not in there}
    former = {
        source for source, manifest in wanted.items() if manifest is not None and manifest.account.run_id != run_id
    }
    if missing and former:
        done.added += _restored(table, rewriter, former, missing)
    done.added += missing.values()
    return done


def _restored(table: Table, rewriter: Rewriter, sources: set[str], missing: dict[str, DataFile]) -> Iterator[DataFile]:
    """Yield files with the rows of those missing that were compacted, from the newest snapshot that has them.

    What is found is no longer missing. A file that a snapshot names as it was is still there: maintenance deletes none
    that a snapshot names, and keeps the snapshots that the undo of a run may need.
    """
    wanted = set(missing)
    for snapshot in sorted(table.snapshots(), key=lambda each: each.sequence_number or 0, reverse=True):
        for file in _files(table, dict.fromkeys(sources), snapshot.snapshot_id):
            wanted.discard(file.file_path)
            if not is_shared(file):
                continue
            parts = list(parts_of(table, file))
            ours = [part for part in parts if path_of(file, part) in wanted]
            if restored := rewriter.with_parts(table, file, parts, ours):
                yield restored
                for part in ours:
                    wanted.discard(path_of(file, part))
                    del missing[path_of(file, part)]
        if not wanted:
            return
    for path in wanted:
        if not table.io.new_input(path).exists():
            raise TableDisagrees(f"{path} is gone, and in no snapshot: sluice replay publishes its source again")


def _files(table: Table, sources: Mapping[str, object], snapshot_id: int | None = None) -> Iterator[DataFile]:
    """Yield the data files that have rows of some sources, and shared ones that may have. Raises TableDisagrees."""
    if not sources:
        return
    ordered = sorted(sources)
    of_sources = In(SOURCE, set(sources))  # type: ignore[call-arg, arg-type]
    for task in table.scan(row_filter=of_sources, snapshot_id=snapshot_id).plan_files():
        first, last = sources_of(table, task.file)
        if first != last and not is_shared(task.file):
            raise TableDisagrees(f"{task.file.file_path} has rows of several sources, from {first} to {last}")
        # pyiceberg compares no more than 200 values with bounds, and then plans every file.
        if bisect_left(ordered, first) < bisect_right(ordered, last):
            yield task.file
