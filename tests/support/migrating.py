"""The step *migrate* on one database after another; a sentence for each that was refused, as JSON. [A]"""

from __future__ import annotations

import json
import sys

from airfleet.zygote import component_settings, database_steps


def migrate(url: str) -> str:
    """Give the outcome; nothing when all is well."""
    component_settings.apply([["database", "sql_alchemy_conn", url.replace("postgresql://", "postgresql+psycopg://")]])
    try:
        database_steps.migrate({"objects": "some"})
    except SystemExit as refused:
        return str(refused)
    except Exception as failed:
        return f"{type(failed).__name__}: {failed}".partition("\n")[0]
    finally:
        component_settings.finish()
    return ""


if __name__ == "__main__":
    print(json.dumps({name: migrate(url) for name, url in json.load(sys.stdin).items()}))
