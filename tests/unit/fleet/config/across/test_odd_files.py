"""Whatever stands in a fleet.yaml, reading it ends with a fleet or with sentences."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airfleet.errors import FileProblems
from airfleet.fleet.config import keys, reader
from airfleet.yaml import secret_detection
from support.fleet_files import ROOT

#: everything that a fleet can say, once
WHOLE: dict[str, Any] = yaml.safe_load("""
name: shop
pipelines: pipelines
database: "postgresql://u:${{ env.PW }}@db,db2:5433/airflow?sslmode=require"
broker: "sentinel://one:26379;sentinel://two:26379/0?master=m"
hosts:
  - {name: one, address: 10.0.0.1, scheduler: 1, api_server: {count: 2, port: 8080}, dag_processor: {memory: 1GB}}
  - {name: two, address: "fd00::2", triggerer: true, workers: [{name: heavy, queues: [a], slots: 2, count: 2}]}
proxy: {"on": [one], name: a.example.com, port: 443, airflow: /a, flower: /f, tls: {certificate: c.pem, key: k.pem}}
flower: {"on": one, port: 5555, user: ada, memory: 300MB}
policies: {on_partition: replace, on_worker_lost: rerun}
witness: "10.0.0.9:22"
production: true
log_retention: 30d
user: admin
task_user: nobody
secrets: secrets
vars: {a: b}
env: {A: "${{ env.A }}", B: "x"}
connections: {c: {type: http, host: h, port: 1, password: "${{ env.PW }}", extra: {a: [1, {b: null}]}}, d: "http://h"}
variables: {v: {value: x, description: y}, w: 1}
pools: {p: 3, q: {slots: 2, description: d, include_deferred: true}}
airflow: {core: {parallelism: 3, auth_manager: shop.Manager}, logging: {logging_level: DEBUG}}
""")

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.dates().map(str),
    st.sampled_from([
        "", " ", "\0", "\ud7ff", "${{", "${{ }}", "${{ env. }}", "${{ env.A }}", "${{ env.NOBODY }}",
        "${{ secrets.x }}", "${{ secrets.../x }}", "${{ a.b.c }}" * 50, "postgresql://", "postgresql://[::1", "postgresql://h:x/d",
        "redis://h:99999999/0", "amqp://u:p@h/%", "sentinel://", "http://[/", "://", "1GB", "1e400GB", "-1MB", "0d",
        "9" * 400 + "d", "1d" * 200, "::1", "fe80::1%eth0", "10.0.0.1/33", "a" * 300, "ä.example", "*", "&a", "!!x",
        "../..", 10**400, -1, 2**63,
    ]),
)  # fmt: skip
_KEYS = st.one_of(st.sampled_from([*keys.FLEET, "<<", "", "zzz"]), st.text(max_size=4))
_TREES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


def ends_well(text: str) -> None:
    fleet, problems = reader.read(text, "fleet.yaml", {"A": "x", "PW": "p/w"}, ROOT)
    assert (fleet is None) is bool(problems)
    for problem in problems:
        assert str(problem).startswith("fleet.yaml:")


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a tree."""
    yield path
    for step, inner in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(inner, (*path, step))


PLACES = list(places(WHOLE))[1:]


def replaced(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = copy.deepcopy(WHOLE)
    above: Any = made
    for step in path[:-1]:
        above = above[step]
    above[path[-1]] = value
    return made


QUICK = settings(deadline=None, derandomize=True, max_examples=100)


def test_the_whole_one_is_right() -> None:
    _, problems = reader.read(json.dumps(WHOLE), "fleet.yaml", {"A": "x", "PW": "p"}, ROOT)
    assert [str(problem) for problem in problems] == [
        "fleet.yaml:1:31: pipelines: there is no folder 'pipelines' beside fleet.yaml"
    ]


@QUICK
@given(st.sampled_from(PLACES), _TREES)
def test_one_odd_value_in_a_right_file_makes_nothing_raise(path: tuple[Any, ...], value: Any) -> None:
    ends_well(json.dumps(replaced(path, value)))


@QUICK
@given(st.dictionaries(_KEYS, _TREES, max_size=5))
def test_no_tree_makes_read_raise(tree: dict[str, Any]) -> None:
    ends_well(json.dumps(tree))


@settings(QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_no_bytes_make_read_file_raise(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_bytes(content)
    with contextlib.suppress(FileProblems):
        reader.read_file(file, {})


_LOOKS_LIKE_A_URL = st.lists(
    st.sampled_from(
        [
            "http://",
            "//",
            "u",
            ":",
            "@",
            "?",
            "&",
            ";",
            "password=",
            "token=",
            '"',
            "${{ env.A }}",
            "${{",
            "/",
            "s",
            " ",
        ]
    ),
    max_size=30,
).map("".join)


@QUICK
@given(_LOOKS_LIKE_A_URL | st.text(max_size=40))
def test_hiding_passwords_never_fails_and_leaves_none(text: str) -> None:
    shown = secret_detection.masked(text)
    assert not secret_detection.has_password(shown.replace(secret_detection.MASK, "${{ env.A }}"))
