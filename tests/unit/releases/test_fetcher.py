"""Releases on a host: whole or not there, whatever dies on the way or lies in the store."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airfleet.errors import FleetError
from airfleet.releases import fetcher, tree
from airfleet.releases.manifest import File, Manifest
from airfleet.releases.places import MANIFEST, Places
from airfleet.releases.stores.objects import Damaged, Missing
from support.release_folders import MemoryObjects, project

FILES = {"shop/steps.py": "x = 1\n", "run.sh": "true\n", "shop/empty.py": "", "other.py": ""}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "releases")


def stored(root: Path, objects: MemoryObjects) -> Manifest:
    """Read a project and put its objects into a store."""
    read = tree.read(root)
    for file in read.manifest.files:
        objects.kept[file.digest] = read.path_of(file).read_bytes()
    return read.manifest


def test_a_release_is_its_files_with_their_rights_and_its_manifest(tmp_path: Path, places: Places) -> None:
    root = project(tmp_path / "project", FILES)
    (root / "run.sh").chmod(0o755)
    objects = MemoryObjects()
    manifest = stored(root, objects)
    made = fetcher.fetch(manifest, objects, places)
    assert made == places.tree(manifest.digest)
    found = {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert found.pop(MANIFEST) == manifest.encode()
    assert found == {file.path: (root / file.path).read_bytes() for file in manifest.files}
    assert (made / "run.sh").stat().st_mode & 0o777 == 0o555
    assert (made / "other.py").stat().st_mode & 0o777 == 0o444
    assert fetcher.verify(manifest, places) == ()


def test_unchanged_files_of_two_releases_are_one_inode_and_are_not_fetched_again(
    tmp_path: Path, places: Places
) -> None:
    root, objects = project(tmp_path / "project", FILES), MemoryObjects()
    first = stored(root, objects)
    fetcher.fetch(first, objects, places)
    (root / "other.py").write_text("y = 2\n")
    objects.kept.clear()
    second = stored(root, objects)
    del objects.kept[next(file.digest for file in second.files if file.path == "run.sh")]
    fetcher.fetch(second, objects, places)
    one, other = places.tree(first.digest), places.tree(second.digest)
    assert (one / "run.sh").stat().st_ino == (other / "run.sh").stat().st_ino
    assert (one / "other.py").stat().st_ino != (other / "other.py").stat().st_ino


@pytest.mark.parametrize("wrong", [b"y = 1\n", b"x = 1\nmore", b"x", b""])
def test_bytes_that_are_not_those_of_the_manifest_never_get_a_name(
    wrong: bytes, tmp_path: Path, places: Places
) -> None:
    objects = MemoryObjects()
    manifest = stored(project(tmp_path / "project", FILES), objects)
    digest = next(file.digest for file in manifest.files if file.path == "shop/steps.py")
    right, objects.kept[digest] = objects.kept[digest], wrong
    with pytest.raises(Damaged):
        fetcher.fetch(manifest, objects, places)
    assert not places.tree(manifest.digest).exists()
    assert not places.object(digest).exists()
    objects.kept[digest] = right
    fetcher.fetch(manifest, objects, places)
    assert fetcher.verify(manifest, places) == ()


def test_an_object_that_is_cut_off_once_is_asked_for_again(tmp_path: Path, places: Places) -> None:
    class CutOff(MemoryObjects):
        def get(self, digest: str) -> Iterator[bytes]:
            whole = b"".join(super().get(digest))
            yield whole if digest in asked else whole[:1]
            asked.add(digest)

    asked: set[str] = set()
    objects = CutOff()
    manifest = stored(project(tmp_path / "project", FILES), objects)
    fetcher.fetch(manifest, objects, places)
    assert fetcher.verify(manifest, places) == ()


def test_an_object_that_the_store_has_not_is_said(tmp_path: Path, places: Places) -> None:
    manifest = stored(project(tmp_path / "project", FILES), MemoryObjects())
    with pytest.raises(Missing):
        fetcher.fetch(manifest, MemoryObjects(), places)


@pytest.mark.parametrize(
    "path", ["../out.py", "/etc/x", "a/../../out", "a//b", "./a", "", "a/./b", "a/", MANIFEST, "nul\0"]
)
def test_a_path_that_no_folder_can_have_is_refused_before_anything_is_written(path: str, places: Places) -> None:
    manifest = Manifest((File(path, "0" * 64, 0),))
    with pytest.raises(FleetError, match="the release has"):
        fetcher.fetch(manifest, MemoryObjects(), places)
    assert not places.root.exists()


def test_two_paths_that_one_file_system_takes_for_one_are_refused(places: Places) -> None:
    with pytest.raises(FleetError, match="two files for the path 'A\\.py'"):
        fetcher.fetch(Manifest((File("a.py", "0" * 64, 0), File("A.py", "1" * 64, 0))), MemoryObjects(), places)


STEPS = ("rename", "link", "unlink", "fsync", "open", "symlink")


def _dying_at(number: int) -> Any:
    """Give the module ``os``, of which the ``number``-th step of the disk ends the process first."""
    count = 0

    def dying(name: str) -> Any:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return getattr(os, name)(*arguments, **options)

        return step

    return SimpleNamespace(**{**vars(os), **{name: dying(name) for name in STEPS}})


def test_a_fetch_that_is_killed_at_any_step_leaves_nothing_and_goes_on(tmp_path: Path) -> None:
    objects = MemoryObjects()
    manifest = stored(project(tmp_path / "project", FILES), objects)
    for number in range(1, 200):
        places = Places(tmp_path / f"releases_{number}")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                fetcher.os = _dying_at(number)  # type: ignore[attr-defined]
                fetcher.fetch(manifest, objects, places)
                fetcher.activate(places, manifest.digest)
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if places.live_digest():
            assert fetcher.verify(manifest, places) == ()
        if places.tree(manifest.digest).exists():
            assert fetcher.verify(manifest, places) == ()
        fetcher.fetch(manifest, objects, places)
        fetcher.activate(places, manifest.digest)
        assert fetcher.verify(manifest, places) == ()
        if code == 0:
            break
        assert code == -signal.SIGKILL
    else:
        raise AssertionError("a fetch takes fewer steps")
    assert number > 20


def test_a_full_disk_leaves_no_name_and_the_next_fetch_goes_on(tmp_path: Path, places: Places) -> None:
    objects = MemoryObjects()
    manifest = stored(project(tmp_path / "project", {**FILES, "large.bin": b"x" * 200_000}), objects)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            fetcher.fetch(manifest, objects, places)
        except OSError:
            code = 7
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert not places.tree(manifest.digest).exists()
    fetcher.fetch(manifest, objects, places)
    assert fetcher.verify(manifest, places) == ()


def test_activation_moves_one_link(tmp_path: Path, places: Places) -> None:
    objects, root = MemoryObjects(), project(tmp_path / "project")
    assert places.live_digest() is None
    first = stored(root, objects)
    fetcher.fetch(first, objects, places)
    fetcher.activate(places, first.digest)
    assert places.live_digest() == first.digest
    with pytest.raises(FileNotFoundError):
        fetcher.activate(places, "0" * 64)
    assert places.live.resolve() == places.tree(first.digest).resolve()


def test_a_removal_leaves_the_others_whole_and_the_live_one_where_it_is(tmp_path: Path, places: Places) -> None:
    objects, root, made = MemoryObjects(), project(tmp_path / "project"), []
    for number in range(3):
        (root / "number.py").write_text(str(number))
        made.append(stored(root, objects))
        fetcher.fetch(made[-1], objects, places)
    fetcher.activate(places, made[0].digest)
    fetcher.remove(places, {made[0].digest, made[1].digest, "0" * 64})
    assert fetcher.local_trees(places) == {made[0].digest, made[2].digest}
    assert [fetcher.verify(one, places) for one in (made[0], made[2])] == [(), ()]
    gone = next(file for file in made[1].files if file.path == "number.py")
    assert not places.object(gone.digest).exists()


def test_a_verification_finds_a_flipped_byte(tmp_path: Path, places: Places) -> None:
    objects = MemoryObjects()
    manifest = stored(project(tmp_path / "project", FILES), objects)
    path = fetcher.fetch(manifest, objects, places) / "shop/steps.py"
    path.chmod(0o644)
    path.write_text("x = 2\n")
    assert fetcher.verify(manifest, places) == ("shop/steps.py",)


def test_an_object_to_which_a_process_wrote_is_fetched_again_for_the_next_release(
    tmp_path: Path, places: Places
) -> None:
    objects, root = MemoryObjects(), project(tmp_path / "project", FILES)
    first = fetcher.fetch(stored(root, objects), objects, places)
    (first / "shop/steps.py").chmod(0o644)
    (first / "shop/steps.py").write_text("x = 7\n")
    (root / "other.py").write_text("y = 2\n")
    second = stored(root, objects)
    made = fetcher.fetch(second, objects, places)
    assert (made / "shop/steps.py").read_text() == "x = 1\n"
    assert fetcher.verify(second, places) == ()


def test_an_object_whose_time_was_lost_is_read_and_kept(tmp_path: Path, places: Places) -> None:
    objects, root = MemoryObjects(), project(tmp_path / "project", FILES)
    first = fetcher.fetch(stored(root, objects), objects, places)
    os.utime(first / "shop/steps.py", ns=(0, 0))
    (root / "other.py").write_text("y = 2\n")
    second = stored(root, objects)
    assert (fetcher.fetch(second, objects, places) / "shop/steps.py").samefile(first / "shop/steps.py")


def test_another_user_can_read_a_release_whatever_the_umask(tmp_path: Path, places: Places) -> None:
    objects = MemoryObjects()
    manifest = stored(project(tmp_path / "project", {"a/b/c.py": ""}), objects)
    before = os.umask(0o077)
    try:
        made = fetcher.fetch(manifest, objects, places)
    finally:
        os.umask(before)
    found = [made.parent, made, *made.rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o755}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o444}


class Halting(MemoryObjects):
    """A store whose objects come in two parts; of each fetch the second one when the other has its first."""

    def __init__(self) -> None:
        super().__init__()
        self.both = threading.Barrier(2, timeout=10.0)

    def get(self, digest: str) -> Iterator[bytes]:
        content = self.kept[digest]
        yield content[:1]
        self.both.wait()
        yield content[1:]


def test_two_releases_with_one_file_may_be_fetched_at_once(tmp_path: Path, places: Places) -> None:
    objects, content = Halting(), b"x = 1\n"
    digest = hashlib.sha256(content).hexdigest()
    objects.kept[digest] = content
    releases = [Manifest((File(path, digest, len(content)),)) for path in ("one.py", "two.py")]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda release: fetcher.fetch(release, objects, places), releases))
    assert [len(list(tree.rglob("*.py"))) for tree in made] == [1, 1]
    assert [fetcher.verify(release, places) for release in releases] == [(), ()]
