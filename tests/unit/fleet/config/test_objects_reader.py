"""Connections, variables and pools in fleet.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.fleet.config import reader
from airfleet.fleet.config.objects import Connection, Objects, SlotPool, Variable
from support.fleet_files import problems_of

LITERAL = (
    "a password must not stand in the file\nhint: write ${{ secrets.NAME }} (a file in the folder of secrets) "
    "or ${{ env.NAME }}"
)


def test_everything_that_airflow_can_have_from_the_start() -> None:
    text = """\
connections:
  warehouse:
    type: postgres
    description: orders
    host: db.internal
    port: 5432
    schema: orders
    login: airflow
    password: ${{ env.PW }}
    extra: {sslmode: require, retries: 3, on: true, hosts: [a, "${{ env.PW }}"], keys: {api_key: "${{ env.PW }}"}}
  bucket: aws://${{ env.PW }}@/?region_name=eu-1
variables:
  region: eu-1
  year: 2026
  big: {value: true, description: whether}
  api_token: ${{ env.PW }}
pools:
  warehouse: 4
  endless: -1
  slow: {slots: 2, description: one after the other, include_deferred: true}
"""
    fleet, problems = reader.read(text, "fleet.yaml", {"PW": "s3cret"}, Path("/srv/shop"))
    assert problems == ()
    assert fleet is not None
    assert fleet.objects == Objects(
        connections=(
            Connection(
                "warehouse",
                type="postgres",
                description="orders",
                host="db.internal",
                port=5432,
                schema="orders",
                login="airflow",
                password="s3cret",
                extra={
                    "sslmode": "require",
                    "retries": 3,
                    "on": True,
                    "hosts": ["a", "s3cret"],
                    "keys": {"api_key": "s3cret"},
                },
            ),
            Connection("bucket", uri="aws://s3cret@/?region_name=eu-1"),
        ),
        variables=(
            Variable("region", "eu-1"),
            Variable("year", "2026"),
            Variable("big", "true", "whether"),
            Variable("api_token", "s3cret"),
        ),
        pools=(SlotPool("warehouse", 4), SlotPool("endless", -1), SlotPool("slow", 2, "one after the other", True)),
    )
    assert "s3cret" not in repr(fleet)


def test_what_json_does_not_have_is_text_and_what_it_has_stays() -> None:
    extra = "{since: 2026-01-01, at: [2026-01-01T00:00:00Z], nothing: null, half: 0.5, on: true}"
    fleet, _ = reader.read(f"connections: {{w: {{type: http, extra: {extra}}}}}", "fleet.yaml", {}, Path("/srv/shop"))
    assert fleet is not None
    (found,) = fleet.objects.connections
    assert found.extra == {
        "since": "2026-01-01", "at": ["2026-01-01T00:00:00Z"], "nothing": None, "half": 0.5, "on": True
    }  # fmt: skip


def test_names_that_tasks_can_ask_for() -> None:
    text = """\
connections: {a.b-c_d:e!(1): {type: http}, 'a\\b': {type: http}}
variables: {a/b: 1, /a: 2, a b: 3, é: 4, a%: 5, a.b: 6, ...: 7}
pools: {a/b c: 1}
"""
    fleet, problems = reader.read(text, "fleet.yaml", {}, Path("/srv/shop"))
    assert problems == ()
    assert fleet is not None
    assert [variable.key for variable in fleet.objects.variables] == ["a/b", "/a", "a b", "é", "a%", "a.b", "..."]


def test_a_fleet_without_any_has_none() -> None:
    fleet, _ = reader.read("", "fleet.yaml", {}, Path("/srv/shop"))
    assert fleet is not None
    assert not fleet.objects
    assert Objects(pools=(SlotPool("a", 1),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connections: [a]\n", ["fleet.yaml:1:14: connections: must be a mapping of keys to values"]),
        (
            "connections: {w: {tpye: http}}\n",
            [
                "fleet.yaml:1:19: connections.w.tpye: unknown key 'tpye'\nhint: did you mean 'type'?",
                "fleet.yaml:1:18: connections.w: 'type' is missing: its type, as in Airflow: `postgres`, `http`, `aws`",
            ],
        ),
        (
            "connections: {w: }\n",
            ["fleet.yaml:1:18: connections.w: 'type' is missing: its type, as in Airflow: `postgres`, `http`, `aws`"],
        ),
        (
            "connections: {w: here}\n",
            ["fleet.yaml:1:18: connections.w: must be a URI, as in postgres://user@host/database, or a mapping"],
        ),
        (
            "connections: {'w x': {type: http}}\n",
            ["fleet.yaml:1:22: connections.w x: 'w x' may only have letters, digits and _ . - : \\ ! ( )"],
        ),
        (
            "connections: {with/slash: {type: http}}\n",
            [
                "fleet.yaml:1:27: connections.with/slash: 'with/slash' may only have letters, digits and "
                "_ . - : \\ ! ( )"
            ],
        ),
        (
            "connections: {w#x: {type: http}}\n",
            ["fleet.yaml:1:20: connections.w#x: 'w#x' may only have letters, digits and _ . - : \\ ! ( )"],
        ),
        (
            "connections: {..: {type: http}}\n",
            ["fleet.yaml:1:19: connections...: '..' may only have letters, digits and _ . - : \\ ! ( )"],
        ),
        ("connections: {'': {type: http}}\n", ["fleet.yaml:1:15: connections.: has no name"]),
        (
            "variables: {'a?b': 1}\n",
            ["fleet.yaml:1:20: variables.a?b: '?' in the name of a variable is lost: tasks ask for it by a URL"],
        ),
        (
            "variables: {a/../b: 1}\n",
            ["fleet.yaml:1:21: variables.a/../b: '..' in the name of a variable is lost: tasks ask for it by a URL"],
        ),
        (
            "variables: {'a%41': 1}\n",
            ["fleet.yaml:1:21: variables.a%41: '%41' in the name of a variable is lost: tasks ask for it by a URL"],
        ),
        ("variables: {'': 1}\n", ["fleet.yaml:1:13: variables.: has no name"]),
        (
            "variables: {keys: 1}\n",
            ["fleet.yaml:1:19: variables.keys: 'keys' cannot be read by tasks: Airflow's list of keys is asked there"],
        ),
        ("pools: {'': 1}\n", ["fleet.yaml:1:9: pools.: has no name"]),
        (
            "connections: {w: {type: http, port: 0}}\n",
            ["fleet.yaml:1:37: connections.w.port: must be a whole number from 1 to 65535"],
        ),
        ("connections: {w: {type: http, password: hush}}\n", [f"fleet.yaml:1:41: connections.w.password: {LITERAL}"]),
        ("connections: {w: 'http://a:hush@b'}\n", [f"fleet.yaml:1:18: connections.w: {LITERAL}"]),
        (
            "connections: {w: {type: aws, extra: {aws_secret_access_key: hush}}}\n",
            [f"fleet.yaml:1:61: connections.w.extra.aws_secret_access_key: {LITERAL}"],
        ),
        (
            "connections: {w: {type: aws, extra: {deep: {token: hush}}}}\n",
            [f"fleet.yaml:1:52: connections.w.extra.deep.token: {LITERAL}"],
        ),
        ("variables: {a: [1]}\n", ["fleet.yaml:1:16: variables.a: must be one value, not a list or a mapping"]),
        ("variables: {a: {}}\n", ["fleet.yaml:1:16: variables.a: 'value' is missing: its value"]),
        (
            "variables: {a: null}\n",
            ['fleet.yaml:1:16: variables.a: has no value\nhint: write "" for an empty text, or leave it out'],
        ),
        ("variables: {my_password: hush}\n", [f"fleet.yaml:1:26: variables.my_password: {LITERAL}"]),
        ("variables: {my_password: {value: hush}}\n", [f"fleet.yaml:1:34: variables.my_password.value: {LITERAL}"]),
        ("pools: {a: many}\n", ["fleet.yaml:1:12: pools.a: must be a number of slots (-1 is no limit), or a mapping"]),
        ("pools: {a: -2}\n", ["fleet.yaml:1:12: pools.a: must be a number of slots (-1 is no limit), or a mapping"]),
        ("pools: {a: {slots: x}}\n", ["fleet.yaml:1:20: pools.a.slots: must be a whole number from -1 to 1000000"]),
        (
            "pools: {a: {}}\n",
            ["fleet.yaml:1:12: pools.a: 'slots' is missing: how many of its tasks run at once; -1 is no limit"],
        ),
    ],
)  # fmt: skip
def test_a_problem_is_a_sentence_at_its_place(text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"pools: {{{'p' * 257}: 1}}\n", "the name is 257 characters long; the database takes 256"),
        (f"variables: {{{'v' * 251}: x}}\n", "the name is 251 characters long; the database takes 250"),
        (f"connections: {{c: {{type: http, host: {'h' * 501}}}}}\n",
         "'host' is 501 characters long; the database takes 500"),
        (f"connections: {{c: {{type: {'t' * 501}}}}}\n", "'type' is 501 characters long; the database takes 500"),
        (f"connections: {{{'c' * 251}: {{type: http}}}}\n", "the name is 251 characters long; the database takes 250"),
    ],
)  # fmt: skip
def test_what_the_database_does_not_take_is_a_problem(text: str, said: str) -> None:
    [problem] = problems_of(text)
    assert problem.endswith(f": {said}")
