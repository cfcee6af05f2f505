"""Docstrings of operators and functions, and the words in them about arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.editor import documentation

OPERATORS = '''
class Base:
    """Do something.

    :param where: the :class:`~shop.places.Place`, as `the guide <https://a.example/b>`__
        says

        and a second paragraph
    :param mode: how
    """


class Load(Base):
    """Load rows.

    Slowly.

    :param str | None mode: how to load
    """

    def __init__(self, rows, **kwargs):
        """
        :param rows: what to load
        :return: nothing
        """
'''


@pytest.fixture
def roots(tmp_path: Path) -> tuple[str]:
    (tmp_path / "loading.py").write_text(OPERATORS)
    return (str(tmp_path),)


def test_arguments_have_the_words_of_the_class_of_its_constructor_and_of_its_bases(roots: tuple[str]) -> None:
    source = documentation.source_of("loading.Load", roots)
    assert source is not None
    assert documentation.of_arguments(source, roots) == {
        "mode": "how to load",
        "rows": "what to load",
        "where": "the `Place`, as [the guide](https://a.example/b)\nsays\n\nand a second paragraph",
    }
    assert documentation.of_argument(source, "rows", roots) == "what to load"


def test_a_summary_has_no_list_of_arguments(roots: tuple[str]) -> None:
    source = documentation.source_of("loading.Load", roots)
    assert source is not None
    assert documentation.summary(source.docstring) == "Load rows.\n\nSlowly."


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("see :meth:`poke <a.b.C.poke>`", "see `poke`"),
        (":py:class:`a.B` and ``x``", "`a.B` and ``x``"),
        ("a: `b` c", "a: `b` c"),
    ],
)
def test_roles_are_written_as_markdown(written: str, shown: str) -> None:
    assert documentation.as_markdown(written) == shown
