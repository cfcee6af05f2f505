"""Sentinels, and a broker that three of them watch: two Valkeys, of which one takes over when the other is gone."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.sentinel import MasterNotFoundError
from redis.sentinel import Sentinel as RedisSentinel

from airfleet.agent.servers import embedded_servers
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.paths import Paths
from faultlab.servers.broker_under_test import BrokerUnderTest, Valkey

#: what the sentinels call the server that they watch
MASTER = "shop"
#: a server that says nothing for so long is gone
DOWN_SECONDS = 2.0
_SECONDS = 30.0
_CONF = """\
bind 127.0.0.1
port {port}
dir "{folder}"
requirepass {password}
sentinel monitor {master} 127.0.0.1 {server} {quorum}
sentinel auth-pass {master} {server_password}
sentinel down-after-milliseconds {master} {down}
sentinel failover-timeout {master} 10000
"""


@dataclass
class Sentinel(BrokerUnderTest):
    """One that watches a Valkey, with a password of its own; ``quorum`` of them have to agree that it is gone."""

    server: BrokerUnderTest = field(kw_only=True)
    quorum: int = 1

    @property
    def url(self) -> str:
        """The server by its name, as a fleet asks for it."""
        options = f"master={MASTER}&sentinel_password={self.password}"
        return f"sentinel://:{self.server.password}@127.0.0.1:{self.port}/0?{options}"

    def _spawn(self) -> subprocess.Popen[bytes]:
        place = embedded_servers.prepare(Paths(home=self.server.folder, runtime=self.server.folder), euid=os.geteuid())
        account = pwd.getpwnam(place.user) if place.user else None
        conf = embedded_servers.data_folder(self._data, account) / "sentinel.conf"  # it writes into it what it learns
        conf.write_text(
            _CONF.format(
                port=self.port,
                folder=self._data,
                password=self.password,
                master=MASTER,
                server=self.server.port,
                server_password=self.server.password,
                quorum=self.quorum,
                down=round(DOWN_SECONDS * 1000),
            )
        )
        if account:
            shutil.chown(conf, account.pw_uid, account.pw_gid)
        return self.popen((str(place.valkey_server), str(conf), "--sentinel"), {}, user=place.user)

    @property
    def _data(self) -> Path:
        return self.folder / "data"


class Watched:
    """The broker (:class:`faultlab.servers.broker.Broker`): what is done to it is done to the primary of the two.

    The first of the sentinels stands for one on the primary's host: it stands still when the primary does.
    """

    def __init__(self, folder: Path, address: str) -> None:
        password, own = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.servers = tuple(Valkey(folder / f"valkey-{number}", password) for number in range(2))
        self.sentinels = tuple(
            Sentinel(folder / f"sentinel-{number}", own, server=self.servers[0], quorum=2) for number in range(3)
        )
        self._hurt: Valkey | None = None

    @property
    def url(self) -> str:
        """With all sentinels."""
        first, *others = self.sentinels
        here = f"127.0.0.1:{first.port}"
        return first.url.replace(here, ",".join([here, *(f"127.0.0.1:{one.port}" for one in others)]))

    def start(self) -> None:
        """Start everything, and return when the sentinels know each other and the replica."""
        for server in self.servers:
            server.start()
        first, second = self.servers
        for server in self.servers:
            _client(server).config_set("masterauth", first.password)
        _client(second).replicaof("127.0.0.1", first.port)
        self.wait_until_replicated()
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(lambda: all(map(_knows_all, self.sentinels)), _SECONDS, "the sentinels know each other")

    @property
    def primary(self) -> Valkey | None:
        """The one that the sentinels name; None while they name none that is there."""
        places = [("127.0.0.1", one.port) for one in reversed(self.sentinels)]
        # One that stands still is asked once, and for a moment.
        told = {"password": self.sentinels[0].password, "socket_timeout": 0.5, "retry": None}
        asked = RedisSentinel(places, sentinel_kwargs=told)
        try:
            _, port = asked.discover_master(MASTER)
        except MasterNotFoundError:
            return None
        return next(server for server in self.servers if server.port == port)

    def wait_until_replicated(self) -> None:
        """Return when one of the two has all that the other has, and follows it."""
        wait_until(lambda: any(map(_follows, self.servers)), _SECONDS, "one server follows the other")

    def wait_for_another(self) -> None:
        """Return when the sentinels name another server than the one that was hurt last."""
        wait_until(lambda: self.primary not in (None, self._hurt), _SECONDS, "the sentinels name another server")

    def kill(self) -> None:
        """End the primary."""
        self._hurt = self._named()
        self._hurt.kill()

    def freeze(self) -> None:
        """Have the primary and a sentinel answer nothing; their connections stay."""
        self._hurt = self._named()
        for one in (self._hurt, self.sentinels[0]):
            one.freeze()

    def thaw(self) -> None:
        """Let them go on."""
        for one in (*self.servers, *self.sentinels):
            one.thaw()

    def wipe(self) -> None:
        """Forget everything."""
        _client(self._named()).flushall()

    def end(self) -> None:
        """End all of it."""
        for one in (*self.sentinels, *self.servers):
            one.end()

    def _named(self) -> Valkey:
        primary = self.primary
        assert primary is not None
        return primary


def _client(server: BrokerUnderTest) -> redis.Redis:
    return redis.Redis(port=server.port, password=server.password, socket_timeout=_SECONDS)


def _follows(server: Valkey) -> bool:
    return bool(_client(server).info("replication").get("master_link_status") == "up")


def _knows_all(sentinel: Sentinel) -> bool:
    known = _client(sentinel).sentinel_master(MASTER)
    return bool(known["num-slaves"] == 1 and known["num-other-sentinels"] == 2)
