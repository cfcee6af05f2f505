"""Rules that need the whole of ``fleet.yaml``: what must run somewhere, and what hosts must be able to reach."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airfleet.errors import Place, Problem, did_you_mean
from airfleet.fleet.config.spec import LOCAL, SIMPLE_AUTH_MANAGER, Fleet, Host
from airfleet.fleet.servers import brokers, databases, own_servers
from airfleet.problem_codes import Code
from airfleet.yaml.secret_detection import MASK

#: what every fleet needs, and what would be without it
NEEDED: Mapping[str, tuple[str, str]] = {
    "scheduler": ("no scheduler runs", "no task would ever start"),
    "api_server": ("no api-server runs", "there would be no UI, and no task could report"),
    "dag_processor": ("no dag-processor runs", "no pipeline would ever be read"),
    "workers": ("no worker runs", "every task would wait for ever"),
}


@dataclass(frozen=True)
class Conflict:
    """A problem between values of a fleet."""

    problem: Problem
    #: values of the file that the sentence repeats
    repeats: tuple[str, ...] = ()


def check(fleet: Fleet, places: Mapping[str, Place]) -> Iterator[Conflict]:
    """Find all conflicts between the values of a fleet; ``places`` says where each value stands."""
    rules = _Conflicts(fleet, places)
    yield from rules.missing_components()
    yield from rules.open_doors()
    yield from rules.unknown_hosts()
    if fleet.hosts[0].name != LOCAL or len(fleet.hosts) > 1:
        yield from rules.idle_hosts()
    if len(fleet.hosts) > 1:
        yield from rules.embedded_servers()
        yield from rules.unreachable_addresses()
        yield from rules.unreachable_listeners()
        yield from rules.local_servers()
        yield from rules.missing_witness()
        yield from rules.witness_on_a_host()
    yield from rules.shared_ports()


@dataclass(frozen=True)
class _Conflicts:
    """Rules between values; each method finds the conflicts of one rule."""

    fleet: Fleet
    places: Mapping[str, Place]

    def problem(self, path: str, sentence: str, hint: str | None = None, repeats: tuple[str, ...] = ()) -> Conflict:
        nearest = path
        while nearest and nearest not in self.places:
            nearest = nearest[: max(nearest.rfind("."), nearest.rfind("["), 0)]
        place = self.places.get(nearest, self.places[""])
        return Conflict(Problem(place, path, sentence, hint, Code.FLEET), repeats)

    def missing_components(self) -> Iterator[Conflict]:
        for key, (sentence, without) in NEEDED.items():
            if not any(_runs(host, key) for host in self.fleet.hosts):
                path = key if "hosts" not in self.places else "hosts"
                yield self.problem(path, f"{sentence} anywhere: {without}")

    def open_doors(self) -> Iterator[Conflict]:
        core = self.fleet.airflow.get("core", {})
        if not self.fleet.production:
            return
        if core.get("simple_auth_manager_all_admins", "").strip().lower() in ("true", "t", "1"):
            path = "airflow.core.simple_auth_manager_all_admins"
            yield self.problem(path, "everybody who reaches a fleet with 'production: true' would be its administrator")
        elif "auth_manager" not in core:
            sentence = (
                "people would log in by Airflow's SimpleAuthManager, which Airflow says is not for production: "
                "passwords lie in clear in a file, and nothing slows down who tries them"
            )
            hint = (
                "name another one, 'airflow: {core: {auth_manager: CLASS}}'; or, if that will do here, name it: "
                f"auth_manager: {SIMPLE_AUTH_MANAGER}"
            )
            yield self.problem("production", sentence, hint)

    def unknown_hosts(self) -> Iterator[Conflict]:
        known = [host.name for host in self.fleet.hosts]
        named = [("flower.on", self.fleet.flower.on)] if self.fleet.flower else []
        named += [(f"proxy.on[{i}]", name) for i, name in enumerate(self.fleet.proxy.on)] if self.fleet.proxy else []
        for item, name in named:
            path = item if item in self.places else item.partition("[")[0]
            if name == LOCAL != known[0] and path not in self.places:
                yield self.problem(path.partition(".")[0], "must say on which host", f"'on: {known[0]}', for one")
            elif name not in known:
                hint = did_you_mean(name, known) or f"the hosts are: {', '.join(known)}"
                yield self.problem(path, f"there is no host '{name}'", hint, (name,))

    def idle_hosts(self) -> Iterator[Conflict]:
        fronts = set(self.fleet.proxy.on if self.fleet.proxy else ()) | {
            self.fleet.flower.on if self.fleet.flower else ""
        }
        if MASK in fronts:  # it may be any of them
            return
        for number, host in enumerate(self.fleet.hosts):
            if not any(_runs(host, key) for key in (*NEEDED, "triggerer")) and host.name not in fronts:
                yield self.problem(f"hosts[{number}]", f"host '{host.name}' runs nothing", repeats=(host.name,))

    def embedded_servers(self) -> Iterator[Conflict]:
        for key, value, example in (
            ("database", self.fleet.database, "postgresql://airflow@db.example.com/airflow"),
            ("broker", self.fleet.broker, "redis://queue.example.com:6379/0"),
        ):
            if own_servers.is_own(value):
                sentence = (
                    f"the {value.split()[0]} {key} serves one host only, and this fleet has {len(self.fleet.hosts)}"
                )
                yield self.problem(key, sentence, f"name a server that all of them reach: '{key}: {example}'")

    def unreachable_addresses(self) -> Iterator[Conflict]:
        # All on loopback is one machine that plays several, to watch what happens when one dies.
        elsewhere = [host for host in self.fleet.hosts if not is_loopback(host.address)]
        first: dict[str, str] = {}
        for number, host in enumerate(self.fleet.hosts):
            path = f"hosts[{number}].address"
            if elsewhere and is_loopback(host.address):
                sentence = f"'{host.address}' is every machine's own: the others cannot reach '{host.name}' there"
                yield self.problem(path, sentence, repeats=(host.address, host.name))
            elif is_any(host.address):
                sentence = (
                    f"'{host.address}' is all addresses of a machine: the others cannot reach '{host.name}' there"
                )
                yield self.problem(path, sentence, repeats=(host.address, host.name))
            if (other := first.setdefault(host.address, host.name)) != host.name and elsewhere:
                sentence = f"'{host.address}' is the address of '{other}' already"
                yield self.problem(path, sentence, repeats=(host.address, other))

    def unreachable_listeners(self) -> Iterator[Conflict]:
        if self._is_one_machine():
            return
        for number, host in enumerate(self.fleet.hosts):
            if host.api_server.count:
                yield from self._unreachable(f"hosts[{number}].api_server.address", host.api_server.address, host)
        flower, proxy = self.fleet.flower, self.fleet.proxy
        for host in self.fleet.hosts:
            if flower and proxy and flower.on == host.name and set(proxy.on) - {flower.on}:
                yield from self._unreachable("flower.address", flower.address, host)

    def _unreachable(self, path: str, listens: str | None, host: Host) -> Iterator[Conflict]:
        """Say why other hosts cannot reach a server there: they ask at the address of its host."""
        hint = "leave it out: it is its host's"
        if listens and is_loopback(listens):
            yield self.problem(path, f"at '{listens}' the other hosts cannot reach it", hint, (listens,))
        elif listens and _are_apart(listens, host.address):
            sentence = f"the other hosts ask at '{host.address}', and it would listen at '{listens}' alone"
            hint = f"{hint}; '0.0.0.0' is every one of IPv4"
            yield self.problem(path, sentence, hint, (host.address, listens))

    def _is_one_machine(self) -> bool:
        return all(is_loopback(host.address) for host in self.fleet.hosts)

    def local_servers(self) -> Iterator[Conflict]:
        if self._is_one_machine():
            return
        if any(not name or name.startswith(("/", "@")) for name in _database_hosts(self.fleet.database)):
            sentence = "names no server: it means a socket, and each of the hosts has its own"
            yield self.problem("database", sentence, "name the server, as in postgresql://user@host/airflow")
        for key, names in (
            ("database", _database_hosts(self.fleet.database)),
            ("broker", _broker_hosts(self.fleet.broker)),
            ("witness", ((self.fleet.witness or "").rpartition(":")[0],)),
        ):
            for name in names:
                if is_loopback(name) or is_any(name):
                    yield self.problem(key, f"'{name}' is another machine on each of the hosts", repeats=(name,))

    def missing_witness(self) -> Iterator[Conflict]:
        if len(self.fleet.hosts) == 2 and self.fleet.policies.on_partition == "replace" and not self.fleet.witness:
            yield self.problem(
                "hosts",
                "two hosts that lose sight of each other cannot tell which of them is cut off",
                "name something that both can reach, 'witness: HOST:PORT', or a third host; or say "
                "'policies: {on_partition: keep}'",
            )

    def witness_on_a_host(self) -> Iterator[Conflict]:
        where = (self.fleet.witness or "").rpartition(":")[0].strip("[]").lower()
        for host in self.fleet.hosts:
            if where in (host.address.lower(), host.name.lower()) and not is_loopback(where):
                sentence = f"is '{host.name}', a host of this fleet: when that one is cut off, so is its witness"
                hint = "name something else that both can reach: a router, or the server of the database"
                yield self.problem("witness", sentence, hint, (host.name,))

    def shared_ports(self) -> Iterator[Conflict]:
        taken: dict[tuple[str, int], str] = {}
        for place, what, path in self._listening():
            other = taken.setdefault(place, what)
            if other != what:
                address, port = place
                sentence = f"port {port} of {address} is given to {other} already"
                yield self.problem(path, sentence, repeats=(address, other))

    def _listening(self) -> Iterator[tuple[tuple[str, int], str, str]]:
        """Yield every port that the file assigns: address of the host and port, for what, and where that stands."""
        addresses = {host.name: host.address for host in self.fleet.hosts}
        for number, host in enumerate(self.fleet.hosts):
            if host.api_server.port is None and host.name == LOCAL:
                continue  # it takes a free one
            path = "api_server.port" if host.name == LOCAL else f"hosts[{number}].api_server.port"
            whose = "the api-server" if host.name == LOCAL else f"the api-server of '{host.name}'"
            for place in host.api_addresses:
                yield place, whose, path
        if (flower := self.fleet.flower) and flower.on in addresses:
            yield (addresses[flower.on], flower.port), "Flower", "flower.port"
        if proxy := self.fleet.proxy:
            for name in (name for name in proxy.on if name in addresses):
                yield (addresses[name], proxy.own_port), "the proxy", "proxy.port"
                if proxy.plain_port:
                    yield (addresses[name], proxy.plain_port), "the way from HTTP to TLS", "proxy.redirect"


def is_loopback(address: str) -> bool:
    """Tell whether an address means the machine that uses it.

    >>> [is_loopback(address) for address in ("localhost", "127.0.0.2", "::1", "10.0.0.1", "127.example.com")]
    [True, True, True, False, False]
    >>> [is_loopback(address) for address in ("LOCALHOST", "[::1]", "::ffff:127.0.0.1", "shop.localhost")]
    [True, True, True, True]
    """
    if address.lower() == "localhost" or address.lower().endswith(".localhost"):
        return True
    found = _ip(address)
    return found is not None and found.is_loopback


def is_any(address: str) -> bool:
    """Tell whether an address means all addresses of a machine.

    >>> [is_any(address) for address in ("0.0.0.0", "::", "10.0.0.1", "db")]
    [True, True, False, False]
    """
    found = _ip(address)
    return found is not None and found.is_unspecified


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _are_apart(listens: str, told: str) -> bool:
    """Tell whether no request to ``told`` reaches a server at ``listens``; False for names, which are not known."""
    here, there = _ip(listens), _ip(told)
    return here is not None and there is not None and here != there and not here.is_unspecified


def _runs(host: Host, key: str) -> bool:
    return bool(host.workers) if key == "workers" else getattr(host, key).count > 0


def _database_hosts(url: str) -> Iterator[str]:
    if own_servers.is_own(url) or url.startswith(MASK):
        return
    yield from databases.hosts(url)


def _broker_hosts(url: str) -> Iterator[str]:
    if own_servers.is_own(url) or url.startswith(MASK):
        return
    yield from (host for host, _ in brokers.parse(url).servers)
