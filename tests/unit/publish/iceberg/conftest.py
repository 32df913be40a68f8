import pytest
from moto.core.responses import ActionResult
from moto.glue.exceptions import GlueClientError
from moto.glue.responses import GlueResponse

_update_table = GlueResponse.update_table


def _update_unless_changed(self: GlueResponse) -> ActionResult:
    """Refuse a VersionId that is not the table's, as Glue does; moto ignores it.

    https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
    """
    table = self.glue_backend.get_table(self._get_param("DatabaseName"), self._get_param("TableInput")["Name"])
    asked = self._get_param("VersionId")
    if asked is not None and asked != table.as_dict()["VersionId"]:
        raise GlueClientError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
    return _update_table(self)


@pytest.fixture(autouse=True)
def _versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GlueResponse, "update_table", _update_unless_changed)
