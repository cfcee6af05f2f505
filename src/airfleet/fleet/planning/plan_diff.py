"""Changes of a host by a new plan: components that start, stop or restart, and the reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from airfleet.fleet.planning.plan_record import PROGRAM, Described, Description
from airfleet.yaml.secret_detection import MASK
from airfleet.yaml.sizes import size_text

Sign = Literal["+", "-", "~", ""]

#: names in one sentence, before it says how many more
_NAMED = 4


@dataclass(frozen=True)
class Change:
    """The change of one component: ``+`` starts, ``-`` stops, ``~`` restarts, or none."""

    component: Described
    sign: Sign
    #: why it is started anew, and how it is where that is not as it should be
    why: tuple[str, ...] = ()


def compare(
    planned: Description,
    before: Description | None,
    running: Collection[str],
    *,
    sure: bool = True,
    notes: Mapping[str, str] | None = None,
) -> tuple[Change, ...]:
    """List the changes of one host, in the plan's order; components that stop come last.

    ``before`` is what its agent was told, ``running`` the names of what runs now, ``notes`` how some of it is. The
    agent itself stands first when it has to be started anew, and is not listed otherwise. With ``sure=False`` the plan
    was made without its secrets, and whatever depends on them is not compared.
    """
    known = {component.name: component for component in before.components} if before else {}
    everywhere = tuple(_everywhere(planned, before)) if before and sure else ()
    found = [
        _change(component, known.get(component.name), running, everywhere, sure) for component in planned.components
    ]
    names = {component.name for component in planned.components}
    gone = (known.get(name) or Described(name, name) for name in running if name not in names)
    changes = (*_of_agent(planned, before, sure), *found, *(Change(component, "-") for component in gone))
    return tuple(_noted(change, (notes or {}).get(change.component.name)) for change in changes)


def _noted(change: Change, note: str | None) -> Change:
    return replace(change, why=(*change.why, note)) if note else change


def _of_agent(planned: Description, before: Description | None, sure: bool) -> Iterator[Change]:
    if before is not None and before.agent is not None and planned.agent is not None:
        why = tuple(_differences(planned.agent, before.agent, sure))
        if why:
            yield Change(planned.agent, "~", why)


def _change(
    planned: Described, before: Described | None, running: Collection[str], everywhere: tuple[str, ...], sure: bool
) -> Change:
    if planned.name not in running:
        return Change(planned, "+")
    if before is None:
        return Change(planned, "")
    why = tuple(_differences(planned, before, sure))
    if planned.airflow:
        why += everywhere
    return Change(planned, "~" if why else "", why)


def _differences(planned: Described, before: Described, sure: bool) -> Iterator[str]:
    told = bool(planned.options and before.options)  # an older airfleet did not write down those of every kind
    for option in dict.fromkeys((*before.options, *planned.options)) if told else ():
        if option == PROGRAM and not {option} <= planned.options.keys() & before.options.keys():
            continue
        was, will_be = before.options.get(option, ""), planned.options.get(option, "")
        if was != will_be and (sure or MASK not in will_be):
            yield f"{option} {was or 'nothing'} → {will_be or 'nothing'}"
    if planned.memory_bytes != before.memory_bytes:
        yield f"memory {_memory(before)} → {_memory(planned)}"
    if planned.address != before.address and not told:
        yield f"address {before.address} → {planned.address}"
    if planned.secrets != before.secrets and sure:
        yield "what it is told in secret"


def _memory(component: Described) -> str:
    return "without limit" if component.memory_bytes is None else size_text(component.memory_bytes)


def _everywhere(planned: Description, before: Description) -> Iterator[str]:
    if settings := _changed(before.settings, planned.settings):
        yield f"airflow.cfg: {_some(settings)}"
    if variables := _changed(before.environment, planned.environment):
        yield f"environment: {_some(variables)}"


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
