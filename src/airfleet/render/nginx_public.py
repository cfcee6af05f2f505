"""The public door of nginx: the servers that people reach, and the rules before Airflow and Flower."""

from __future__ import annotations

from typing import Final

from airfleet.fleet.servers.nginx_site import DOCUMENTS_POLICY, FLOWER_POLICY, Public, Site
from airfleet.releases.exchange.protocol import PATH as RELEASE_OBJECTS
from airfleet.render import nginx_flower
from airfleet.render.nginx_upstreams import execution, several, tries
from airfleet.render.nginx_words import Lines, block, file, pattern, quoted, word

#: what clients may say of themselves to a proxy before this one: nothing
NOT_FORWARDED: Final = (
    "Forwarded", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-User",
    "X-Forwarded-Email", "X-Remote-User", "Remote-User", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "Proxy",
)  # fmt: skip
#: headers of answers that this file alone decides on
OURS: Final = (
    "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy",
    "Strict-Transport-Security",
)  # fmt: skip


def servers(site: Site, public: Public, access_log: str) -> list[Lines]:
    """Write the servers at the public door: for other names, for the fleet's own, and for plain HTTP beside TLS."""
    return [
        block("server", _of_strangers(site, public)),
        block("server", _of_the_fleet(site, public, access_log)),
        *_to_tls(public),
    ]


def _of_strangers(site: Site, public: Public) -> Lines:
    """Refuse requests for other names."""
    return [*_listen(site, public, "default_server"), "server_name _;", *_tls(public), "return 421;"]


def _of_the_fleet(site: Site, public: Public, access_log: str) -> Lines:
    """Serve Airflow and Flower under the fleet's name."""
    return [
        *_listen(site, public, ""),
        f"server_name {_host(public)};",
        *_tls(public),
        f"access_log {word(access_log)} plain;",
        f"client_max_body_size {public.body_bytes};",
        *_answers(public),
        *_fresh_headers(),
        *_next_upstream(site),
        *_error_pages(site, public),
        "",
        # nginx reads /a/execution/../b as /a/b and passes it on as it came, past the rules of a location.
        *block(r"if ($request_uri ~* ^[^?]*(/|%2f)(\.|%2e)(\.|%2e)?(/|%2f|\?|$))", ["return 400;"]),
        "",
        *_airflow(site, public),
        *(nginx_flower.locations(site, public) if site.flower else []),
        *_elsewhere(site),
        "",
        *(_soon(site) if several(site) else []),
        *_away("@away", "Airflow"),
        *(_away("@flower_away", "Flower") if site.flower else []),
    ]


def _next_upstream(site: Site) -> Lines:
    return [
        # Of several, one on a host without power costs people no more; of one, a lost packet is sent again within two.
        *(["proxy_connect_timeout 1s;"] if several(site) else []),
        "proxy_next_upstream error timeout http_502 http_503;",
        f"proxy_next_upstream_tries {tries(site)};",
        "proxy_read_timeout 60s;",
    ]


def _error_pages(site: Site, public: Public) -> Lines:
    return [
        "error_page 502 504 = @away;",
        *(["error_page 418 = @soon;", "recursive_error_pages on;"] if several(site) else []),
        # Plain HTTP at this very door.
        *([f"error_page 497 =308 {_with_tls(public)}$request_uri;"] if public.certificate else []),
    ]


def maps(site: Site, public: Public) -> Lines:
    """Write the variables and the limits that the public servers share."""
    below = pattern(site.airflow_path)
    flower = [f"~^{pattern(site.flower_path)}(/|$) {quoted(FLOWER_POLICY)};"] if site.flower else []
    return [
        # Another protocol would be spoken past the rules below.
        *block("map $http_upgrade $upgrade", ["default '';", "~*^websocket$ websocket;"]),
        *block("map $upgrade $connection_upgrade", ["default upgrade;", "'' '';"]),
        *(_repeatable() if several(site) else []),
        # Of IPv6 one machine has a whole /64.
        *block(
            "map $binary_remote_addr $network",
            ["default $binary_remote_addr;", r'"~(?s)^(?<network_of_ipv6>.{8}).{8}\z" $network_of_ipv6;'],
        ),
        # Only what may be a password is counted.
        *block("map $request_method $login_from", ["default '';", "POST $network;"]),
        f"limit_req_zone $login_from zone=logins:1m rate={public.logins_per_minute}r/m;",
        *(nginx_flower.limits(public) if site.flower else []),
        *block(
            "map $uri $content_policy",
            [
                f"default {quoted(public.airflow_policy)};",
                f"~^{below}/(docs|redoc)(/|$) {quoted(DOCUMENTS_POLICY)};",
                *flower,
            ],
        ),
    ]


def _repeatable() -> Lines:
    """Map requests that may be repeated, and are answered in one piece."""
    read = '"~^(GET|HEAD)  (?!.*(event-stream|ndjson))" 1;'
    return block('map "$request_method $http_upgrade $http_accept" $repeatable', ["default '';", read])


def _soon(site: Site) -> Lines:
    """Wait shortly for the first api-server, and for another one as long as slow pages take."""
    seconds = f"{round(site.page_answer_seconds * 1000)}ms"
    return [
        *block(
            "location @soon",
            [
                "proxy_pass http://airflow;",
                f"proxy_read_timeout {seconds};",
                f"proxy_next_upstream_timeout {seconds};",  # one is waited for, not each in turn
                "error_page 502 = @away;",
                "error_page 504 = @another;",  # the silent one has failed, so it is not asked
            ],
        ),
        *block("location @another", ["proxy_pass http://airflow;"]),
    ]


def _away(name: str, what: str) -> Lines:
    said = f"{what} does not answer; it may be starting. Try again in some seconds."
    return block(f"location {name}", ["default_type text/plain;", f'return 503 "{said}\\n";'])


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
    return [block("server", strangers), block("server", ours)]


def _with_tls(public: Public) -> str:
    port = "" if public.door.port == 443 else f":{public.door.port}"
    return f"https://{_host(public)}{port}"


def _host(public: Public) -> str:
    """Give the name as it stands in URLs, and in the ``Host`` of browsers."""
    return f"[{word(public.name)}]" if ":" in public.name else word(public.name)


def _listen(site: Site, public: Public, more: str) -> Lines:
    newer = site.version >= (1, 25, 1)
    tls = [] if not public.certificate else ["ssl"] if newer else ["ssl", "http2"]
    parameters = [str(public.door), *filter(None, [more]), *tls]
    return [f"listen {' '.join(parameters)};", *(["http2 on;"] if public.certificate and newer else [])]


def _tls(public: Public) -> Lines:
    if public.certificate is None:
        return []
    return [
        f"ssl_certificate {file(public.certificate.chain)};",
        f"ssl_certificate_key {file(public.certificate.key)};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
        "ssl_session_cache shared:tls:1m;",
        "ssl_session_timeout 1d;",
        "ssl_session_tickets off;",
    ]


def _answers(public: Public) -> Lines:
    """Set the headers that browsers heed on every answer, in place of those of an upstream."""
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
        *(f"add_header {name} {quoted(value, variables=True)} always;" for name, value in added.items()),
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
    live = rf"^{pattern(path)}/api/v2/dags/[^/]+/dagRuns/[^/]+/(wait$|taskInstances/.+/logs/)"
    soon = ["if ($repeatable) { return 418; }"] if several(site) else []  # a number that nginx has no other use for
    return [
        *(block(f"location = {word(path)}", [f"return 308 {word(path)}/$is_args$args;"]) if path else []),
        *block(f"location {word(path)}/", [*soon, "proxy_pass http://airflow;"]),
        # Not @soon: the code that a login elsewhere ends with is taken once, however long that takes.
        *block(
            f"location ^~ {word(path)}/auth/",
            [
                f"limit_req zone=logins burst={public.login_burst} nodelay;",
                "limit_req_status 429;",
                "proxy_pass http://airflow;",
            ],
        ),
        # Logs of a task that runs, and the end of a run, come line by line; a log may be larger than memory.
        *block(
            f'location ~ "{live}"',
            ["proxy_pass http://airflow;", "proxy_buffering off;", "proxy_read_timeout 1h;", "send_timeout 5m;"],
        ),
        *block(f"location ^~ {word(path)}/execution", _closed(site, public)),
        # Hosts take objects of releases from api-servers directly.
        *block(f"location ^~ {word(path)}{RELEASE_OBJECTS}", ["return 403;"]),
    ]


def _closed(site: Site, public: Public) -> Lines:
    if not public.cluster:
        return ["return 403;"]
    return [
        *(f"allow {word(network)};" for network in public.cluster),
        "deny all;",
        *execution(site),
    ]


def _elsewhere(site: Site) -> Lines:
    path = site.airflow_path.rstrip("/")
    if not path:
        return []
    return [
        *block("location = /", [f"return 307 {word(path)}/;"]),
        *block("location /", ["return 404;"]),
    ]
