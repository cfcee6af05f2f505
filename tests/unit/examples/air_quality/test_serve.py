"""The server of sample archives."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from air_quality import sample


def test_the_server_prints_its_address_and_stops_when_told(mirror: Path, example: Path) -> None:
    command = [sys.executable, "-m", "air_quality.serve", "--dir", str(mirror), "--port", "0", "--quiet"]
    with subprocess.Popen(command, cwd=example, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{address}/{sample.GSOD_FOLDER}/") as response:
            assert b'href="2024.tar.gz"' in response.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
