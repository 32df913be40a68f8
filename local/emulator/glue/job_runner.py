"""Runs in a Glue job's process: starts the script as __main__ and, for Spark, makes s3:// paths readable.

Hadoop has no S3 file system without AWS's jars, so Spark sees each bucket as a folder (Hadoop's mount table).
The objects that the job's arguments name are brought there before the script starts; what Spark writes is
uploaded before each S3 call that the script itself makes, and at the end. All of it under the job's role. The
script does not see it. Nothing of this project is on its path.
"""

# ruff: noqa: T201, PTH103, PTH110, PTH116, PTH118, PTH120, PTH123, PTH208 (a job's log is what it prints; S3 keys are joined as text)
# mypy: disallow-untyped-defs=false
import json
import os
import re
import runpy
import sys
import threading

URI = re.compile(r"s3://([a-z0-9.\-]+)/([^\s\"',\]\[{}]*)")
LIST_BYTES = 4_000_000  # a named JSON object up to this size may itself name what the job reads
MOUNT = "spark.hadoop.fs.viewfs.mounttable"


class Mount:
    """A folder that holds, for each bucket, the objects that Spark reads and writes."""

    def __init__(self, root, s3):
        self._root = root
        self._s3 = s3
        self._known = {}  # path -> what the object in S3 was made of: (size, time of change)
        self._lock = threading.Lock()

    def stage(self, texts):
        """Download all objects whose keys or prefixes `texts` name."""
        seen, waiting = set(), list(texts)
        while waiting:
            for bucket, key in URI.findall(waiting.pop()):
                os.makedirs(os.path.join(self._root, bucket), exist_ok=True)
                if (bucket, key) in seen:
                    continue
                seen.add((bucket, key))
                for name, size in self._objects(bucket, key):
                    self._bring(bucket, name)
                    if name.endswith(".json") and size <= LIST_BYTES:
                        with open(self.path(bucket, name), encoding="utf-8", errors="replace") as text:
                            waiting.append(text.read())

    def _objects(self, bucket, key):
        from botocore.exceptions import ClientError

        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
            found = [(entry["Key"], entry["Size"]) for page in pages for entry in page.get("Contents", [])]
        except ClientError:  # listing is not allowed: the name may still be that of one object
            try:
                return [(key, self._s3.head_object(Bucket=bucket, Key=key)["ContentLength"])]
            except ClientError:
                return []
        inside = key if key.endswith("/") or not key else key + "/"
        return [entry for entry in found if entry[0] == key or entry[0].startswith(inside)]

    def _bring(self, bucket, key):
        from botocore.exceptions import ClientError

        if key.endswith("/"):
            return
        path = self.path(bucket, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            self._s3.download_file(bucket, key, path)
        except ClientError as error:
            print(f"not readable for this job: s3://{bucket}/{key}: {error}", file=sys.stderr)
            return
        self._known[path] = self._state(path)

    def path(self, bucket, key):
        return os.path.join(self._root, bucket, *key.split("/"))

    def flush(self):
        """Upload what is new or changed, delete what is gone."""
        with self._lock:
            for path in self._files():
                if self._known.get(path) != (state := self._state(path)):
                    self._s3.upload_file(path, *self._address(path))
                    self._known[path] = state
            for path in [path for path in self._known if not os.path.exists(path)]:
                bucket, key = self._address(path)
                self._s3.delete_object(Bucket=bucket, Key=key)
                del self._known[path]

    def _files(self):
        for folder, folders, names in os.walk(self._root):
            # Spark's temporary files are not part of the output; checksums are of the local file system only.
            folders[:] = [name for name in folders if name not in ("_temporary", ".sparkStaging")]
            for name in names:
                if not name.endswith(".crc"):
                    yield os.path.join(folder, name)

    def _address(self, path):
        bucket, _, key = os.path.relpath(path, self._root).partition(os.sep)
        return bucket, key.replace(os.sep, "/")

    @staticmethod
    def _state(path):
        stat = os.stat(path)
        return stat.st_size, stat.st_mtime_ns


def write_configuration(root, folder, buckets):
    """Spark's defaults: each bucket is a folder of the mount."""
    lines = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        # A laptop's files end before Java's second compiler pays, and leave most of a cluster's 200 partitions empty.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.shuffle.partitions": "16",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "spark.hadoop.fs.viewfs.overload.scheme.target.s3.impl": "org.apache.hadoop.fs.LocalFileSystem",
    }
    for bucket in buckets:
        os.makedirs(os.path.join(root, bucket), exist_ok=True)
        lines[f"{MOUNT}.{bucket}.linkFallback"] = f"file://{os.path.join(root, bucket)}"
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "spark-defaults.conf"), "w", encoding="utf-8") as out:
        out.writelines(f"{name} {value}\n" for name, value in lines.items())


def flush_before_calls(mount):
    """Make the script's own S3 calls see what Spark has written before them."""
    import botocore.handlers

    def before_call(model, **_):
        if model.service_model.service_name == "s3":
            mount.flush()

    botocore.handlers.BUILTIN_HANDLERS.append(("before-call", before_call))


def main():
    script, mounted = sys.argv[1], os.environ.get("SLUICE_S3_MOUNT")
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(script)
    if mounted is None:
        runpy.run_path(script, run_name="__main__")
        return
    import boto3

    # A session of its own, made before the handler below is known: its calls must not flush again.
    mount = Mount(mounted, boto3.session.Session().client("s3"))
    mount.stage(sys.argv[1:])
    buckets = {bucket for bucket, _ in URI.findall(json.dumps(sys.argv))} | set(os.listdir(mounted))
    write_configuration(mounted, os.environ["SPARK_CONF_DIR"], sorted(buckets))
    flush_before_calls(mount)
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        mount.flush()


if __name__ == "__main__":
    main()
