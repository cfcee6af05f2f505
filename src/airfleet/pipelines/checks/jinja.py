"""Checks of Jinja text before it is rendered: its syntax, its filters, and the names that it uses.

Text is parsed and never compiled: Jinja's compiler works out constants, and ``{{ 9**9**9 }}`` takes for ever.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from airfleet.errors import did_you_mean
from airfleet.pipelines.language.arguments import CONTEXT_NAMES
from airfleet.pipelines.language.spec import Pipeline
from airfleet.pipelines.upgrade.names import CONTEXT
from airfleet.problem_codes import Code

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

#: Text in which Jinja finds nothing but names, such as ``{{ ds }}`` and ``{{ params.day }}``. Most texts are such, and
#: parsing them takes longer than everything else that is done for their tasks.
_ONLY_NAMES: Final = re.compile(
    r"(?:[^{]|\{(?![{%#])|\{\{ (?!(?:not|and|or|if|else|in|is) )[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)* \}\})*", re.ASCII
)
_NAME: Final = re.compile(r"\{\{ ([A-Za-z_]\w*)", re.ASCII)
#: what Airflow adds to Jinja's own
_FILTERS: Final = ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
#: what Jinja itself gives to every text, and to macros and blocks
_GLOBALS: Final = frozenset(
    [
        *("range", "dict", "lipsum", "cycler", "joiner", "namespace"),
        *("loop", "self", "super", "caller", "varargs", "kwargs"),
    ]
)


def has_own_jinja(pipeline: Pipeline) -> bool:
    """Tell whether Jinja in ``pipeline`` may have another syntax, or filters and names of their own."""
    return bool(pipeline.options.get("jinja_environment_kwargs"))


#: Longer texts are files; they are not kept for the next one who asks.
_LONGEST_KEPT: Final = 10_000


def template_error(text: str) -> str | None:
    """Describe the fault of ``text`` as Jinja in a sentence; None without one."""
    return _template_error(text) if len(text) <= _LONGEST_KEPT else _template_error.__wrapped__(text)


@functools.lru_cache(maxsize=1024)
def _template_error(text: str) -> str | None:
    if _ONLY_NAMES.fullmatch(text):
        return None
    parsed = _parsed(text)
    return parsed if isinstance(parsed, str) else None


#: sentence, hint and kind
_Wrong: TypeAlias = tuple[str, str | None, Code]


@dataclass(frozen=True)
class OwnNames:
    """The macros and filters that a pipeline gives to its texts."""

    macros: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()


NO_OWN_NAMES: Final = OwnNames()


def own_names(pipeline: Pipeline) -> OwnNames:
    """List the macros and filters of a pipeline."""
    macros, filters = (pipeline.options.get(f"user_defined_{kind}") for kind in ("macros", "filters"))
    if not macros and not filters:
        return NO_OWN_NAMES
    return OwnNames(*(frozenset(found if isinstance(found, Mapping) else ()) for found in (macros, filters)))


def problems_of(text: str, own: OwnNames = NO_OWN_NAMES) -> tuple[_Wrong, ...]:
    """Yield everything that would fail when ``text`` is rendered, as (sentence, hint, code)."""
    return _problems_of(text, own) if len(text) <= _LONGEST_KEPT else _problems_of.__wrapped__(text, own)


@functools.lru_cache(maxsize=1024)
def _problems_of(text: str, own: OwnNames) -> tuple[_Wrong, ...]:
    if _ONLY_NAMES.fullmatch(text):
        return tuple(_unknown_names(dict.fromkeys(_NAME.findall(text)), own.macros))
    parsed = _parsed(text)
    return ((parsed, None, Code.TEMPLATE_SYNTAX),) if isinstance(parsed, str) else tuple(_unknown(parsed, own))


def _parsed(text: str) -> list[nodes.Node] | str:
    """Give every node of the text, or the sentence that says why there are none."""
    import jinja2  # late, for it is slow to import, and most pipelines need nothing of it

    try:
        return list(_environment().parse(text).find_all(jinja2.nodes.Node))
    except jinja2.TemplateSyntaxError as error:
        return f"the template is wrong in its line {error.lineno}: {error.message}"
    except (RecursionError, MemoryError):
        return "the template is nested too deeply for Jinja"
    except ValueError as error:  # a number of thousands of digits
        return f"the template cannot be read: {error}"


@functools.cache
def _environment() -> Environment:
    import jinja2

    return jinja2.Environment()


def _unknown(parsed: list[nodes.Node], own: OwnNames) -> Iterator[_Wrong]:
    """Filters, tests and names that nobody gives."""
    from jinja2 import nodes

    filters = {*_environment().filters, *_FILTERS, *own.filters}
    yield from _not_among(filters, "filter", (node.name for node in parsed if isinstance(node, nodes.Filter)))
    tests = _environment().tests.keys()
    yield from _not_among(tests, "test", (node.name for node in parsed if isinstance(node, nodes.Test)))
    given = _given(parsed)
    names = (node.name for node in parsed if isinstance(node, nodes.Name))
    yield from _unknown_names(dict.fromkeys(name for name in names if name not in given), own.macros)


def _not_among(known: Collection[str], what: str, used: Iterable[str]) -> Iterator[_Wrong]:
    for name in dict.fromkeys(used):
        if name not in known:
            yield f"templates have no {what} '{name}'", did_you_mean(name, known), Code.TEMPLATE_NAME


def _given(parsed: list[nodes.Node]) -> set[str]:
    """List names that the text sets, imports, or asks for: ``{{ x | default('') }}``, ``x is defined``."""
    from jinja2 import nodes

    found: set[str] = set()
    for node in parsed:
        if isinstance(node, nodes.Macro) or (isinstance(node, nodes.Name) and node.ctx != "load"):
            found.add(node.name)
        elif isinstance(node, nodes.Import):
            found.add(node.target)
        elif isinstance(node, nodes.FromImport):
            found.update(name if isinstance(name, str) else name[1] for name in node.names)
        elif isinstance(node, (nodes.Filter, nodes.Test)) and node.name in _ASKS:
            inner = node.node
            while isinstance(inner, (nodes.Getattr, nodes.Getitem)):
                inner = inner.node
            found.update([inner.name] if isinstance(inner, nodes.Name) else [])
    return found


#: filters and tests for what may not be there
_ASKS: Final = ("default", "d", "defined", "undefined")


def _unknown_names(names: Iterable[str], own: frozenset[str]) -> Iterator[_Wrong]:
    for name in names:
        if name in CONTEXT_NAMES or name in _GLOBALS or name in own:
            continue
        if name in CONTEXT:
            yield f"templates have no '{name}' in Airflow 3", f"write {{{{ {CONTEXT[name]} }}}}", Code.TEMPLATE_NAME
        else:
            yield f"templates have no '{name}'", did_you_mean(name, CONTEXT_NAMES | own), Code.TEMPLATE_NAME
