"""What expressions give, and what is wrong with them, at the place of the wrong part."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airfleet.errors import Place, Problem
from airfleet.pipelines.language.expressions.functions import FUNCTIONS
from airfleet.pipelines.language.expressions.scope import Scope
from airfleet.pipelines.language.interpolation import resolve
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Node, Scalar
from airfleet.yaml.problems import Report

JOB = """
name: ozone
code: 01234
hex: 0x10
big: 1_000
rate: 1.50
on: true
off: false
none: null
empty: ''
day: 2026-01-31
tables: [orders, users]
nothing: []
cfg: {host: db, "a b": spaced, n: {m: 1}}
"""


def in_file(path: str, said_in: str) -> str | Problem:
    return "a\n\n b \n" if path == "a.txt" else Problem(Place(path), "", f"'{path}': there is no such file")


def scope() -> Scope:
    [job], _ = nodes.load(JOB, "jobs.yaml")
    assert isinstance(job, Mapping)
    item = Scalar("eu", "eu", Place("p.yaml"))
    environ = {"HOME": "/root", "N": "5", "DEBUG": "false", "EU_HOST": "h"}
    whole = Scope({"team": "air"}, environ, job=job, read_file=in_file)
    return whole.in_loop("region", item)


def resolved(text: str, where: Scope | None = None) -> tuple[Node, list[Problem]]:
    report = Report()
    written = Scalar(text, text, Place("p.yaml", 1, 1), quoted=True)
    where = where or scope()
    where.sources.add("p.yaml", text)
    return resolve(written, "x", where, report), report.problems


VALUES = [
    ("job['a b'] or job.cfg['a b']", "spaced"),
    ("job.cfg[each] or 'none'", "none"),
    ("job.tables[0]", "orders"),
    ("job.tables.1", "users"),
    ("job.cfg.n", {"m": 1}),
    ("each", "eu"),
    ("region", "eu"),
    ("'x'", "x"),
    ("[1, 'a', job.on]", [1, "a", True]),
    ("[]", []),
    ("[each,]", ["eu"]),
    ("(job.nope or 'x')", "x"),
    ("2026-01-31", dt.date(2026, 1, 31)),
    ("-5", -5),
    ("1.5e3", 1500.0),
    # or: the first that is there; of conditions, whether one is true
    ("job.none or 'x'", None),
    ("job.empty or 'x'", ""),
    ("job.off or 'x'", False),
    ("upper(job.nope) or 'x'", "x"),
    ("job.off or job.on and true", True),
    ("job.nope or job.off == true", False),
    ("'yes' if job.nope or job.on else 'no'", "yes"),
    ("'yes' if job.off or job.on else 'no'", "yes"),
    ("not (job.off or job.on)", False),
    ("default(job.none, job.empty, 'x')", "x"),
    ("default(job.nope, 'x')", "x"),
    ("default(job.off, 'x')", False),
    ("default(job.nope, job.none)", None),
    # and, not, if
    ("job.on and job.tables", True),
    ("job.on and job.nothing", False),
    ("not job.empty", True),
    ("not not job.on", True),
    ("'a' if env.DEBUG else 'b'", "b"),
    ("'a' if job.code > 1000 else 'b' if job.on else 'c'", "a"),
    ("1 if job.off else 2 if job.off else 3", 3),
    # comparisons
    ("job.code == 1234", True),
    ("job.code == '01234'", True),
    ("job.code != 1", True),
    ("env.N == 5", True),
    ("env.N > 4 and env.N <= 5", True),
    ("env.DEBUG == false", True),
    ("job.on == 1", False),
    ("job.none == null", True),
    ("job.name == null", False),
    ("job.name < 'pm25'", True),
    ("job.day >= 2026-01-01", True),
    ("job.day < 2026-01-31T06:00:00Z", True),
    ("job.day == '2026-01-31'", True),
    ("'orders' in job.tables", True),
    ("'gone' not in job.tables", True),
    ("'host' in job.cfg", True),
    ("'zon' in job.name", True),
    # functions
    ("upper(each)", "EU"),
    ("lower('ÄB')", "äb"),
    ("trim('  a ')", "a"),
    ("slug('Nord & Süd #1')", "nord_sud_1"),
    ("replace(job.name, 'o', '0')", "0z0ne"),
    ("split('a, b,c', ',')", ["a", "b", "c"]),
    ("split(' a  b ')", ["a", "b"]),
    ("lines(file('a.txt'))", ["a", "b"]),
    ("join(job.tables)", "orders,users"),
    ("join([job.code, job.rate, job.hex, job.big], ' ')", "01234 1.50 0x10 1_000"),
    ("range(3)", [0, 1, 2]),
    ("range(1, 4)", [1, 2, 3]),
    ("range(10, 0, -5)", [10, 5]),
    ("range('2')", [0, 1]),
    ("len(job.tables)", 2),
    ("len(job.cfg)", 3),
    ("len(job.code)", 5),
    ("keys(job.cfg)", ["host", "a b", "n"]),
    ("values(job.cfg.n)", [1]),
    ("items(job.cfg.n)", [{"key": "m", "value": 1}]),
    ("number('007')", 7),
    ("text(job.code)", "01234"),
    ("json([job.code, job.day, 'é'])", '[1234, "2026-01-31", "é"]'),
    ("env(join([upper(each), 'HOST'], '_'))", "h"),
    ("env('NOPE') or 'x'", "x"),
    ("upper(lower(upper('a')))", "A"),
]


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_what_an_expression_gives(expression: str, value: object) -> None:
    found, problems = resolved(f"${{{{ {expression} }}}}")
    assert ([str(problem) for problem in problems], nodes.plain(found)) == ([], value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ job.name }}_${{ each }} {{ ds }}", "ozone_eu {{ ds }}"),
        ("r_${{ job.code }} ${{ job.big }} ${{ job.hex }} ${{ job.rate }}", "r_01234 1_000 0x10 1.50"),
        ("${{ number('007') }} ${{ job.day }}.", "007 2026-01-31."),
        ("${{ 'a' if job.on else 'b' }}!", "a!"),
        ("$${{ job.name }} $$${{ each }}", "${{ job.name }} $eu"),
    ],
)
def test_several_expressions_stand_in_one_text(text: str, value: str) -> None:
    found, problems = resolved(text)
    assert ([str(problem) for problem in problems], nodes.plain(found)) == ([], value)


#: ▸ marks the place
FAULTS = [
    ("${{ ▸uper(job.name) }}", "there is no function 'uper'", "did you mean 'upper'?"),
    ("${{ ▸zzz(1) }}", "there is no function 'zzz'",
     "there are default, upper, lower, trim, slug, replace, split, lines, join, range, len, keys, values, items, "
     "number, text, json, file, env"),
    ("${{ ▸upper() }}", "'upper' takes 1 value, not 0", "write upper(text)"),
    ("${{ ▸split('a', 'b', 'c') }}", "'split' takes 1 to 2 values, not 3", "write split(text, ',')"),
    ("${{ ▸upper(job.tables) }}", "'upper' takes a text, not a list", None),
    ("${{ ▸join(job.name) }}", "'join' takes a list, not a text", None),
    ("${{ ▸join([[1]]) }}", "'join' takes a list of texts, and one item is a list", None),
    ("${{ ▸keys(job.tables) }}", "'keys' takes a mapping, not a list", None),
    ("${{ ▸number('x') }}", "'number' takes a number, not the text 'x'", None),
    ("${{ ▸range(1.5) }}", "'range' takes a whole number, not 1.5", None),
    ("${{ ▸range(0, 1, 0) }}", "'range' takes steps that are not 0", None),
    ("${{ ▸range(100000000) }}", "the list gets more than 100,000 items", None),
    ("${{ ▸split('a', '') }}", "'split' takes a separator that is not empty", None),
    ("${{ ▸replace('a', '', 'b') }}", "'replace' takes a text to replace that is not empty", None),
    ("${{ ▸file('b.txt') }}", "'b.txt': there is no such file", None),
    ("${{ ▸env('HOEM') }}", "the environment has no 'HOEM'", "did you mean 'HOME'?"),
    ("${{ upper(job.▸nmae) }}", "'job' has no 'nmae'", "did you mean 'name'?"),
    ("${{ job.cfg[▸'hots'] }}", "'job.cfg' has no 'hots'", "did you mean 'host'?"),
    ("${{ job.cfg[▸job.tables] }}", "a key or number goes between '[' and ']', not a list", None),
    ("${{ ▸regoin }}", "'regoin' is not known in '${{ }}'; there are job, env, vars, each and region",
     "did you mean 'region'?"),
    ("${{ job.name or ▸nope.x }}", "'nope.x' is not known in '${{ }}'; there are job, env, vars, each and region",
     "to mean the text, put it in quotes: 'nope.x'"),
    ("${{ ▸matrix.os }}", "'matrix' is not known in '${{ }}'; there are job, env, vars, each and region",
     "the item of a 'for' is ${{ each }}"),
    ("${{ ▸job.name < 5 }}", "a text and a number have no order", None),
    ("${{ ▸job.on < true }}", "true or false and true or false have no order", None),
    ("${{ ▸job.tables == 1 }}", "a list cannot be compared", "len(…) counts it, and 'in' looks into it"),
    ("${{ ▸job.cfg in 'x' }}", "a mapping cannot be looked for with 'in'", None),
    ("${{ 1 < 2 ▸< 3 }}", "two values are compared at a time", "write: a < b and b < c"),
    ("${{ 'a' ▸if job.on }}", "'if' in '${{ }}' needs an 'else'", "write: a if condition else b"),
    ("${{ job.on ▸&& job.off }}", "'${{ job.on && job.off }}' cannot be understood, from && on", "write 'and'"),
    ("${{ job.on ▸|| job.off }}", "'${{ job.on || job.off }}' cannot be understood, from || on", "write 'or'"),
    ("${{ ▸!job.on }}", "'${{ !job.on }}' cannot be understood", "write 'not'"),
    ("${{ job.on ▸= 1 }}", "'${{ job.on = 1 }}' cannot be understood, from = on", "to compare, write '=='"),
    ("${{ job.on ▸? 1 : 2 }}", "'${{ job.on ? 1 : 2 }}' cannot be understood, from ? on",
     "write: a if condition else b"),
    ("${{ job.name ▸+ 'a' }}", "'${{ job.name + 'a' }}' cannot be understood, from + on",
     "write texts beside each other, as in ${{ job.a }}_${{ job.b }}"),
    ("${{ upper▸(job.name }}", "'(' in '${{ }}' is not closed", "add the closing ')'"),
    ("${{ ▸[1, 2 }}", "'[' in '${{ }}' is not closed", "add the closing ']'"),
    ("${{ job.on ▸and }}", "'and' in '${{ }}' needs a value behind it", None),
    ("a ${{ each }} b ${{ ▸job.tables }}", "'job.tables' is a list and cannot stand inside text",
     "write ${{ job.tables }} as the whole value, without text around it"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "sentence", "hint"), FAULTS)
def test_what_is_wrong_with_an_expression(marked: str, sentence: str, hint: str | None) -> None:
    _, problems = resolved(marked.replace("▸", ""))
    place = Place("p.yaml", 1, marked.index("▸") + 1)
    assert problems == [Problem(place, "x", sentence, hint)]


def test_all_problems_of_a_text_are_said_at_once() -> None:
    _, problems = resolved("${{ job.nmae }} ${{ env.HOEM }} ${{ uper(1) }}")
    assert [problem.place.column for problem in problems] == [37, 9, 25]


@pytest.mark.parametrize(
    "deep",
    ["(" * 40 + "1" + ")" * 40, "[" * 40, "not " * 2000 + "true", "upper(" * 2000, "1 if true else " * 2000 + "1"],
    ids=["brackets", "open lists", "not", "functions", "if"],
)
def test_no_expression_is_too_deep_for_the_reader(deep: str) -> None:
    _, problems = resolved(f"${{{{ {deep} }}}}")
    assert [problem.sentence for problem in problems] == ["the expression is nested more than 30 levels deep"]


def test_thousands_of_steps_need_no_recursion() -> None:
    _, problems = resolved("${{ job" + ".a" * 20_000 + " }}")
    assert [problem.sentence for problem in problems] == ["'job' has no 'a'"]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("replace(job.x, 'x', join(range(100), 'y'))", "the text gets longer than 5,000,000 characters"),
        ("join(split(replace(job.x, 'x', 'y,'), ','), job.x)", "the text gets longer than 5,000,000 characters"),
        ("split(replace(job.x, 'x', 'y,'), ',')", "the list gets more than 100,000 items"),
    ],
)
def test_what_an_expression_makes_is_bounded(expression: str, sentence: str) -> None:
    text = "x" * 150_000 if sentence.startswith("the list") else "x" * 90_000
    [job], _ = nodes.load(f"x: {text}", "jobs.yaml")
    assert isinstance(job, Mapping)
    _, problems = resolved(f"${{{{ {expression} }}}}", Scope(job=job))
    assert [problem.sentence for problem in problems] == [sentence]


def test_what_the_expressions_of_a_file_make_together_is_bounded() -> None:
    [job], _ = nodes.load(f"x: {'x' * 1_000_000}", "jobs.yaml")
    assert isinstance(job, Mapping)
    where = Scope(job=job)
    said = [problem.sentence for _ in range(60) for problem in resolved("${{ upper(job.x) }}", where)[1]]
    assert set(said) == {"the '${{ }}' of this file make more than 50,000,000 characters"}
    assert len(said) == 10


@pytest.mark.parametrize(
    "hostile", ["${{ a" * 50_000, "${{ " + "a " * 100_000 + "}}", "${{ " + "[[" * 100_000, "${{" + "'" * 99]
)
def test_no_expression_takes_long(hostile: str) -> None:
    begun = time.monotonic()
    assert resolved(hostile)[1]
    assert time.monotonic() - begun < 20


NAMES = ["job", "env", "vars", "each", "region", ".name", ".tables", ".cfg", ".none", "[0]", "nope", ".nope"]
SIGNS = [
    "(",
    ")",
    "[",
    "]",
    ",",
    "or",
    "and",
    "not",
    "in",
    "if",
    "else",
    "==",
    "<",
    ">=",
    "|",
    "&&",
    "!",
    "{{",
    "$",
    "}",
]
LITERALS = ["'x'", '"y"', "007", "-5", "0x10", "2026-01-31", "2026-01-31T06:00:00Z", "true", "null", "5m", "'", "%"]
TOKENS = [*NAMES, *SIGNS, *LITERALS, *(f"{name}(" for name in FUNCTIONS)]


@given(st.lists(st.sampled_from(TOKENS), max_size=12), st.sampled_from(["", " "]))
@settings(max_examples=300, deadline=None)
def test_no_expression_is_a_traceback(parts: list[str], between: str) -> None:
    resolved(f"a ${{{{ {between.join(parts)} }}}} b")
    resolved(f"${{{{ {between.join(parts)} }}}}")
