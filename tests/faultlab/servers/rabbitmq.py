"""A real RabbitMQ for tests, as the package of the operating system brings it.

It has an epmd, a cookie and a node name of its own, listens at one address alone, and touches no folder of the system.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airfleet.fleet.config.spec import LOOPBACK
from airfleet.testing.fleet import clean_environment
from airfleet.testing.ports import free_ports
from faultlab.servers.broker_under_test import BrokerUnderTest


def beside(folder: Path, address: str) -> RabbitMQ:
    """Make one for a system under test (:data:`faultlab.servers.broker.MakeBroker`)."""
    return RabbitMQ(folder, address=address)


@dataclass
class RabbitMQ(BrokerUnderTest):
    """See the module; ``settings`` are lines for its ``rabbitmq.conf``."""

    #: where it listens
    address: str = LOOPBACK
    settings: Mapping[str, str] = field(default_factory=dict)
    vhost: str = "/"
    #: of its own, beside none
    plugins: tuple[str, ...] = ()
    _epmd: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _ports: tuple[int, ...] = field(default_factory=lambda: free_ports(2), init=False, repr=False)

    @property
    def url(self) -> str:
        """With the user and the virtual host that it makes at its first start."""
        vhost = "" if self.vhost == "/" else self.vhost
        return f"amqp://airfleet:{self.password}@{self.address}:{self.port}/{vhost}"

    def end(self) -> None:
        """End the daemon that names its node, too."""
        super().end()
        if self._epmd is not None:
            self.signal_group(self._epmd, signal.SIGKILL)
            self._epmd.wait()

    def queues(self) -> dict[str, tuple[str, int, int]]:
        """Give the type, the messages and the consumers of each queue."""
        listed = self.control("list_queues", "--quiet", "--no-table-headers", "name", "type", "messages", "consumers")
        rows = (line.split("\t") for line in listed.splitlines())
        return {name: (kind, int(messages), int(consumers)) for name, kind, messages, consumers in rows}

    def control(self, *command: str) -> str:
        """Run ``rabbitmqctl`` with a command and give its output."""
        done = subprocess.run(
            [str(self._programs / "rabbitmqctl"), "-n", self._node, *command],
            env={**clean_environment(), **self._environment()},
            cwd=self._data,
            user=_user(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._prepare()
        if self._epmd is None:
            epmd = (_epmd(), "-port", str(self._ports[0]), "-address", "127.0.0.1")
            self._epmd = self.popen(epmd, self._environment(), user=_user())
        return self.popen((str(self._programs / "rabbitmq-server"),), self._environment(), user=_user())

    def _prepare(self) -> None:
        for folder in (self.folder, self._data, self.folder / "home"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        conf = {
            "default_user": "airfleet",
            "default_pass": self.password,
            "default_vhost": self.vhost,
            "disk_free_limit.absolute": "50MB",
            "vm_memory_high_watermark.absolute": "512MB",
            **self.settings,
        }
        home = self.folder / "home"
        _write(home / "rabbitmq.conf", "".join(f"{key} = {value}\n" for key, value in conf.items()))
        if not (home / ".erlang.cookie").exists():
            _write(home / ".erlang.cookie", secrets.token_hex(16), 0o400)
        _write(home / "enabled_plugins", f"[{','.join(self.plugins)}].\n")
        if user := _user():
            for path in (self._data, home, *home.iterdir()):
                shutil.chown(path, user, pwd.getpwnam(user).pw_gid)

    def _environment(self) -> dict[str, str]:
        home = self.folder / "home"
        return {
            "HOME": str(home),
            "ERL_EPMD_PORT": str(self._ports[0]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": self.address,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._ports[1]),
            "RABBITMQ_MNESIA_BASE": str(self._data),
            "RABBITMQ_LOG_BASE": str(self._data),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": "/dev/null",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            # Other nodes are not let in; an Erlang that has nothing to do does not spin.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
        }

    @property
    def _node(self) -> str:
        return f"airfleet-{self.port}@localhost"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _programs(self) -> Path:
        # Not the one in PATH: the package's only lets root and one user in, and writes to folders of the system.
        places = [Path("/usr/lib/rabbitmq/bin"), *Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin")]
        found = next((place for place in places if (place / "rabbitmq-server").exists()), None)
        if found is None and (program := shutil.which("rabbitmq-server")):
            found = Path(program).resolve().parent
        assert found, "there is no RabbitMQ here: apt-get install rabbitmq-server"
        return found


def _user() -> str | None:
    """Name the user that it runs as: its own when we are root, who may read too much."""
    return "rabbitmq" if os.geteuid() == 0 else None


def _epmd() -> str:
    found = shutil.which("epmd") or next(map(str, Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    assert found, "there is no Erlang here: apt-get install rabbitmq-server"
    return found


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)
