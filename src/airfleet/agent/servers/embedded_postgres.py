"""Start the embedded PostgreSQL: make its cluster when there is none, then become the server.

``python -m airfleet.agent.servers.embedded_postgres BIN DATA PORT USER [setting=value ...]``, with the
superuser's password on standard input. PostgreSQL refuses to run as root: as root, this becomes
USER (else USER is ``-``) at the last moment, since that user may not be able to run this Python.
The cluster is made under another name and renamed,
so a start that was cut off leaves nothing half made.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from airfleet.system import procfs

SUPERUSER = "airfleet"
#: before a network that is let in, and the role that its clients may log in as; everything else is a setting of
#: PostgreSQL's
LETS_IN = "airfleet.lets_in"
#: around the rules that are written here
_OURS, _OURS_END = "# airfleet: networks of fleet.yaml", "# airfleet: end"
#: a rule as it was written before it stood between those
_OLD_RULE = re.compile(r"host all all \S+/\d+ scram-sha-256")


def main(argv: list[str]) -> None:
    """Become ``postgres``; never returns."""
    bin_folder, data, port, user, *settings = argv
    account = None if user == "-" else pwd.getpwnam(user)
    password = sys.stdin.read()
    cluster = Path(data) / "cluster"
    if not (cluster / "PG_VERSION").exists():
        make_cluster(Path(bin_folder) / "initdb", cluster, password, account)
    forget_lost_server(cluster)
    program = str(Path(bin_folder) / "postgres")
    if account:
        os.chdir("/")
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    # As that user: the folder is its own, and may lead anywhere.
    let_in(cluster / "pg_hba.conf", [setting.partition("=")[2] for setting in settings if setting.startswith(LETS_IN)])
    options = [word for setting in settings if not setting.startswith(LETS_IN) for word in ("-c", setting)]
    os.execv(program, [program, "-D", str(cluster), "-p", port, *options])


def forget_lost_server(cluster: Path) -> None:
    """Remove the file of a server that does not run, when another process has its number now.

    PostgreSQL would take any process of the same user for it: after a restart of the machine, in a new container, or
    in a home that was copied while its fleet ran. Only for who knows that no other agent has this home.
    """
    file = cluster / "postmaster.pid"
    try:
        pid = int(file.read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if not procfs.works_in(pid, cluster):  # where a server of this cluster always is
        file.unlink(missing_ok=True)


def let_in(file: Path, who: Sequence[str]) -> None:
    """Let clients of these networks log in, each ``NETWORK ROLE``, with their passwords; and of no other network.

    Raises OSError when the file is a link.
    """
    rules = [f"host all {role} {network} scram-sha-256" for network, role in (words.split(maxsplit=1) for words in who)]
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="utf-8") as there:
        before = there.read()
        mode = stat.S_IMODE(os.fstat(there.fileno()).st_mode)
    lines = [*_of_others(before.splitlines()), *([_OURS, *rules, _OURS_END] if rules else [])]
    text = "".join(f"{line}\n" for line in lines)
    if text != before:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, delete=False) as draft:
            draft.write(text)
            os.fchmod(draft.fileno(), mode)
            draft.flush()
            os.fsync(draft.fileno())
        os.rename(draft.name, file)


def _of_others(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines that were not written here."""
    ours = False
    for line in lines:
        ours = ours or line == _OURS
        if not ours and not _OLD_RULE.fullmatch(line):
            yield line
        ours = ours and line != _OURS_END


def make_cluster(initdb: Path, cluster: Path, password: str, account: pwd.struct_passwd | None) -> None:
    """Make a cluster at ``cluster``: password for everyone, checksums, UTF-8, byte order."""
    draft = cluster.with_name("cluster.new")
    shutil.rmtree(draft, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:  # mode 0600
        secret.write(password)
        secret.flush()
        if account:
            os.chown(secret.name, account.pw_uid, account.pw_gid)
        made = subprocess.run(
            [
                str(initdb),
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                "--auth=scram-sha-256",
                f"--pwfile={secret.name}",
                "--encoding=UTF8",
                "--locale=C",
                "--data-checksums",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    if made.returncode != 0:
        print(made.stdout[-2000:], made.stderr[-2000:], sep="\n", file=sys.stderr)
        sys.exit(f"initdb could not make {cluster} (exit code {made.returncode})")
    os.rename(draft, cluster)


if __name__ == "__main__":
    main(sys.argv[1:])
