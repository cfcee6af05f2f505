"""The log server of a host: it serves the logs of tasks to api-servers, those of components to people. [A]

It is Airflow's own (``airflow serve-logs``: files below ``/log``, each for a token that names it) with one more
endpoint, which lists the files of a log with their sizes. A task that was deferred or rescheduled has written parts on
several hosts, under names that only those hosts know. Logs of components are in :mod:`airfleet.log_server.components`.

Tokens are signed with a key that all hosts derive from the secret of their agents. The key opens logs alone, so a host
of workers needs no further secret.
"""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request

#: the path of the health endpoint, which needs no token
HEALTH = "/airfleet/health"
#: the prefix of the endpoint that lists the files of a log
PARTS = "/airfleet/parts/"


def serve(address: str, port: int, components: Path) -> None:
    """Serve the folders of the logs of tasks and of components until the process gets a signal to end."""
    from airflow.configuration import conf

    from airfleet.log_server import components as component_log_server
    from airfleet.system import uvicorn_server

    served = application(Path(conf.get("logging", "base_log_folder")))
    component_log_server.add(served, components, conf.get("airfleet", "component_logs_key"))
    uvicorn_server.serve(
        served,
        host=address,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )


def application(folder: Path) -> FastAPI:
    """Build Airflow's log server with the endpoint for parts; it reads its key from ``[api] secret_key``."""
    from airflow.utils.serve_logs import log_server

    served: FastAPI = log_server.create_app()

    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    async def parts(path: str, request: Request) -> list[tuple[str, int]]:
        await _require_token(served, request, path)
        return parts_of(folder, path)

    served.add_api_route(HEALTH, health)
    served.add_api_route(f"{PARTS}{{path:path}}", parts)
    return served


def parts_of(folder: Path, path: str) -> list[tuple[str, int]]:
    """List the files of a log, relative to the folder, with their sizes in bytes; none outside the folder."""
    try:
        top, log = folder.resolve(), (folder / path).resolve()
        found = sorted(log.parent.glob(f"{glob.escape(log.name)}*"))
    except (OSError, ValueError, RuntimeError):  # no valid file name, or a loop of links
        return []
    if top not in log.parents:
        return []
    return [(str(file.relative_to(top)), _size(file)) for file in found if _is_ours(file, top)]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # deleted just now
        return 0


def _is_ours(file: Path, top: Path) -> bool:
    return file.is_file() and top in file.resolve().parents


async def _require_token(served: FastAPI, request: Request, path: str) -> None:
    """Raise HTTPException (403) when the request has no token for this path."""
    import jwt

    try:
        claims: dict[str, Any] = await served.state.signer.avalidated_claims(request.headers.get("Authorization", ""))
    except jwt.InvalidTokenError as refused:
        raise HTTPException(403, str(refused)) from None
    if claims.get("filename") != path:
        raise HTTPException(403, "the token is for another log")
