"""Does what `sam package` does: uploads the local paths of a template and replaces them by their S3 addresses.

The paths that CloudFormation's package step replaces, as far as Sluice has them:
https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
"""

import copy
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.template import Template

LEFT_OUT = {"__pycache__", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time of a ZIP entry: same content, same bytes, same key

Upload = Callable[[str, bytes], None]


class MissingPath(Exception):
    """A resource of the template names a local path that does not exist."""


class Packager:
    """Uploads each local path once into `bucket`, under the hash of its content."""

    def __init__(self, *, root: Path, bucket: str, upload: Upload) -> None:
        self._root = root
        self._bucket = bucket
        self._upload = upload
        self._uploaded: dict[Path, str] = {}

    def package(self, template: Template) -> Template:
        """A copy of `template` in which every local path is an address in the bucket. Raises MissingPath."""
        packaged = copy.deepcopy(template)
        functions = packaged.get("Globals", {}).get("Function", {})
        self._replace(functions, "CodeUri", "Globals", self._uri, zipped=True)
        for name, resource in packaged["Resources"].items():
            self._package_resource(name, resource.get("Type"), resource.get("Properties") or {})
        return packaged

    def _package_resource(self, name: str, kind: str, properties: dict[str, Any]) -> None:
        match kind:
            case "AWS::Serverless::Function":
                self._replace(properties, "CodeUri", name, self._uri, zipped=True)
            case "AWS::Lambda::Function":
                self._replace(properties, "Code", name, self._code, zipped=True)
            case "AWS::Serverless::LayerVersion":
                self._replace(properties, "ContentUri", name, self._uri, zipped=True)
            case "AWS::Serverless::StateMachine":
                self._replace(properties, "DefinitionUri", name, self._bucket_key, zipped=False)
            case "AWS::StepFunctions::StateMachine":
                self._replace(properties, "DefinitionS3Location", name, self._bucket_key, zipped=False)
            case "AWS::Glue::Job":
                command = properties.get("Command", {})
                self._replace(command, "ScriptLocation", name, self._uri, zipped=False)

    def _replace(
        self,
        holder: dict[str, Any],
        property_name: str,
        resource: str,
        address: Callable[[str], Any],
        *,
        zipped: bool,
    ) -> None:
        value = holder.get(property_name)
        if not isinstance(value, str) or value.startswith("s3://"):
            return
        path = (self._root / value).resolve()
        if not path.exists():
            raise MissingPath(f"{resource}: {property_name} names {value}, which is not there")
        holder[property_name] = address(self._key(path, zipped=zipped))

    def _key(self, path: Path, *, zipped: bool) -> str:
        if path not in self._uploaded:
            is_archive = path.suffix in (".zip", ".jar")
            content = zip_folder(path) if zipped and not is_archive else path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:32]
            self._uploaded[path] = f"{digest}/{path.name}" if not zipped else digest
            self._upload(self._uploaded[path], content)
        return self._uploaded[path]

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    def _code(self, key: str) -> dict[str, str]:
        return {"S3Bucket": self._bucket, "S3Key": key}

    def _bucket_key(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key}


def zip_folder(path: Path) -> bytes:
    """A ZIP of a folder (or of one file) that depends on names and contents only."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _belongs(path, file))
    root = path.parent if path.is_file() else path
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, file.read_bytes())
    return archive.getvalue()


def _belongs(root: Path, file: Path) -> bool:
    return file.is_file() and not LEFT_OUT.intersection(file.relative_to(root).parts) and file.suffix != ".pyc"
