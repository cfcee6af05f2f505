"""Check the sentences of documents and docstrings: how long they are, and how they begin.

The command prints each finding as ``file:line: rule: sentence``, and fails when there is one. ``--count`` prints the
number of findings of each room (``docs/how-to``, ``src/airfleet/agent``, …) instead.

The rules are those of CONTRIBUTING.md that a program can see:

- ``long``: a sentence has 40 words at most (25 is the aim);
- ``opener``: a sentence does not begin with a clause as its subject ("What …", "Who …"); questions may;
- ``verb``: the docstring of a function begins with a verb; that of a property, which is read like a value, need not.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = ("*.md", "docs/**/*.md", "examples/*/*.md", "tests/*.md")
#: begins a block of a command's help that click prints as it is
_AS_IT_IS = "\b"
#: words of a sentence
MOST_WORDS = 40

_OPENER = re.compile(r"(What|Whatever|Who|Whoever|Whichever|That which)\s")
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\))?")
#: white space between two sentences: after a full stop that no abbreviation has, before the start of another one
_BETWEEN = re.compile(
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<=[.!?])[\"')*”]*\s+(?=[\"'(*“`]*[A-Z0-9`]|\*[a-z]|(?:airfleet|nginx|pip)\b)"
)
_ITEM = re.compile(r"\s*(?:[-*+]|\d+\.|:\w[^:]*:)\s+")
_FENCE = re.compile(r"\s*(```|~~~)")
#: a line that is no sentence: indented code, HTML, the rule of a table, a drawing
_NO_PROSE = re.compile(r" {4,}\S|\t|\s*<|\s*\|[-| :]+\|$|\s*(?:>>>|\.\.\.) |.*[─│┌└├→]")

#: first words of docstrings that are no verbs
_NO_VERBS = (
    "a after airflow airfleet all an and another any are as at be before below beyond both but by during each either "
    "empty every everything false for from how if in is it its lines more most neither never new no nobody none "
    "nothing of old on once one only or other our part rows seconds since so some something such than that the their "
    "them then there these they this those three two true under until what whatever when where whether which while "
    "who whoever whose why with within without"
)


@dataclass(frozen=True)
class Sentence:
    """A sentence, and where it begins."""

    file: str
    line: int
    text: str

    @property
    def words(self) -> int:
        """Its number of words; a span of code is one."""
        return sum(any(letter.isalnum() for letter in word) for word in self.text.split())


@dataclass(frozen=True)
class Finding:
    """A sentence that breaks a rule."""

    rule: str
    sentence: Sentence

    @property
    def room(self) -> str:
        """The folder that the sentence belongs to."""
        parts = self.sentence.file.split("/")
        depth = 3 if parts[0] == "src" else 2
        return "/".join(parts[:depth])

    def __str__(self) -> str:
        """Give it as editors read it."""
        where = f"{self.sentence.file}:{self.sentence.line}"
        return f"{where}: {self.rule}: {' '.join(self.sentence.text.split())}"


def main(arguments: list[str]) -> int:
    """Print findings; give 1 when there is one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", action="store_true", help="print how many findings each room has")
    asked, found = parser.parse_args(arguments), list(findings())
    counts = Counter(finding.room for finding in found)
    lines = [f"{count:5} {room}" for room, count in sorted(counts.items())] if asked.count else map(str, found)
    print("".join(f"{line}\n" for line in lines), end="")
    return 1 if found else 0


def findings(repository: Path = REPOSITORY) -> Iterator[Finding]:
    """Look through every document and every module of a repository."""
    for pattern in DOCUMENTS:
        for file in sorted(repository.glob(pattern)):
            yield from of_document(file.read_text(encoding="utf-8"), str(file.relative_to(repository)))
    for file in sorted(repository.glob("src/**/*.py")):
        yield from of_module(file.read_text(encoding="utf-8"), str(file.relative_to(repository)))


def of_document(text: str, file: str) -> Iterator[Finding]:
    """Look through the prose of a Markdown file."""
    yield from _of_sentences(sentences(text, file))


def of_module(text: str, file: str) -> Iterator[Finding]:
    """Look through the docstrings of a module, its classes and its functions."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        docstring = ast.get_docstring(node)
        if not docstring:
            continue
        line = node.body[0].lineno
        yield from _of_sentences(sentences(docstring, file, line))
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and _is_action(node)
            and not opens_with_verb(docstring)
        ):
            yield Finding("verb", Sentence(file, line, docstring.partition("\n")[0]))


def _is_action(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function is called; a property is read like a value, and a noun says what it is."""
    return not any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def opens_with_verb(docstring: str) -> bool:
    """Tell whether the first word can be a verb: no word of grammar, no code, no possessive."""
    first = docstring.split()[0].rstrip(",:;.")
    return first.isalpha() and first.lower() not in _NO_VERBS.split()


def _of_sentences(found: Iterable[Sentence]) -> Iterator[Finding]:
    for sentence in found:
        if sentence.words > MOST_WORDS:
            yield Finding("long", sentence)
        if _OPENER.match(sentence.text) and not sentence.text.endswith("?"):
            yield Finding("opener", sentence)


def sentences(text: str, file: str, first_line: int = 1) -> Iterator[Sentence]:
    """Find the sentences of a text in Markdown or reStructuredText."""
    for line, paragraph in _paragraphs(text.splitlines(), first_line):
        if paragraph.startswith(_AS_IT_IS):
            continue
        start = 0
        plain = _LINK.sub(lambda link: link[1], _CODE.sub(_one_word, paragraph))
        for end in (*(match.span() for match in _BETWEEN.finditer(plain)), (len(plain), len(plain))):
            yield Sentence(file, line + plain.count("\n", 0, start), plain[start : end[0]].strip())
            start = end[1]


def _one_word(code: re.Match[str]) -> str:
    """Join the words of a span of code, and keep its breaks of lines for the count of lines."""
    return re.sub(r"[ .!?\[\]]", "_", code[0]).replace("\n", "_") + "\n" * code[0].count("\n")


def _paragraphs(lines: Iterable[str], first_line: int) -> Iterator[tuple[int, str]]:
    """Give what stands together, with its first line: paragraphs, items of lists, cells of tables, headings."""
    gathered: list[str] = []
    start, fenced = first_line, False
    for number, line in enumerate(lines, first_line):
        fence = bool(_FENCE.match(line))
        alone = line.startswith("#") or line.lstrip().startswith("|")
        ends = fence or fenced or alone or not line.strip() or bool(_NO_PROSE.match(line) and not gathered)
        item = _ITEM.match(line)
        if gathered and (ends or item):
            yield start, "\n".join(gathered)
            gathered = []
        fenced ^= fence
        if alone and not fenced and not _NO_PROSE.match(line):
            cells = line.strip().strip("|").split(" | ") if line.lstrip().startswith("|") else [line.lstrip("# ")]
            yield from ((number, cell.strip()) for cell in cells)
        if not ends:
            start = start if gathered else number
            gathered.append(line[item.end() :] if item else line.strip())
    if gathered:
        yield start, "\n".join(gathered)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
