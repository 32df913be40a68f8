"""The Glue job: cleans the large sources of a run with Spark, each into its staging folder.

Arguments: --run_id, --dataset, --source_ids (with commas), --raw_bucket, --work_bucket, and --hash_key_secret, the
secret that personal columns are hashed with, or none. A source that fails does not stop the others: those with
a manifest are published, and the job fails at its end, naming the others. For a source that is
rejected as a whole it writes rejected.json ({reason, message}) instead of a manifest.
"""

import argparse
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError
from pyspark.sql import SparkSession

from sluice.aws import secrets
from sluice.aws.object_keys import file_stem, rejected_key, report_key, run_key, staging_prefix
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json, put_json
from sluice.aws.secrets import HASH_KEY_SECRET, NO_SECRET
from sluice.contract import registry
from sluice.engines.output_rows import Lineage
from sluice.engines.spark import engine
from sluice.engines.spark.files import S3Folder, s3
from sluice.engines.spark.splits import S3Original
from sluice.errors import FileRejected, NotCleaned, NotValidated
from sluice.ledger.runs import Run

AT_ONCE = 8
"""Sources cleaned at the same time: the splits of one alone would leave most of a cluster idle."""

logger = logging.getLogger("sluice")


@dataclass(frozen=True)
class Job:
    """The arguments of the job."""

    run_id: str
    dataset: str
    source_ids: tuple[str, ...]
    raw_bucket: str
    work_bucket: str
    hash_key_secret: str

    @classmethod
    def of(cls, arguments: list[str]) -> "Job":
        """Parse the arguments; Glue adds others of its own."""
        parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
        for name in ("run_id", "dataset", "source_ids", "raw_bucket", "work_bucket"):
            parser.add_argument(f"--{name}", required=True)
        parser.add_argument("--hash_key_secret", default=NO_SECRET)
        given, _ = parser.parse_known_args(arguments)
        ids = tuple(filter(None, given.source_ids.split(",")))
        return cls(given.run_id, given.dataset, ids, given.raw_bucket, given.work_bucket, given.hash_key_secret)

    def sources(self) -> list[ObjectVersion]:
        """Return the sources of the run. Raises ValueError for one that is not in it, or not in the raw bucket."""
        run = Run.from_dict(get_json(s3(), self.work_bucket, run_key(self.run_id)))
        known = {source.id: source for source in run.sources if source.bucket == self.raw_bucket}
        if unknown := [source_id for source_id in self.source_ids if source_id not in known]:
            raise ValueError(f"{unknown} are not sources of {self.run_id} in {self.raw_bucket}")
        return [known[source_id] for source_id in self.source_ids]


def clean(job: Job, spark: SparkSession, source: ObjectVersion) -> str | None:
    """Clean one source; return why it failed, or None."""
    try:
        contract = registry.load(job.dataset)
        manifest = engine.clean(
            spark,
            contract,
            engine.File(
                original=S3Original(source.bucket, source.key, source.version_id),
                folder=S3Folder(job.work_bucket, staging_prefix(job.run_id, source)),
                lineage=Lineage(source.uri, job.run_id, file_stem(job.run_id, source), source.version_id),
                parts=registry.match(source.key).parts,
                facts=facts(job, source),
                hash_key=secrets.hash_key() if contract.hashed else "",
            ),
        )
    except FileRejected as rejected:
        document = {"reason": rejected.reason, "message": rejected.message}
        put_json(s3(), job.work_bucket, rejected_key(job.run_id, source), document)
        return f"FileRejected: {rejected}"
    except Exception as error:
        # Any error: the other sources of the run are cleaned before the job fails with it.
        logger.exception("source %s not cleaned", source.id)
        return f"{type(error).__name__}: {error}"
    logger.info("source %s cleaned: %s rows in %s s", source.id, manifest.rows_in, manifest.seconds)
    return None


def facts(job: Job, source: ObjectVersion) -> dict[str, object]:
    """Return the facts of the validation report. Raises NotValidated when there is none."""
    try:
        report = get_json(s3(), job.work_bucket, report_key(source))
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied"):
            raise
        raise NotValidated(f"there is no validation report of {source.uri}") from error
    return dict(report["facts"])


def main(arguments: list[str]) -> None:
    """Raises NotCleaned, naming each source that failed with its reason."""
    job = Job.of(arguments)
    os.environ[HASH_KEY_SECRET] = job.hash_key_secret
    sources = job.sources()
    spark = engine.session()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        reasons = list(threads.map(partial(clean, job, spark), sources))
    failed = [f"{source.uri}: {reason[:300]}" for source, reason in zip(sources, reasons, strict=True) if reason]
    if failed:
        raise NotCleaned(f"{len(failed)} of {len(sources)} sources: {'; '.join(failed)}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
    main(sys.argv[1:])
