"""Programs of the operating system that tests need: what is missing is installed, or named and left out.

    python3 scripts/system_packages.py install            # the first step of `make test`
    python3 scripts/system_packages.py summary FILE       # its last: what FILE says was left out

Apt installs packages for root, and where `sudo -n` works. Elsewhere each missing one is named with the line that
installs it, and tests marked `needs(...)` are left out. With AIRFLEET_NO_SKIPS=1, as in CI, it is an error.

This runs before there is an environment, so it needs Python's standard library alone.
"""

from __future__ import annotations

import enum
import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: folders with programs that are not on everybody's PATH
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/rabbitmq/bin")
#: and folders of which each version has its own
FOLDERS_OF_VERSIONS = "/usr/lib/postgresql/*/bin"
ROOT = "root"


@dataclass(frozen=True)
class Need:
    """Something that tests need of the operating system, and who packages it under which names."""

    name: str
    purpose: str
    #: all of them have to be there
    programs: tuple[str, ...]
    apt: tuple[str, ...]
    dnf: tuple[str, ...]
    #: services that start with the package; tests start servers of their own
    services: tuple[str, ...] = ()
    #: whether nothing at all works without it
    is_required: bool = False


NEEDS = (
    Need("venv", "environments", (), ("python3-venv",), ("python3",), is_required=True),
    Need("nginx", "proxies", ("nginx",), ("nginx",), ("nginx",), services=("nginx",)),
    Need(
        "chromium",
        "the UI",
        ("chromium", "chromedriver"),
        ("chromium", "chromium-driver"),
        ("chromium", "chromedriver"),
    ),
    Need(
        "rabbitmq",
        "RabbitMQ as the broker",
        ("rabbitmq-server",),
        ("rabbitmq-server",),
        ("rabbitmq-server",),
        services=("rabbitmq-server", "epmd.socket", "epmd.service"),
    ),
    Need(
        "postgresql",
        "a PostgreSQL of the machine",
        ("postgres", "initdb", "pg_dumpall"),
        ("postgresql", "postgresql-client"),
        ("postgresql-server", "postgresql"),
        services=("postgresql",),
    ),
    Need(
        "redis",
        "a Redis of the machine",
        ("redis-server",),
        ("redis-server",),
        ("redis",),
        services=("redis-server",),
    ),
    Need("pgbouncer", "poolers", ("pgbouncer",), ("pgbouncer",), ("pgbouncer",), services=("pgbouncer",)),
    Need(
        "sshd",
        "deploys",
        ("sshd", "ssh"),
        ("openssh-server", "openssh-client"),
        ("openssh-server", "openssh-clients"),
        services=("ssh.service", "ssh.socket"),
    ),
    Need("sudo", "users whom sudo asks no password", ("sudo", "visudo"), ("sudo",), ("sudo",)),
    Need("ip", "networks of hosts", ("ip",), ("iproute2",), ("iproute",)),
    Need("cc", "wrong clocks", ("cc",), ("gcc", "libc6-dev"), ("gcc",)),
    Need("buildah", "images", ("buildah", "mmdebstrap"), ("buildah", "mmdebstrap"), ("buildah", "mmdebstrap")),
    Need("systemd", "units of systemd", ("systemd-analyze",), ("systemd",), ("systemd",)),
    Need("openssl", "certificates of brokers", ("openssl",), ("openssl",), ("openssl",)),
    Need(
        "openssh",
        "signatures of releases",
        ("ssh-keygen", "ssh-agent", "ssh-add"),
        ("openssh-client",),
        ("openssh-clients",),
    ),
)
BY_NAME = {need.name: need for need in NEEDS}


class Rights(enum.Enum):
    """How packages can be installed by whoever runs this, as the words before the command."""

    ROOT = ()
    SUDO = ("sudo", "-n")
    NONE = None


class Manager(enum.Enum):
    """The package manager of a system, as the words that install."""

    APT = ("apt-get", "install", "-y")
    DNF = ("dnf", "install", "-y")

    def packages(self, needs: Iterable[Need]) -> tuple[str, ...]:
        """Name the packages of some needs."""
        return tuple(name for need in needs for name in (need.apt if self is Manager.APT else need.dnf))


class Act(enum.Enum):
    """The answer to missing programs."""

    NOTHING = "nothing"
    INSTALL = "install"
    LEAVE_OUT = "leave out"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Plan:
    """What is done about missing programs, with the commands and sentences for it."""

    act: Act
    missing: tuple[Need, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    sentences: tuple[str, ...] = ()


def decide(missing: Collection[str], rights: Rights, manager: Manager | None, *, all_required: bool) -> Plan:
    """Choose what is done about missing programs."""
    needs = tuple(need for need in NEEDS if need.name in missing)
    if not needs:
        return Plan(Act.NOTHING)
    if manager is Manager.APT and rights is not Rights.NONE:
        commands = _commands(needs, rights.value or ())
        names = " ".join(manager.packages(needs))
        return Plan(Act.INSTALL, needs, commands, (f"installing packages that tests need: {names}",))
    named = tuple(f"missing: {need.name}, for tests of {need.purpose}: {install(need, manager)}" for need in needs)
    if all_required:
        return Plan(Act.REFUSE, needs, (), (*named, "error: no test may be left out here (AIRFLEET_NO_SKIPS=1)"))
    if required := [need for need in needs if need.is_required]:
        return Plan(Act.REFUSE, needs, (), (*named, f"error: nothing runs without {required[0].name}"))
    return Plan(Act.LEAVE_OUT, needs, (), (*named, "their tests are left out; they are counted at the end"))


def _commands(needs: Sequence[Need], before: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", *Manager.APT.value, "-qq", "--no-install-recommends")
    update = ("apt-get", "update", "-qq")
    return tuple((*before, *words) for words in (update, (*quiet, *Manager.APT.packages(needs))))


def install(need: Need, manager: Manager | None) -> str:
    """Write the line that installs a need."""
    if manager is None:
        return f"install {' '.join(need.apt)}"
    return " ".join((*manager.value[:2], *manager.packages([need])))


# --- this machine ------------------------------------------------------------------------------------


def missing_here(names: Iterable[str] = tuple(BY_NAME)) -> tuple[str, ...]:
    """Name those of the needs that this machine does not meet."""
    return tuple(name for name in names if not _is_here(name))


def _is_here(name: str) -> bool:
    if name == ROOT:
        return os.geteuid() == 0
    if name == "venv":
        return importlib.util.find_spec("ensurepip") is not None
    return all(map(program, BY_NAME[name].programs))


def program(name: str) -> str | None:
    """Find a program on the path or in the folders of the system."""
    folders = (os.environ.get("PATH", ""), *SYSTEM_FOLDERS, *sorted(glob.glob(FOLDERS_OF_VERSIONS)))
    return shutil.which(name, path=os.pathsep.join(folders))


def rights_here() -> Rights:
    """Tell whether packages can be installed without a question."""
    if os.geteuid() == 0:
        return Rights.ROOT
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return Rights.SUDO
    return Rights.NONE


def manager_here() -> Manager | None:
    """Find the package manager of this machine."""
    return next((manager for manager in Manager if shutil.which(manager.value[0])), None)


def nothing_may_be_left_out() -> bool:
    """Tell whether a skipped test is a failed one: in CI."""
    return os.environ.get("AIRFLEET_NO_SKIPS") == "1"


def meet(say: Callable[[str], None]) -> bool:
    """Install what is missing, or say what tests are left out; False where that is an error."""
    missing = missing_here()
    if not missing:
        return True
    rights, manager = rights_here(), manager_here()
    plan = decide(missing, rights, manager, all_required=nothing_may_be_left_out())
    _say_all(plan.sentences, say)
    if plan.act is Act.INSTALL:
        for words in plan.commands:
            _run(words, say)
        _end_services(plan.missing, rights.value or ())
        plan = decide(missing_here(), Rights.NONE, manager, all_required=nothing_may_be_left_out())
        _say_all(plan.sentences, say)
    return plan.act is not Act.REFUSE


def _say_all(sentences: Iterable[str], say: Callable[[str], None]) -> None:
    for sentence in sentences:
        say(sentence)


def _run(words: Sequence[str], say: Callable[[str], None]) -> None:
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        say(f"{' '.join(words)} failed ({done.returncode}): {' / '.join(said)}")


def _end_services(needs: Iterable[Need], before: Sequence[str]) -> None:
    """End services that came with the packages: they would keep the ports of tests."""
    has_systemd = Path("/run/systemd/system").is_dir()
    for service in (service for need in needs for service in need.services):
        words = ("systemctl", "disable", "--now", "--quiet", service) if has_systemd else ("service", service, "stop")
        with suppress(FileNotFoundError):  # a container starts no services, and has no program that ends them
            subprocess.run([*before, *words], capture_output=True, check=False)


# --- at the end of all tests -------------------------------------------------------------------------


def summary(lines: Iterable[str], manager: Manager | None) -> str:
    """Count what several runs of pytest left out, by what they needed; empty when nothing was."""
    tests = {tuple(json.loads(line)) for line in lines}
    return counted(tests, manager)


def counted(tests: Collection[tuple[str, str]], manager: Manager | None) -> str:
    """Count tests that were left out, each with what it needed."""
    if not tests:
        return ""
    by_need = Counter(need for _, need in sorted(tests))
    parts = [f"{count} for want of {need} ({_remedy(need, manager)})" for need, count in by_need.most_common()]
    total = len({test for test, _ in tests})
    return f"left out: {total} test{'s' if total > 1 else ''}: {', '.join(parts)}"


def _remedy(need: str, manager: Manager | None) -> str:
    return "run them as root" if need == ROOT else install(BY_NAME[need], manager)


def main(words: Sequence[str]) -> int:
    """Do what the command line says."""
    if words[:1] == ["summary"]:
        file = Path(words[1])
        if file.exists() and (text := summary(file.read_text().splitlines(), manager_here())):
            print(text)
        return 0
    return 0 if meet(print) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
