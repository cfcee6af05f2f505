"""The two sides of a comparison, started with the same Dags, settings and environment: stock Airflow and a fleet."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airfleet.testing.fleet import FleetUnderTest, clean_environment
from faultlab.systems.stock_airflow import StockAirflow
from semantics import bundled, installation
from semantics.installation import HERE, Installation

SLOTS = 4
SETTINGS: Mapping[str, Mapping[str, str]] = {
    # Files do not change here; reading a hundred of them again and again would take the time of what is compared.
    "dag_processor": {"min_file_process_interval": "3600"},
}
#: named as a fleet's, because tasks and logs show the name
BUNDLE = {"name": "pipelines", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}


def environment(witness: Path) -> dict[str, str]:
    """What every component and task of both sides is given."""
    return {
        "SEMANTICS_WITNESS": str(witness),
        "SEMANTICS_WORD": "periwinkle",
        "SEMANTICS_INHERITED": ",".join(sorted(clean_environment())),
        "AIRFLOW_VAR_FROM_ENVIRONMENT": "given",
    }


@contextmanager
def stock(folder: Path) -> Iterator[Installation]:
    """Stock Airflow, healthy, in ``folder``."""
    dags, witness = folder / "dags", _made(folder / "witness")
    installation.lay_out(dags, folder / "plugins", bundled.files())
    settings = {section: dict(values) for section, values in SETTINGS.items()}
    settings["core"] = {"plugins_folder": str(folder / "plugins")}
    settings["dag_processor"]["dag_bundle_config_list"] = json.dumps([{**BUNDLE, "kwargs": {"path": str(dags)}}])
    running = StockAirflow(folder / "stock", dags=dags, settings=settings, slots=SLOTS, environ=environment(witness))
    with running:
        yield Installation(
            "stock",
            running.api,
            dags,
            witness,
            _places(dags, running.folder / "home", witness, Path.cwd(), folder / "plugins"),
        )


@contextmanager
def fleet() -> Iterator[Installation]:
    """A fleet, healthy."""
    with FleetUnderTest.make("") as made:
        dags, witness = made.root / "pipelines", _made(made.root.parent / "witness")
        plugins = made.root / "plugins"
        made.write("fleet.yaml", fleet_yaml(witness, plugins))
        installation.lay_out(dags, plugins, bundled.files())
        made.start()
        yield Installation(
            "airfleet", made.api, dags, witness, _places(dags, made.paths.airflow_home, witness, made.root, plugins)
        )


def fleet_yaml(witness: Path, plugins: Path) -> str:
    """The fleet.yaml of the compared fleet."""
    return json.dumps(
        {
            "name": "semantics",
            "workers": [{"name": "worker", "slots": SLOTS}],
            "env": environment(witness),
            "airflow": {**SETTINGS, "core": {"plugins_folder": str(plugins)}},
        }
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _places(dags: Path, home: Path, witness: Path, start: Path, plugins: Path) -> tuple[tuple[str, str], ...]:
    """``start`` is the folder in which the system was started."""
    words = {
        "dags": dags,
        "home": home,
        "witness": witness,
        "start": start,
        "plugins": plugins,
        "python": sys.prefix,
        "repository": HERE.parents[1],
    }
    return installation.places(words | ({"base": sys.base_prefix} if sys.base_prefix != sys.prefix else {}))
