"""Archives are unpacked inside their folder, or refused as a whole."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from air_quality.archives import unpack
from air_quality.errors import FetchError, UnsafeArchive


def make_zip(path: Path, *names: str, link: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n1,2\n")
        if link:
            info = zipfile.ZipInfo(link)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
    return path


def make_tar(path: Path, *names: str, kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            data = b"a,b\n1,2\n" if kind == tarfile.REGTYPE else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("file_type", ["zip", "tar_gz"])
def test_csv_files_are_taken_out_and_others_left(file_type: str, tmp_path: Path, into: Path) -> None:
    names = ("b.csv", "deep/er/a.CSV", "README.txt")
    make = make_zip if file_type == "zip" else make_tar
    files = unpack(make(tmp_path / "archive", *names), file_type, into)
    assert files == [into / "b.csv", into / "deep/er/a.CSV"]
    assert {path.name for path in into.rglob("*") if path.is_file()} == {"b.csv", "a.CSV"}


LEADING_OUT = ["../evil.csv", "/tmp/evil.csv", "a/../../evil.csv", "..\\evil.csv", "C:evil.csv"]


@pytest.mark.parametrize("name", LEADING_OUT)
@pytest.mark.parametrize("file_type", ["zip", "tar_gz"])
def test_a_name_that_leads_out_is_refused(name: str, file_type: str, tmp_path: Path, into: Path) -> None:
    archive = make_zip(tmp_path / "x.zip", name) if file_type == "zip" else make_tar(tmp_path / "x.zip", name)
    with pytest.raises(UnsafeArchive) as caught:
        unpack(archive, file_type, into)
    assert str(caught.value) == f"x.zip: the name '{name}' leads out of the folder; nothing was taken"
    assert list(tmp_path.rglob("*evil*")) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path, into: Path) -> None:
    with pytest.raises(UnsafeArchive, match=r"x\.tgz: 'a\.csv' is a link or a device; nothing was taken"):
        unpack(make_tar(tmp_path / "x.tgz", "a.csv", kind=kind), "tar_gz", into)
    assert list(into.iterdir()) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path, into: Path) -> None:
    with pytest.raises(UnsafeArchive, match=r"'a\.csv' is a link or a device"):
        unpack(make_zip(tmp_path / "x.zip", link="a.csv"), "zip", into)


def test_a_name_that_comes_twice_is_refused(tmp_path: Path, into: Path) -> None:
    with pytest.raises(UnsafeArchive, match=r"a\.csv is in the archive twice"):
        unpack(make_tar(tmp_path / "x.tgz", "a.csv", "a.csv"), "tar_gz", into)


def test_more_than_there_is_room_for_is_refused(tmp_path: Path, into: Path) -> None:
    with pytest.raises(UnsafeArchive, match=r"b\.csv takes 8 bytes; there is room for 7"):
        unpack(make_zip(tmp_path / "x.zip", "a.csv", "b.csv"), "zip", into, max_bytes=15)


@pytest.mark.parametrize("file_type", ["zip", "tar_gz"])
def test_a_damaged_archive_is_refused(file_type: str, tmp_path: Path, into: Path) -> None:
    make = make_zip if file_type == "zip" else make_tar
    archive = make(tmp_path / "x", *(f"{number}.csv" for number in range(50)))
    archive.write_bytes(archive.read_bytes()[:-60])
    with pytest.raises(FetchError, match="x is damaged or cannot be unpacked"):
        unpack(archive, file_type, into)


def test_an_archive_without_csv_is_refused(tmp_path: Path, into: Path) -> None:
    with pytest.raises(FetchError, match=r"x\.zip holds no CSV file"):
        unpack(make_zip(tmp_path / "x.zip", "a.txt"), "zip", into)
