"""Texts that a function returns are read from its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.analysis.answers import answers


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return 'a'", ("a",)),
        ("return ['a', 'b', name]", ("a", "b")),
        ("return 'a' if x else 'b'", ("a", "b")),
        ("return name or 'a'", ("a",)),
        ("return", ()),
        ("return f'x{1}'", ()),
        ("return made('a')", ()),
        ("def inner(): return 'a'\n    return 'b'", ("b",)),
        ("for x in y:\n        with z:\n            return 'a'\n    else:\n        return 'a'", ("a",)),
        ("try:\n        return 'a'\n    except E:\n        return 'b'", ("a", "b")),
        ("match x:\n        case 1: return 'a'\n        case _: return 'b'", ("a", "b")),
    ],
)
def test_the_texts_of_return_statements(body: str, found: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "answering.py").write_text(f"def choose(x):\n    {body}\n")
    assert answers("answering", "choose", (str(tmp_path),)) == found


def test_nothing_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "guessed.py").write_text("import functools\n@functools.cache\ndef f(): return 'a'\nclass C: ...\n")
    roots = (str(tmp_path),)
    assert [answers("guessed", name, roots) for name in ("f", "C", "nothing")] == [(), (), ()]
