"""What we rely on in Flower: its options, and that no page and no command of it forgets to ask for the password."""

from __future__ import annotations

import inspect

from flower import command, urls
from flower.api import BaseApiHandler
from flower.app import Flower
from flower.options import options
from tornado.web import RequestHandler, StaticFileHandler, URLSpec

from airfleet.zygote import server_components
from support.upstream import parameters

#: what answers without a password: files of its pages, its own login, that it lives, and numbers for Prometheus, for
#: which we ask it ourselves
OPEN = {"StaticFileHandler", "LoginHandler", "LogoutHandler", "NotFoundErrorHandler", "Healthcheck", "Metrics"}


def handlers() -> set[type[RequestHandler]]:
    return {entry.handler_class if isinstance(entry, URLSpec) else entry[1] for entry in urls.handlers}


def answers(handler: type[RequestHandler]) -> dict[str, object]:
    """The methods of HTTP that a handler answers itself."""
    named = {name: getattr(handler, name) for name in ("get", "post", "put", "patch", "delete", "head")}
    return {name: method for name, method in named.items() if method is not getattr(RequestHandler, name)}


def test_every_page_and_every_command_asks_for_the_password() -> None:
    open_to_all = {
        handler.__name__
        for handler in handlers()
        if not all(hasattr(method, "__wrapped__") for method in answers(handler).values())
    }
    assert open_to_all <= OPEN
    assert len(handlers()) > 20


def test_what_it_keeps_in_memory_is_bounded_by_an_option() -> None:
    assert "max_tasks_in_memory=self.options.max_tasks" in inspect.getsource(Flower)
    assert options.max_tasks > server_components.FLOWER_TASKS


def test_every_command_heeds_that_it_may_only_show() -> None:
    changing = {handler for handler in handlers() if "post" in answers(handler) and issubclass(handler, BaseApiHandler)}
    deaf = {
        handler.__name__
        for handler in changing
        if "read_only" not in inspect.getsource(inspect.unwrap(answers(handler)["post"]))  # type: ignore[arg-type]
    }
    assert deaf == set()
    assert len(changing) >= 10


def test_its_options_are_those_that_we_set() -> None:
    known = options.as_dict()
    assert {"address", "port", "url_prefix", "basic_auth", "cookie_secret", "read_only"} <= set(known)
    assert known["read_only"] is False  # so it must be told
    assert not known["basic_auth"]


def test_its_parts_are_called_as_we_call_them() -> None:
    assert parameters(command.extract_settings) == parameters(command.setup_logging) == []
    assert {"options", "capp"} <= set(parameters(Flower.__init__))
    assert {"cookie_secret", "login_url", "static_url_prefix"} <= set(urls.settings)
    assert StaticFileHandler in handlers()
