"""A fleet out of its compose file: each service with processes, mounts and addresses of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.needs("ip", "root"), pytest.mark.timeout(400)]


def test_hosts_find_one_another_and_see_no_secrets_but_their_own(tmp_path: Path) -> None:
    alone = ["unshare", "--net", "--mount", "--fork", "--kill-child"]
    words = [*alone, sys.executable, "-m", "support.played_containers", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=380, check=False)
    logs = "\n".join(file.read_text()[-2000:] for file in (tmp_path / "data").glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    seen = json.loads(done.stdout)
    assert seen["checks"] == {"control": 0, "work": 0}
    assert seen["run"] == "success"
    assert "/secrets: broker_password database_password" in seen["log"]
    assert "airfleet_" not in seen["log"]
    assert "secrets.json" not in seen["log"]
    assert seen["ended"] == {"control": 0, "work": 0}
