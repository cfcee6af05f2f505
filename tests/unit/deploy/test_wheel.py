"""The airfleet that runs here as a wheel."""

from __future__ import annotations

import hashlib
import io
import zipfile

from airfleet import __version__
from airfleet.deploy import wheel


def test_the_wheel_is_one_that_installers_take() -> None:
    made = wheel.running()
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        names = archive.namelist()
        info = f"airfleet-{__version__}.dist-info"
        assert {"airfleet/__init__.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/entry_points.txt"} < set(names)
        assert not [name for name in names if "__pycache__" in name]
        record = archive.read(f"{info}/RECORD").decode().splitlines()
    assert [line.split(",")[0] for line in record] == names


def test_the_wheel_brings_the_lock_along() -> None:
    with zipfile.ZipFile(io.BytesIO(wheel.running().content)) as archive:
        assert archive.read("airfleet/deploy/airfleet.lock").decode() == wheel.lock_text()


def test_the_same_files_give_the_same_bytes() -> None:
    one, other = (wheel.pack("1", {"airfleet/__init__.py": b""}) for _ in range(2))
    assert one.content == other.content
    assert one.digest == hashlib.sha256(other.content).hexdigest()
    assert wheel.pack("1", {"airfleet/__init__.py": b"1"}).digest != one.digest
