"""``fleet.yaml`` as a :class:`~airfleet.fleet.spec.Fleet`, or every problem in it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airfleet import source
from airfleet.errors import FileProblems, Place, Problem, did_you_mean
from airfleet.fleet.spec import EMBEDDED, NONE, ApiServer, Fleet, Instances, Worker, local_host

FILE_NAME = "fleet.yaml"

#: every key of fleet.yaml and what it is for; reference page and schema come from here
KEYS: Mapping[str, str] = {
    "name": "the fleet's name; the folder's name when left out",
    "pipelines": "the folder of pipelines, beside fleet.yaml (`pipelines`)",
    "database": "`embedded`, or the URL of a PostgreSQL server",
    "broker": "`embedded`, or the URL of a Redis or Valkey server",
    "api_server": "the UI and the APIs: `{address, port}`",
    "workers": "list of `{name, queues, slots}`",
    "triggerer": "whether a triggerer runs (`true`); deferrable operators need one",
    "user": "the name of the user of the UI (`admin`); the password is generated",
    "vars": "values for `${{ vars.name }}` in pipelines",
    "env": "environment of every component and task",
    "airflow": "any other Airflow setting: `{section: {key: value}}`",
}
API_SERVER_KEYS: Mapping[str, str] = {
    "address": "the address it listens on (`127.0.0.1`)",
    "port": "the port it must have; left out: 8080 or the next free one",
}
WORKER_KEYS: Mapping[str, str] = {
    "name": "its name in status and logs (`worker`)",
    "queues": "the queues it takes tasks from (`[default]`)",
    "slots": "tasks at the same time (one per core)",
}

#: names in status and logs that a worker cannot have
COMPONENTS = frozenset(
    {"agent", "postgres", "valkey", "template", "migrate", "scheduler", "dag-processor", "triggerer", "api-server"}
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DATABASE = re.compile(r"postgres(ql)?(\+psycopg)?://")
_BROKER = re.compile(r"(redis|rediss)://")
_ENVIRONMENT = re.compile(r"\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def read_file(path: Path, environ: Mapping[str, str]) -> Fleet:
    """The fleet that ``path`` describes. Raises FileProblems with everything wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "'airfleet init' makes one"
        raise FileProblems([Problem(Place(str(path)), "", "there is no such file", hint)]) from None
    except (OSError, UnicodeDecodeError) as unreadable:
        raise FileProblems([Problem(Place(str(path)), "", f"cannot be read: {unreadable}")]) from None
    fleet, problems = read(text, str(path), environ, root=path.absolute().parent)
    if problems or fleet is None:
        raise FileProblems(problems)
    return fleet


def read(text: str, file: str, environ: Mapping[str, str], root: Path) -> tuple[Fleet | None, tuple[Problem, ...]]:
    """The fleet in ``text`` and the problems in it; with problems there is no fleet."""
    documents, broken = source.load(text, file)
    reading = _Reading(file, environ, list(broken))
    if broken:
        return None, tuple(broken)
    if len(documents) > 1:
        reading.problem(documents[1].place, "", "a fleet is one document; this starts a second one")
    top = documents[0] if documents else source.Mapping((), Place(file))
    fleet = reading.fleet(top, root)
    return (None if reading.problems else fleet), tuple(reading.problems)


@dataclass
class _Reading:
    file: str
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def fleet(self, top: source.Node, root: Path) -> Fleet:
        keys = self.mapping(top, "", KEYS)
        made = Fleet(
            name=self.text(
                keys,
                "name",
                "",
                root.name or "airfleet",
                _NAME,
                "letters, digits, '.', '_' and '-'",
            ),
            root=str(root),
            pipelines=self.text(keys, "pipelines", "", "pipelines"),
            database=self.url(keys, "database", _DATABASE, "'embedded' or a postgresql:// URL"),
            broker=self.url(keys, "broker", _BROKER, "'embedded' or a redis:// URL"),
            hosts=(
                local_host(
                    api_server=self.api_server(keys.get("api_server")),
                    workers=self.workers(keys.get("workers")),
                    triggerer=Instances() if self.boolean(keys, "triggerer", "", True) else NONE,
                ),
            ),
            user=self.text(keys, "user", "", "admin", _NAME, "letters, digits, '.', '_' and '-'"),
            vars=self.strings(keys.get("vars"), "vars"),
            environment=self.environment(keys.get("env")),
            airflow=self.airflow(keys.get("airflow")),
        )
        if "pipelines" in keys and not (root / made.pipelines).is_dir():
            self.problem(
                keys["pipelines"].place,
                "pipelines",
                f"there is no folder '{made.pipelines}' beside fleet.yaml",
            )
        return made

    def api_server(self, node: source.Node | None) -> ApiServer:
        if node is None:
            return ApiServer()
        keys = self.mapping(node, "api_server", API_SERVER_KEYS)
        port = self.integer(keys, "port", "api_server", None, 1, 65535)
        return ApiServer(self.text(keys, "address", "api_server", "") or None, port)

    def workers(self, node: source.Node | None) -> tuple[Worker, ...]:
        if node is None:
            return (Worker(),)
        made = tuple(self.worker(item, f"workers[{i}]") for i, item in self.items(node, "workers"))
        seen: set[str] = set()
        for index, worker in enumerate(made):
            if worker.name in COMPONENTS:
                self.problem(
                    node.place,
                    f"workers[{index}].name",
                    f"'{worker.name}' is the name of another component",
                )
            if worker.name in seen:
                self.problem(
                    node.place,
                    f"workers[{index}].name",
                    f"there are two workers named '{worker.name}'",
                )
            seen.add(worker.name)
        return made or (Worker(),)

    def worker(self, node: source.Node, path: str) -> Worker:
        keys = self.mapping(node, path, WORKER_KEYS)
        queues = tuple(
            str(item.value) if isinstance(item, source.Scalar) else self._not_text(item, f"{path}.queues[{i}]")
            for i, item in self.items(keys.get("queues"), f"{path}.queues")
        )
        slots = self.integer(keys, "slots", path, None, 1, 1000)
        name = self.text(keys, "name", path, "worker", _NAME, "letters, digits, '.', '_' and '-'")
        return Worker(name=name, queues=queues or ("default",), slots=slots)

    def airflow(self, node: source.Node | None) -> dict[str, dict[str, str]]:
        if node is None:
            return {}
        sections = self._entries(node, "airflow")
        return {key.text: self.strings(value, f"airflow.{key.text}") for key, value in sections}

    def environment(self, node: source.Node | None) -> dict[str, str]:
        made = self.strings(node, "env")
        for key, _ in self._entries(node, "env") if isinstance(node, source.Mapping) else ():
            if key.text.startswith("AIRFLOW__"):
                hint = "Airflow's settings have a place of their own: 'airflow: {section: {key: value}}'"
                self.problem(key.place, f"env.{key.text}", f"'{key.text}' is a setting of Airflow", hint)
            elif key.text.startswith("AIRFLEET_") or key.text in ("AIRFLOW_HOME", "AIRFLOW_CONFIG"):
                self.problem(key.place, f"env.{key.text}", f"'{key.text}' is set by airfleet itself")
        return made

    def strings(self, node: source.Node | None, path: str) -> dict[str, str]:
        if node is None:
            return {}
        made = {}
        for key, value in self._entries(node, path):
            if isinstance(value, source.Scalar):
                made[key.text] = self.resolved(value, f"{path}.{key.text}")
            else:
                self.problem(
                    value.place,
                    f"{path}.{key.text}",
                    "must be one value, not a list or a mapping",
                )
        return made

    def url(
        self,
        keys: Mapping[str, source.Node],
        key: str,
        form: re.Pattern[str],
        wanted: str,
    ) -> str:
        url = self.text(keys, key, "", EMBEDDED)
        if url != EMBEDDED and not form.match(url):
            # The value itself may hold a password: never repeat it.
            self.problem(keys[key].place, key, f"must be {wanted}")
        return url

    def text(
        self,
        keys: Mapping[str, source.Node],
        key: str,
        within: str,
        default: str,
        form: re.Pattern[str] | None = None,
        letters: str = "",
    ) -> str:
        node = keys.get(key)
        if node is None:
            return default
        path = f"{within}.{key}" if within else key
        if not isinstance(node, source.Scalar) or node.value is None:
            return self._not_text(node, path)
        known = len(self.problems)
        value = self.resolved(node, path)
        if len(self.problems) > known:
            return default  # said already; what is left of the value would only be called wrong again
        if form and not form.fullmatch(value):
            self.problem(
                node.place,
                path,
                f"'{value}' may only have {letters}, and starts with a letter or digit",
            )
        return value

    def integer(
        self,
        keys: Mapping[str, source.Node],
        key: str,
        within: str,
        default: int | None,
        low: int,
        high: int,
    ) -> int | None:
        node = keys.get(key)
        if node is None:
            return default
        value = node.value if isinstance(node, source.Scalar) else None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.problem(
                node.place,
                f"{within}.{key}",
                f"must be a whole number from {low} to {high}",
            )
            return default
        return value

    def boolean(self, keys: Mapping[str, source.Node], key: str, within: str, default: bool) -> bool:
        node = keys.get(key)
        if node is None:
            return default
        if isinstance(node, source.Scalar) and isinstance(node.value, bool):
            return node.value
        self.problem(node.place, key, "must be true or false")
        return default

    def resolved(self, node: source.Scalar, path: str) -> str:
        def variable(match: re.Match[str]) -> str:
            if match[1] not in self.environ:
                self.problem(node.place, path, f"the environment has no variable {match[1]}")
            return self.environ.get(match[1], "")

        return _ENVIRONMENT.sub(variable, node.text)

    def mapping(self, node: source.Node, path: str, known: Mapping[str, str]) -> dict[str, source.Node]:
        found: dict[str, source.Node] = {}
        for key, value in self._entries(node, path):
            if key.text in known:
                found[key.text] = value
            else:
                place = f"{path}.{key.text}" if path else key.text
                hint = did_you_mean(key.text, known) or f"known keys: {', '.join(known)}"
                self.problem(key.place, place, f"unknown key '{key.text}'", hint)
        return found

    def items(self, node: source.Node | None, path: str) -> Iterator[tuple[int, source.Node]]:
        if isinstance(node, source.Sequence):
            yield from enumerate(node.items)
        elif node is not None:
            self.problem(node.place, path, "must be a list")

    def _entries(self, node: source.Node, path: str) -> tuple[tuple[source.Scalar, source.Node], ...]:
        if isinstance(node, source.Mapping):
            return node.entries
        if not (isinstance(node, source.Scalar) and node.value is None):
            self.problem(node.place, path, "must be a mapping of keys to values")
        return ()

    def _not_text(self, node: source.Node, path: str) -> str:
        self.problem(node.place, path, "must be text")
        return ""

    def problem(self, place: Place, path: str, sentence: str, hint: str | None = None) -> None:
        self.problems.append(Problem(place, path, sentence, hint))
