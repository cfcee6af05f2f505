"""``.airflowignore`` leaves out what Airflow's own walk leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow._shared.module_loading.file_discovery import find_path_from_directory

from airfleet.pipelines.files import listing
from airfleet.pipelines.files.listing import Rules

FILES = (
    "a.yaml",
    "b.yaml",
    "archived/old.yaml",
    "archived/keep.yaml",
    "team/a.yaml",
    "team/archived/c.yaml",
    "team/deep/a.yaml",
    "team/deep/x y.yaml",
    "team/!odd.yaml",
    "archived.yaml",
)

GLOBS = [
    "archived/\n",
    "archived\n",
    "archived/*\n!archived/keep.yaml\n",
    "*\n!team/\n!*.yaml\n",
    "/a.yaml\n",
    "a.yaml\n",
    "team/*.yaml\n",
    "**/deep/\n",
    "team/**\n",
    "*.yaml # all of them\n!b.yaml\n",
    "# nothing\n\n/\n",
    "[ab].yaml\n",
    "x\\ y.yaml\n",
    "\\!odd.yaml\n",
    "!/\narchived//\n",
    "archived/   \n",
    "team/deep/../a.yaml\n",
    "A.YAML\n",
    "?.yaml\r\nb.yaml\n",
]
REGEXPS = ["archived\n", "^archived/.*old\n", "team/.*/a\\.yaml$\n", "a.yaml # a comment\n", "^a\n", "/$\n", "x y\n"]


@pytest.mark.parametrize(
    ("text", "syntax"), [*((text, "glob") for text in GLOBS), *((text, "regexp") for text in REGEXPS)]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("place", [".", "team"])
def test_what_airflow_leaves_out(text: str, syntax: str, place: str, tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / place / ".airflowignore").write_text(text)
    (tmp_path / "team" / "deep" / ".airflowignore").write_text("nothing.yaml\n")
    listed = listing.of(tmp_path, Rules(ignore_syntax=syntax))
    theirs = sorted(map(Path, find_path_from_directory(tmp_path, ".airflowignore", syntax)))
    # Names that begin with . are no pipelines, ignored or not.
    assert list(listed.pipelines) == theirs
    assert listed.problems == ()


@pytest.mark.parametrize(
    ("syntax", "content", "sentence"),
    [
        ("glob", b"archived\n!\n", ":2:1: '!' is not a pattern of gitignore: Invalid git pattern: '!'"),
        (
            "regexp",
            b"# x\n[a\narchived\n",
            ":2:1: '[a' is not a regular expression: unterminated character set at position 0",
        ),
    ],
)
def test_a_line_that_is_no_pattern_is_a_problem_and_the_others_hold(
    syntax: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "archived").mkdir()
    (tmp_path / "archived" / "a.yaml").write_text("")
    (tmp_path / ".airflowignore").write_bytes(content)
    listed = listing.of(tmp_path, Rules(ignore_syntax=syntax))
    assert listed.pipelines == ()
    assert [str(problem) for problem in listed.problems] == [f"{tmp_path}/.airflowignore{sentence}"]


def test_an_ignore_file_that_is_no_text_is_a_problem_and_ignores_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("")
    (tmp_path / ".airflowignore").write_bytes(b"a\xe9\n")
    listed = listing.of(tmp_path)
    assert listed.pipelines == (tmp_path / "a.yaml",)
    assert [str(problem) for problem in listed.problems] == [
        f"{tmp_path}/.airflowignore:1:2: the file is not UTF-8 text (byte 0xE9 here)\nhint: save it as UTF-8"
    ]
