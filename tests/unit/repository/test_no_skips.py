"""Where every test must run, a test that is skipped is a test that failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.documents import REPOSITORY

ONE_TEST = "import pytest\n\n@pytest.mark.skip(reason='no chromium')\ndef test_a(): pass\n"
WHOLE_FILE = "import pytest\n\npytest.skip('no chromium', allow_module_level=True)\n"


@pytest.mark.parametrize("text", [ONE_TEST, WHOLE_FILE])
@pytest.mark.parametrize(("switch", "fails"), [("1", True), ("", False)])
def test_a_skip_is_a_failure_only_where_nothing_may_be_skipped(
    text: str, switch: str, fails: bool, tmp_path: Path
) -> None:
    (tmp_path / "test_skipped.py").write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.no_skips",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=REPOSITORY,
        # Without the plugins that happen to be installed, which take longer to load than all of this.
        env=os.environ | {"AIRFLEET_NO_SKIPS": switch, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    # A whole file that is skipped leaves pytest without a test, which it says with exit code 5.
    assert (done.returncode in (1, 2)) is fails
    assert ("no test may be skipped here" in done.stdout) is fails
    assert "no chromium" in done.stdout or not fails
