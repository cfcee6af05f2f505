"""``docs``: pages of the pipelines of a file or folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet

SHOP = "dag_id: shop\nschedule: '@daily'\ntasks: [{id: fetch, uses: bash, with: {bash_command: ls}}]\n"


@pytest.fixture
def shop(project: Project) -> Path:
    folder = project.root / "pipelines"
    (folder / "shop.yaml").write_text(SHOP)
    (folder / "compose.yaml").write_text("services: {a: {image: b}}\n")
    return folder


def test_a_page_for_each_pipeline_and_a_list_are_written(shop: Path, airfleet: Airfleet, tmp_path: Path) -> None:
    result = airfleet("docs", str(shop), "-o", str(tmp_path / "pages"))
    assert (result.code, result.err) == (0, f"1 page and a list of them are in {tmp_path / 'pages'}\n")
    assert sorted(file.name for file in (tmp_path / "pages").iterdir()) == ["README.md", "shop.md"]
    assert "| written in | `shop.yaml` |" in (tmp_path / "pages" / "shop.md").read_text()


def test_pages_of_pipelines_that_are_gone_are_removed_and_no_other_file(
    shop: Path, airfleet: Airfleet, tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    (shop / "old.yaml").write_text(SHOP.replace("shop", "old"))
    (shop / "other").mkdir()
    (shop / "other" / "other.yaml").write_text(SHOP.replace("shop", "other"))
    airfleet("docs", str(shop), "-o", str(pages))
    (pages / "mine.md").write_text("# mine\n")
    (pages / "link.md").symlink_to(pages / "old.md")
    airfleet("docs", str(shop / "shop.yaml"), "-o", str(pages))
    assert (pages / "old.md").exists()
    (shop / "old.yaml").unlink()
    result = airfleet("docs", str(shop), "-o", str(pages))
    assert f"removed old.md: no pipeline of {shop} has this id any more\n" in result.err
    assert sorted(file.name for file in pages.iterdir()) == ["README.md", "link.md", "mine.md", "other.md", "shop.md"]


@pytest.mark.parametrize("dag_id", ["README", "readme"])
def test_a_pipeline_called_readme_has_a_page_beside_the_list(
    dag_id: str, shop: Path, airfleet: Airfleet, tmp_path: Path
) -> None:
    (shop / "readme.yaml").write_text(SHOP.replace("shop", dag_id))
    airfleet("docs", str(shop), "-o", str(tmp_path / "pages"))
    assert f"# {dag_id}\n" in (tmp_path / "pages" / f"{dag_id}@pipeline.md").read_text()
    text = (tmp_path / "pages" / "README.md").read_text()
    assert ("# Pipelines\n" in text, f"[{dag_id}]({dag_id}@pipeline.md)" in text) == (True, True)


def test_a_page_is_printed_without_a_folder(shop: Path, airfleet: Airfleet) -> None:
    assert airfleet("docs", str(shop / "shop.yaml")).out.startswith("# shop\n")


def test_what_is_wrong_in_any_file_is_said_and_nothing_is_written(
    shop: Path, airfleet: Airfleet, tmp_path: Path
) -> None:
    (shop / "wrong.yaml").write_text("dag_id: wrong\n")
    result = airfleet("docs", str(shop), "-o", str(tmp_path / "pages"))
    assert (result.code, "'tasks' is missing" in result.err, (tmp_path / "pages").exists()) == (1, True, False)


@pytest.mark.parametrize("there", ["pages", "pages/below"])
def test_a_file_in_place_of_the_folder_is_said(there: str, shop: Path, airfleet: Airfleet, tmp_path: Path) -> None:
    (tmp_path / "pages").write_text("mine")
    result = airfleet("docs", str(shop), "-o", str(tmp_path / there))
    assert (result.code, f"pages cannot be written into {tmp_path / there}: " in result.err) == (1, True)
    assert (tmp_path / "pages").read_text() == "mine"


def test_a_file_of_another_kind_is_refused_in_the_name_of_docs(shop: Path, airfleet: Airfleet) -> None:
    (shop / "old.py").write_text("")
    assert "airfleet docs takes a pipeline in YAML, not Dags in Python" in airfleet("docs", str(shop / "old.py")).err


def test_a_folder_without_pipelines_is_said(airfleet: Airfleet, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = airfleet("docs", str(tmp_path / "empty"))
    assert (result.code, "has no pipeline" in result.err) == (1, True)
