from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.editor.completions import Project

STEPS = '''
def fetch(source: str, mode: str = "all") -> list[str]:
    """Fetch what has changed.

    :param source: the address
        of the shop
    """
    return []


def _private() -> None: ...
'''


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A project with a module, a file of SQL, and no pipeline."""
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "steps.py").write_text(STEPS)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "load.sql").write_text("select 1")
    return Project(tmp_path / "pipelines", (str(tmp_path),))
