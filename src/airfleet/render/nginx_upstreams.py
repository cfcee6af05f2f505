"""Upstreams of nginx: api-servers and Flower, and the answers after which a request goes to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from airfleet.fleet.servers.nginx_site import Site
from airfleet.render.nginx_words import Lines, block, word

#: seconds for which an upstream that failed once gets no request, unless all have failed
FAIL_SECONDS: Final = 2


def upstream(name: str, servers: Sequence[str]) -> Lines:
    """Write the block of an upstream."""
    # Where all have failed lately one may be back already: then they are asked whatever is known of them.
    again = [f"server {word(server)} max_fails=0 backup;" for server in servers] if len(servers) > 1 else []
    return block(
        f"upstream {name}",
        [
            "least_conn;",  # who is silent has requests open, and gets no more of them than the others have
            f"zone {name} 64k;",  # what one process of nginx learns of a server, all know
            *(f"server {word(server)} max_fails=1 fail_timeout={FAIL_SECONDS}s;" for server in servers),
            *again,
            "keepalive 32;",
        ],
    )


def execution(site: Site) -> Lines:
    """Write the rules of the execution API, where every request may be repeated."""
    return [
        "proxy_pass http://airflow;",
        "proxy_connect_timeout 1s;",
        f"proxy_read_timeout {round(site.execution_answer_seconds * 1000)}ms;",
        "proxy_next_upstream error timeout http_502 http_503 non_idempotent;",
        f"proxy_next_upstream_tries {tries(site)};",
        "client_max_body_size 0;",
        "client_body_buffer_size 1m;",
    ]


def several(site: Site) -> bool:
    """Tell whether requests have a choice of api-servers."""
    return len(site.api_servers) > 1


def tries(site: Site) -> int:
    """Count the tries: every api-server, and each once more whatever its state."""
    return 2 * len(site.api_servers)
