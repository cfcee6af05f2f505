"""A machine with an nginx, or without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.agent.servers import embedded_servers, nginx


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, *, nginx_is_there: bool) -> None:
    """Make a path on which there is an nginx, or none."""
    (folder / "bin").mkdir()
    if nginx_is_there:
        (folder / "bin" / "nginx").write_text("#!/bin/sh\necho nginx version: nginx/1.22.1\n")
        (folder / "bin" / "nginx").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(nginx, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(embedded_servers, "SYSTEM_STATE", folder / "state")
