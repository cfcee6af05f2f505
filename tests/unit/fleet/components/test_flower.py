"""Flower: off unless the fleet has it, told its password alone, and found by every proxy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airfleet.fleet import planner
from airfleet.fleet.components import flower
from airfleet.fleet.config.spec import Flower
from airfleet.fleet.planning.plan import Fork, HttpAnswers
from support.proxied_fleets import FOUR_HOSTS, HOME, ONE_HOST, PROXY, SECRETS, here, site


def test_flower_is_off_unless_the_fleet_has_it() -> None:
    plan = planner.plan(here(replace(ONE_HOST, flower=None)))
    assert "flower" not in {component.name for component in plan.components}
    assert not any("flower" in path.name for path in plan.files)
    assert plan.site
    assert plan.site.flower is None


def test_flower_is_told_the_broker_and_its_password_and_nothing_of_it_is_shown() -> None:
    plan = planner.plan(here())
    start = plan.component("flower").start
    assert isinstance(start, Fork)
    told = {f"{section}.{key}": value for section, key, value in start.settings}
    assert told["celery.flower_basic_auth"] == f"flower:{SECRETS.flower_password}"
    assert told["airfleet.flower_cookie_secret"] == SECRETS.flower_cookie_secret
    assert "celery.broker_url" in told
    assert not {"database.sql_alchemy_conn", "core.fernet_key", "api_auth.jwt_secret", "api.secret_key"} & set(told)
    assert start.options == {"address": "127.0.0.1", "port": "5555", "path": "/myorg/flower", "read_only": "yes"}
    assert SECRETS.flower_password not in repr(plan)
    file = plan.files[HOME / "flower-password"]
    assert (file.text, file.mode) == (SECRETS.flower_password + "\n", 0o600)


def test_flower_changes_things_only_when_it_may() -> None:
    start = planner.plan(here(replace(ONE_HOST, flower=Flower(on="local", read_only=False)))).component("flower").start
    assert isinstance(start, Fork)
    assert start.options["read_only"] == "no"


def test_flower_stands_at_the_root_without_a_proxy() -> None:
    component = planner.plan(here(replace(ONE_HOST, proxy=None), nginx=None)).component("flower")
    assert component.probe == HttpAnswers(("http://127.0.0.1:5555/healthcheck",))


def test_flower_listens_on_loopback_unless_a_proxy_on_another_host_must_reach_it() -> None:
    assert planner.plan(here()).component("flower").address == "127.0.0.1:5555"
    assert planner.plan(here(FOUR_HOSTS, "a")).component("flower").address == "10.0.0.1:5555"
    alone = replace(FOUR_HOSTS, proxy=replace(PROXY, on=("a",)))
    assert planner.plan(here(alone, "a")).component("flower").address == "127.0.0.1:5555"
    said = replace(FOUR_HOSTS, flower=Flower(on="a", address="0.0.0.0", port=6000))
    assert flower.listens_on(said, Flower(on="a", address="0.0.0.0")) == "0.0.0.0"


@pytest.mark.parametrize(("host", "place"), [("a", "10.0.0.1:5555"), ("front", "10.0.0.1:5555")])
def test_every_proxy_finds_flower(host: str, place: str) -> None:
    assert site(here(FOUR_HOSTS, host)).flower == place
