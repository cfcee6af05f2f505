from __future__ import annotations

import pytest

from support.upstream import source_digest

#: a source with all that Pythons 3.11 to 3.14 dump in different ways
SOURCE = """
@decorated(1, *rest, key=None)
async def fetch(self, *, limit: int = 0, **more):
    '''Says what it does.'''
    async with lock, other as name:
        return f"{limit!r:>{width}} of" f" {self.total}", {**more, "a": ...}, not None
"""


def test_the_digest_of_a_source_is_the_same_under_every_python() -> None:
    assert source_digest(SOURCE) == "dd6491707338a0df"


@pytest.mark.parametrize(
    "same",
    [
        SOURCE.replace("Says what it does.", "Says it in other words."),
        SOURCE.replace("return f", "# why\n        return f"),
        SOURCE.replace("        '''Says", "    '''Says"),
    ],
)
def test_docstrings_comments_and_layout_do_not_count(same: str) -> None:
    assert source_digest(same) == source_digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("limit: int = 0", "limit: int = 1"), ("not None", "not 0"), ("*rest, ", ""), (", other as name", ""), ("!r", "")],
)
def test_what_the_source_does_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert source_digest(SOURCE.replace(old, new)) != source_digest(SOURCE)
