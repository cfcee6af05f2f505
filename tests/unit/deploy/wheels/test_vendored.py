"""Wheels of a lock are found where uv finds them, proved by hash, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.deploy.wheels import vendored
from airfleet.errors import FleetError
from support.wheels import make_wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that uv knows, and a cache of nobody else."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {"UV_FIND_LINKS": folder, "UV_NO_INDEX": 1, "XDG_CACHE_HOME": tmp_path / "cache"}.items():
        monkeypatch.setenv(name, str(value))
    return folder


def test_the_wheel_of_each_pin_is_kept_in_the_cache(index: Path) -> None:
    pin = make_wheel(index, "one", "1.0", {"one.py": ""})
    [(name, file)] = vendored.download(pin.text, "3.12").items()
    assert name == "wheels/one-1.0-py3-none-any.whl"
    assert isinstance(file.content, Path)
    assert file.content.read_bytes() == (index / "one-1.0-py3-none-any.whl").read_bytes()


def test_a_wheel_that_the_lock_does_not_name_is_refused(index: Path) -> None:
    pin = make_wheel(index, "one", "1.0", {"one.py": ""})
    make_wheel(index, "one", "1.0", {"one.py": "other = True"})
    with pytest.raises(FleetError, match="is not the one of the lock"):
        vendored.download(pin.text, "3.12")


def test_a_broken_wheel_in_the_cache_is_downloaded_again(index: Path) -> None:
    pin = make_wheel(index, "one", "1.0", {"one.py": ""})
    kept = vendored.download(pin.text, "3.12")["wheels/one-1.0-py3-none-any.whl"].content
    assert isinstance(kept, Path)
    kept.write_bytes(b"half")
    vendored.download(pin.text, "3.12")
    assert kept.read_bytes() == (index / kept.name).read_bytes()


def test_tags_of_the_python_come_before_those_of_any() -> None:
    tags = [str(tag) for tag in vendored.tags_of("3.13")]
    assert tags[0].startswith("cp313-cp313-")
    assert tags.index("py3-none-any") > tags.index(next(tag for tag in tags if tag.startswith("cp313-abi3-")))


def test_a_distribution_of_two_versions_comes_in_the_one_for_the_python(index: Path) -> None:
    old, new = (make_wheel(index, "one", version, {"one.py": ""}) for version in ("1.0", "2.0"))
    locked = old.text.replace(" \\", " ; python_full_version < '3.12' \\", 1)
    locked += new.text.replace(" \\", " ; python_full_version >= '3.12' \\", 1)
    assert list(vendored.download(locked, "3.11")) == ["wheels/one-1.0-py3-none-any.whl"]
    assert list(vendored.download(locked, "3.13")) == ["wheels/one-2.0-py3-none-any.whl"]
