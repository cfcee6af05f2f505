"""Requirements that cannot be met are a sentence that names both sides, at its line."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from airfleet.errors import FileProblems
from airfleet.releases.environments import resolver, uv_program

CORE = f"apache-airflow-core=={metadata.version('apache-airflow-core')}"
OF_AIRFLEET = """\
error: No solution found when resolving dependencies
  cause: Because only airfleet==0.1.0 is available and airfleet==0.1.0 depends on celery[redis]==5.6.3, we can conclude
         that all versions of airfleet depend on celery==5.6.3.
         And because you require celery==5.7.0 and airfleet, we can conclude that your requirements are unsatisfiable.
"""
OF_ANOTHER = f"""\
error: No solution found when resolving dependencies
  cause: Because {CORE} depends on requests>=2.32.0 and airfleet==0.1.0 depends on
         {CORE}, we can conclude that airfleet==0.1.0 depends on requests>=2.32.0.
         And because only airfleet==0.1.0 is available, we can conclude that all versions depend on requests>=2.32.0.
         And because you require requests==2.0.0 and airfleet, we can conclude that your requirements are unsatisfiable.
"""
ABSENT = """\
  cause: Because nosuch was not found in the package registry and you require nosuch==1, we can conclude that your
         requirements are unsatisfiable.
"""


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            OF_AIRFLEET,
            "3:1: asks for celery==5.7.0, but airfleet==0.1.0, which attempts need, depends on celery[redis]==5.6.3\n"
            "hint: ask for a version that suits both, or run these functions with 'isolation'",
        ),
        (
            OF_ANOTHER,
            f"2:1: asks for requests==2.0.0, but {CORE}, which attempts need, depends on requests>=2.32.0\n"
            "hint: ask for a version that suits both, or run these functions with 'isolation'",
        ),
        (ABSENT, "4:1: asks for nosuch==1, but nosuch was not found in the package registry"),
        ("error: it rains", "1:1: uv cannot resolve this: it rains"),
    ],
    ids=["airfleet", "another", "absent", "unknown"],
)
def test_why_requirements_cannot_be_met(tmp_path: Path, said: str, sentence: str) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# ours\nrequests==2.0.0\ncelery==5.7.0\nnosuch==1\n")
    assert str(resolver._problem(file, uv_program.Failed(said))) == f"{file}:{sentence}"


def test_passwords_of_indexes_are_not_shown() -> None:
    assert str(uv_program.Failed("no https://me:secret@index/simple")) == "no https://index/simple"


def test_the_first_file_that_requires_something_is_that_of_a_project(tmp_path: Path) -> None:
    assert resolver.usual(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\n")
    assert resolver.usual(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n')
    assert resolver.usual(tmp_path) == "pyproject.toml"
    (tmp_path / "requirements.txt").write_text("six\n")
    assert resolver.usual(tmp_path) == "requirements.txt"


def test_a_pylock_is_its_packages_with_their_hashes() -> None:
    wheel = {"url": "https://example.org/six.whl", "hashes": {"sha256": "aa"}}
    packages = [{"name": "six", "version": "1", "wheels": [wheel], "marker": "python_version > '3'"}]
    assert list(resolver._of_pylock({"packages": packages})) == [
        "six==1 ; python_version > '3' \\\n    --hash=sha256:aa\n"
    ]


def test_a_broken_pylock_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "pylock.toml"
    file.write_text("packages = [")
    with pytest.raises(FileProblems, match=r"pylock.toml:1:1: this is not TOML: "):
        resolver.resolve(file)
