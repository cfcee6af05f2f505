"""Redaction of texts that leave the machine: known secrets, passwords in URLs, tokens, values of secret names."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Collection

from airfleet.yaml import secret_detection
from airfleet.yaml.secret_detection import MASK

#: a signed token, as in headers and messages
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+")
#: ``NAME=value``, ``name: value``, ``"name": "value"``
_PAIR = re.compile(r"""(?P<before>["']?(?P<name>[A-Za-z_][\w.-]*)["']?\s*[:=]\s*["']?)(?P<value>[^\s"',;}]+)""")
#: schemes of the header that carries a password or a token
_HEADER = re.compile(r"(?P<before>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}")
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
#: shorter words stand everywhere, and would make every text unreadable
_SHORTEST = 4


def redacted(text: str, known: Collection[str]) -> str:
    """Hide known secrets, however a URL or JSON writes them, and whatever looks like one.

    >>> redacted("connect to redis://me:s3cret@queue/0 with API_TOKEN=abc and hunter22", ["hunter22"])
    'connect to redis://me:***@queue/0 with API_TOKEN=*** and ***'
    """
    for secret in sorted(_forms(known), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _KEY_BLOCK.sub(MASK, text)
    text = _HEADER.sub(lambda match: match["before"] + MASK, _TOKEN.sub(MASK, text))
    return "\n".join(_PAIR.sub(_hide, secret_detection.masked(line)) for line in text.split("\n"))


def _forms(known: Collection[str]) -> set[str]:
    """Return each secret as it is, as URLs write it, and as JSON does."""
    long = [one for one in known if len(one) >= _SHORTEST]
    return {form for one in long for form in (one, urllib.parse.quote(one, safe=""), json.dumps(one)[1:-1])}


def _hide(match: re.Match[str]) -> str:
    is_reference = match["value"].startswith("${{")
    return match["before"] + MASK if secret_detection.is_secret(match["name"]) and not is_reference else match[0]
