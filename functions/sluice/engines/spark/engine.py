"""The Spark engine: files that outgrow one machine, cleaned by the same code with the same result.

Spark does only what needs the whole file: it finds the latest row of each key, medians and quartiles. Tasks of
`clean_split` and `write_file` read, clean and write the rows, one split or one output file at a time.
Only the Glue job and the command line may import this module: the functions' bundle has no pyspark.
"""

import json
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812 the name that every Spark user knows
from pyspark.storagelevel import StorageLevel

from sluice.clean.result import refuse_share
from sluice.contract.model import Contract
from sluice.contract.partitions import partition_path
from sluice.engines.accounting import Account, Cost, Written, manifest_of
from sluice.engines.impute import Plan
from sluice.engines.output_rows import Lineage
from sluice.engines.spark.clean_split import WORK, SplitJob, clean_splits
from sluice.engines.spark.files import Folder
from sluice.engines.spark.shuffle_columns import ACCOUNT, spark_schema
from sluice.engines.spark.splits import Original, splits_of
from sluice.engines.spark.statistics import plan_of
from sluice.engines.spark.write_file import WRITTEN_IN_SPARK, WriteJob, targets_of, write_file
from sluice.errors import FileRejected, RowsLost
from sluice.manifest import Manifest, PartitionCount, StagedFile
from sluice.read.header import match_header
from sluice.read.open import open_reader
from sluice.read.source import Source

ROWS_OF_A_SHUFFLE = 500_000


@dataclass(frozen=True)
class File:
    """One file to clean. facts: its read.source.Facts as a dict, from the validation report."""

    original: Original
    folder: Folder
    lineage: Lineage
    parts: Mapping[str, str]
    facts: Mapping[str, Any] | None = None
    hash_key: str = field(default="", repr=False)  # a secret


def session(**settings: str) -> SparkSession:
    """Return the Spark session. settings: further ones, with `__` for the dots."""
    builder = (
        SparkSession.builder.appName("sluice")
        # A task is one core's work; more threads in each would only wait for one another.
        .config("spark.executorEnv.POLARS_MAX_THREADS", "1")
        .config("spark.scheduler.mode", "FAIR")
        .config("spark.sql.session.timeZone", "UTC")
    )
    for name, value in settings.items():
        builder = builder.config(name.replace("__", "."), value)
    return builder.getOrCreate()


def clean(spark: SparkSession, contract: Contract, file: File) -> Manifest:
    """Clean one file into its folder and return its account, which is also written there as manifest.json.

    Leaves the same files as engine.clean, and raises the same FileRejected; then the folder holds nothing.
    """
    started = time.perf_counter()
    try:
        manifest = _Cleaning(spark, contract, file).run(started)
    except BaseException:
        for below in (WORK, "published/", "quarantine/"):
            file.folder.remove(below)
        raise
    file.folder.remove(WORK)
    body = (json.dumps(manifest.to_dict(), indent=2) + "\n").encode()
    file.folder.put("manifest.json", lambda out: out.write(body))
    return manifest


class _Cleaning:
    """The cleaning of one file, step by step."""

    def __init__(self, spark: SparkSession, contract: Contract, file: File) -> None:
        self.contract, self.file = contract, file
        with open_reader(contract, file.original.source()) as reader:
            self.header = reader.header
            self.account = Account()
            self.account.note_header(contract, match_header(contract, reader.header, reader.preview))
        self.facts = file.facts or learn(file.original.source(), contract)
        self.splits = splits_of(self.facts)
        if self.facts["compression"] != "none":
            self.account.notes.append(f"a {self.facts['compression']} file cannot be split: one task read it")
        elif contract.reads_objects:
            self.account.notes.append("a file of JSON Lines is not split: one task read it")
        # A session of its own: the number of shuffle partitions is a setting of the session, and follows the file.
        self.spark = spark.newSession()
        # About 100 bytes a row of text; a shuffle partition has to fit into the memory of one core.
        partitions = 1 + int(self.facts["bytes_text"]) // (100 * ROWS_OF_A_SHUFFLE)
        self.partitions = max(partitions, spark.sparkContext.defaultParallelism)
        self.spark.conf.set("spark.sql.shuffle.partitions", self.partitions)
        self.peak = 0

    def run(self, started: float) -> Manifest:
        shuffled = self._clean_splits().persist(StorageLevel.DISK_ONLY)
        try:
            chunks = self._chunks(shuffled)
            refuse_share(self.contract, self.account.rows_in, self.account.quarantined, self.account.reasons)
            rows = shuffled.where(F.col(ACCOUNT).isNull())
            latest = rows.where("rank = 1") if self.contract.unique else rows
            superseded = rows.where("rank > 1") if self.contract.unique else rows.limit(0)
            whole = plan_of(self.contract, latest)
            written = self._write(chunks, superseded, whole)
            if self.contract.unique:
                self.account.discarded["duplicate"] += superseded.count()
        finally:
            shuffled.unpersist()
        peak = max(self.peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        cost = Cost("spark", started, self.facts["bytes_in"], peak)
        return manifest_of(self.contract, self.account, whole, written, self.file.lineage, cost)

    def _clean_splits(self) -> DataFrame:
        """Return the shuffle columns of good rows (rank 1: the latest row of a key) and the chunks' accounts."""
        job = SplitJob(
            self.contract,
            self.file.original,
            self.splits,
            self.header,
            dict(self.file.parts),
            self.file.folder,
        )
        numbers = self.spark.range(0, len(self.splits), 1, len(self.splits))
        shuffled = numbers.mapInArrow(partial(clean_splits, job), spark_schema(self.contract))
        unique = self.contract.unique
        if unique is None:
            return shuffled
        keys = [f"key_{name}" for name in unique.key]
        latest = [F.col("latest").desc_nulls_last()] if unique.latest else []
        window = Window.partitionBy(*keys).orderBy(*latest, F.col("_row_number").desc())
        return shuffled.repartition(self.partitions, *keys).withColumn("rank", F.row_number().over(window))

    def _chunks(self, shuffled: DataFrame) -> list[dict[str, Any]]:
        """Return the accounts of all chunks in the order of the file, added up in self.account."""
        accounts = [json.loads(row[0]) for row in shuffled.where(F.col(ACCOUNT).isNotNull()).select(ACCOUNT).collect()]
        for refused in sorted((one for one in accounts if "rejected" in one), key=lambda one: int(one["split"])):
            raise FileRejected(**refused["rejected"])
        chunks = sorted(accounts, key=lambda one: (int(one["split"]), int(one["chunk"])))
        expected = 1
        for chunk in chunks:
            if chunk["chunk"] != expected:
                raise RowsLost(f"the rows from {chunk['chunk']:,} follow row {expected - 1:,}: has the file changed?")
            expected += chunk["account"]["rows_in"]
            self.account.add(chunk["account"])
            self.peak = max(self.peak, chunk["peak_rss_bytes"])
        return chunks

    def _write(self, chunks: list[dict[str, Any]], superseded: DataFrame, whole: Plan) -> Written:
        targets = targets_of(chunks)
        if not targets:
            return Written([], [], [])
        job = WriteJob(
            self.contract,
            self.file.folder,
            self.file.lineage,
            whole,
            targets,
            self.file.hash_key,
        )
        members = [
            (chunk, file, number)
            for number, target in enumerate(targets)
            if target.table == "published"
            for chunk, file in target.members
        ]
        names = ["chunk", "file", "target"]
        columns = [pa.array(column, pa.int64()) for column in zip(*members, strict=True)] or [
            pa.array([], pa.int64())
        ] * 3
        of_target = self.spark.createDataFrame(pa.table(columns, names=names))
        superseded_rows = superseded.join(F.broadcast(of_target), ["chunk", "file"]).select("target", "_row_number")
        all_targets = self.spark.range(len(targets)).select(
            F.col("id").alias("target"), F.lit(None).cast("bigint").alias("_row_number")
        )
        tasks = all_targets.unionByName(superseded_rows).repartition(len(targets), "target").groupBy("target")

        # Spark chooses the kind of argument by the annotations, which a partial function has not.
        def make(rows: pa.Table) -> pa.Table:
            return write_file(job, rows)

        files = [row.asDict() for row in tasks.applyInArrow(make, WRITTEN_IN_SPARK).collect()]
        self.peak = max([self.peak, *(file["peak_rss_bytes"] for file in files)])
        return _written(files)


def learn(source: Source, contract: Contract) -> dict[str, Any]:
    """Return the facts of a file that has not been validated before, by reading it once."""
    reader = open_reader(contract, source)
    for _ in reader:
        pass
    return vars(reader.facts)


def _written(files: list[dict[str, Any]]) -> Written:
    rows: dict[str, int] = {}
    tables: dict[str, list[StagedFile]] = {"published": [], "quarantine": []}
    for file in sorted(files, key=lambda file: str(file["path"])):
        table = file["path"].split("/")[0]
        tables[table].append(StagedFile(file["path"], file["rows"], file["bytes"]))
        if table == "published":
            rows[file["values"]] = rows.get(file["values"], 0) + file["rows"]
    partitions = [
        PartitionCount(values, partition_path(values), count)
        for values, count in ((json.loads(text), count) for text, count in rows.items())
    ]
    return Written(partitions, tables["published"], tables["quarantine"])
