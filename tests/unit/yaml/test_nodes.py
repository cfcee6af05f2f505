"""YAML text becomes nodes with places; broken YAML becomes one plain sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airfleet.errors import Place
from airfleet.yaml import nodes
from airfleet.yaml.nodes import MAX_ALIASED_NODES, MAX_DEPTH, Mapping, Scalar, Sequence, load, plain


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
