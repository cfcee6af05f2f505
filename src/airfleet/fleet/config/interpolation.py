"""Values that stand elsewhere: ``${{ env.NAME }}`` and ``${{ secrets.NAME }}``.

A secret is the text of a file of its name, without the line's end, in the folder of secrets, as container engines and
systemd lay them down. Others on the machine must not be able to read it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.errors import argument
from airfleet.yaml.secret_detection import MASK, REFERENCE

FOLDER = "secrets"

_VARIABLE = re.compile(r"\benv\.([A-Za-z_][A-Za-z0-9_.-]*)")
_KNOWN = re.compile(r"\$\{\{\s*(env|secrets)\.([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")


def variables_in(text: str) -> frozenset[str]:
    """List the variables that ``text`` takes from the environment.

    >>> sorted(variables_in("redis://${{ env.BROKER }}:${{env.PORT}}/${{ secrets.NAME }} env.NOTHING"))
    ['BROKER', 'PORT']
    """
    return frozenset(name for reference in REFERENCE.findall(text) for name in _VARIABLE.findall(reference))


def secrets_in(text: str) -> frozenset[str]:
    """List the secrets that ``text`` names.

    >>> sorted(secrets_in("redis://${{ env.BROKER }}:${{ secrets.NAME }} secrets.NOTHING"))
    ['NAME']
    """
    return frozenset(name for kind, name in _KNOWN.findall(text) if kind == "secrets")


class MissingReference(Exception):
    """The value of a reference is missing or wrong; the sentence says so."""

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        self.sentence = sentence
        self.hint = hint
        super().__init__(sentence)


@dataclass(frozen=True)
class References:
    """Where references lead."""

    environ: Mapping[str, str]
    #: the folder of secrets
    folder: Path
    #: whether what is not there is read as ``***`` (to show a fleet where its secrets are not)
    lenient: bool = False

    def resolved(self, text: str) -> tuple[str, tuple[MissingReference, ...]]:
        """Resolve the references in ``text``; give it with those that have no value."""
        missing: list[MissingReference] = []

        def value(match: re.Match[str]) -> str:
            try:
                return self._value(match[0])
            except MissingReference as wrong:
                if self.lenient and _KNOWN.fullmatch(match[0]):
                    return MASK
                missing.append(wrong)
                return ""

        return REFERENCE.sub(value, text), tuple(missing)

    def _value(self, reference: str) -> str:
        match = _KNOWN.fullmatch(reference)
        if match is None:
            raise MissingReference(f"'{reference}' is not known here", "known: ${{ env.NAME }} and ${{ secrets.NAME }}")
        return self._variable(match[2]) if match[1] == "env" else self._secret(match[2])

    def _variable(self, name: str) -> str:
        if name not in self.environ:
            raise MissingReference(f"the environment has no variable {name}")
        return self.environ[name]

    def _secret(self, name: str) -> str:
        file = self.folder / name
        try:
            others_read = file.stat().st_mode & stat.S_IROTH
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise MissingReference(f"there is no secret '{name}': no file {file}") from None
        except (OSError, UnicodeDecodeError) as wrong:
            raise MissingReference(f"the secret '{name}' cannot be read: {wrong}") from None
        if others_read:
            raise MissingReference(
                f"everybody on this machine can read the secret {file}", f"chmod 600 {argument(file)}"
            )
        return text.rstrip("\r\n")
