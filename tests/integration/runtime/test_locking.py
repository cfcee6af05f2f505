"""A push resolves the requirements of a project from this machine's index, and brings what hosts need to build it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.errors import FileProblems
from airfleet.releases import tree
from airfleet.releases.environments import layout, lock, packing, resolver
from airfleet.releases.environments.builder import build
from airfleet.releases.environments.installation import CannotBuild
from airfleet.releases.environments.lock import Lock, Pin
from airfleet.releases.environments.preparation import NotReady, is_ready, prepare
from airfleet.releases.places import Places
from support.wheels import lock_of, make_wheel, write_lock

#: neither of both is installed here
OLD, OLDER = "six==1.16.0", "six==1.15.0"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pipelines").mkdir(parents=True)
    (root / "envs").mkdir()
    return root


def test_a_release_brings_locks_a_table_and_wheels_and_a_host_without_an_index_builds_them(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "requirements.txt").write_text(f"{OLD}\n")
    (project / "envs/ml.txt").write_text(f"{OLDER}\n")
    packed = packing.pack(project, tmp_path / "made", pythons={"pipelines/ml.yaml": "envs/ml.txt"}, vendor=True)
    release = tree.read(project).with_made(packed.files, packed.environments)
    usual, own = packed.environments["requirements.txt"], packed.environments["envs/ml.txt"]
    assert [file.path for file in release.manifest.files] == [
        *sorted(layout.lock_path(digest) for digest in (usual, own)),
        ".airfleet-python/pipelines.json",
        ".airfleet-python/wheels/six-1.15.0-py2.py3-none-any.whl",
        ".airfleet-python/wheels/six-1.16.0-py2.py3-none-any.whl",
        "envs/ml.txt",
        "requirements.txt",
    ]
    places = Places(tmp_path / "releases")
    for file in release.manifest.files:
        place = places.tree("a") / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(release.path_of(file).read_bytes())
    assert layout.table(places.tree("a")) == {"": usual, "pipelines/ml.yaml": own}
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert not is_ready(places, places.tree("a"))
    prepare(places, places.tree("a"))
    assert is_ready(places, places.tree("a"))
    installed = [next(places.environment(one).glob("lib/*/site-packages/six-*")).name for one in (usual, own)]
    assert installed == ["six-1.16.0.dist-info", "six-1.15.0.dist-info"]


def test_a_lock_has_every_version_with_hashes_and_nothing_of_this_machine(project: Path) -> None:
    file = project / "requirements.txt"
    file.write_text(f"# ours\n{OLD}\n")
    found = resolver.resolve(file)
    for name in ("apache-airflow-core", "apache-airflow-task-sdk", "apache-airflow-providers-standard"):
        assert found.versions[name] == metadata.version(name)
    assert found.versions["six"] == "1.16.0"
    assert all(pin.hashes for pin in found.pins)
    assert "://" not in found.text
    assert "airfleet" not in found.versions
    assert lock.read(found.text) == found
    assert resolver.resolve(file) == found


def test_versions_of_an_earlier_lock_stay_where_nothing_speaks_against_them(project: Path) -> None:
    file = project / "requirements.txt"
    file.write_text("six\n")
    assert resolver.resolve(file, {"six": "1.16.0"}).versions["six"] == "1.16.0"
    file.write_text("six<1.16\n")
    assert resolver.resolve(file, {"six": "1.16.0"}).versions["six"] == "1.15.0"


def test_a_file_that_has_not_changed_has_the_lock_that_it_had(project: Path) -> None:
    (project / "requirements.txt").write_text("six\n")
    six = Pin("six", "1.15.0", "six==1.15.0 \\\n    --hash=sha256:aa\n")
    before = packing.Earlier(Lock(lock.here(), (six,)), is_unchanged=True)
    packed = packing.pack(project, project / "made", earlier={"requirements.txt": before}.get)
    assert packed.environments == {"requirements.txt": before.lock.digest}
    of_another = packing.Earlier(Lock("airfleet 0.0, Python 3.0", (six,)), is_unchanged=True)
    packed = packing.pack(project, project / "made", earlier={"requirements.txt": of_another}.get)
    (digest,) = packed.environments.values()
    assert lock.read(packed.files[layout.lock_path(digest)].read_text()).versions["six"] == "1.15.0"
    (project / "requirements.txt").write_text("six<1.15\n-r envs/more.txt\n")
    (project / "envs/more.txt").write_text("six<1.14\n")
    packed = packing.pack(project, project / "made", earlier={"requirements.txt": before}.get)
    assert packed.environments != {"requirements.txt": before.lock.digest}


def test_a_hash_that_a_file_asks_for_is_the_only_one(project: Path) -> None:
    file = project / "requirements.lock"
    six = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    file.write_text(f"{OLD} \\\n    --hash=sha256:{six}\n")
    (pin,) = (pin for pin in resolver.resolve(file).pins if pin.name == "six")
    assert pin.hashes == {f"sha256:{six}"}
    file.write_text(f"{OLD} \\\n    --hash=sha256:{'0' * 64}\n")
    with pytest.raises(FileProblems, match=r"requirements.lock:1:1: .*six"):
        resolver.resolve(file)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (
            "# old\nsqlalchemy==1.4.50\n",
            "2:1: asks for sqlalchemy==1.4.50, but airfleet=={airfleet}, which attempts need",
        ),
        ("requests==2.0.0\n", "1:1: asks for requests==2.0.0, but apache-airflow-core=={core}, which attempts need"),
    ],
)
def test_a_wish_that_does_not_go_together_with_airflow_names_both_sides(project: Path, wish: str, said: str) -> None:
    file = project / "requirements.txt"
    file.write_text(wish)
    versions = {"airfleet": metadata.version("airfleet"), "core": metadata.version("apache-airflow-core")}
    with pytest.raises(FileProblems) as caught:
        packing.pack(project, project / "made")
    assert str(caught.value).startswith(f"{file}:" + said.format(**versions))


def test_a_project_without_requirements_has_nothing_to_bring(project: Path) -> None:
    packed = packing.pack(project, project / "made", vendor=True)
    assert (packed.environments, packed.files) == ({}, {})


# --- hosts that cannot build, and builders that are killed


def release_of(places: Places, *versions: str, wheels: bool = True) -> tuple[Path, str]:
    """Make a release whose environment has a wheel that was made here."""
    source = places.tree("a") / layout.WHEELS if wheels else places.root / "nowhere"
    pins = [
        make_wheel(source, "toylibrary", version, {"toylibrary.py": f"VERSION = '{version}'\n"}) for version in versions
    ]
    digest = write_lock(places.tree("a"), lock_of(pins[-1]))
    (places.tree("a") / layout.TABLE).write_text(json.dumps({"": digest}))
    return places.tree("a"), digest


def test_a_wheel_with_other_bytes_than_the_lock_names_is_not_installed(tmp_path: Path) -> None:
    places = Places(tmp_path)
    release, digest = release_of(places, "1.0")
    make_wheel(release / layout.WHEELS, "toylibrary", "1.0", {"toylibrary.py": "VERSION = 'evil'\n"})
    with pytest.raises(NotReady, match=rf"^this host cannot build the environment {digest[:12]}; uv says: .*[Hh]ash"):
        prepare(places, release)
    assert not places.environment(digest).exists()
    assert [one.name for one in places.building.iterdir()] == [f"{digest}.lock"]


def test_a_distribution_that_nobody_has_is_told_in_the_words_of_uv(tmp_path: Path) -> None:
    places = Places(tmp_path)
    release, _ = release_of(places, "1.0", wheels=False)
    with pytest.raises(NotReady) as caught:
        prepare(places, release)
    assert "toylibrary" in str(caught.value)
    assert str(caught.value).endswith("hint: push with --vendor where hosts reach no index")


def test_a_distribution_without_a_wheel_for_this_python_names_the_ways_out(tmp_path: Path) -> None:
    places = Places(tmp_path)
    release, _ = release_of(places, "1.0")
    (wheel,) = (release / layout.WHEELS).iterdir()
    wheel.rename(wheel.with_name(wheel.name.replace("py3-none-any", "cp38-cp38-any")))
    with pytest.raises(NotReady) as caught:
        prepare(places, release)
    assert caught.value.hint == (
        f"Python {sys.version_info.major}.{sys.version_info.minor} on {platform.machine()} has no wheel of it: "
        "ask for another version in the requirements, or run hosts on another Python"
    )


@pytest.mark.long
def test_a_library_that_breaks_what_attempts_need_is_found_before_any_attempt(tmp_path: Path) -> None:
    places = Places(tmp_path)
    release = places.tree("a")
    pin = make_wheel(release / layout.WHEELS, "attrs", "99.0", {"attr/__init__.py": "raise ImportError('no attrs')\n"})
    digest = write_lock(release, lock_of(pin))
    with pytest.raises(CannotBuild, match=r"it cannot run tasks: ModuleNotFoundError: No module named 'attrs'\nhint: "):
        build(places, release, digest)


def test_a_lock_for_another_airfleet_is_refused_with_both_versions(tmp_path: Path) -> None:
    found = Lock("airfleet 9.9, Python 2.7", ())
    digest = write_lock(tmp_path, found)
    with pytest.raises(CannotBuild, match=f"was locked for airfleet 9.9, Python 2.7; this host has {lock.here()}"):
        build(Places(tmp_path / "releases"), tmp_path, digest)


@pytest.mark.long
@pytest.mark.parametrize("reached", ["bin/python", "lib/python*/site-packages/airflow", "lib/*/*/toylibrary.py"])
def test_a_build_that_was_killed_at_any_point_is_done_again(tmp_path: Path, reached: str) -> None:
    places = Places(tmp_path)
    release, digest = release_of(places, "1.0")
    command = [sys.executable, "-m", "airfleet.releases.environments", str(tmp_path), str(release)]
    with subprocess.Popen(command) as builder:
        wait_until(lambda: any(places.building.glob(f"*/{digest}/{reached}")), 60, "the build has got so far", 0.001)
        builder.kill()
    assert not places.environment(digest).exists()
    prepare(places, release)
    assert layout.is_whole(places.environment(digest), lock.here())


@pytest.mark.long
def test_a_builder_ends_with_whoever_waits_for_it(tmp_path: Path) -> None:
    places = Places(tmp_path)
    release, digest = release_of(places, "1.0")
    code = "import sys; from pathlib import Path; from airfleet.releases.environments.preparation import prepare; "
    code += "from airfleet.releases.places import Places; prepare(Places(Path(sys.argv[1])), Path(sys.argv[2]))"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(release)]) as waiting:
        wait_until(lambda: any(places.building.glob(f"*/{digest}/bin/python")), 60, "the build has begun", 0.001)
        waiting.kill()
    named = f"{release}".encode()
    wait_until(lambda: not any(named in one for one in command_lines()), 10, "the builder has ended")
    assert not places.environment(digest).exists()


def command_lines() -> list[bytes]:
    """Read the command line of every process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append((folder / "cmdline").read_bytes())
    return found


@pytest.mark.long
def test_two_builders_at_once_build_one_environment_and_what_a_killed_one_left_is_no_hindrance(tmp_path: Path) -> None:
    places = Places(tmp_path)
    release, digest = release_of(places, "1.0")
    left = places.building / f"{digest}.work-of-a-killed-one"
    left.mkdir(parents=True)
    (left / "half").touch()
    builders = [threading.Thread(target=build, args=(places, release, digest)) for _ in range(2)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    made = places.environment(digest).stat()
    assert layout.is_whole(places.environment(digest), lock.here())
    assert not left.exists()
    assert build(places, release, digest).stat() == made
