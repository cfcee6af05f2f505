"""Providers of Airflow that are installed for one test: files on the path, as a wheel would leave them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airfleet.pipelines.analysis import catalog, short_names


@contextmanager
def installed(folder: Path, providers: Mapping[str, str]) -> Iterator[None]:
    """Install providers, each with the source of its one module of operators, ``operators/things.py``."""
    for provider, source in providers.items():
        inner = folder / "airflow/providers" / provider.replace(".", "/")
        (inner / "operators").mkdir(parents=True)
        module = f"airflow.providers.{provider}.operators.things"
        (inner / "get_provider_info.py").write_text(f"def get_provider_info(): return ['{module}']\n")
        (inner / "operators/things.py").write_text(source)
    sys.path.insert(0, str(folder))
    _forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _forget()


def _forget() -> None:
    for kept in (
        *(short_names.short_names, short_names.providers, short_names._by_name, short_names.unprefixed),
        catalog._installed_operator,
    ):
        kept.cache_clear()
