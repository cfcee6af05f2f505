"""The servers around Airflow in ``fleet.yaml``: database, broker, proxy, Flower, the store of releases."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Collection
from pathlib import Path

from airfleet.errors import did_you_mean
from airfleet.fleet.config.hosts_reader import address
from airfleet.fleet.config.keys import DEPLOY, FLOWER, PROXY, PYTHONS, RELEASES, TLS
from airfleet.fleet.config.section_reader import NAME, NAME_RULE, Section
from airfleet.fleet.config.spec import LOCAL, Deploy, Flower, Proxy, Releases, Tls
from airfleet.fleet.servers import brokers, databases, own_servers
from airfleet.fleet.servers.own_servers import EMBEDDED, ServerChoice, WrongChoice
from airfleet.releases.stores.objects import DATABASE_STORE
from airfleet.yaml import nodes, secret_detection
from airfleet.yaml.secret_detection import MASK, REFERENCE

_DATABASE = re.compile(r"postgres(ql)?(\+psycopg)?://")
_BUCKETS = ("s3", "gs", "abfs")
_BUCKET = re.compile(rf"({'|'.join(_BUCKETS)})://[^/].*")
_BUCKET_PASSWORD = "a bucket's comes from the environment of 'airfleet up', and of whoever pushes"
#: no space and no '$', which a Python environment, a unit and Airflow would read each in its own way
_FOLDER_THERE = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_PATH = re.compile(r"/|(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+")
ENCODE = (
    "what a reference stands for is taken as it is: percent-encode '/', '?', '#', '@', ':', '%', '&', ';', ',' "
    "and spaces in it, '/' as %2F"
)

#: what stands below the path of Airflow: APIs, files, and the pages of its UI
_OF_AIRFLOW = (
    "api", "auth", "docs", "execution", "health", "openapi.json", "pluginsv2", "redoc", "static", "ui",
    "assets", "configs", "connections", "dag_runs", "dags", "deadlines", "events", "jobs", "plugin", "plugins", "pools",
    "providers", "required_actions", "security", "task_instances", "variables", "xcoms",
)  # fmt: skip
#: and below that of Flower
_OF_FLOWER = (
    "api", "broker", "healthcheck", "login", "logout", "metrics", "static", "task", "tasks", "worker", "workers",
)  # fmt: skip


def database(top: Section) -> str:
    """Read ``embedded``, ``system``, or a URL of PostgreSQL; no problem repeats a part of one: it may be a password."""
    url = top.text("database", EMBEDDED)
    if own_servers.is_own(url):
        return _own(top, "database", url, own_servers.database)
    wrong = _wrong_with(url, _words_of(top, "database"))
    if wrong is None:
        return url
    if _is_hidden(top, url, _is_database):
        return MASK
    sentence, hint = wrong
    top.wrong("database", sentence, hint or _to_encode(top, "database", _is_database))
    return EMBEDDED


def _own(top: Section, key: str, text: str, read: Callable[[str], ServerChoice]) -> str:
    try:
        return str(read(text))
    except WrongChoice as wrong:
        if not top.reading.is_hidden(text):
            top.wrong(key, str(wrong), wrong.hint)
        return EMBEDDED


def _wrong_with(url: str, nameable: Collection[str] = ()) -> tuple[str, str | None] | None:
    """Describe the fault, with a hint; ``nameable`` are the options that may be named in them."""
    if not _DATABASE.match(url):
        return "must be 'embedded', 'system' or a postgresql:// URL", None
    try:
        urllib.parse.urlsplit(url)
    except ValueError:
        return "is not a URL that can be read", None
    if wrong := databases.wrong_with(url):
        return wrong, None
    if unknown := databases.unknown_options(url):
        named = [name for name in unknown if name in nameable]
        sentence = f"has options that PostgreSQL does not know{': ' if named else ''}{', '.join(named)}"
        return sentence, did_you_mean(named[0], databases.OPTIONS) if named else None
    if other := databases.unknown_value(url):
        name, choices = other
        return f"has a value of {name} that PostgreSQL does not know", f"it is one of: {', '.join(sorted(choices))}"
    return None


def _is_database(url: str) -> bool:
    return _wrong_with(url) is None


def _is_hidden(top: Section, url: str, fine: Callable[[str], bool]) -> bool:
    """Tell whether a URL is wrong only for values unknown to this reading, which cannot judge it then."""
    return top.reading.is_hidden(url) and (url.startswith(MASK) or fine(url.replace(MASK, "1")))


def broker(top: Section) -> str:
    """Read ``embedded``, ``system``, or a URL that :mod:`airfleet.fleet.servers.brokers` understands."""
    url = top.text("broker", EMBEDDED)
    if own_servers.is_own(url):
        return _own(top, "broker", url, own_servers.broker)
    try:
        brokers.parse(url, _words_of(top, "broker"))
    except brokers.WrongBroker as wrong:
        if _is_hidden(top, url, _is_broker):
            return MASK
        top.wrong("broker", str(wrong), wrong.hint or _to_encode(top, "broker", _is_broker))
        return EMBEDDED
    return url


def _is_broker(url: str) -> bool:
    try:
        brokers.parse(url)
    except brokers.WrongBroker:
        return False
    return True


def _words_of(top: Section, key: str) -> frozenset[str]:
    """List the words of the file itself there, without values of references."""
    node = top.get(key)
    return frozenset(re.split(r"[?&=;]", REFERENCE.sub("?", node.text)) if isinstance(node, nodes.Scalar) else ())


def _to_encode(top: Section, key: str, fine: Callable[[str], bool]) -> str | None:
    """Make the hint for a URL that would be right without the values of its references."""
    node = top.get(key)
    text = node.text if isinstance(node, nodes.Scalar) else ""
    return ENCODE if REFERENCE.search(text) and fine(REFERENCE.sub("1", text)) else None


def proxy(top: Section, root: Path) -> Proxy | None:
    """nginx, when the fleet has it."""
    node = top.get("proxy")
    if node is None:
        return None
    keys = top.reading.section(node, "proxy", PROXY)
    made = Proxy(
        on=_on(keys, several=True),
        name=address(keys, "name", "localhost"),
        address=address(keys, "address", "0.0.0.0"),
        port=keys.integer("port"),
        airflow_path=_path(keys, "airflow", "/"),
        flower_path=_path(keys, "flower", "/flower"),
        tls=_tls(keys, root),
        redirect=keys.integer("redirect"),
    )
    if made.redirect and made.tls is None:
        keys.wrong("redirect", "leads to TLS, and there is no 'tls'")
    elif made.redirect and made.redirect == (made.port or 443):
        keys.wrong("redirect", f"port {made.redirect} is the one that speaks TLS")
    if "flower" in keys or _has_flower(top):
        _paths_apart(keys, made)
    return made


def _has_flower(top: Section) -> bool:
    node = top.get("flower")
    return node is not None and not (isinstance(node, nodes.Scalar) and node.value is False)


def _paths_apart(keys: Section, made: Proxy) -> None:
    airflow, flower = made.airflow_path, made.flower_path
    if keys.reading.is_hidden(airflow + flower):
        return
    if airflow == flower:
        keys.wrong("flower", f"'{flower}' is the path of Airflow")
    elif flower == "/":
        keys.wrong("flower", "'/' is where everything else lies", "write '/flower', or leave it out")
    elif _first_below(airflow, flower) in _OF_AIRFLOW:
        keys.wrong("flower", f"'{flower}' is a path of Airflow's own", f"'{airflow.rstrip('/')}/flower' is free")
    elif _first_below(flower, airflow) in _OF_FLOWER:
        keys.wrong("airflow", f"'{airflow}' is a path of Flower's own")


def _first_below(above: str, path: str) -> str | None:
    """Find the first word of a path below another one; None when it is not below it."""
    start = above.rstrip("/") + "/"
    return path.removeprefix(start).partition("/")[0] if path.startswith(start) else None


def _tls(keys: Section, root: Path) -> Tls | None:
    node = keys.get("tls")
    if node is None:
        return None
    files = keys.reading.section(node, keys.at("tls"), TLS)
    for key in ("certificate", "key"):
        if "$" in files.text(key, ""):
            files.wrong(key, "must not contain '$': nginx takes it for a variable")
    return Tls(*(str(root / files.text(key, "")) for key in ("certificate", "key")))


def _path(keys: Section, key: str, default: str) -> str:
    found = keys.text(key, default)
    if _PATH.fullmatch(found) or keys.reading.is_hidden(found):
        return found
    keys.wrong(key, f"'{found}' is not a path: '/', or like '/myorg/airflow' without a slash at the end")
    return default


def flower(top: Section) -> Flower | None:
    """Flower, when it is on."""
    node = top.get("flower")
    if node is None:
        return None
    if isinstance(node, nodes.Scalar) and isinstance(node.value, bool):
        return _plain_flower(top) if node.value else None
    if not isinstance(node, nodes.Mapping):
        top.wrong("flower", "must be true, false or a mapping")
        return None
    keys = top.reading.section(node, "flower", FLOWER)
    port = keys.integer("port", 5555)
    assert port is not None  # its default is a number
    return Flower(
        on=(_on(keys, several=False) or (LOCAL,))[0],
        address=address(keys, "address", "") or None,
        port=port,
        user=keys.name("user", "flower"),
        read_only=keys.boolean("read_only", True),
        memory_bytes=keys.size("memory"),
        awake=keys.boolean("awake", True) if "awake" in keys else None,
    )


def _plain_flower(top: Section) -> Flower:
    if "hosts" in top:
        top.wrong("flower", "must say on which host", "write 'flower: {on: HOST}'")
    return Flower(on=LOCAL)


def releases(top: Section, root: Path) -> Releases:
    """Read where releases are kept, and how many."""
    node = top.get("releases")
    if node is None:
        return Releases()
    keys, usual = top.reading.section(node, "releases", RELEASES), Releases()
    store = _store(keys, root)
    if store != DATABASE_STORE and "budget" in keys and not keys.reading.is_wrong(keys.at("store")):
        keys.wrong("budget", "bounds the database, and 'store' names another place", "leave it out")
    return Releases(
        store=store,
        keep=keys.integer("keep") or usual.keep,
        budget_bytes=keys.size("budget") or usual.budget_bytes,
    )


def deploy(top: Section) -> Deploy:
    """Read how the fleet comes to its hosts."""
    node = top.get("deploy")
    if node is None:
        return Deploy()
    keys = top.reading.section(node, "deploy", DEPLOY)
    return Deploy(
        user=keys.name("user", ""),
        folder=_folder_there(keys),
        python=_python(keys),
        requirements=keys.text("requirements", ""),
        drain_seconds=keys.duration("drain") or Deploy.drain_seconds,
    )


def _python(keys: Section) -> str:
    found = keys.text("python", "")
    if found and found not in PYTHONS and not keys.reading.is_hidden(found):
        keys.wrong("python", f"'{found}' is no Python that airfleet runs on", f"it is one of: {', '.join(PYTHONS)}")
        return ""
    return found


def _folder_there(keys: Section) -> str:
    """Read the path of a folder on hosts."""
    found = keys.text("folder", "")
    if (found and not _FOLDER_THERE.fullmatch(found)) and not keys.reading.is_hidden(found):
        keys.wrong("folder", f"'{found}' is not a folder: '/srv/shop', or 'shop' below the user's home")
        return ""
    return found


def _store(keys: Section, root: Path) -> str:
    found = keys.text("store", DATABASE_STORE)
    if found == DATABASE_STORE or keys.reading.is_hidden(found) or _BUCKET.fullmatch(found):
        if secret_detection.has_password(found):
            keys.wrong("store", "must not hold a password", _BUCKET_PASSWORD)
        return found
    if "/" in found and "://" not in found:
        return str((root / found).absolute())
    scheme = found.partition("://")[0]
    near = did_you_mean(found, [DATABASE_STORE]) or ("://" in found and did_you_mean(scheme, _BUCKETS)) or None
    hint = near or f"a folder has a '/' in it, as in './{found}'" if "://" not in found else near
    keys.wrong("store", "must be 'database', a folder, or the URL of a bucket (s3://, gs://, abfs://)", hint)
    return DATABASE_STORE


def _on(keys: Section, *, several: bool) -> tuple[str, ...]:
    """Read the hosts; their existence is checked when all are known. One may stand without a list."""
    node = keys.get("on")
    if node is None:
        return (LOCAL,)
    if several and isinstance(node, nodes.Sequence):
        return keys.names("on", (), NAME, NAME_RULE)
    return (keys.text("on", LOCAL),)
