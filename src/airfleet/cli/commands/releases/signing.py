"""The signature of a push or an approval: by which key, and as whom by the file of allowed signers that is here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from airfleet.cli import options
from airfleet.cli.commands.releases import vouchers
from airfleet.errors import FleetError, UsageError

if TYPE_CHECKING:
    import psycopg

    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.releases.manifest import Manifest
    from airfleet.releases.policies.signed_text import Purpose, Signature
    from airfleet.releases.registry import About

#: the variable that names the key
KEY: Final = "AIRFLEET_SIGNING_KEY"
NO_KEY_HINT: Final = f"--sign-with FILE names one, or {KEY}, or git's user.signingkey with 'gpg.format ssh'"
#: what git takes in place of a file
_LITERAL: Final = ("key::", "ssh-", "ecdsa-", "sk-")

sign_with = options.option(
    "--sign-with",
    metavar="FILE",
    type=click.Path(dir_okay=False, resolve_path=True),  # a push of a commit works in another folder
    help="The SSH key to sign with, where fleet.yaml asks for signatures.",
)


def signed(records: ReleaseRecords, digest: str, purpose: Purpose, key: str | None) -> Signature | None:
    """Sign a release, where fleet.yaml asks for it; ``key`` is the one of the command line.

    Raises UsageError, and FleetError when there is no key, it cannot sign, or is not among the allowed signers.
    """
    from airfleet.releases.policies import ssh_keygen
    from airfleet.releases.policies.signed_text import Signature, signed_text
    from airfleet.releases.policies.ssh_keygen import CannotVerify, Refused

    policy = vouchers.policy_of(records)
    if policy is None:
        if key is not None:
            raise UsageError(
                f"--sign-with: fleet '{records.fleet.name}' asks for no signatures (policies.push.signed_by)"
            )
        return None
    text = signed_text(policy.fleet, digest)
    with _key(key, records.here.environ, records.here.root) as file:
        try:
            allowed = policy.allowed()
            made = Signature(purpose, ssh_keygen.sign(file, purpose, text))
            return Signature(purpose, made.text, ssh_keygen.signers(made, text, allowed)[0])
        except CannotVerify as why:
            raise FleetError(f"nothing was signed: {why}", "airfleet check") from None
        except Refused as why:
            sentence = f"no host would take what is signed with {file}: it {why}"
            raise FleetError(sentence, f"'{policy.signed_by}' has a line for each key") from None


class Recording:
    """Writes the record of a publication with its signature, so that no host hears of the one without the other."""

    def __init__(self, signature: Signature | None) -> None:
        self._signature = signature

    def __call__(self, connection: psycopg.Connection[Any], manifest: Manifest, about: About) -> None:
        """Record a release. Raises psycopg.Error."""
        from airfleet.releases import registry
        from airfleet.releases.policies import records

        with connection.transaction():
            registry.publish(connection, manifest, about)
            if self._signature is not None:
                records.sign(connection, manifest.digest, self._signature)


def renewed(records: ReleaseRecords, digest: str, key: str | None) -> Signature | None:
    """Sign a live release anew that no allowed signer has signed: a key was taken out of the file, or has expired."""
    from airfleet.releases.policies import records as vouching
    from airfleet.releases.policies.signed_text import Purpose

    if vouchers.policy_of(records) is None or vouchers.of(records, digest).pushers:
        return None
    signature = signed(records, digest, Purpose.RELEASE, key)
    if signature is not None:
        vouching.sign(records.connection, digest, signature)
    return signature


@contextmanager
def _key(given: str | None, environ: Mapping[str, str], root: Path) -> Iterator[Path]:
    """Yield the file of the key: of the command line, of the variable, or of git. Raises FleetError without one.

    The last two may be relative to the folder with fleet.yaml.
    """
    if given:
        yield Path(given)
        return
    found = environ.get(KEY) or _of_git(environ, root)
    if not found:
        raise FleetError("this fleet takes signed releases alone, and no key to sign with is named", NO_KEY_HINT)
    if not found.startswith(_LITERAL):
        yield root / Path(found).expanduser()
        return
    with TemporaryDirectory(prefix="airfleet-key-") as folder:
        file = Path(folder, "key.pub")
        file.write_text(found.removeprefix("key::") + "\n")
        yield file


def _of_git(environ: Mapping[str, str], root: Path) -> str:
    if _git(("gpg.format",), environ, root) != "ssh":
        return ""
    return _git(("--type=path", "user.signingkey"), environ, root)


def _git(words: tuple[str, ...], environ: Mapping[str, str], root: Path) -> str:
    command = ["git", "config", "--get", *words]
    try:
        done = subprocess.run(command, cwd=root, env=dict(environ), capture_output=True, text=True, check=False)
    except OSError:  # no git
        return ""
    return done.stdout.strip()
