"""Which versions a fleet is started on."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet import versions
from airfleet.errors import FleetError
from airfleet.versions import VersionDifference


def found(**others: str | None) -> dict[str, str | None]:
    """What is installed: the expected versions, but for these (``_`` for ``-``)."""
    return {**versions.expected(), **{name.replace("_", "-"): version for name, version in others.items()}}


def test_the_expected_versions_differ_in_nothing() -> None:
    assert versions.differences(found().get) == ()
    versions.require({}, found().get)


def test_each_other_version_is_named() -> None:
    core = versions.expected()["apache-airflow-core"]
    assert versions.differences(found(apache_airflow_core="3.3.3", flower=None).get) == (
        VersionDifference("apache-airflow-core", core, "3.3.3"),
        VersionDifference("flower", versions.expected()["flower"], None),
    )


def test_a_fleet_is_refused_with_a_sentence_for_each_and_the_line_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "expected", lambda: {"apache-airflow-core": "3.3.2", "kombu": "5.7.0", "flower": "2"})
    with pytest.raises(FleetError) as refused:
        versions.require({versions.UNCHECKED: ""}, {"apache-airflow-core": "3.3.3", "flower": "2"}.get)
    assert str(refused.value) == (
        "apache-airflow-core 3.3.3 is installed; this airfleet was made for 3.3.2\n"
        "kombu is not installed; this airfleet was made for 5.7.0\n"
        "hint: install what it was made for: python -m pip install apache-airflow-core==3.3.2 kombu==5.7.0;"
        " or start it all the same: airfleet up --unchecked"
    )


@pytest.mark.parametrize(("said", "allowed"), [("1", True), ("yes", True), ("0", False), ("false", False), ("", False)])
def test_who_says_so_may_start_it_all_the_same(said: str, allowed: bool) -> None:
    assert versions.is_allowed({versions.UNCHECKED: said}) is allowed
    if allowed:
        versions.require({versions.UNCHECKED: said}, found(celery="6.0").get)


def test_the_version_is_read_of_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "kombu", "99.0")
    monkeypatch.syspath_prepend(tmp_path)
    assert versions.installed("kombu") == "99.0"
    expected = versions.expected()["kombu"]
    assert versions.warnings() == (f"kombu 99.0 is installed; this airfleet was made for {expected}",)


def install(folder: Path, name: str, version: str) -> None:
    """A distribution of which there is nothing but its name and version."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
