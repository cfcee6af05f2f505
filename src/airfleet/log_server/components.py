"""Serves the logs of this host's components to people on other hosts (``airfleet logs --host``).

The protocol is that of :mod:`airfleet.system.component_logs`. Only files ``NAME.log`` of the folder are served.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Query, Request

from airfleet.system import component_logs
from airfleet.system.log_tail import complete_after, last_complete


def add(served: FastAPI, folder: Path, key: str) -> None:
    """Add the logs in ``folder`` to an application, for tokens of this key; without a key for nobody."""

    async def names(request: Request) -> dict[str, list[str]]:
        _require_token(request, key)
        return {"names": names_in(folder)}

    def one(
        name: str,
        request: Request,
        last: int = Query(0, ge=0, le=component_logs.MOST_LINES),
        after: int | None = Query(None, ge=0),
    ) -> dict[str, Any]:
        _require_token(request, key)
        if name not in names_in(folder):
            raise HTTPException(404, f"no component named '{name}' has a log")
        path = folder / f"{name}.log"
        lines, end = last_complete(path, last) if after is None else complete_after(path, after)
        return {"lines": lines, "end": end}

    served.add_api_route(component_logs.QUESTION, names)
    served.add_api_route(f"{component_logs.QUESTION}/{{name}}", one)


def names_in(folder: Path) -> list[str]:
    """List the components that have written a log."""
    return sorted(path.stem for path in folder.glob("*.log") if path.is_file() and not path.is_symlink())


def _require_token(request: Request, key: str) -> None:
    """Raise HTTPException (403) when the request has no token of this key."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not key or not component_logs.opens(given, key):
        raise HTTPException(403, "this needs a token of the fleet")
