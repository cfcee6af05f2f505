"""ssh-keygen as airfleet calls it: to sign a text, to verify a signature, and to judge a file of allowed signers.

Reference: ssh-keygen(1), ALLOWED SIGNERS. No key is ever read here: ssh-keygen does it, or the ssh agent of the person.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from airfleet.errors import FleetError, argument
from airfleet.releases.policies.signed_text import Purpose, Signature

PROGRAM: Final = "ssh-keygen"
#: seconds for a step that asks nobody
_SECONDS: Final = 10.0
#: a complaint of ssh-keygen about a line of a file
_COMPLAINT: Final = re.compile(r".*?:(\d+): (.+)")
#: a signature by a key that nobody has any more: with it, ssh-keygen reads a file to its end
_STRANGER: Final = """\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgvCvFbRsGq23AMVseqIMz20bSUL
SOvdDzdWQZqVd2OcoAAAAQYWlyZmxlZXQtcmVsZWFzZQAAAAAAAAAGc2hhNTEyAAAAUwAA
AAtzc2gtZWQyNTUxOQAAAED7fhzYl/jHMkzsl5XVzCSwCBDZ7eoC4IU3/YVVo7V5Q1aJ6i
uWCas/MEhwGdLNiWgLnmJmKStN+w4ZrVTJOIkI
-----END SSH SIGNATURE-----
"""


class CannotVerify(Exception):
    """Signatures cannot be verified at all; the text is a sentence."""


class Refused(Exception):
    """A signature does not count; the text is a sentence that goes on after "it"."""


class NotSigned(FleetError):
    """Nothing was signed."""


def sign(key: Path, purpose: Purpose, text: bytes) -> str:
    """Sign a text, as ssh-keygen writes it; ``key`` is a private key, or a public one whose agent has the other.

    A passphrase is asked on the terminal. Raises NotSigned.
    """
    if not key.is_file():
        raise NotSigned(f"there is no key {key}", "ssh-keygen -t ed25519 makes one")
    with TemporaryDirectory(prefix="airfleet-sign-") as folder:
        file = Path(folder, "text")
        file.write_bytes(text)
        try:
            done = _run(["sign", "-n", purpose.namespace, "-f", str(key), str(file)], seconds=None)
        except CannotVerify as missing:
            raise NotSigned(f"nothing was signed: {missing}") from None
        if done.returncode:
            raise _not_signed(key, done.stderr)
        return file.with_suffix(".sig").read_text()


def signers(signature: Signature, text: bytes, allowed: bytes) -> tuple[str, ...]:
    """Verify a signature, and return the names that the file of ``allowed`` signers has for its key.

    Raises Refused, CannotVerify.
    """
    with TemporaryDirectory(prefix="airfleet-verify-") as folder:
        signature_file, allowed_file = Path(folder, "signature"), Path(folder, "allowed")
        signature_file.write_text(signature.text, errors="replace")
        allowed_file.write_bytes(allowed)
        told = ["-n", signature.purpose.namespace, "-s", str(signature_file)]
        known = _run(["check-novalidate", *told], text)
        if known.returncode:
            raise Refused("has a signature that is not of this release, or not for this fleet")
        found = _run(["find-principals", "-s", str(signature_file), "-f", str(allowed_file)])
        names = tuple(name for name in found.stdout.splitlines() if name and not name.startswith("!"))
        if found.returncode or not names:
            raise Refused(_unknown(known.stdout, found.stderr))
        verified = _run(["verify", *told, "-I", names[0], "-f", str(allowed_file)], text)
        if verified.returncode:
            raise Refused(_unknown(known.stdout, verified.stderr))
        return names


def complaints(allowed: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file of allowed signers that ssh-keygen does not take, and why. Raises CannotVerify."""
    with TemporaryDirectory(prefix="airfleet-check-") as folder:
        signature, file = Path(folder, "signature"), Path(folder, "allowed")
        signature.write_text(_STRANGER)
        file.write_bytes(allowed)
        said = _run(["find-principals", "-s", str(signature), "-f", str(file)]).stderr
    lines = allowed.splitlines()
    for match in filter(None, map(_COMPLAINT.fullmatch, said.splitlines())):
        number = int(match[1])
        if 0 < number <= len(lines) and lines[number - 1].strip():  # older ones complain about empty lines, too
            yield number, match[2]


def _unknown(known: str, said: str) -> str:
    """Say of which key a signature is that the file does not take, and why where ssh-keygen knows it."""
    key = known.strip().rpartition(" with ")[2] or "another key"
    why = next((f" ({match[2]})" for match in map(_COMPLAINT.fullmatch, said.splitlines()) if match), "")
    return f"is signed by a key that is not among the allowed signers: {key}{why}"


def _not_signed(key: Path, said: str) -> NotSigned:
    if not _has_terminal() and _has_passphrase(key):
        return NotSigned(
            f"the key {key} has a passphrase, and there is no terminal to ask for it",
            f"let an ssh agent have it: ssh-add {argument(key)}",
        )
    lines = said.strip().splitlines() or ["ssh-keygen says nothing"]
    last = next((line for line in lines if line.startswith("Permissions ")), lines[-1])
    hint = "its private key may be missing: ssh-add -l lists what the agent has" if key.suffix == ".pub" else None
    return NotSigned(f"nothing was signed with {key}: {last}", hint)


def _has_passphrase(key: Path) -> bool:
    tried = _ask(["-y", "-P", "", "-f", str(key)])
    return tried.returncode != 0 and "passphrase" in tried.stderr


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _run(
    words: Sequence[str], text: bytes | None = None, seconds: float | None = _SECONDS
) -> subprocess.CompletedProcess[str]:
    """Call ``ssh-keygen -Y``. Raises CannotVerify."""
    return _ask(["-Y", *words], text, seconds)


def _ask(
    words: Sequence[str], text: bytes | None = None, seconds: float | None = _SECONDS
) -> subprocess.CompletedProcess[str]:
    said = text.decode() if text is not None else None
    told = {"input": said} if said is not None else {"stdin": subprocess.DEVNULL}
    try:
        return subprocess.run(
            [PROGRAM, *words],
            capture_output=True, text=True, errors="surrogateescape", timeout=seconds, check=False, **told,
        )  # fmt: skip
    except FileNotFoundError:
        raise CannotVerify(f"{PROGRAM} is not installed on this machine (package openssh-client)") from None
    except subprocess.TimeoutExpired:
        raise CannotVerify(f"{PROGRAM} gives no answer within {seconds:.0f} s") from None
    except OSError as failed:
        raise CannotVerify(f"{PROGRAM} cannot be run: {failed.strerror}") from None
