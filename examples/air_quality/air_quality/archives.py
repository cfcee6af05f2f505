"""Zip and tar.gz archives, unpacked so that nothing lands outside the folder meant for it.

Only plain CSV files are taken out. A name that leads elsewhere, a link or a device makes the whole
archive suspect, so it is refused as a whole.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from air_quality.errors import FetchError, UnsafeArchive

#: what one archive may hold; a year of the largest one is about 1 GB
MAX_UNPACKED = 64 << 30  # bytes


def unpack(archive: Path, file_type: str, into: Path, max_bytes: int = MAX_UNPACKED) -> list[Path]:
    """The CSV files of ``archive``, unpacked into the folder ``into``, sorted by name.

    Raises:
        UnsafeArchive: a member's name leads out of the folder, is no plain file, or there is too much.
        FetchError: the archive is damaged, or holds no CSV file.
    """
    members = _zip_members if file_type == "zip" else _tar_members
    room = min(max_bytes, shutil.disk_usage(into).free)
    files = []
    try:
        for member in members(archive):
            path = _write(member, into, archive, room)
            if path is not None:
                files.append(path)
                room -= member.size
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise FetchError(f"{archive.name} is damaged or cannot be unpacked: {error}") from error
    if not files:
        raise FetchError(f"{archive.name} holds no CSV file")
    return sorted(files)


class _Member:
    """One member of an archive: its name, its size, and its bytes."""

    def __init__(self, name: str, size: int, plain: bool, content: IO[bytes] | None) -> None:
        self.name, self.size, self.plain, self.content = name, size, plain, content


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            mode = info.external_attr >> 16
            plain = mode == 0 or (mode & 0o170000) in (0, 0o100000, 0o040000)
            if info.is_dir() or not plain:
                yield _Member(info.filename, 0, plain, None)
                continue
            with opened.open(info) as content:
                yield _Member(info.filename, info.file_size, True, content)


def _tar_members(archive: Path) -> Iterator[_Member]:
    with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as opened:
        for info in opened:
            content = opened.extractfile(info) if info.isreg() else None
            yield _Member(info.name, info.size, info.isreg() or info.isdir(), content)
        # tarfile takes a cut archive for a short one; the checksum stands at the very end
        while unzipped.read(1 << 20):
            pass


def _write(member: _Member, into: Path, archive: Path, room: int) -> Path | None:
    name = _safe_name(member, archive)
    if member.content is None or not name.name.lower().endswith(".csv"):
        return None
    if member.size > room:
        raise UnsafeArchive(f"{archive.name}: {member.name} takes {member.size:,} bytes; there is room for {room:,}")
    target = into / name
    if target.exists():
        raise UnsafeArchive(f"{archive.name}: {member.name} is in the archive twice")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        shutil.copyfileobj(member.content, file, 1 << 20)
    return target


def _safe_name(member: _Member, archive: Path) -> PurePosixPath:
    name = PurePosixPath(member.name)
    leads_out = name.is_absolute() or ".." in name.parts or "\\" in member.name or ":" in member.name
    if leads_out or "\0" in member.name:
        raise UnsafeArchive(f"{archive.name}: the name '{member.name}' leads out of the folder; nothing was taken")
    if not member.plain:
        raise UnsafeArchive(f"{archive.name}: '{member.name}' is a link or a device; nothing was taken")
    return name
