"""YAML text becomes nodes with places; broken YAML becomes one plain sentence."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airfleet.errors import Place
from airfleet.yaml import nodes
from airfleet.yaml.nodes import MAX_ALIASED_NODES, MAX_DEPTH, Mapping, Scalar, Sequence, load, plain
from airfleet.yaml.scalars import scalar_value

PARSERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


def read(text: str) -> object:
    """The plain value of a text with one document and nothing wrong with it."""
    documents, problems = load(text, "f.yaml")
    assert problems == ()
    (document,) = documents
    return plain(document)


def said(text: str) -> list[str]:
    return [str(problem) for problem in load(text, "f.yaml")[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("n", "n"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("3", 3),
        ("-3", -3),
        ("010", 10),
        ("0o17", 15),
        ("0o8", "0o8"),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("250_000", 250_000),
        ("1_000_000", 1_000_000),
        ("2024_01_01", "2024_01_01"),
        ("1_000.5", 1000.5),
        ("3.10", 3.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("+", "+"),
        (".", "."),
        ("2026-01-01", dt.date(2026, 1, 1)),
        ("2026-02-30", "2026-02-30"),
        ("2026-01-01T10:00:00Z", dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)),
        ("2026-01-01 10:00:00.5", dt.datetime(2026, 1, 1, 10, 0, 0, 500_000)),
        (
            "2026-01-01T10:00:00 +02:00",
            dt.datetime(2026, 1, 1, 10, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        ),
        ("9" * 5000, "9" * 5000),
        ("0x" + "F" * 3000, int("F" * 3000, 16)),
        ("0x" + "F" * 5000, "0x" + "F" * 5000),
        ("0o" + "7" * 5000, "0o" + "7" * 5000),
        ("plain text", "plain text"),
    ],
)
def test_an_unquoted_value_means_what_yaml_1_2_says(text: str, value: object) -> None:
    found = scalar_value(text)
    assert (found, type(found)) == (value, type(value))


def test_nan_is_a_number() -> None:
    found = scalar_value(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: '3'", {"a": "3"}),
        ('a: "true"', {"a": "true"}),
        ("a: !!str 3", {"a": "3"}),
        ("a: ! 3", {"a": "3"}),
        ("a: !!int 3", {"a": 3}),
        ("a: !!float 3", {"a": 3.0}),
        ("a: !!seq [1]", {"a": [1]}),
        ("on: {1: x, true: y}", {"on": {"1": "x", "true": "y"}}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("a: 1\rb: 2\r", {"a": 1, "b": 2}),
        ("a:\tx\ty\n", {"a": "x\ty"}),
        ("a: &x [1, 2]\nb: *x\n", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", {"a": {"p": 1, "q": 2}, "b": {"q": 3, "p": 1}}),
        (
            "x: &x {p: 1}\ny: &y {p: 2, q: 2}\nb: {<<: [*x, *y]}\n",
            {"x": {"p": 1}, "y": {"p": 2, "q": 2}, "b": {"p": 1, "q": 2}},
        ),
        ('a: {"<<": 1}', {"a": {"<<": 1}}),
    ],
)
def test_values_tags_anchors_and_merges(text: str, value: object) -> None:
    assert read(text) == value


def test_every_key_and_value_knows_its_place() -> None:
    ((document,), _) = load("a: 1\nb:\n  - x\n  - {c: d}\n", "f.yaml")
    assert isinstance(document, Mapping)
    (a, one), (b, items) = document.entries
    assert isinstance(items, Sequence)
    assert [node.place for node in (document, a, one, b, items, *items.items)] == [
        Place("f.yaml", line, column) for line, column in [(1, 1), (1, 1), (1, 4), (2, 1), (3, 3), (3, 5), (4, 5)]
    ]


def test_columns_count_characters_not_bytes() -> None:
    ((document,), _) = load("ключ: é", "f.yaml")
    assert isinstance(document, Mapping)
    assert document.entries[0][1].place == Place("f.yaml", 1, 7)


def test_a_scalar_remembers_how_it_was_written() -> None:
    ((document,), _) = load("a: 250_000", "f.yaml")
    assert isinstance(document, Mapping)
    assert document.entries[0][1] == Scalar(250_000, "250_000", Place("f.yaml", 1, 4))


def test_all_documents_are_read_and_empty_ones_left_out() -> None:
    documents, problems = load("a: 1\n---\n---\nb: 2\n", "f.yaml")
    assert ([plain(document) for document in documents], problems) == ([{"a": 1}, {"b": 2}], ())


def test_documents_before_a_syntax_error_are_kept() -> None:
    documents, problems = load("a: 1\n---\nb: [\n", "f.yaml")
    assert ([plain(document) for document in documents], len(problems)) == ([{"a": 1}], 1)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a: 1\n...\nb: 2\n", [{"a": 1}]),  # the first one is whole
        ("a: 1\n---\nb: 2\n]\n", [{"a": 1}]),
        ("a: 1\n---\n\ufeffb: 1\nc: 2\n", [{"a": 1}]),
    ],
)
def test_a_document_that_broken_lines_cut_off_is_not_kept(text: str, kept: list[object]) -> None:
    assert [plain(document) for document in load(text, "f.yaml")[0]] == kept


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
        "hint: one file cannot take in another yet; write the value itself",
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


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    (problem,) = said("\n".join(lines))
    assert problem.endswith(f"the aliases of this file stand for more than {MAX_ALIASED_NODES} values")


def test_values_nested_too_deeply_are_refused() -> None:
    sentence = f"f.yaml:1:{MAX_DEPTH + 1}: the values are nested more than {MAX_DEPTH} levels deep"
    assert said("[" * 10_000) == [sentence]


def chain(length: int, link: str, last: str) -> str:
    """Values of which each repeats the one before."""
    lines = ["a0: &a0 {k: 1}", *(f"a{i}: &a{i} {link.format(before=f'*a{i - 1}', i=i)}" for i in range(1, length))]
    return "\n".join([*lines, last.format(before=f"*a{length - 1}")])


@pytest.mark.parametrize("link", ["[{before}]", "{{k: {before}}}", "{{k: [x, {{y: {before}}}]}}"])
def test_aliases_do_not_nest_values_more_deeply(link: str) -> None:
    (problem,) = said(chain(1000, link, "z: {before}"))
    assert problem.endswith(f": the values are nested more than {MAX_DEPTH} levels deep")


def test_an_alias_counts_as_deep_as_the_value_that_it_repeats() -> None:
    deep = "x: &x " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert said(f"{deep}\ny: *x\n") == []
    assert said(f"{deep}\ny: [*x]\n") == [f"f.yaml:2:5: the values are nested more than {MAX_DEPTH} levels deep"]
    assert said(f"{deep}\ny: [[[]]]\nz: *x\n") == []


def test_a_long_chain_of_merges_nests_nothing() -> None:
    found = read(chain(150, "{{<<: {before}, k{i}: 1}}", "z: {before}"))
    assert isinstance(found, dict)
    assert len(found["z"]) == 150


def test_a_key_has_yamls_longest_length() -> None:
    assert said(f"? {'k' * 1024}\n: 1\n") == []
    assert said(f"? {'k' * 1025}\n: 1\n") == ["f.yaml:1:3: a key of 1025 characters; YAML's limit is 1024"]


def test_values_below_long_keys_are_bounded() -> None:
    nested = "".join("  " * i + "? " + "k" * 1000 + "\n" + "  " * i + ":\n" for i in range(50))
    (problem,) = said(nested + "  " * 50 + "[" + "1," * 10_000 + "]\n")
    assert problem.endswith("the keys above the values of this file are too long for their number")


def test_a_file_has_a_largest_number_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_NODES", 100)
    assert said("[" + "1," * 98 + "1]") == []
    (problem,) = said("[" + "1," * 99 + "1]")
    assert problem.endswith("the file has more than 100 keys and values")


def test_broken_lines_with_many_brackets_are_told_at_once() -> None:
    assert len(said("a: b: " + "{" * 300_000)) == 1


@given(st.text())
def test_no_text_makes_load_raise(text: str) -> None:
    documents, problems = load(text, "f.yaml")
    for document in documents:
        plain(document)
    for problem in problems:
        assert problem.place.file == "f.yaml"


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t<.0123456789", max_size=60))
def test_no_yaml_like_text_makes_load_raise(text: str) -> None:
    load(text, "f.yaml")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_what_pyyaml_writes_is_read_back(value: dict[str, object]) -> None:
    text = yaml.safe_dump(value, default_style='"', allow_unicode=True)
    ((document,), problems) = load(text, "f.yaml")
    assert problems == ()
    assert set(plain(document)) == set(value)


def test_a_file_of_ten_tasks_is_read_quickly(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import time

    tasks = "".join(f"- {{id: t{i}, uses: bash, with: {{bash_command: x}}, needs: [t{i - 1}]}}\n" for i in range(10))
    begin = time.perf_counter()
    documents, _ = load(f"dag_id: x\ntasks:\n{tasks}", "f.yaml")
    with capsys.disabled():
        print(f"\nload, 10 tasks: {(time.perf_counter() - begin) * 1e3:.2f} ms")
    assert len(documents) == 1
