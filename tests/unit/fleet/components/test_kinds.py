"""Every kind of component has one interface; the planner needs no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.fleet import components, names
from airfleet.fleet.components.kinds import KINDS, ComponentKind
from airfleet.fleet.components.settings import KNOWS
from airfleet.fleet.config.objects import Objects, Variable
from airfleet.fleet.config.spec import NONE, ApiServer, Fleet, local_host
from airfleet.fleet.planning.context import Ports
from airfleet.fleet.planning.plan import Component, Fork
from support.proxied_fleets import ONE_HOST, here

#: a fleet with something of every kind but a broker outside
FULL = here(
    replace(ONE_HOST, objects=Objects(variables=(Variable("region", "eu"),))),
    ports=Ports(api_servers=(8080,), postgres=5432, broker=6379, flower=5555, nginx=8090, logs=8793),
)
#: the same with its broker elsewhere
BROKER_ELSEWHERE = replace(
    FULL, fleet=replace(FULL.fleet, broker="redis://queue/0"), ports=replace(FULL.ports, broker=None)
)


def made(kind: ComponentKind) -> list[Component]:
    return [*kind.components(FULL), *kind.components(BROKER_ELSEWHERE)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_a_kind_makes_components_of_its_kind_alone(kind: ComponentKind) -> None:
    assert {component.kind for component in made(kind)} == {kind.KIND}


def test_every_module_of_the_room_is_a_kind_but_the_table_and_the_settings() -> None:
    modules = {file.stem for file in Path(components.__path__[0]).glob("[a-z]*.py")}
    assert {kind.__name__.rpartition(".")[2] for kind in KINDS} == modules - {"kinds", "settings"}  # type: ignore[attr-defined]


def test_kinds_stand_in_the_order_of_their_needs() -> None:
    for context in (FULL, BROKER_ELSEWHERE):
        known: set[str] = set()
        for component in (one for kind in KINDS for one in kind.components(context)):
            assert set(component.needs) <= known
            known.add(component.name)


def test_what_is_forked_is_what_the_settings_know() -> None:
    forked = {one.start.entry: one.kind for kind in KINDS for one in made(kind) if isinstance(one.start, Fork)}
    assert forked == {kind: kind for kind in KNOWS}


def test_no_worker_can_have_the_name_of_a_kind() -> None:
    assert {kind.KIND for kind in KINDS} - {"worker"} <= set(names.TAKEN)


@pytest.mark.parametrize("count", [0, 1])
def test_the_migration_and_the_zygote_are_there_for_those_who_need_them(count: int) -> None:
    host = local_host(scheduler=NONE, api_server=ApiServer(count=count), dag_processor=NONE, triggerer=NONE, workers=())
    context = here(Fleet("shop", "/srv/shop", hosts=(host,)), nginx=None)
    found = {component.kind for kind in KINDS for component in kind.components(context)}
    assert found == {"postgres", "valkey"} | ({"zygote", "migrate", "api-server"} if count else set())
