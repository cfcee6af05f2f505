"""The providers of Airflow by the modules that they have, and the distributions to install for them."""

from __future__ import annotations

from typing import Final

_PROVIDERS: Final = "airflow.providers."
#: folders of ``airflow.providers`` that hold providers, not modules
_FAMILIES: Final = frozenset(("apache", "atlassian", "cncf", "common", "dbt", "ibm", "microsoft"))


def of_module(module: str) -> str | None:
    """Give the provider that has a module, or should have it; None for a module that is of no provider.

    >>> of_module("airflow.providers.cncf.kubernetes.operators.pod"), of_module("airflow.providers.google.cloud.hooks")
    ('cncf.kubernetes', 'google')
    >>> of_module("airflow.providers.cncf"), of_module("airflow.sdk")
    (None, None)
    """
    if not module.startswith(_PROVIDERS):
        return None
    words = module.removeprefix(_PROVIDERS).split(".")
    length = 2 if words[0] in _FAMILIES else 1
    return ".".join(words[:length]) if len(words) >= length and all(words[:length]) else None


def package(provider: str) -> str:
    """Give the distribution of a provider.

    >>> package("cncf.kubernetes")
    'apache-airflow-providers-cncf-kubernetes'
    """
    return f"apache-airflow-providers-{provider.replace('.', '-').replace('_', '-')}"
