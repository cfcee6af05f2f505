"""A bundle is read as it was written, for the hosts that it was written for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airfleet.deploy import wheel
from airfleet.deploy.remote import File
from airfleet.deploy.wheels import bundle
from airfleet.deploy.wheels.bundle import Kind
from airfleet.errors import FleetError

KIND = Kind("3.11", "x86_64")
LOCK = "a==1 --hash=sha256:0\n"
OWN = wheel.pack("0.1.0", {"airfleet/__init__.py": b""})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "a-1.whl").write_bytes(b"wheel of a")
    wheels = {"wheels/a-1.whl": File(tmp_path / "a-1.whl"), "wheels/b-2.whl": File(b"wheel of b")}
    bundle.write(tmp_path / "shop.bundle", KIND, LOCK, OWN, wheels)
    return tmp_path / "shop.bundle"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_wheels_come_out_as_they_went_in(path: Path, folder: Path) -> None:
    found = bundle.read(path, folder).wheels_for(LOCK, KIND)
    assert {name: Path(str(file.content)).read_bytes() for name, file in found.items()} == {
        "wheels/a-1.whl": b"wheel of a",
        "wheels/b-2.whl": b"wheel of b",
    }


def test_no_name_leads_out_of_the_folder(tmp_path: Path, folder: Path) -> None:
    odd = {"wheels/../../c-3.whl": File(b"wheel of c")}
    bundle.write(tmp_path / "odd.bundle", KIND, LOCK, OWN, odd)
    bundle.read(tmp_path / "odd.bundle", folder)
    assert [file.name for file in folder.iterdir()] == ["c-3.whl"]
    assert not (tmp_path.parent / "c-3.whl").exists()


def test_people_see_everything_that_an_installation_of_airfleet_needs(path: Path) -> None:
    listed = subprocess.run(["tar", "-tf", str(path)], capture_output=True, text=True, check=True).stdout.split()
    assert listed == ["bundle.json", "hosts.lock", OWN.file_name, "wheels/a-1.whl", "wheels/b-2.whl"]


@pytest.mark.parametrize(
    ("lock", "kind", "wrong"),
    [
        (LOCK, Kind("3.12", "x86_64"), "is for Python 3.11 on x86_64, and the hosts need Python 3.12 on x86_64"),
        (LOCK, Kind("3.11", "aarch64"), "is for Python 3.11 on x86_64, and the hosts need Python 3.11 on aarch64"),
        (LOCK + "b==1\n", KIND, "was made of another lock than this airfleet has"),
    ],
)
def test_other_hosts_and_another_lock_are_refused(path: Path, folder: Path, lock: str, kind: Kind, wrong: str) -> None:
    with pytest.raises(FleetError, match=wrong):
        bundle.read(path, folder).wheels_for(lock, kind)


def test_a_file_that_is_none_is_a_sentence(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "other").write_text("hello")
    with pytest.raises(FleetError, match="other is no bundle of airfleet"):
        bundle.read(tmp_path / "other", folder)
    with pytest.raises(FleetError, match="nothing cannot be read: No such file or directory"):
        bundle.read(tmp_path / "nothing", folder)


def test_a_bundle_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="cannot be written: No such file or directory"):
        bundle.write(tmp_path / "no" / "shop.bundle", KIND, LOCK, OWN, {})
    assert list(tmp_path.iterdir()) == []
