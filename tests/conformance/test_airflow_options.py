"""Our table of Airflow's settings is that of the installed Airflow, which reads with each of several Fernet keys."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from cryptography.fernet import Fernet

SCRIPT = Path(__file__).parents[2] / "scripts" / "airflow_options.py"


def test_the_table_is_that_of_the_installed_airflow() -> None:
    spec = importlib.util.spec_from_file_location("airflow_options_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.TARGET.read_text("utf-8") == script.text(), "run .venv/bin/python scripts/airflow_options.py"


def test_a_value_is_read_with_any_of_several_keys_and_written_with_the_first() -> None:
    from airflow.configuration import conf
    from airflow.models import crypto

    old, new = Fernet.generate_key(), Fernet.generate_key()
    kept = conf.get("core", "fernet_key", fallback="")
    try:
        conf.set("core", "fernet_key", f"{new.decode()},{old.decode()}")
        crypto.get_fernet.cache_clear()
        both = crypto.get_fernet()
        assert both.decrypt(Fernet(old).encrypt(b"warehouse")) == b"warehouse"
        assert Fernet(new).decrypt(both.encrypt(b"warehouse")) == b"warehouse"
    finally:
        conf.set("core", "fernet_key", kept)
        crypto.get_fernet.cache_clear()
