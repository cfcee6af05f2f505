"""The sentence and the hint about a name under ``uses`` that stands for no operator."""

from __future__ import annotations

from airfleet.errors import Suggestion, listed
from airfleet.pipelines.analysis import short_names, well_known
from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.values import FUNCTION
from airfleet.pipelines.upgrade import imports
from airfleet.provider_names import package
from airfleet.yaml.problems import Hints


def unknown_short_name(written: str, hints: Hints) -> tuple[str, str | None]:
    """Sentence and hint for a name that is neither a short name nor an import path."""
    provider, _, name = written.rpartition(".")
    if provider:
        return _of_a_provider(provider, name, hints)
    if len(found := short_names.named(name)) > 1:
        candidates = ", ".join(short.whole for short in found)
        return f"'{name}' is an operator of several providers", f"write one of {candidates}"
    nothing = f"there is no operator '{name}'"
    if of_class := short_names.of_class(name):
        return nothing, f"write uses: {' or '.join(of_class)}"
    if missing := well_known.providers_of(name):
        return _not_installed(missing, name)
    if renamed := imports.uses_instead(name):
        return nothing, renamed
    near = (
        hints.nearest(name, short_names.short_names(), 0.75)
        or hints.nearest(name, short_names.unprefixed(), 0.75)
        or hints.nearest(name, short_names.short_names())
    )
    return nothing, Suggestion(name, near) if near else "write its import path"


def _of_a_provider(provider: str, name: str, hints: Hints) -> tuple[str, str | None]:
    written = f"{provider}.{name}"
    known = short_names.short_names(provider)
    if known:
        near = hints.nearest(name, known)
        hint = f"did you mean '{provider}.{near}'?" if near else f"there are {listed(sorted(known), 10)}"
        return f"there is no operator '{written}'", hint
    if provider in wrong_key_hints.PROVIDERS:
        if short_names.is_installed(provider):
            return f"provider '{provider}' has no operators", f"to run a Python function, write {provider}:{name}"
        return well_known.missing(provider)
    sentence = f"there is no operator '{written}': its last part is not a class, and no provider is called '{provider}'"
    function = f"{provider}:{name}"
    return sentence, f"a Python function is written {function}" if FUNCTION.fullmatch(function) else None


def _not_installed(providers: tuple[str, ...], name: str) -> tuple[str, str]:
    """Name the package of an operator; of a class's name also what ``uses`` takes for it then."""
    if len(providers) > 1:
        packages = " or ".join(map(package, providers))
        return f"no provider with the operator '{name}' is installed", f"add {packages} to the requirements"
    sentence, hint = well_known.missing(providers[0])
    if not name[:1].isupper():
        return sentence, hint
    return sentence, f"{hint}, and write uses: {short_names.short_of(name)}"
