"""A custom resource that fails says why, at once."""

from pathlib import Path

import pytest

from local import DeployFailed, LocalAWS, deploy

DATA = Path(__file__).parent / "data"


def test_a_function_that_raises_fails_its_resource(aws: LocalAWS, tmp_path: Path) -> None:
    template = (DATA / "seed.yaml").read_text().replace("handlers.seed", "handlers.broken")
    (tmp_path / "template.yaml").write_text(template.replace("app/", str(DATA / "app")))
    with pytest.raises(DeployFailed, match=r"Seed: Runtime\.ImportModuleError: Unable to import module"):
        deploy(aws, tmp_path / "template.yaml", stack="broken", parameters={"Stage": "any"}, seconds=15)
