"""Unit tests stand where their subject stands: ``agent/host/test_cgroups.py`` tests ``agent/host/cgroups.py``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from support.documents import REPOSITORY

UNIT = REPOSITORY / "tests/unit"
#: first folder below tests/unit -> the folder whose layout it follows, where that is not a room of src/airfleet
ELSEWHERE = {
    "benchmarks": REPOSITORY / "benchmarks",
    "examples": REPOSITORY / "examples",
    "faultlab": REPOSITORY / "tests/faultlab",
    "scripts": REPOSITORY / "scripts",
    "support": REPOSITORY / "tests/support",
}
#: folders of subjects that no single module has: the repository itself, and rules that hold across rooms
ACROSS = frozenset({"repository", "across"})


def mirrored(test: PurePosixPath) -> tuple[Path, Path]:
    """Name the module and the folder, one of which a file of tests is about."""
    room = test.parent.parts
    if room[:1] == ("examples",) and len(room) > 1:  # the package of a project has the project's name
        room = (*room[:2], *room[1:])
    folder = ELSEWHERE[room[0]].joinpath(*room[1:]) if room[:1] and room[0] in ELSEWHERE else _room(room)
    name = test.stem.removeprefix("test_")
    return folder / f"{name}.py", folder / name


def _room(room: tuple[str, ...]) -> Path:
    return (REPOSITORY / "src/airfleet").joinpath(*room)


def strays() -> list[str]:
    """List the files of tests that are about no module and no folder of their place."""
    tests = [PurePosixPath(file.relative_to(UNIT)) for file in sorted(UNIT.rglob("test_*.py"))]
    return [
        str(test)
        for test in tests
        if ACROSS.isdisjoint(test.parts) and not any(place.exists() for place in mirrored(test))
    ]


def test_a_unit_test_stands_where_its_subject_stands() -> None:
    assert strays() == []


@pytest.mark.parametrize(
    ("test", "module"),
    [
        ("test_versions.py", "src/airfleet/versions.py"),
        ("cli/graph/test_svg.py", "src/airfleet/cli/graph/svg.py"),
        ("support/test_upstream.py", "tests/support/upstream.py"),
        ("examples/air_quality/test_store.py", "examples/air_quality/air_quality/store.py"),
    ],
)
def test_each_folder_of_tests_follows_one_layout(test: str, module: str) -> None:
    assert mirrored(PurePosixPath(test))[0] == REPOSITORY / module
    assert (REPOSITORY / module).is_file()
