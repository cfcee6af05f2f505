"""All pages, and how they are written: as text for a terminal, and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

from airfleet.pipelines.problems import files, others, values, warnings, work
from airfleet.pipelines.problems.page import Page
from airfleet.problem_codes import Code, Severity

PAGES: Final[Mapping[Code, Page]] = {
    **files.PAGES,
    **values.PAGES,
    **work.PAGES,
    **warnings.PAGES,
    **others.PAGES,
}
_GENERAL: Final = Page("A problem without a kind of its own", "The sentence says what is wrong.")
_WIDTH: Final = 100


def of(code: Code) -> Page:
    """Give the page of a code."""
    return PAGES.get(code, _GENERAL)


def silencing(code: Code) -> str:
    """Say how a problem of this code is silenced, or that it cannot be."""
    if code.can_be_silenced:
        return f"A comment on its line silences it: `# airfleet: ignore {code}`."
    if code.severity is Severity.ERROR:
        return "An error cannot be silenced."
    return "It cannot be silenced."


def as_text(code: Code) -> str:
    """Write the page of a code for a terminal."""
    parts = [f"{code} ({code.severity}): {of(code).title}"]
    parts += [textwrap.fill(text, _WIDTH) for text in _sentences(code)]
    parts += [f"{name}:\n\n{textwrap.indent(text.rstrip(), '    ')}" for name, _, text in _examples(of(code))]
    return "\n\n".join(parts)


def as_markdown(code: Code) -> str:
    """Write the page of a code as Markdown, without its heading."""
    parts = [textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False) for text in _sentences(code)]
    parts += [f"{name}:\n\n```{language}\n{text.rstrip()}\n```" for name, language, text in _examples(of(code))]
    return "\n\n".join(parts)


def _sentences(code: Code) -> tuple[str, str]:
    return of(code).why, silencing(code)


def _examples(page: Page) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the language and the text of each file of the examples; empty ones are not shown."""
    if page.wrong:
        where = "" if page.file == Page.file else f" ({page.file})"
        yield f"Wrong{where}", _language(page.file), page.wrong
        yield f"Right{where}", _language(page.file), page.right
    for file, text in page.beside.items():
        if text:
            yield f"Both with {file}", _language(file), text


def _language(file: str) -> str:
    return {"py": "python", "sh": "sh"}.get(file.rpartition(".")[2], "yaml")
