"""The site of nginx on one host, as values: upstreams, doors, and their clients.

Two doors. The *public* one is for people and programs: the UI, the REST API and Flower below their paths, the
execution API only for the networks that are named. The *local* one listens on loopback for the workers of
the host: the execution API alone, over every api-server of the fleet, so that a task outlives the
api-server that it has spoken to.
"""

from __future__ import annotations

from dataclasses import dataclass

#: answered with 204 on the local door while nginx serves
HEALTH = "/airfleet/health"

#: what the pages of Airflow's UI may load: their own files; their editor starts workers from blobs and
#: compiles WebAssembly, their components write styles into the page, and notes of Dags may show pictures
AIRFLOW_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob: https:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
#: the pages about the REST API come with a script in the page and load Swagger and ReDoc from the network
DOCUMENTS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net https://fonts.googleapis.com; "
    "font-src https://fonts.gstatic.com; img-src 'self' data: https:; worker-src blob:; object-src 'none'; "
    "base-uri 'self'; frame-ancestors 'self'"
)
#: Flower's list of workers has its script in the page
FLOWER_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Door:
    """Where nginx listens."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Certificate:
    """PEM files for TLS; nginx reads both at its start."""

    chain: str
    key: str
    #: whether browsers are told to use nothing but TLS from now on
    strict: bool = True


@dataclass(frozen=True)
class Public:
    """The door for people."""

    door: Door
    #: the host name that people type; requests for another one are turned away
    name: str
    certificate: Certificate | None = None
    #: where plain HTTP is led to the door that speaks TLS
    plain: Door | None = None
    #: networks, or addresses, that may reach the execution API here
    cluster: tuple[str, ...] = ()
    airflow_policy: str = AIRFLOW_POLICY
    #: largest body of a request
    body_bytes: int = 32 * 1024 * 1024
    #: attempts to log in that one address may make at once, and how fast more are allowed
    login_burst: int = 20
    logins_per_minute: int = 30


@dataclass(frozen=True)
class Site:
    """One nginx. Paths are ``/`` or like ``/myorg/airflow``, without a slash at the end."""

    #: ``host:port`` of every api-server, those of this host first
    api_servers: tuple[str, ...]
    airflow_path: str = "/"
    #: ``host:port`` of Flower
    flower: str | None = None
    flower_path: str = "/flower"
    public: Public | None = None
    local: Door | None = None
    #: seconds without an answer of the execution API after which another server is asked; less than its clients
    #: wait (``worker/api_client.py``), which ask the servers themselves then, and give them longer
    execution_answer_seconds: float = 1.5
    #: seconds without an answer to someone who only reads after which another api-server is asked the same; most pages
    #: are there by then, and who waits for one of a host without power has not gone away
    page_answer_seconds: float = 10.0
    #: user of the processes that serve, when nginx is started by root
    user: str | None = None
    #: which nginx reads it: newer ones know better words
    version: tuple[int, int, int] = (1, 18, 0)
