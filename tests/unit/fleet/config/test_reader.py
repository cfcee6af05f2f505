"""fleet.yaml: what it means, and every problem in it as a whole sentence at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.errors import FileProblems
from airfleet.fleet.config import keys, reader
from airfleet.fleet.config.spec import NONE, ApiServer, Fleet, Worker, local_host
from support.fleet_files import problems_of, read

NAME_RULE = "may only have letters, digits, '.', '_' and '-', and starts with a letter or digit"

SETTING_RULE = "may only have letters, digits, '.', '_' and '-', and starts with a letter, a digit or '_'"
VARIABLE_RULE = "cannot be the name of a variable: it has at least one character, and no '='"
QUEUE_RULE = "cannot be the name of a queue: it has at least one character, and no ',' or space"
NO_VALUE = 'has no value\nhint: write "" for an empty text, or leave it out'
SMALL = "hint: Airflow reads capital letters there as small ones"


def test_an_empty_file_is_a_fleet_of_defaults_named_after_its_folder() -> None:
    assert read("") == Fleet(name="shop", root="/srv/shop")


def test_the_folder_of_the_whole_disk_has_no_name_to_take() -> None:
    fleet, _ = reader.read("", "fleet.yaml", {}, Path("/"))
    assert fleet is not None
    assert fleet.name == "airfleet"


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    text = """\
name: shop-1.2_a
pipelines: flows
database: postgresql://airflow@db/airflow
broker: redis://queue:6379/0
api_server: {address: 0.0.0.0, port: 8081}
workers:
  - {name: light, queues: [default, quick], slots: 4}
  - {name: heavy, queues: [slow]}
triggerer: false
user: ada
vars: {bucket: orders, year: 2026}
env: {TZ: UTC}
airflow: {core: {parallelism: 64}}
"""
    fleet, problems = reader.read(text, "fleet.yaml", {}, tmp_path)
    assert problems == ()
    assert fleet == Fleet(
        name="shop-1.2_a",
        root=str(tmp_path),
        pipelines="flows",
        database="postgresql://airflow@db/airflow",
        broker="redis://queue:6379/0",
        hosts=(
            local_host(
                api_server=ApiServer("0.0.0.0", 8081),
                workers=(Worker("light", ("default", "quick"), 4), Worker("heavy", ("slow",))),
                triggerer=NONE,
            ),
        ),
        user="ada",
        vars={"bucket": "orders", "year": "2026"},
        environment={"TZ": "UTC"},
        airflow={"core": {"parallelism": "64"}},
    )
    assert fleet.queues == ("default", "quick", "slow")


def test_a_value_may_come_from_the_environment() -> None:
    text = "database: postgresql://a:${{ env.DB_PASSWORD }}@db/a\nvars: {b: '${{env.X}}-${{ env.X }}'}"
    fleet = read(text, DB_PASSWORD="s3", X="x")
    assert fleet.database == "postgresql://a:s3@db/a"
    assert fleet.vars == {"b": "x-x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", ["fleet.yaml:1:1: must be a mapping of keys to values"]),
        ("name: a\n---\nname: b\n", ["fleet.yaml:3:1: a fleet is one document; this starts a second one"]),
        ("nmae: a\n", ["fleet.yaml:1:1: nmae: unknown key 'nmae'\nhint: did you mean 'name'?"]),
        (
            "zzz: a\n",
            [
                "fleet.yaml:1:1: zzz: unknown key 'zzz'\nhint: known keys: name, pipelines, "
                "hosts, scheduler, api_server, dag_processor, triggerer, workers, profile, database, broker, proxy, "
                "flower, policies, releases, deploy, witness, production, log_retention, user, task_user, secrets, "
                "vars, env, connections, variables, pools, airflow"
            ],
        ),
        ("name: [a]\n", ["fleet.yaml:1:7: name: must be text"]),
        ("name:\n", ["fleet.yaml:1:6: name: must be text"]),
        ("name: a b\n", [f"fleet.yaml:1:7: name: 'a b' {NAME_RULE}"]),
        ("name: -a\n", [f"fleet.yaml:1:7: name: '-a' {NAME_RULE}"]),
        ("user: a:b\n", [f"fleet.yaml:1:7: user: 'a:b' {NAME_RULE}"]),
        ("pipelines: none\n", ["fleet.yaml:1:12: pipelines: there is no folder 'none' beside fleet.yaml"]),
        (
            "database: mysql://a@b/c\n",
            ["fleet.yaml:1:11: database: must be 'embedded', 'system' or a postgresql:// URL"],
        ),
        (
            "api_server: 8080\n",
            ["fleet.yaml:1:13: api_server: must be true, false, a whole number from 0 to 100, or a mapping"],
        ),
        (
            "api_server: {prot: 1}\n",
            ["fleet.yaml:1:14: api_server.prot: unknown key 'prot'\nhint: did you mean 'port'?"],
        ),
        ("api_server: {port: 0}\n", ["fleet.yaml:1:20: api_server.port: must be a whole number from 1 to 65535"]),
        ("api_server: {port: true}\n", ["fleet.yaml:1:20: api_server.port: must be a whole number from 1 to 65535"]),
        ("api_server: {port: '80'}\n", ["fleet.yaml:1:20: api_server.port: must be a whole number from 1 to 65535"]),
        ("workers: {name: a}\n", ["fleet.yaml:1:10: workers: must be a list"]),
        ("workers: [a]\n", ["fleet.yaml:1:11: workers[0]: must be a mapping of keys to values"]),
        ("workers: [{slots: 0}]\n", ["fleet.yaml:1:19: workers[0].slots: must be a whole number from 1 to 1000"]),
        ("workers: [{slots: 1.5}]\n", ["fleet.yaml:1:19: workers[0].slots: must be a whole number from 1 to 1000"]),
        ("workers: [{queues: a}]\n", ["fleet.yaml:1:20: workers[0].queues: must be a list"]),
        ("workers: [{queues: [[a]]}]\n", ["fleet.yaml:1:21: workers[0].queues[0]: must be text"]),
        ("workers: [{name: a/b}]\n", [f"fleet.yaml:1:18: workers[0].name: 'a/b' {NAME_RULE}"]),
        (
            "workers: [{slot: 1}]\n",
            ["fleet.yaml:1:12: workers[0].slot: unknown key 'slot'\nhint: did you mean 'slots'?"],
        ),
        ("workers: [{name: a}, {name: a}]\n", ["fleet.yaml:1:22: workers[1].name: there are two workers named 'a'"]),
        (
            "workers: [{name: ok}, {name: scheduler}]\n",
            ["fleet.yaml:1:23: workers[1].name: 'scheduler' is the name of another component"],
        ),
        ('user: "ada\\n"\n', [f"fleet.yaml:1:7: user: 'ada\\n' {NAME_RULE}"]),
        ("database: ${{ env.NONE }}\n", ["fleet.yaml:1:11: database: the environment has no variable NONE"]),
        (
            "triggerer: no\n",
            ["fleet.yaml:1:12: triggerer: must be true, false, a whole number from 0 to 100, or a mapping"],
        ),
        ("vars: [a]\n", ["fleet.yaml:1:7: vars: must be a mapping of keys to values"]),
        (
            "env: {AIRFLOW__CORE__EXECUTOR: x, AIRFLEET_FLEET: y, AIRFLOW_HOME: z}\n",
            [
                "fleet.yaml:1:7: env.AIRFLOW__CORE__EXECUTOR: 'AIRFLOW__CORE__EXECUTOR' is a setting of Airflow"
                "\nhint: Airflow's settings have a place of their own: 'airflow: {section: {key: value}}'",
                "fleet.yaml:1:35: env.AIRFLEET_FLEET: 'AIRFLEET_FLEET' is set by airfleet itself",
                "fleet.yaml:1:54: env.AIRFLOW_HOME: 'AIRFLOW_HOME' is set by airfleet itself",
            ],
        ),
        ("env: {a: [b]}\n", ["fleet.yaml:1:10: env.a: must be one value, not a list or a mapping"]),
        ("env: {'A=B': c}\n", [f"fleet.yaml:1:7: env.A=B: 'A=B' {VARIABLE_RULE}"]),
        ("env: {'': c}\n", [f"fleet.yaml:1:7: env.: '' {VARIABLE_RULE}"]),
        ("vars: {'A=B': c}\n", [f"fleet.yaml:1:8: vars.A=B: 'A=B' {VARIABLE_RULE}"]),
        ('env: {A: "b\\0"}\n', ["fleet.yaml:1:10: env.A: must not have a character NUL"]),
        ('secrets: "a\\0b"\n', ["fleet.yaml:1:10: secrets: must not have a character NUL"]),
        ('pipelines: "a\\0b"\n', ["fleet.yaml:1:12: pipelines: must not have a character NUL"]),
        (
            f"pipelines: {'a' * 300}\n",
            [f"fleet.yaml:1:12: pipelines: there is no folder '{'a' * 300}' beside fleet.yaml"],
        ),
        ("pipelines: ${{ env.NONE }}\n", ["fleet.yaml:1:12: pipelines: the environment has no variable NONE"]),
        ("env: {A: null}\n", [f"fleet.yaml:1:10: env.A: {NO_VALUE}"]),
        ("vars: {a: }\n", [f"fleet.yaml:1:11: vars.a: {NO_VALUE}"]),
        ("airflow: {core: {a: ~}}\n", [f"fleet.yaml:1:21: airflow.core.a: {NO_VALUE}"]),
        ("workers:\n  - {name: a}\n  -\n", [
            "fleet.yaml:3:4: workers[1]: is an empty entry\n"
            "hint: take the '-' away, or write '- {}' for a usual worker"
        ]),
        ("workers: []\n", ["fleet.yaml:1:10: workers: no worker runs anywhere: every task would wait for ever"]),
        ("workers: [{queues: []}]\n", [
            "fleet.yaml:1:20: workers[0].queues: must name at least one queue\nhint: leave it out for 'default'"
        ]),
        ("workers: [{queues: ['x,default', '', a b]}]\n", [
            f"fleet.yaml:1:21: workers[0].queues[0]: 'x,default' {QUEUE_RULE}",
            f"fleet.yaml:1:34: workers[0].queues[1]: '' {QUEUE_RULE}",
            f"fleet.yaml:1:38: workers[0].queues[2]: 'a b' {QUEUE_RULE}",
        ]),
        ("workers: [{memory: 0MB}]\n", ["fleet.yaml:1:20: workers[0].memory: must be more than nothing"]),
        (
            f"workers: [{{memory: {'9' * 400}GB}}]\n",
            ["fleet.yaml:1:20: workers[0].memory: must be a size, as in 512MB or 4GB"],
        ),
        (
            "api_server: {port: 65535, count: 3}\n",
            ["fleet.yaml:1:20: api_server.port: leaves too few ports for 3 api-servers: 65535 is the last one"],
        ),
        (
            "api_server: {address: 999.1.1.1}\n",
            [
                "fleet.yaml:1:23: api_server.address: '999.1.1.1' is not an address: a host name or an IP address, "
                "without a port"
            ],
        ),
        ("airflow: {core: {Parallelism: 1, parallelism: 2}}\n", [
            f"fleet.yaml:1:34: airflow.core.parallelism: 'parallelism' stands here twice\n{SMALL}"
        ]),
        ("airflow: {core: {parallelism: 1}, Core: {max_map_length: 1}}\n", [
            f"fleet.yaml:1:35: airflow.Core: section 'core' stands here twice\n{SMALL}"
        ]),
        ("airflow: {'': {a: 1}, 'a]': {}}\n", [
            f"fleet.yaml:1:11: airflow.: '' {SETTING_RULE}",
            f"fleet.yaml:1:23: airflow.a]: 'a]' {SETTING_RULE}",
        ]),
        ('airflow: {core: {"a\\nb": 1, "a=b": 1}}\n', [
            f"fleet.yaml:1:18: airflow.core.'a\\nb': 'a\\nb' {SETTING_RULE}",
            f"fleet.yaml:1:29: airflow.core.a=b: 'a=b' {SETTING_RULE}",
        ]),
        ("airflow: {core: 1}\n", ["fleet.yaml:1:17: airflow.core: must be a mapping of keys to values"]),
        ("user: ${{ env.NOT_THERE }}\n", ["fleet.yaml:1:7: user: the environment has no variable NOT_THERE"]),
        (
            "name: a\nname: b\n",
            [
                "fleet.yaml:2:1: the key 'name' is written twice\nhint: line 1 already has 'name'; YAML would "
                "silently keep only one of them"
            ],
        ),
    ],
)  # fmt: skip
def test_a_problem_is_a_sentence_at_its_place(text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected


def test_what_the_environment_has_in_bytes_that_are_no_text_is_a_problem() -> None:
    _, problems = reader.read("env: {A: '${{ env.B }}'}", "fleet.yaml", {"B": "\udcff"}, Path("/srv/shop"))
    assert [str(problem) for problem in problems] == ["fleet.yaml:1:10: env.A: must be UTF-8"]


def test_settings_of_airflow_are_read_in_small_letters() -> None:
    assert read("airflow: {Core: {Parallelism: 3}}\n").airflow == {"core": {"parallelism": "3"}}


def test_the_time_zone_of_airflow_reaches_all_who_read_pipelines() -> None:
    fleet = read("airflow: {core: {default_timezone: Europe/Berlin}}\n")
    assert fleet.task_environment == {"AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Berlin"}
    assert read("").task_environment == {}


def test_every_problem_is_said_at_once() -> None:
    assert [p.split(": ")[0] for p in problems_of("nmae: a\nworkers: [{slots: 0}]\ntriggerer: x\n")] == [
        "fleet.yaml:1:1",
        "fleet.yaml:3:12",
        "fleet.yaml:2:19",
    ]


def test_a_password_in_a_wrong_url_is_not_repeated() -> None:
    assert "s3cret" not in "".join(problems_of("database: mysql://a:s3cret@b/c\nbroker: amqp://a:s3cret@b\n"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileProblems) as refused:
        reader.read_file(tmp_path / "fleet.yaml", {})
    expected = f"{tmp_path}/fleet.yaml:1:1: there is no such file\nhint: 'airfleet init' makes one"
    assert str(refused.value) == expected


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(FileProblems, match=r"fleet\.yaml:1:1: the file is not UTF-8 text\nhint: save it as UTF-8"):
        reader.read_file(tmp_path / "fleet.yaml", {})


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").mkdir()
    with pytest.raises(FileProblems, match=r"cannot be read: .*Is a directory"):
        reader.read_file(tmp_path / "fleet.yaml", {})


def test_the_keys_of_the_documentation_are_those_that_the_reader_knows() -> None:
    text = "".join(f"{key}: {{}}\n" for key in keys.FLEET)
    assert not [problem for problem in problems_of(text) if "unknown key" in problem]
