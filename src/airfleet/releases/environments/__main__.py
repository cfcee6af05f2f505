"""``python -m airfleet.releases.environments ROOT TREE [USER]``: build the environments of the release in TREE.

With a pipe as its input, it ends with all that it has started when the other end is closed: nobody waits for it then.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from pathlib import Path

from airfleet.releases.environments import builder, layout
from airfleet.releases.environments.installation import CannotBuild
from airfleet.releases.places import Places


def main(root: str, tree: str, user: str | None = None) -> str | None:
    """Build each of them; return why one cannot be built."""
    try:
        for digest in sorted(set(layout.table(Path(tree)).values())):
            builder.build(Places(Path(root)), Path(tree), digest, user)
    except CannotBuild as error:
        return str(error)
    return None


def _end_with_the_input() -> None:
    os.read(0, 1)  # not by sys.stdin, which the end of an interpreter waits for
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_end_with_the_input, daemon=True).start()
    sys.exit(main(*sys.argv[1:]))
