"""Broken YAML becomes one plain sentence at its place."""

from __future__ import annotations

import pytest
import yaml

from airfleet.yaml import nodes
from airfleet.yaml.nodes import load

PARSERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


def said(text: str) -> list[str]:
    return [str(problem) for problem in load(text, "f.yaml")[1]]


BROKEN = [
    (
        "a: b: c",
        "f.yaml:1:5: there is a ':' where no key can be\n"
        "hint: text that contains ': ' must be in quotes; otherwise look at the indentation of this line",
    ),
    (
        "a: 1\nb\nc: 2",
        "f.yaml:3:1: this is neither 'key: value' nor an item of a list\nhint: a ':' may be missing",
    ),
    (
        "a: [1,\nb: 2",
        "f.yaml:3:1: the list that begins with '[' is not closed here (it begins in line 1)\n"
        "hint: a ',' or a ']' is missing",
    ),
    (
        "a: {x: 1\nb: y",
        "f.yaml:2:2: the mapping that begins with '{' is not closed here (it begins in line 1)\n"
        "hint: a ',' or a '}' is missing",
    ),
    (
        "tasks:\n- {id: t, queue: ${{ job.queue }}}\n",
        "f.yaml:2:19: the mapping that begins with '{' is not closed here\n"
        'hint: inside { } and [ ] an expression must be in quotes: "${{ ... }}"',
    ),
    ("a: 'x\n", "f.yaml:2:1: a quoted text is not closed (it begins in line 1)\nhint: add the closing quote"),
    ("- a\nb: c", "f.yaml:2:1: this line is not an item of the list above it\nhint: look at its indentation"),
    ("a: 1\n\tb: 2", "f.yaml:2:1: a tab cannot be used to indent\nhint: use spaces"),
    ("a: @x", "f.yaml:1:4: no value can begin with this character\nhint: put the text in quotes"),
    (
        "a:\n  b: 1\n c: 2",
        "f.yaml:3:2: this line does not fit the lines above it\n"
        "hint: look at its indentation, and for a quote or bracket that was not closed",
    ),
    ("a: - b", "f.yaml:1:4: a list cannot begin here\nhint: put the first '- ' on a line of its own"),
    (
        'a: "\\q"',
        "f.yaml:1:5: unknown escape after '\\' in double quotes\nhint: use single quotes, or write '\\\\'",
    ),
    (
        "a: \x01",
        "f.yaml:1:4: the character U+0001 cannot be in YAML text\nhint: write it as an escape in double quotes",
    ),
    (
        "a: \ufffe",
        "f.yaml:1:4: the character U+FFFE cannot be in YAML text\nhint: write it as an escape in double quotes",
    ),
    (
        "a: \ud800",
        "f.yaml:1:4: the character U+D800 cannot be in YAML text\nhint: write it as an escape in double quotes",
    ),
    (
        "a: *x",
        "f.yaml:1:4: there is no anchor '&x' to repeat here\n"
        "hint: write '&x' before the value to repeat, above this line",
    ),
    ("a: &a [*a]", "f.yaml:1:8: '*a' stands inside the value it repeats"),
    (
        "x: !foo 1",
        "f.yaml:1:4: the tag '!foo' is not known here\nhint: tags would make YAML run code; write the value itself",
    ),
    (
        "x: !!python/object/apply:os.system [ls]",
        "f.yaml:1:4: the tag '!!python/object/apply:os.system' is not known here\n"
        "hint: tags would make YAML run code; write the value itself",
    ),
    ("x: !!int abc", "f.yaml:1:4: 'abc' is not what its tag '!!int' says"),
    (
        "a: 1\nb: 2\na: 3",
        "f.yaml:3:1: the key 'a' is written twice\n"
        "hint: line 1 already has 'a'; YAML would silently keep only one of them",
    ),
    (
        "x: !include y.yaml",
        "f.yaml:1:4: the tag '!include' is not known here\n"
        "hint: write the value itself; a pipeline takes in the parts of other files by 'include'",
    ),
    ("x: !ENV $X", "f.yaml:1:4: the tag '!ENV' is not known here\nhint: write ${{ env.NAME }}"),
    (
        "%YAML 3.0\n---\na: 1",
        "f.yaml:1:1: the version that '%YAML' names is not known here\nhint: leave that line out",
    ),
    (
        "schedule: */5 * * * *\n",
        "f.yaml:1:11: '*' and '&' begin a reference to another value, and no name follows\n"
        "hint: put the text in quotes, as in '*/5 * * * *'",
    ),
    (
        "x: & y\n",
        "f.yaml:1:4: '*' and '&' begin a reference to another value, and no name follows\n"
        "hint: put the text in quotes, as in '*/5 * * * *'",
    ),
    ("a:\n-\tb: 1\n\tc: 2", "f.yaml:2:2: a tab cannot stand here\nhint: use spaces"),
    (
        "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n",
        "f.yaml:2:1: a merge conflict of git is not resolved here\nhint: keep one of the two sides",
    ),
    (
        "a: 1\n...\nb: 2\n",
        "f.yaml:3:1: this line does not belong to the document above it\n"
        "hint: look at its indentation; another document begins after a line '---'",
    ),
    (
        "x: {y: {{ ds }}}",
        "f.yaml:1:8: '{{' begins a mapping in a mapping\nhint: put text with {{ }} in quotes: \"{{ ... }}\"",
    ),
    ("[a]: 1", "f.yaml:1:1: a key must be plain text, not a list or a mapping"),
    ("x: &a [1]\ny: {<<: *a}", "f.yaml:2:5: '<<' takes a mapping or a list of mappings\nhint: write '<<: *anchor'"),
]


#: what PyYAML's own parser takes, and libyaml's, which is read with, does not
BROKEN_FOR_LIBYAML = [
    (
        'x: "\\ud83d\\ude00"',
        "f.yaml:1:7: this escape is no character: it is a half of one, or too high a number\n"
        "hint: write the character itself, or '\\U' and its eight hexadecimal digits",
    ),
    (
        "%FOO 1\n---\na: 1",
        "f.yaml:1:5: a line that begins with '%' is a directive, and this one is not known here\n"
        "hint: leave it out; text that begins with '%' must be in quotes",
    ),
    (
        "a: 1\n---\n\ufeffb: 1\nc: 2\n",
        "f.yaml:3:1: a byte order mark (U+FEFF) stands inside the file\n"
        "hint: delete it; only the first character may be one",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), [*BROKEN, *BROKEN_FOR_LIBYAML])
def test_broken_yaml_is_one_plain_sentence_at_its_place(text: str, sentence: str) -> None:
    assert said(text) == [sentence]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("text", [text for text, _ in BROKEN])
def test_both_parsers_report_broken_yaml_and_never_raise(
    text: str, parser: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "_PARSER", parser)
    assert len(said(text)) == 1


def test_broken_lines_with_many_brackets_are_told_at_once() -> None:
    assert len(said("a: b: " + "{" * 300_000)) == 1
