"""Flower behind nginx: its locations, and the limits of guesses at its password."""

from __future__ import annotations

from airfleet.fleet.servers.nginx_site import Public, Site
from airfleet.render.nginx_words import Lines, block, word


def limits(public: Public) -> Lines:
    """Limit requests of :func:`locations`: a password may come with each of them."""
    return [
        *block("map $http_authorization $password_from", ["default $network;", "'' '';"]),
        "limit_conn_zone $password_from zone=flower_clients:1m;",
        f"limit_req_zone $password_from zone=flower_logins:1m rate={public.logins_per_minute}r/m;",
    ]


def locations(site: Site, public: Public) -> Lines:
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
        *block(f"location = {word(path)}", [f"return 308 {word(path)}/;"]),
        *block(
            f"location ^~ {word(path)}/",
            [
                f"limit_conn flower_clients {public.login_burst};",
                "limit_conn_status 429;",
                "proxy_pass http://flower;",
                "proxy_intercept_errors on;",
                "error_page 401 = @flower_refused;",
                "error_page 502 504 = @flower_away;",
            ],
        ),
        *block("location @flower_refused", refused),
        # For a scraper, which asks Flower itself.
        *block(f"location = {word(path)}/metrics", ["return 403;"]),
    ]
