"""What is secret in a fleet's file, judged by the name of its key and by the look of a URL."""

from __future__ import annotations

import re
from collections.abc import Iterator

MASK = "***"

#: ``${{ ... }}``, which is never secret itself
REFERENCE = re.compile(r"\$\{\{.*?\}\}")

#: endings of keys whose values are secrets
_SECRET = re.compile(
    r"(^|_|-)(password|passwd|passphrase|token|secret|secret_key|access_key|api_key|private_key|fernet_key)$",
    re.IGNORECASE,
)
#: Airflow's way to say where a secret is instead of what it is
_ELSEWHERE = re.compile(r"(conn|backend|url|key|auth)_secret$", re.IGNORECASE)
#: passwords in URLs: between ``//user:`` and ``@``, and among the options
_PASSWORDS = (
    re.compile(r"(?P<before>(?://|[,;])[^/?#@:,;\s]*:)(?P<password>(?:\$\{\{.*?\}\}|[^/?#,;\s])+)(?=@)"),
    re.compile(r"(?P<before>[?&](?:sentinel_)?password=)(?P<password>(?:\$\{\{.*?\}\}|[^&;\s])+)"),
)


def is_secret(key: str) -> bool:
    """Whether the value of a key of this name is a secret.

    >>> [is_secret(k) for k in ("password", "jwt_secret", "AWS_SECRET_ACCESS_KEY", "sql_alchemy_conn_secret", "tokens")]
    [True, True, True, False, False]
    """
    return bool(_SECRET.search(key)) and not _ELSEWHERE.search(key)


def is_written_out(value: str) -> bool:
    """Whether a secret stands there itself, and not where it comes from.

    >>> [is_written_out(value) for value in ("", "s3cret", "${{ env.PASSWORD }}", "a${{ env.PASSWORD }}")]
    [False, True, False, True]
    """
    return bool(REFERENCE.sub("", value))


def has_password(text: str) -> bool:
    """Whether a URL in ``text`` holds a password that is written out.

    >>> [has_password(f"redis://:{password}@queue/0") for password in ("s3cret", "${{ env.PASSWORD }}")]
    [True, False]
    """
    return any(is_written_out(password) for password in _passwords(text))


def masked(text: str) -> str:
    """``text`` with every password in its URLs hidden that is written out.

    >>> masked("redis://me:s3cret@queue/0")
    'redis://me:***@queue/0'
    """

    def hide(match: re.Match[str]) -> str:
        return match["before"] + (MASK if is_written_out(match["password"]) else match["password"])

    for form in _PASSWORDS:
        text = form.sub(hide, text)
    return text


def _passwords(text: str) -> Iterator[str]:
    for form in _PASSWORDS:
        yield from (match["password"] for match in form.finditer(text))
