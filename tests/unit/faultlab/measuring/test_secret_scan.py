"""Secrets and tokens are found in logs."""

from __future__ import annotations

from pathlib import Path

from faultlab.measuring import secret_scan


def test_a_secret_and_a_token_are_found_where_they_stand(tmp_path: Path) -> None:
    secret = "correct-horse-battery-staple"
    texts = {
        "clean.log": "nothing here",
        "secret.log": f"postgresql://user:{secret}@host",
        "token.log": "Bearer eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiIwMTkwMDAwMCJ9.c2lnbmF0dXJlLW9mLXNvbWU",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    files = [*(tmp_path / name for name in texts), tmp_path / "gone.log"]
    assert secret_scan.leaks([secret, "short"], files) == (
        "secret.log holds a secret of the fleet",
        "token.log holds a token",
    )
