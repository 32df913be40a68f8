"""Runs the Glue job's engine on this machine, for `sluice clean --engine spark`."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.terminal import output
from sluice.aws.secrets import hash_key
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sluice.contract.model import Contract
    from sluice.engines.output_rows import Lineage
    from sluice.manifest import Manifest

JAVA = 17
"""Spark 4.1 runs on Java 17 and 21, as Glue 6.0 has it on 17. https://spark.apache.org/docs/4.1.1/"""

_SMALL_BYTES = 100_000_000
_SHORT_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A small file is done before Java's optimizing compiler pays off: without it, two thirds of the CPU time. 20 million
rows would take a quarter more."""


class SparkMissing(SluiceError):
    """This machine cannot run Spark; the message says what to install."""


def clean(contract: "Contract", file: Path, out: Path, lineage: "Lineage") -> "Manifest":
    """Clean a file as engine.clean does. Raises FileRejected, SparkMissing."""
    check()
    from sluice.engines.spark import engine
    from sluice.engines.spark.files import LocalFolder
    from sluice.engines.spark.splits import LocalOriginal

    with output.status("starting Spark"):
        spark = session(short=file.stat().st_size <= _SMALL_BYTES)
    job = engine.File(
        LocalOriginal(str(file.resolve())), LocalFolder(str(out.resolve())), lineage, {}, hash_key=hash_key()
    )
    with output.status("cleaning on Spark"):
        return engine.clean(spark, contract, job)


def session(*, short: bool = False) -> "SparkSession":
    """Return a session on this machine's cores whose workers run this Python.

    short: for a small file. It takes effect only for the session that starts the JVM.
    """
    from sluice.engines.spark import engine

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    spark = engine.session(
        spark__master=f"local[{os.cpu_count() or 2}]",
        spark__ui__enabled="false",
        spark__ui__showConsoleProgress="false",
        spark__driver__memory="2g",
        spark__driver__extraJavaOptions=_SHORT_JVM if short else "",
        spark__sql__shuffle__partitions="16",  # of the 200 that a cluster gets, most would be empty here
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def check() -> None:
    """Raises SparkMissing unless pyspark and Java are installed."""
    if importlib.util.find_spec("pyspark") is None:
        raise SparkMissing("pyspark is not installed: .venv/bin/uv sync --inexact --frozen --group spark")
    java = Path(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else shutil.which("java")
    if java is None or java_version(java) < JAVA:
        raise SparkMissing(
            f"Spark needs Java {JAVA} or newer: apt install openjdk-{JAVA}-jre-headless (or adoptium.net), "
            "or use --engine polars"
        )


def java_version(java: str | Path) -> int:
    """Return Java's major version, 0 when it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found.group(1)) if found else 0
