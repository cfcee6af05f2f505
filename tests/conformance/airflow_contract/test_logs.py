"""What reading logs of other hosts uses of Airflow: its reader of logs, its log server, and the tokens between them.

When one of these fails, upstream moved: read what changed before a digest is renewed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from airflow.api_fastapi.auth.tokens import JWTGenerator
from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.utils.log import file_task_handler
from airflow.utils.log.file_task_handler import FileTaskHandler
from airflow.utils.log.log_reader import TaskLogReader
from airflow.utils.serve_logs import log_server

from airfleet.api_server import remote_logs
from airfleet.api_server.remote_logs import FleetTaskHandler
from support.upstream import digest, parameters

#: repeated here in other words, or relied upon in every step
TAKEN_OVER: dict[Callable[..., Any], str] = {
    # when the folder is read, and when another host is asked
    FileTaskHandler._read: "1390058e248c41ec",
    FileTaskHandler._read_from_local: "0611a453b44136ab",
    FileTaskHandler._read_from_logs_server: "d09935547b0154a5",
    # what a token must say
    file_task_handler._fetch_logs_from_service: "88ba4f0723610e53",
    log_server.create_app: "f2cbe60fe27a93a7",
    log_server.JWTAuthStaticFiles.validate_jwt_token: "e1e63615bb21a27c",
}


@pytest.mark.parametrize("function", TAKEN_OVER, ids=lambda function: function.__qualname__)
def test_upstream_does_what_it_did_when_we_read_it(function: Callable[..., Any]) -> None:
    assert digest(function) == TAKEN_OVER[function]


@pytest.mark.parametrize("method", ["_read", "_read_from_local", "_read_from_logs_server"])
def test_our_reader_takes_what_airflow_gives(method: str) -> None:
    assert parameters(getattr(FleetTaskHandler, method)) == parameters(getattr(FileTaskHandler, method))


def test_a_part_is_read_line_by_line_from_a_file() -> None:
    assert parameters(file_task_handler._stream_lines_by_chunk) == ["log_io"]


def test_a_token_is_made_of_these() -> None:
    assert {"secret_key", "private_key", "algorithm", "issuer", "valid_for", "audience"} <= set(
        parameters(JWTGenerator.__init__)
    )


def test_airflows_reader_is_the_handler_of_the_task_log_and_ours_takes_its_place() -> None:
    logger = logging.getLogger("airflow.task")
    before = list(logger.handlers)
    assert DEFAULT_LOGGING_CONFIG["handlers"]["task"]["class"] == f"{FileTaskHandler.__module__}.FileTaskHandler"
    theirs = FileTaskHandler("/nowhere")
    theirs.set_name("task")
    logger.handlers = [theirs]
    try:
        remote_logs.use()
        found = TaskLogReader().log_handler
    finally:
        logger.handlers = before
    assert isinstance(found, FleetTaskHandler)
    assert (found.local_base, found.name) == ("/nowhere", "task")
