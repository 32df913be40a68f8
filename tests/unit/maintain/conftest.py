from tests.unit.publish.iceberg.conftest import _versions

__all__ = ["_versions"]
