"""What bringing a plan up would change: what starts, what stops, what is started anew, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.fleet.planning.plan import BrokerWorks, Component, Exec, Neighbours, Plan, Watch
from airfleet.fleet.planning.plan_diff import Change, compare
from airfleet.fleet.planning.plan_record import Described, Description, describe, scaled
from airfleet.fleet.servers.brokers import Broker
from airfleet.fleet.servers.nginx_site import Certificate, Door, Public, Site

SCHEDULER = Described("scheduler", "scheduler", secrets="s")
WORKER = Described("light", "worker", options={"queues": "default", "slots": "4"}, secrets="w", group="light")
POSTGRES = Described("postgres", "postgres", address="127.0.0.1:5432", airflow=False)
BEFORE = Description("local", (POSTGRES, SCHEDULER, WORKER), settings={"core.x": "1"}, environment={"TZ": "u"})
RUNNING = ("postgres", "scheduler", "light")
AGENT = Described(
    "agent", "agent", options={"on_partition": "replace", "log_retention": "for ever"}, secrets="a", airflow=False
)
WITH_AGENT = replace(BEFORE, agent=AGENT)


def signs(changes: tuple[Change, ...]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {change.component.name: (change.sign, change.why) for change in changes}


def test_nothing_changes_between_a_plan_and_itself() -> None:
    assert [change.sign for change in compare(BEFORE, BEFORE, RUNNING)] == ["", "", ""]


def test_what_does_not_run_starts_and_what_is_not_planned_stops() -> None:
    planned = replace(BEFORE, components=(SCHEDULER, replace(SCHEDULER, name="scheduler-2"), WORKER))
    assert signs(compare(planned, BEFORE, RUNNING)) == {
        "scheduler": ("", ()),
        "scheduler-2": ("+", ()),
        "light": ("", ()),
        "postgres": ("-", ()),
    }


def test_what_has_died_for_good_starts() -> None:
    assert signs(compare(BEFORE, BEFORE, ("postgres", "light")))["scheduler"] == ("+", ())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"options": {"queues": "default,quick", "slots": "4"}}, "queues default → default,quick"),
        ({"options": {"queues": "default"}}, "slots 4 → nothing"),
        ({"memory_bytes": 2**31}, "memory without limit → 2GB"),
        ({"secrets": "other"}, "what it is told in secret"),
    ],
)
def test_a_component_is_started_anew_for_what_it_is_told(changed: dict[str, object], why: str) -> None:
    planned = replace(BEFORE, components=(POSTGRES, SCHEDULER, replace(WORKER, **changed)))  # type: ignore[arg-type]
    found = signs(compare(planned, BEFORE, RUNNING))
    assert found["light"] == ("~", (why,))
    assert found["scheduler"] == ("", ())


def test_an_address_that_is_no_option_is_a_reason_too() -> None:
    planned = replace(BEFORE, components=(replace(POSTGRES, address="127.0.0.1:5433"), SCHEDULER, WORKER))
    assert signs(compare(planned, BEFORE, RUNNING))["postgres"] == (
        "~", ("address 127.0.0.1:5432 → 127.0.0.1:5433",)
    )  # fmt: skip


def test_settings_and_environment_concern_everything_that_is_airflow() -> None:
    planned = replace(BEFORE, settings={"core.x": "2", "core.y": "1"}, environment={})
    why = ("airflow.cfg: core.x, core.y", "environment: TZ")
    found = signs(compare(planned, BEFORE, RUNNING))
    assert found == {"postgres": ("", ()), "scheduler": ("~", why), "light": ("~", why)}


def test_a_long_list_of_settings_is_cut() -> None:
    planned = replace(BEFORE, settings={f"core.{letter}": "1" for letter in "abcdef"})
    (sentence,) = signs(compare(planned, BEFORE, RUNNING))["scheduler"][1]
    assert sentence == "airflow.cfg: core.x, core.a, core.b, core.c and 3 more"


def test_without_its_secrets_a_plan_is_not_compared_where_they_matter() -> None:
    planned = replace(BEFORE, settings={}, components=(POSTGRES, replace(SCHEDULER, secrets="?"), WORKER))
    assert [change.sign for change in compare(planned, BEFORE, RUNNING, sure=False)] == ["", "", ""]


def test_without_a_description_only_names_are_compared() -> None:
    assert signs(compare(BEFORE, None, ("scheduler", "old"))) == {
        "postgres": ("+", ()),
        "scheduler": ("", ()),
        "light": ("+", ()),
        "old": ("-", ()),
    }


def test_the_agent_is_started_anew_for_what_it_alone_is_told() -> None:
    told = replace(AGENT, options={"on_partition": "keep", "log_retention": "30d"})
    agent, *others = compare(replace(BEFORE, agent=told), WITH_AGENT, RUNNING)
    assert (agent.component.name, agent.sign) == ("agent", "~")
    assert agent.why == ("on_partition replace → keep", "log_retention for ever → 30d")
    assert [change.sign for change in others] == ["", "", ""]


def test_an_agent_that_is_told_the_same_is_not_listed() -> None:
    assert compare(WITH_AGENT, WITH_AGENT, RUNNING) == compare(BEFORE, BEFORE, RUNNING)


def test_what_the_agent_is_told_in_secret_counts_when_the_secrets_are_here() -> None:
    planned = replace(BEFORE, agent=replace(AGENT, secrets="other"))
    assert compare(planned, WITH_AGENT, RUNNING)[0].why == ("what it is told in secret",)
    assert compare(planned, WITH_AGENT, RUNNING, sure=False) == compare(BEFORE, BEFORE, RUNNING)


def test_what_comes_from_elsewhere_and_is_not_here_is_not_compared() -> None:
    planned = replace(BEFORE, agent=replace(AGENT, options={**AGENT.options, "on_partition": "***", "name": "x"}))
    assert compare(planned, WITH_AGENT, RUNNING, sure=False)[0].why == ("name nothing → x",)


def test_what_an_older_airfleet_did_not_write_down_is_not_compared() -> None:
    nginx = Described("nginx", "nginx", address="127.0.0.1:8090", airflow=False)
    planned = replace(WITH_AGENT, components=(replace(nginx, options={"address": "127.0.0.1:8090"}),))
    older = replace(BEFORE, components=(nginx,))
    assert signs(compare(planned, older, ("nginx",))) == {"nginx": ("", ())}
    moved = replace(older, components=(replace(nginx, address="127.0.0.1:80"),))
    assert signs(compare(planned, moved, ("nginx",))) == {
        "nginx": ("~", ("address 127.0.0.1:80 → 127.0.0.1:8090",))
    }  # fmt: skip


def test_how_a_component_is_stands_with_whatever_becomes_of_it() -> None:
    notes = {"light": "waiting: no broker", "scheduler": "failed: exit code 1", "old": "restarting"}
    planned = replace(BEFORE, components=(POSTGRES, SCHEDULER, replace(WORKER, memory_bytes=2**31)))
    assert signs(compare(planned, BEFORE, ("postgres", "light", "old"), notes=notes)) == {
        "postgres": ("", ()),
        "scheduler": ("+", ("failed: exit code 1",)),
        "light": ("~", ("memory without limit → 2GB", "waiting: no broker")),
        "old": ("-", ("restarting",)),
    }


# --- what is written down ------------------------------------------------------------------------------


SITE = Site(
    api_servers=("127.0.0.1:8080", "127.0.0.1:8081"),
    airflow_path="/a",
    flower="127.0.0.1:5555",
    public=Public(
        Door("0.0.0.0", 443), "a.example.com", Certificate("/srv/c.pem", "/srv/k.pem"), plain=Door("0.0.0.0", 80)
    ),
    local=Door("127.0.0.1", 8090),
    user="www-data",
    version=(1, 27, 0),
)
PLAN = Plan(
    fleet="shop",
    root=Path("/srv"),
    components=(
        Component(
            "broker", "broker", Watch(), BrokerWorks(Broker("redis", (("queue", 6379),), password="br0ker", path="0"))
        ),
        Component("api-server", "api-server", Watch()),
        Component("nginx", "nginx", Exec(("nginx",)), address="0.0.0.0:443"),
    ),
    files={},
    environment={},
    url="https://a.example.com/a",
    user="admin",
    log_retention_seconds=2592000.0,
    database_url="postgresql://a:d4tabase@db/a",
    host="work",
    site=SITE,
    api_servers={"work": ("127.0.0.1:8080",), "more": ("10.0.0.2:8080",)},
    neighbours=Neighbours(("work", "more"), "keep", "10.0.0.1", 8795, key="p33rs", witness="10.0.0.9:22"),
)


def test_what_the_agent_is_told_is_written_down_without_a_secret() -> None:
    found = describe(PLAN, "key")
    assert found.agent is not None
    assert found.agent.options == {
        "name": "shop",
        "user": "admin",
        "url": "https://a.example.com/a",
        "api_servers": "127.0.0.1:8080, 10.0.0.2:8080",
        "log_retention": "30d",
        "releases": "database, keep 10, budget 1GB",
        "silence": "4m",
        "hosts": "work, more",
        "address": "10.0.0.1",
        "on_partition": "keep",
        "witness": "10.0.0.9:22",
    }
    assert all(secret not in found.to_json() for secret in ("br0ker", "d4tabase", "p33rs"))


@pytest.mark.parametrize(
    "changed",
    [
        {"database_url": "postgresql://a:other@db/a"},
        {"neighbours": Neighbours(("work", "more"), "keep", "10.0.0.1", 8795, "other", "10.0.0.9:22")},
        {"components": (Component("broker", "broker", Watch(), BrokerWorks(Broker("redis", (("queue", 6379),)))),)},
    ],
)
def test_of_what_the_agent_is_told_in_secret_the_fingerprint_is_another(changed: dict[str, object]) -> None:
    before, after = describe(PLAN, "key").agent, describe(replace(PLAN, **changed), "key").agent  # type: ignore[arg-type]
    assert before is not None
    assert after is not None
    assert (after.options, after.secrets != before.secrets) == (before.options, True)


def test_where_the_agent_happens_to_listen_is_nothing_that_it_is_told() -> None:
    assert PLAN.neighbours is not None
    moved = replace(PLAN, neighbours=replace(PLAN.neighbours, port=8796))
    assert describe(moved, "key") == describe(PLAN, "key")


def test_what_nginx_serves_is_written_down_and_not_which_nginx_it_is() -> None:
    nginx = describe(PLAN, "key").components[-1]
    assert nginx.options == {
        "address": "0.0.0.0:443",
        "name": "a.example.com",
        "tls": "/srv/c.pem",
        "key": "/srv/k.pem",
        "redirect": "0.0.0.0:80",
        "airflow": "/a",
        "flower": "/flower at 127.0.0.1:5555",
        "api_servers": "127.0.0.1:8080, 127.0.0.1:8081",
        "local": "127.0.0.1:8090",
    }
    other = replace(PLAN, site=replace(SITE, version=(1, 18, 0), user=None))
    assert describe(other, "key") == describe(PLAN, "key")


def test_an_nginx_for_workers_alone_has_one_door() -> None:
    plan = replace(PLAN, site=Site(("127.0.0.1:8080",), local=Door("127.0.0.1", 8090)))
    assert describe(plan, "key").components[-1].options == {
        "airflow": "/",
        "api_servers": "127.0.0.1:8080",
        "local": "127.0.0.1:8090",
    }


# --- what was ordered ----------------------------------------------------------------------------------


API_SERVER = Described(
    "api-server", "api-server", "10.0.0.1:8080", options={"address": "10.0.0.1", "port": "8080"}, group="api-server"
)
SECOND = replace(WORKER, name="light-2")
PLANNED = Description("work", (SCHEDULER, WORKER, SECOND, API_SERVER))


def test_more_were_ordered_of_something() -> None:
    found = scaled(PLANNED, {"light": 3, "api-server": 2}, {})
    assert [one.name for one in found.components] == [
        "scheduler", "light", "light-2", "light-3", "api-server", "api-server-2",
    ]  # fmt: skip
    assert found.components[3] == replace(WORKER, name="light-3")
    assert (found.components[-1].address, found.components[-1].options) == ("", {"address": "10.0.0.1"})


def test_fewer_were_ordered_and_of_another_size() -> None:
    found = scaled(PLANNED, {"light": 1}, {"light": 9, "api-server": 7})
    assert [one.name for one in found.components] == ["scheduler", "light", "api-server"]
    assert found.components[1].options == {"queues": "default", "slots": "9"}
    assert found.components[2] == API_SERVER


def test_an_order_of_what_is_not_planned_changes_nothing() -> None:
    assert scaled(PLANNED, {"scheduler": 2, "heavy": 2}, {"heavy": 2}) == PLANNED


@pytest.mark.parametrize("description", [BEFORE, WITH_AGENT, describe(PLAN, "key")])
def test_a_description_is_read_back_as_it_was_written(description: Description) -> None:
    assert Description.from_json(description.to_json()) == description


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '"x"', '{"components": [{"nome": "x"}]}', '{"host": "x", "components": [], "agent": "x"}']
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises((json.JSONDecodeError, KeyError, TypeError)):
        Description.from_json(text)


def test_another_server_of_the_machine_is_named_and_one_that_nobody_has_looked_for_is_not() -> None:
    def description(**options: str) -> Description:
        return Description("local", (Described("postgres", "postgres", options=options, airflow=False),))

    before = description(server="embedded", program="PostgreSQL 18.4 of the wheel (/w)")
    other = description(server="system", program="PostgreSQL 15.18 of this machine (/m)")
    newer = description(server="embedded", program="PostgreSQL 18.5 of the wheel (/w)")
    assert [change.why for planned in (other, newer) for change in compare(planned, before, ["postgres"])] == [
        (
            "server embedded → system",
            "program PostgreSQL 18.4 of the wheel (/w) → PostgreSQL 15.18 of this machine (/m)",
        ),
        ("program PostgreSQL 18.4 of the wheel (/w) → PostgreSQL 18.5 of the wheel (/w)",),
    ]
    assert compare(description(server="embedded"), before, ["postgres"])[0].sign == ""
    assert compare(before, description(server="embedded"), ["postgres"])[0].sign == ""
