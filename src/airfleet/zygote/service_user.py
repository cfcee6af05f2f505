"""The user that airfleet's own commands log in as, with an auth manager that keeps its users in the database. [A]

``airfleet trigger``, ``why`` and the like know one name and one generated password. Airflow's simple auth manager reads
them from a file. FAB has a table of users: this one is added to it as an administrator, and gets the fleet's password
again when another is there. Other auth managers (Keycloak) keep users where airfleet cannot make one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def ensure(name: str, passwords: Path) -> None:
    """Let the user of this name exist as an administrator, if this is FAB; its password stands in ``passwords``."""
    from airflow.api_fastapi.app import get_auth_manager

    manager: Any = get_auth_manager()
    if getattr(manager, "flask_app", None) is None or not hasattr(manager, "security_manager"):
        return
    with manager.flask_app.app_context():
        print(_ensured(manager.security_manager, name, json.loads(passwords.read_text("utf-8"))[name]))


def _ensured(security: Any, name: str, password: str) -> str:
    """Make the user, or set its password; what was done, in a sentence."""
    from werkzeug.security import check_password_hash

    found = security.find_user(username=name)
    if found is None:
        role = security.find_role("Admin")
        try:
            security.add_user(name, name, "airfleet", f"{name}@airfleet.invalid", role, password)
        except Exception:
            if security.find_user(username=name) is None:  # no other api-server was faster
                raise
        return f"user '{name}' is made, for the commands of airfleet"
    if not found.password or not check_password_hash(found.password, password):
        security.reset_password(found.id, password)
        return f"user '{name}' has the password of this fleet again"
    return f"user '{name}' is there"
