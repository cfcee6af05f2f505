"""The configuration of nginx for a site: a whole file that runs as an ordinary user from a folder of its own.

All paths in it are relative to that folder (``nginx -p FOLDER -c nginx.conf``), but for the certificate's.

nginx judges each upstream by its answers. An api-server that refuses, is silent or answers 502 or 503 gets no request
for some seconds, unless all have failed; the request goes to the next one. A request that changes something is repeated
only where that is safe: at the execution API, where a second start or end of an attempt is answered like the first, and
anywhere after a refused connection.

A host without power refuses nothing: a request over a connection to it stays without an answer. So reading requests
wait some seconds for one api-server. Then another one is asked, and given all the time that slow pages take.
"""

from __future__ import annotations

from collections.abc import Mapping

from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers.nginx_site import HEALTH, Public, Site
from airfleet.render import nginx_public
from airfleet.render.nginx_upstreams import execution, upstream
from airfleet.render.nginx_words import Lines, block, word

FILE_NAME = "nginx.conf"

#: the log of requests of an nginx that an agent runs, and keeps what it writes; a socket could not be opened like this
STDOUT = "/dev/stdout"
#: the same of one that people run, which may write to systemd's journal: a file in its folder
ACCESS_LOG = "access.log"
#: folders for what does not fit into memory; nginx makes them
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def files(plan: Plan) -> Mapping[str, str]:
    """Map the files that a host's nginx needs to their texts; none when the plan has no nginx."""
    return {FILE_NAME: configuration(plan.site)} if plan.site else {}


def configuration(site: Site, access_log: str = STDOUT) -> str:
    """Write the text of ``nginx.conf``. Raises FleetError for a value that cannot stand in one."""
    lines = [
        *([f"user {word(site.user)};"] if site.user else []),
        f"worker_processes {2 if site.public else 1};",
        "worker_shutdown_timeout 1m;",  # who reads a log while the configuration is read anew
        "daemon off;",
        "pid nginx.pid;",
        "error_log stderr warn;",
        "",
        *block("events", ["worker_connections 1024;"]),
        "",
        *block("http", _http(site, access_log)),
    ]
    return "# Written by airfleet from fleet.yaml.\n" + "\n".join(lines) + "\n"


def _http(site: Site, access_log: str) -> Lines:
    parts = [
        _common(),
        upstream("airflow", site.api_servers),
        *([upstream("flower", (site.flower,))] if site.flower else []),
        *(_public(site, site.public, access_log) if site.public else []),
        *([_local(site)] if site.local else []),
    ]
    return [line for part in parts for line in ([""] if part is not parts[0] else []) + part]


def _public(site: Site, public: Public, access_log: str) -> list[Lines]:
    return [nginx_public.maps(site, public), *nginx_public.servers(site, public, access_log)]


def _common() -> Lines:
    return [
        "default_type application/octet-stream;",
        # The path without its query, which may hold a secret.
        "log_format plain '$remote_addr [$time_iso8601] \"$request_method $uri\" $status $body_bytes_sent'",
        "                 ' $request_time s, $upstream_addr $upstream_status';",
        "access_log off;",
        "server_tokens off;",
        "absolute_redirect off;",
        "tcp_nodelay on;",
        "keepalive_timeout 75s;",
        "client_header_timeout 15s;",
        "client_body_timeout 30s;",
        "send_timeout 60s;",
        "client_body_buffer_size 256k;",
        "large_client_header_buffers 4 32k;",
        "server_names_hash_bucket_size 512;",  # the longest name that DNS has; what nginx takes itself ends at 46
        *(f"{name}_temp_path {name};" for name in TEMPORARY),
        "",
        "proxy_http_version 1.1;",
        "proxy_redirect off;",
        "proxy_connect_timeout 2s;",
        "proxy_buffers 16 16k;",
        "proxy_buffer_size 16k;",
    ]


def _local(site: Site) -> Lines:
    path = site.airflow_path.rstrip("/")
    return block(
        "server",
        [
            f"listen {site.local};",
            "server_name _;",
            "proxy_set_header Host $http_host;",
            "proxy_set_header Connection '';",
            *(f"proxy_set_header {name} '';" for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP")),
            "",
            *block(f"location = {HEALTH}", ["return 204;"]),
            *block(f"location ^~ {word(path)}/execution/", execution(site)),
            *block("location /", ["return 404;"]),
        ],
    )
