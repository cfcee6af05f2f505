"""Requests to the execution API that nobody who means well would send: drawn anew, and the same each time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airfleet.worker import piggyback


@dataclass(frozen=True)
class Request:
    """A request, and the state of its task before. ``TI`` and ``TOKEN`` stand for those of the task."""

    method: str
    path: str
    body: bytes
    state: str
    query: str = ""
    headers: Mapping[str, str | None] = field(default_factory=dict)


def drawn(usual: tuple[Request, ...], count: int) -> list[Request]:
    """Make so many odd requests, each made of a usual one."""
    found: list[Request] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.sampled_from(usual), st.lists(_CHANGES, min_size=1, max_size=2))
    def collect(request: Request, changes: list[Callable[[Request], Request]]) -> None:
        for change in changes:
            request = change(request)
        found.append(request)

    collect()
    return found


_NUMBERS = st.sampled_from(
    [
        "--5",
        "%C2%B2",
        "-",
        "",
        "-0",
        "+5",
        "1_0",
        "0x1",
        "5.0",
        "1e3",
        "%D9%A5",
        "9" * 12,
        "9" * 5000,
        "-1",
        "3",
        "null",
    ]
)
_QUERIES = st.lists(
    st.one_of(
        st.builds(lambda name, value: f"{name}={value}", st.sampled_from(["map_index", "mapped_length"]), _NUMBERS),
        st.builds("dag_result={}".format, st.sampled_from(["true", "false", "True", "1", "x", ""])),
        st.text(max_size=8).map(quote),
        st.sampled_from(["%", "%ff", "=", ";", "map_index", "offset=0", "include_prior_dates=true"]),
    ),
    min_size=1,
    max_size=3,
).map("&".join)
_SPELLINGS = st.sampled_from(["{TI}", "urn:uuid:TI", "TI/", "TI-", "x", "%00"])
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode())
_BODIES = st.one_of(
    _JSON,
    st.binary(max_size=30),
    st.sampled_from(
        [b"[" * 50_000, b'{"a":' * 20_000, b"\xff\xfe[\x00", b"9" * 5_000, b'"\\ud800"', b'"\\u0000"', b"1e999"]
    ),
)
_VALUES = st.one_of(_JSON.map(json.loads), st.sampled_from(["", "x", -1, 1e30, [], {}, "2026-13-01", "\x00"]))
_HEADERS = st.one_of(
    st.builds(lambda name, value: {name: value}, st.just(name), st.sampled_from(values))
    for name, values in {
        "authorization": [
            None, "", "Bearer", "bearer TOKEN", "BEARER  TOKEN", "Bearer TOKENx", "Bearer \xe4.\xf6.\xfc", "TOKEN",
            "Bearer TOKEN TOKEN", "Basic TOKEN", "Bearer .", "Bearer " + "a" * 4_000,
        ],
        "content-type": [None, "", "application/json; charset=utf-8", "application/JSON", "text/json", "text/plain"],
        "airflow-api-version": [None, "", "2025-04-28", "x", "\xb2", "9999-01-01"],
        piggyback.HEADER: ["{", "[" * 50_000, "1", "\xe4"],
    }.items()
)  # fmt: skip


def _with_a_changed_value(request: Request, value: Any, number: int) -> Request:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return request
    if not isinstance(body, dict) or not body:
        return request
    body[sorted(body)[number % len(body)]] = value
    return replace(request, body=json.dumps(body).encode())


_CHANGES: st.SearchStrategy[Callable[[Request], Request]] = st.one_of(
    _QUERIES.map(lambda query: lambda request: replace(request, query=query)),
    _SPELLINGS.map(lambda spelt: lambda request: replace(request, path=request.path.replace("TI", spelt))),
    _BODIES.map(lambda body: lambda request: replace(request, body=body)),
    _HEADERS.map(lambda headers: lambda request: replace(request, headers={**request.headers, **headers})),
    st.builds(
        lambda value, number: lambda request: _with_a_changed_value(request, value, number), _VALUES, st.integers(0, 9)
    ),
    st.text(max_size=6).map(
        lambda key: lambda request: replace(request, path=request.path.replace("/a/k", f"/a/{quote(key)}"))
    ),
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]).map(
        lambda method: lambda request: replace(request, method=method)
    ),
    st.sampled_from(["queued", "running", "success", "restarting"]).map(
        lambda state: lambda request: replace(request, state=state)
    ),
)
