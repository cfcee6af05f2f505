"""The shop's HTTP API, for trying out: ``python -m etl_classics.shop --port 8090``.

Everything it says is made from the day that is asked about, so the same question always has the same answer::

    GET /orders?day=2026-01-05&page=1   {"day", "page", "pages", "orders": [{id, customer, placed_at, amount, status}]}
    GET /stock?day=2026-01-05           {"day", "stock": [{product, pieces, price}]}
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 40
CUSTOMERS = 60
PRODUCTS = 50
#: of the products without a price, by the day of the month: most days none, some a few, some many
DOUBTFUL_DAYS, BAD_DAYS = (7, 14, 21, 28), (13, 26)

Row = dict[str, Any]


def orders(day: str) -> list[Row]:
    """The orders of a day: fewer at weekends, more in December."""
    chance, date = random.Random(f"orders {day}"), dt.date.fromisoformat(day)
    usual = 110 * (0.6 if date.weekday() >= 5 else 1.0) * (1.8 if date.month == 12 else 1.0)
    return [
        {
            "id": f"{day}-{number:04}",
            "customer": chance.randint(1, CUSTOMERS),
            "placed_at": f"{day}T{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00Z",
            "amount": f"{chance.lognormvariate(3.4, 0.7):.2f}",
            "status": chance.choices(("paid", "open", "returned"), (90, 6, 4))[0],
        }
        for number in range(max(1, round(chance.gauss(usual, usual / 8))))
    ]


def stock(day: str) -> list[Row]:
    """What is in the store at the end of a day; a product that nobody priced has no price."""
    chance, number = random.Random(f"stock {day}"), dt.date.fromisoformat(day).day
    without = 0.5 if number in BAD_DAYS else 0.12 if number in DOUBTFUL_DAYS else 0.0
    unpriced = set(chance.sample(range(1, PRODUCTS + 1), round(PRODUCTS * without)))
    return [
        {
            "product": product,
            "pieces": chance.randint(0, 400),
            "price": None if product in unpriced else f"{chance.uniform(1, 90):.2f}",
        }
        for product in range(1, PRODUCTS + 1)
    ]


@dataclass
class Shop:
    """The API at work. What is in ``without`` is left out of every order, as after a release that went wrong."""

    port: int
    without: set[str] = field(default_factory=set)
    #: how many requests are answered with 503 before the next good one
    busy: int = 0
    asked: int = 0

    def answer(self, path: str, query: dict[str, str]) -> tuple[HTTPStatus, Row]:
        """Status and content of the answer to a request."""
        self.asked += 1
        if self.busy:
            self.busy -= 1
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "busy"}
        try:
            day = dt.date.fromisoformat(query.get("day", "")).isoformat()
            page = int(query.get("page", 1))
        except ValueError:
            return HTTPStatus.BAD_REQUEST, {"error": "day is a date, page a number"}
        if path == "/orders":
            return HTTPStatus.OK, self._page(day, page)
        if path == "/stock":
            return HTTPStatus.OK, {"day": day, "stock": stock(day)}
        return HTTPStatus.NOT_FOUND, {"error": "there are /orders and /stock"}

    def _page(self, day: str, page: int) -> Row:
        found = orders(day)
        shown = found[(page - 1) * PAGE : page * PAGE]
        given = [{key: value for key, value in one.items() if key not in self.without} for one in shown]
        return {"day": day, "page": page, "pages": -(-len(found) // PAGE), "orders": given}


@contextmanager
def served(port: int = 0) -> Iterator[Shop]:
    """The API on this machine, until the block ends."""
    shop = Shop(port)

    class Handler(BaseHTTPRequestHandler):
        """Answers GET with JSON."""

        def do_GET(self) -> None:
            """One question."""
            parts = urlsplit(self.path)
            status, content = shop.answer(parts.path, {key: found[0] for key, found in parse_qs(parts.query).items()})
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    shop.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(arguments: list[str] | None = None) -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="etl_classics.shop", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=8090)
    options = parser.parse_args(arguments)
    with served(options.port) as shop:
        print(f"the shop answers at http://127.0.0.1:{shop.port}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
