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

import re
from collections.abc import Mapping, Sequence

from airfleet.errors import FleetError
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers.nginx_site import DOCUMENTS_POLICY, FLOWER_POLICY, HEALTH, Public, Site

FILE_NAME = "nginx.conf"

#: seconds for which an upstream that failed once gets no request, unless all have failed
FAIL_SECONDS = 2
#: the log of requests of an nginx that an agent runs, and keeps what it writes; a socket could not be opened like this
STDOUT = "/dev/stdout"
#: the same of one that people run, which may write to systemd's journal: a file in its folder
ACCESS_LOG = "access.log"
#: folders for what does not fit into memory; nginx makes them
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

#: what clients may say of themselves to a proxy before this one: nothing
NOT_FORWARDED = (
    "Forwarded", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-User",
    "X-Forwarded-Email", "X-Remote-User", "Remote-User", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "Proxy",
)  # fmt: skip
#: headers of answers that this file alone decides on
OURS = (
    "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy",
    "Strict-Transport-Security",
)  # fmt: skip

Lines = list[str]


def files(plan: Plan) -> Mapping[str, str]:
    """Name -> text of what a host's nginx needs; nothing when the plan has no nginx."""
    return {FILE_NAME: configuration(plan.site)} if plan.site else {}


def configuration(site: Site, access_log: str = STDOUT) -> str:
    """Write the text of ``nginx.conf``. Raises FleetError for a value that cannot stand in one."""
    lines = [
        *([f"user {_word(site.user)};"] if site.user else []),
        f"worker_processes {2 if site.public else 1};",
        "worker_shutdown_timeout 1m;",  # who reads a log while the configuration is read anew
        "daemon off;",
        "pid nginx.pid;",
        "error_log stderr warn;",
        "",
        *_block("events", ["worker_connections 1024;"]),
        "",
        *_block("http", _http(site, access_log)),
    ]
    return "# Written by airfleet from fleet.yaml.\n" + "\n".join(lines) + "\n"


def _http(site: Site, access_log: str) -> Lines:
    parts = [
        _common(),
        _upstream("airflow", site.api_servers),
        *([_upstream("flower", (site.flower,))] if site.flower else []),
        *([_maps(site, site.public), *_public(site, site.public, access_log)] if site.public else []),
        *([_local(site)] if site.local else []),
    ]
    return [line for part in parts for line in ([""] if part is not parts[0] else []) + part]


def _common() -> Lines:
    return [
        "default_type application/octet-stream;",
        # The path without its query: that may hold what nobody else should read.
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


def _upstream(name: str, servers: Sequence[str]) -> Lines:
    # Where all have failed lately one may be back already: then they are asked whatever is known of them.
    again = [f"server {_word(server)} max_fails=0 backup;" for server in servers] if len(servers) > 1 else []
    return _block(
        f"upstream {name}",
        [
            "least_conn;",  # who is silent has requests open, and gets no more of them than the others have
            f"zone {name} 64k;",  # what one process of nginx learns of a server, all know
            *(f"server {_word(server)} max_fails=1 fail_timeout={FAIL_SECONDS}s;" for server in servers),
            *again,
            "keepalive 32;",
        ],
    )


def _maps(site: Site, public: Public) -> Lines:
    below = _pattern(site.airflow_path)
    flower = [f"~^{_pattern(site.flower_path)}(/|$) {_quoted(FLOWER_POLICY)};"] if site.flower else []
    return [
        # Another protocol would be spoken past the rules below.
        *_block("map $http_upgrade $upgrade", ["default '';", "~*^websocket$ websocket;"]),
        *_block("map $upgrade $connection_upgrade", ["default upgrade;", "'' '';"]),
        *(_repeatable() if _several(site) else []),
        # Of IPv6 one machine has a whole /64.
        *_block(
            "map $binary_remote_addr $network",
            ["default $binary_remote_addr;", r'"~(?s)^(?<network_of_ipv6>.{8}).{8}\z" $network_of_ipv6;'],
        ),
        # Only what may be a password is counted.
        *_block("map $request_method $login_from", ["default '';", "POST $network;"]),
        f"limit_req_zone $login_from zone=logins:1m rate={public.logins_per_minute}r/m;",
        *(_limits_of_flower(public) if site.flower else []),
        *_block(
            "map $uri $content_policy",
            [
                f"default {_quoted(public.airflow_policy)};",
                f"~^{below}/(docs|redoc)(/|$) {_quoted(DOCUMENTS_POLICY)};",
                *flower,
            ],
        ),
    ]


def _limits_of_flower(public: Public) -> Lines:
    """Limit requests of :func:`_flower`: a password may come with each of them."""
    return [
        *_block("map $http_authorization $password_from", ["default $network;", "'' '';"]),
        "limit_conn_zone $password_from zone=flower_clients:1m;",
        f"limit_req_zone $password_from zone=flower_logins:1m rate={public.logins_per_minute}r/m;",
    ]


# --- the public door -------------------------------------------------------------------------------------------------


def _public(site: Site, public: Public, access_log: str) -> list[Lines]:
    strangers = [
        *_listen(site, public, "default_server"),
        "server_name _;",
        *_tls(public),
        "return 421;",
    ]
    ours = [
        *_listen(site, public, ""),
        f"server_name {_host(public)};",
        *_tls(public),
        f"access_log {_word(access_log)} plain;",
        f"client_max_body_size {public.body_bytes};",
        *_answers(public),
        *_fresh_headers(),
        # Of several, one on a host without power costs people no more; of one, a lost packet is sent again within two.
        *(["proxy_connect_timeout 1s;"] if _several(site) else []),
        "proxy_next_upstream error timeout http_502 http_503;",
        f"proxy_next_upstream_tries {_tries(site)};",
        "proxy_read_timeout 60s;",
        "error_page 502 504 = @away;",
        *(["error_page 418 = @soon;", "recursive_error_pages on;"] if _several(site) else []),
        # Plain HTTP at this very door.
        *([f"error_page 497 =308 {_with_tls(public)}$request_uri;"] if public.certificate else []),
        "",
        # nginx reads /a/execution/../b as /a/b and passes it on as it came: nobody needs to write that.
        *_block(r"if ($request_uri ~* ^[^?]*(/|%2f)(\.|%2e)(\.|%2e)?(/|%2f|\?|$))", ["return 400;"]),
        "",
        *_airflow(site, public),
        *(_flower(site, public) if site.flower else []),
        *_elsewhere(site),
        "",
        *(_soon(site) if _several(site) else []),
        *_away("@away", "Airflow"),
        *(_away("@flower_away", "Flower") if site.flower else []),
    ]
    return [_block("server", strangers), _block("server", ours), *_to_tls(public)]


def _several(site: Site) -> bool:
    return len(site.api_servers) > 1


def _repeatable() -> Lines:
    """Map requests that may be repeated, and are answered in one piece."""
    read = '"~^(GET|HEAD)  (?!.*(event-stream|ndjson))" 1;'
    return _block('map "$request_method $http_upgrade $http_accept" $repeatable', ["default '';", read])


def _soon(site: Site) -> Lines:
    """Wait shortly for the first api-server, and for another one as long as slow pages take."""
    seconds = f"{round(site.page_answer_seconds * 1000)}ms"
    return [
        *_block(
            "location @soon",
            [
                "proxy_pass http://airflow;",
                f"proxy_read_timeout {seconds};",
                f"proxy_next_upstream_timeout {seconds};",  # one is waited for, not each in turn
                "error_page 502 = @away;",
                "error_page 504 = @another;",  # the silent one has failed, so it is not asked
            ],
        ),
        *_block("location @another", ["proxy_pass http://airflow;"]),
    ]


def _away(name: str, what: str) -> Lines:
    said = f"{what} does not answer; it may be starting. Try again in some seconds."
    return _block(f"location {name}", ["default_type text/plain;", f'return 503 "{said}\\n";'])


def _to_tls(public: Public) -> list[Lines]:
    """Listen for plain HTTP, and redirect browsers to TLS; refuse other names."""
    if public.plain is None:
        return []
    strangers = [f"listen {public.plain} default_server;", "server_name _;", "return 421;"]
    ours = [
        f"listen {public.plain};",
        f"server_name {_host(public)};",
        f"return 308 {_with_tls(public)}$request_uri;",
    ]
    return [_block("server", strangers), _block("server", ours)]


def _with_tls(public: Public) -> str:
    port = "" if public.door.port == 443 else f":{public.door.port}"
    return f"https://{_host(public)}{port}"


def _host(public: Public) -> str:
    """Give the name as it stands in URLs, and in the ``Host`` of browsers."""
    return f"[{_word(public.name)}]" if ":" in public.name else _word(public.name)


def _listen(site: Site, public: Public, more: str) -> Lines:
    newer = site.version >= (1, 25, 1)
    words = [str(public.door), more, *([] if not public.certificate else ["ssl"] if newer else ["ssl", "http2"])]
    lines = [f"listen {' '.join(word for word in words if word)};"]
    return lines + (["http2 on;"] if public.certificate and newer else [])


def _tls(public: Public) -> Lines:
    if public.certificate is None:
        return []
    return [
        f"ssl_certificate {_file(public.certificate.chain)};",
        f"ssl_certificate_key {_file(public.certificate.key)};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
        "ssl_session_cache shared:tls:1m;",
        "ssl_session_timeout 1d;",
        "ssl_session_tickets off;",
    ]


def _answers(public: Public) -> Lines:
    """Headers that browsers heed, on every answer; what an upstream says of the same is not passed on."""
    added = {
        "Content-Security-Policy": "$content_policy",
        # Not DENY: Airflow shows pages of auth managers and plugins in frames of its own.
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    if public.certificate and public.certificate.strict:
        added["Strict-Transport-Security"] = "max-age=31536000"
    return [
        *(f"proxy_hide_header {name};" for name in OURS),
        *(f"add_header {name} {_quoted(value, variables=True)} always;" for name, value in added.items()),
    ]


def _fresh_headers() -> Lines:
    """Set the headers about the client anew, whatever the client sends."""
    told = {
        "Host": "$http_host",
        "Connection": "$connection_upgrade",
        "Upgrade": "$upgrade",
        "X-Real-IP": "$remote_addr",
        "X-Forwarded-For": "$remote_addr",
        "X-Forwarded-Host": "$http_host",
        "X-Forwarded-Port": "$server_port",
        "X-Forwarded-Proto": "$scheme",
        "X-Scheme": "$scheme",
        **dict.fromkeys(NOT_FORWARDED, "''"),
    }
    return [f"proxy_set_header {name} {value};" for name, value in told.items()]


def _airflow(site: Site, public: Public) -> Lines:
    path = site.airflow_path.rstrip("/")
    live = rf"^{_pattern(path)}/api/v2/dags/[^/]+/dagRuns/[^/]+/(wait$|taskInstances/.+/logs/)"
    soon = ["if ($repeatable) { return 418; }"] if _several(site) else []  # a number that nginx has no other use for
    return [
        *(_block(f"location = {_word(path)}", [f"return 308 {_word(path)}/$is_args$args;"]) if path else []),
        *_block(f"location {_word(path)}/", [*soon, "proxy_pass http://airflow;"]),
        # Not @soon: what somebody who is logged in elsewhere comes back with is taken once, however long that takes.
        *_block(
            f"location ^~ {_word(path)}/auth/",
            [
                f"limit_req zone=logins burst={public.login_burst} nodelay;",
                "limit_req_status 429;",
                "proxy_pass http://airflow;",
            ],
        ),
        # Logs of a task that runs, and the end of a run, come line by line; a log may be larger than memory.
        *_block(
            f'location ~ "{live}"',
            ["proxy_pass http://airflow;", "proxy_buffering off;", "proxy_read_timeout 1h;", "send_timeout 5m;"],
        ),
        *_block(f"location ^~ {_word(path)}/execution", _closed(site, public)),
    ]


def _closed(site: Site, public: Public) -> Lines:
    if not public.cluster:
        return ["return 403;"]
    return [
        *(f"allow {_word(network)};" for network in public.cluster),
        "deny all;",
        *_execution(site),
    ]


def _flower(site: Site, public: Public) -> Lines:
    """Flower, which is asked for its password with each request.

    Whether one was wrong only its answer tells. That waits until its turn then, and so few may wait at once that none
    gets more turns by asking often.
    """
    path = site.flower_path.rstrip("/")
    refused = [
        f"limit_req zone=flower_logins burst={2 * public.login_burst};",
        "limit_req_status 429;",
        "proxy_pass http://flower;",
    ]
    return [
        *_block(f"location = {_word(path)}", [f"return 308 {_word(path)}/;"]),
        *_block(
            f"location ^~ {_word(path)}/",
            [
                f"limit_conn flower_clients {public.login_burst};",
                "limit_conn_status 429;",
                "proxy_pass http://flower;",
                "proxy_intercept_errors on;",
                "error_page 401 = @flower_refused;",
                "error_page 502 504 = @flower_away;",
            ],
        ),
        *_block("location @flower_refused", refused),
        # For a scraper, which asks Flower itself.
        *_block(f"location = {_word(path)}/metrics", ["return 403;"]),
    ]


def _elsewhere(site: Site) -> Lines:
    path = site.airflow_path.rstrip("/")
    if not path:
        return []
    return [
        *_block("location = /", [f"return 307 {_word(path)}/;"]),
        *_block("location /", ["return 404;"]),
    ]


# --- the local door --------------------------------------------------------------------------------------------------


def _local(site: Site) -> Lines:
    path = site.airflow_path.rstrip("/")
    return _block(
        "server",
        [
            f"listen {site.local};",
            "server_name _;",
            "proxy_set_header Host $http_host;",
            "proxy_set_header Connection '';",
            *(f"proxy_set_header {name} '';" for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP")),
            "",
            *_block(f"location = {HEALTH}", ["return 204;"]),
            *_block(f"location ^~ {_word(path)}/execution/", _execution(site)),
            *_block("location /", ["return 404;"]),
        ],
    )


def _execution(site: Site) -> Lines:
    return [
        "proxy_pass http://airflow;",
        "proxy_connect_timeout 1s;",
        f"proxy_read_timeout {round(site.execution_answer_seconds * 1000)}ms;",
        "proxy_next_upstream error timeout http_502 http_503 non_idempotent;",
        f"proxy_next_upstream_tries {_tries(site)};",
        "client_max_body_size 0;",
        "client_body_buffer_size 1m;",
    ]


def _tries(site: Site) -> int:
    """Count the tries: every api-server, and each once more whatever its state."""
    return 2 * len(site.api_servers)


# --- words of the language -------------------------------------------------------------------------------------------


def _block(head: str, body: Lines) -> Lines:
    return [f"{head} {{", *(f"    {line}" if line else "" for line in body), "}"]


def _word(text: str) -> str:
    """Check a value that needs no quotes. Raises FleetError for characters that would end it."""
    if re.search(r"[\s;{}\"'\\$#]", text):
        raise FleetError(f"{text!r} cannot stand in nginx.conf")
    return text


def _quoted(text: str, *, variables: bool = False) -> str:
    """Quote a value with spaces, ``;`` or quotes in it. Raises FleetError when that is impossible."""
    if re.search(r"[\n\r\0\"\\]", text) or ("$" in text and not variables):
        raise FleetError(f"{text!r} cannot stand in nginx.conf")
    return f'"{text}"'


def _file(path: str) -> str:
    """Quote the name of a file. Raises FleetError when nginx has no way to write it."""
    if re.search(r"[\n\r\0$]", path):  # it would take what follows the $ for a variable, and knows no escape
        hint = "give the file, or the folder above it, a name without '$', or name a link to it in proxy.tls"
        raise FleetError(f"{path!r} cannot stand in nginx.conf", hint=hint)
    escaped = re.sub(r'(["\\])', r"\\\1", path)
    return f'"{escaped}"'


def _pattern(path: str) -> str:
    """Escape a path for a regular expression."""
    return re.escape(path.rstrip("/"))
