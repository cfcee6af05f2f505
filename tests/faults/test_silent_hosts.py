"""A host that loses its power closes no connection: whoever talked to it has to find out for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

#: what is promised; by the kernel's own settings it would be 7,875 s for the server, and some 900 s for the client
SECONDS = 20.0


def test_a_lock_of_a_silent_client_is_free_within_seconds_and_the_client_knows(tmp_path: Path) -> None:
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    # An ordinary user gets a network of its own together with a user namespace.
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    measured = subprocess.run(
        ["unshare", *own_user, "--net", sys.executable, "-m", "support.silent_peer", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert measured.returncode == 0, measured.stderr
    seconds = json.loads(measured.stdout.splitlines()[-1])
    print(f"the server noticed after {seconds['server']:.1f} s, the client after {seconds['client']:.1f} s")
    assert seconds["server"] <= SECONDS
    assert seconds["client"] <= SECONDS
