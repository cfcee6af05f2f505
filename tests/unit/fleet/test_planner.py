"""From a fleet to its plan: what runs, in which order, and above all who is told what."""

from __future__ import annotations

import configparser
import json
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.fleet import planner, preview
from airfleet.fleet.components.settings import KNOWS
from airfleet.fleet.config.objects import Connection, Objects, Variable
from airfleet.fleet.config.spec import (
    NONE,
    ApiServer,
    Fleet,
    Flower,
    Host,
    Instances,
    Policies,
    Proxy,
    Worker,
    local_host,
)
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.context import Context, Embedded, Ports, logs_are_apart, needs_log_server
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Exec, FileBeats, Fork, Plan
from airfleet.fleet.servers import secrets

SECRETS = secrets.generate()
EVERY_SECRET = dict(vars(SECRETS))


def context(fleet: Fleet | None = None, **changes: object) -> Context:
    paths = Paths(home=Path("/srv/shop/.airfleet"), runtime=Path("/run/airfleet-1"))
    embedded = Embedded(Path("/pg/bin"), paths.home / "postgres", Path("/valkey-server"), paths.home / "valkey")
    made = Context(
        fleet=fleet or Fleet(name="shop", root="/srv/shop"),
        paths=paths,
        ports=Ports(api_servers=(8080,), postgres=5432, broker=6379),
        secrets=SECRETS,
        embedded=embedded,
        cores=2,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def with_everything() -> Context:
    """A fleet with Flower and objects too."""
    objects = Objects(variables=(Variable("region", "eu"),))
    fleet = Fleet("shop", "/srv/shop", flower=Flower(on="local"), objects=objects)
    return context(fleet, ports=Ports(api_servers=(8080,), postgres=5432, broker=6379, flower=5555))


def known_to(plan: Plan, name: str) -> dict[str, str]:
    """The settings that one component is told, by ``section.key``."""
    start = plan.component(name).start
    assert isinstance(start, Fork)
    return {f"{section}.{key}": value for section, key, value in start.settings}


def test_the_components_of_a_fleet_and_what_each_waits_for() -> None:
    needs = {c.name: set(c.needs) for c in planner.plan(context()).components}
    assert list(needs) == [
        "postgres", "valkey", "zygote", "migrate", "scheduler", "dag-processor", "triggerer", "worker", "api-server"
    ]  # fmt: skip
    assert needs["migrate"] >= {"postgres"}
    assert needs["worker"] == {"valkey", "zygote"}
    for with_a_database in ("scheduler", "dag-processor", "triggerer", "api-server"):
        assert needs[with_a_database] >= {"migrate"}


def test_every_need_is_a_component_that_stands_before() -> None:
    seen: set[str] = set()
    for component in planner.plan(context()).components:
        assert set(component.needs) <= seen
        seen.add(component.name)


def test_servers_of_ones_own_are_not_started() -> None:
    fleet = Fleet("shop", "/srv/shop", database="postgresql://a:pw@db/airflow", broker="redis://queue/0")
    plan = planner.plan(context(fleet, ports=Ports(api_servers=(8080,)), embedded=None))
    assert {"postgres", "valkey"}.isdisjoint({c.name for c in plan.components})
    assert {"postgres", "valkey"}.isdisjoint({need for c in plan.components for need in c.needs})
    assert known_to(plan, "scheduler")["database.sql_alchemy_conn"] == "postgresql+psycopg://a:pw@db/airflow"
    assert known_to(plan, "worker")["celery.broker_url"] == "redis://queue:6379/0"
    assert plan.database_url == "postgresql://a:pw@db/airflow"


def test_a_worker_for_each_entry_with_its_queues_and_slots() -> None:
    workers = (Worker("light", ("default", "quick"), 4), Worker("heavy", ("slow",)))
    plan = planner.plan(context(Fleet("shop", "/srv/shop", hosts=(local_host(workers=workers, triggerer=NONE),))))
    assert "triggerer" not in {c.name for c in plan.components}
    told = {name: plan.component(name).start for name in ("light", "heavy")}
    assert {name: start.options for name, start in told.items() if isinstance(start, Fork)} == {
        "light": {"name": "light", "queues": "default,quick", "slots": "4", "beat": "/run/airfleet-1/light.beat"},
        "heavy": {"name": "heavy", "queues": "slow", "slots": "16", "beat": "/run/airfleet-1/heavy.beat"},
    }
    probe = plan.component("heavy").probe
    assert isinstance(probe, FileBeats)
    assert probe.path == "/run/airfleet-1/heavy.beat"


@pytest.mark.parametrize(
    ("name", "secret_names"),
    [
        ("migrate", {"airflow_password", "fernet_key"}),
        ("objects", {"airflow_password", "fernet_key"}),
        ("scheduler", {"airflow_password", "fernet_key", "jwt_secret", "broker_password"}),
        ("api-server", {"airflow_password", "fernet_key", "jwt_secret", "api_secret_key"}),
        ("dag-processor", {"airflow_password", "fernet_key", "jwt_secret"}),
        ("triggerer", {"airflow_password", "fernet_key", "jwt_secret"}),
        ("worker", {"broker_password"}),
    ],
)
def test_a_component_knows_these_secrets_and_no_other(name: str, secret_names: set[str]) -> None:
    told = "\n".join(known_to(planner.plan(with_everything()), name).values())
    assert {secret for secret, value in EVERY_SECRET.items() if value in told} == secret_names


def test_a_worker_is_told_no_database_and_no_key() -> None:
    assert set(known_to(planner.plan(context()), "worker")) == {"celery.broker_url", "celery.result_backend"}


def test_every_forked_component_is_in_the_table_of_trust() -> None:
    components = (*planner.plan(with_everything()).components, *on("work", logs=8793).components)
    assert {c.kind for c in components if isinstance(c.start, Fork)} == set(KNOWS)


def test_no_secret_is_in_an_argument_an_environment_or_an_option() -> None:
    plan = planner.plan(context())
    shown = [json.dumps(dict(plan.environment)), plan.url, plan.user]
    for component in plan.components:
        start = component.start
        if isinstance(start, Exec):
            shown += [*start.argv, json.dumps(dict(start.environment))]
        else:
            shown += [start.entry, json.dumps(dict(start.options))]
    assert [name for name, value in EVERY_SECRET.items() for text in shown if value in text] == []


def test_no_representation_of_a_plan_shows_a_secret() -> None:
    shown = repr(planner.plan(context())) + repr(context())
    assert [name for name, value in EVERY_SECRET.items() if value in shown] == []


def test_the_files_of_a_plan_are_private_and_only_two_hold_a_password() -> None:
    plan = planner.plan(context())
    assert {str(path): oct(file.mode) for path, file in plan.files.items()} == {
        "/srv/shop/.airfleet/airflow/airflow.cfg": "0o600",
        "/srv/shop/.airfleet/password": "0o600",
        "/srv/shop/.airfleet/plan.json": "0o600",
        "/srv/shop/.airfleet/airflow/passwords.json": "0o600",
    }
    holding = {path.name: [n for n, v in EVERY_SECRET.items() if v in file.text] for path, file in plan.files.items()}
    assert holding == {
        "airflow.cfg": [],
        "password": ["user_password"],
        "passwords.json": ["user_password"],
        "plan.json": [],
    }


# --- several hosts ---------------------------------------------------------------------------------

CONTROL = Host(
    "control",
    "10.0.0.11",
    scheduler=Instances(2, 2**30),
    api_server=ApiServer(count=2, memory_bytes=2**31),
    dag_processor=Instances(),
    triggerer=Instances(),
)
WORK = Host("work", "10.0.0.21", workers=(Worker("light", slots=4, memory_bytes=2**32, count=2), Worker("heavy")))
MANY = Fleet("shop", "/srv/shop", hosts=(CONTROL, WORK), database="postgresql://a@db/a", broker="redis://queue/0")


def on(host: str, fleet: Fleet = MANY, **ports: object) -> Plan:
    return planner.plan(context(fleet, host=host, embedded=None, ports=Ports(**ports)))  # type: ignore[arg-type]


def test_whoever_serves_logs_and_whoever_reads_them_know_the_key_of_logs_and_no_other_of_it() -> None:
    serves, reads = on("work", logs=8793), on("control", api_servers=(8080,))
    assert serves.component("log-server").address == "10.0.0.21:8793"
    assert known_to(serves, "log-server") == {
        "api.secret_key": SECRETS.logs_key,
        "airfleet.component_logs_key": SECRETS.component_logs_key,
    }
    assert known_to(reads, "api-server")["airfleet.logs_key"] == SECRETS.logs_key
    assert known_to(reads, "api-server")["api.secret_key"] == SECRETS.api_secret_key
    assert SECRETS.component_logs_key not in known_to(reads, "api-server").values()
    assert len({SECRETS.logs_key, SECRETS.component_logs_key, *EVERY_SECRET.values()}) == len(EVERY_SECRET) + 2
    assert "airfleet.logs_key" not in known_to(planner.plan(context()), "api-server")  # one host: one folder


def test_a_host_takes_objects_of_releases_from_the_api_servers_of_the_others_which_alone_know_the_key() -> None:
    serves, takes = on("control", api_servers=(8080, 8081), logs=8793), on("work", logs=8793)
    assert takes.release_hosts is not None
    assert takes.release_hosts.urls == {"control": ("http://10.0.0.11:8080", "http://10.0.0.11:8081")}
    assert takes.release_hosts.key == SECRETS.releases_key
    assert SECRETS.releases_key not in repr(takes)
    assert serves.release_hosts is None  # nobody else has an api-server
    holders = {
        component.name
        for plan in (serves, takes)
        for component in plan.components
        if isinstance(component.start, Fork) and SECRETS.releases_key in known_to(plan, component.name).values()
    }
    assert holders == {"api-server", "api-server-2"}
    alone = planner.plan(context())
    assert alone.release_hosts is None
    assert "airfleet.releases_key" not in known_to(alone, "api-server")


@pytest.mark.parametrize(
    ("fleet", "shared", "apart"),
    [
        (Fleet("shop", "/srv/shop"), None, False),
        (MANY, None, True),
        (MANY, Path("/srv/shop/.airfleet"), True),  # on other machines the folder of this name is another one
        (local_hosts.spread(Fleet("shop", "/srv/shop"), 3), Path("/srv/shop/.airfleet"), False),
        (local_hosts.spread(Fleet("shop", "/srv/shop"), 3), None, True),
    ],
)
def test_log_servers_are_for_hosts_with_folders_of_their_own(fleet: Fleet, shared: Path | None, apart: bool) -> None:
    paths = Paths(Path("/home"), Path("/run"), shared)
    works = next(host for host in fleet.hosts if host.workers)
    assert logs_are_apart(fleet, paths) is apart
    assert needs_log_server(fleet, works, paths) is apart
    assert needs_log_server(fleet, Host("decides", "10.0.0.9", scheduler=Instances()), paths) is apart
    assert not needs_log_server(fleet, Host("serves", "10.0.0.10"), paths)  # database, broker or nginx alone


def test_each_host_runs_what_it_names_and_nothing_else() -> None:
    control, work = on("control", api_servers=(8080, 8081)), on("work")
    assert (control.host, work.host) == ("control", "work")
    assert [c.name for c in control.components if c.kind != "broker"] == [
        "zygote", "migrate", "scheduler", "scheduler-2", "dag-processor", "triggerer", "api-server", "api-server-2"
    ]  # fmt: skip
    assert [c.name for c in work.components if c.kind != "broker"] == ["zygote", "light", "light-2", "heavy"]


def test_a_host_that_the_fleet_does_not_have() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        on("nowhere")


def test_each_component_has_its_own_limit_of_memory() -> None:
    limits = {c.name: c.memory_bytes for c in (*on("control", api_servers=(8080,)).components, *on("work").components)}
    found = {name: limits[name] for name in ("scheduler-2", "triggerer", "api-server", "light-2", "heavy")}
    assert found == {"scheduler-2": 2**30, "triggerer": None, "api-server": 2**31, "light-2": 2**32, "heavy": None}
    told = {c.name: c.start.options.get("memory_bytes") for c in on("work").components if isinstance(c.start, Fork)}
    assert told == {"light": str(2**32), "light-2": str(2**32), "heavy": None}


def test_the_servers_of_a_host_listen_on_its_address_and_on_ports_of_their_own() -> None:
    plan = on("control", api_servers=(8080, 8081))
    assert plan.component("api-server").address == "10.0.0.11:8080"
    assert plan.component("api-server-2").address == "10.0.0.11:8081"


def test_a_host_reaches_its_own_api_server_first_and_then_those_of_the_others() -> None:
    other = replace(CONTROL, name="control-2", address="10.0.0.12", api_server=ApiServer(port=9000))
    fleet = replace(MANY, hosts=(CONTROL, other, WORK))
    ports = Ports(api_servers=(9000,))
    assert context(fleet, host="control-2", ports=ports).api_urls == (
        "http://10.0.0.12:9000",
        "http://10.0.0.11:8080",
        "http://10.0.0.11:8081",
    )
    assert context(fleet, host="work", ports=Ports()).api_urls[0] == "http://10.0.0.11:8080"


def test_a_lost_worker_is_dealt_with_as_the_policy_says() -> None:
    assert settings(planner.plan(context()))["airfleet"]["on_worker_lost"] == "rerun"
    fleet = Fleet("shop", "/srv/shop", policies=Policies(on_worker_lost="fail"))
    assert settings(planner.plan(context(fleet)))["airfleet"]["on_worker_lost"] == "fail"


# --- connections, variables and pools --------------------------------------------------------------


def test_objects_are_written_between_the_migration_and_the_scheduler() -> None:
    plan = planner.plan(with_everything())
    assert plan.component("objects").once
    assert plan.component("objects").needs == ("migrate",)
    assert "objects" in plan.component("scheduler").needs


def test_a_fleet_without_objects_has_no_step_for_them() -> None:
    plan = planner.plan(context())
    assert "objects" not in [c.name for c in plan.components]
    migrate = plan.component("migrate").start
    assert isinstance(migrate, Fork)
    assert migrate.options == {"objects": "none"}


def test_values_of_objects_are_told_to_the_step_alone() -> None:
    objects = Objects(
        connections=(Connection("w", type="http", password="hush-1"),), variables=(Variable("v", "hush-2"),)
    )
    plan = planner.plan(context(Fleet("shop", "/srv/shop", objects=objects)))
    assert "hush" not in repr(plan)
    assert [c.name for c in plan.components if isinstance(c.start, Fork) and "hush" in str(c.start.settings)] == [
        "objects"
    ]
    assert not [path for path, file in plan.files.items() if "hush" in file.text]


# --- ports ---------------------------------------------------------------------------------------------------------


def test_what_has_no_port_of_its_own_keeps_off_the_proxy_s(tmp_path: Path) -> None:
    places = Paths(home=tmp_path, runtime=tmp_path)
    places.ports.write_text(json.dumps({"api_server": 8080, "nginx": 8091}))
    fleet = Fleet("shop", "/srv/shop", proxy=Proxy(on=("local",), name="shop", port=8080))
    found = preview.context(fleet, "local", places, SECRETS).ports
    assert (found.api_servers, found.nginx) == ((8081,), 8091)
    two = replace(fleet, hosts=(local_host(api_server=ApiServer(count=2)),))
    assert preview.context(two, "local", places, SECRETS).ports.api_servers == (8081, 8082)


# --- airflow.cfg -----------------------------------------------------------------------------------


def settings(plan: Plan) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(plan.files[Path("/srv/shop/.airfleet/airflow/airflow.cfg")].text)
    return parser


def test_the_settings_that_make_a_fleet_quick_safe_and_private() -> None:
    found = settings(planner.plan(context()))
    assert found["core"]["executor"] == "CeleryExecutor:airfleet.scheduler.executor.FleetExecutor"
    assert found["core"]["load_examples"] == "False"
    assert found["core"]["execution_api_server_url"] == "http://127.0.0.1:8080/execution/"
    assert found["api"]["host"] == "127.0.0.1"
    (bundle,) = json.loads(found["dag_processor"]["dag_bundle_config_list"])
    assert bundle["kwargs"]["path"] == "/srv/shop/pipelines"
    # clones of git among them: neither another fleet nor another user has this folder
    assert found["dag_processor"]["dag_bundle_storage_path"] == "/srv/shop/.airfleet/airflow/bundles"
    visible = int(found["celery_broker_transport_options"]["visibility_timeout"])
    assert visible >= 7 * 24 * 3600  # Redis hands a task out again after this long


def test_what_fleet_yaml_says_about_airflow_wins_and_keeps_the_rest() -> None:
    airflow = {"core": {"parallelism": "64", "load_examples": "True"}, "smtp": {"smtp_host": "mail"}}
    found = settings(planner.plan(context(Fleet("shop", "/srv/shop", airflow=airflow))))
    assert found["core"]["parallelism"] == "64"
    assert found["core"]["load_examples"] == "True"
    assert found["core"]["executor"] == "CeleryExecutor:airfleet.scheduler.executor.FleetExecutor"
    assert found["smtp"]["smtp_host"] == "mail"


def test_a_value_with_a_percent_sign_survives() -> None:
    airflow = {"logging": {"log_format": "%(message)s 100%"}}
    found = settings(planner.plan(context(Fleet("shop", "/srv/shop", airflow=airflow))))
    assert found["logging"]["log_format"] == "%%(message)s 100%%"  # as Airflow's file wants it


def test_the_environment_of_every_component() -> None:
    fleet = Fleet("shop", "/srv/shop", vars={"bucket": "orders"}, environment={"TZ": "UTC", "AIRFLOW_HOME": "/x"})
    environment = planner.plan(context(fleet)).environment
    assert environment["TZ"] == "UTC"
    assert environment["AIRFLEET_VAR_bucket"] == "orders"
    assert environment["AIRFLOW_HOME"] == "/srv/shop/.airfleet/airflow"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("10.1.2.3", "http://10.1.2.3:8080"),
    ],
)
def test_where_people_and_tasks_reach_the_api_server(address: str, url: str) -> None:
    assert context(Fleet("shop", "/srv/shop", hosts=(local_host(api_server=ApiServer(address)),))).url == url


def test_a_component_that_the_plan_does_not_have() -> None:
    with pytest.raises(KeyError, match="flower"):
        planner.plan(context()).component("flower")
