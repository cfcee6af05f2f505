"""Secrets in a file, judged by the name of the key and by the look of a URL.

In doubt, :func:`masked` hides it: a password may have any character, also those that a URL would have to
encode. :func:`has_password` is asked whether a file is refused, and lets pass what may as well be a port.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator

MASK = "***"

_REFERENCE = r"\$\{\{(?:(?!\}\}|\$\{\{).)*\}\}"
#: ``${{ ... }}``, which is never secret itself
REFERENCE = re.compile(_REFERENCE)

#: endings of keys whose values are secrets, with the words apart
_SECRET = re.compile(
    r"(^|[_.\s-])(pass|pwd|token|secret|basic_auth|(secret|access|api|private|fernet)[_.-]key)$"
    r"|(password|passwd|passphrase|apikey|secretkey|accesskey|privatekey|accesstoken|authtoken)$",
    re.IGNORECASE,
)
#: Airflow's ways to say where a secret is instead of what it is, and how short one may be
_ELSEWHERE = re.compile(r"(conn|backend|url|key|auth|masked)_secret$", re.IGNORECASE)
#: the working directory, as a shell has it in the environment
_FOLDERS = ("PWD", "OLDPWD")
#: ``DbPassword`` and ``AWSSecretKey`` are words too
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: the users before their passwords in ``flower_basic_auth``
_USERS = re.compile(r"(?:^|,)\s*[^:,${}\s]*:(?=\$\{\{)")

#: where one URL of several begins
_BEGINS = re.compile(r"(?<=[\s,;|\"'<>(\[{=])(?=[A-Za-z][A-Za-z0-9+.-]*://)")
#: in a URL: between ``//user:`` and the last ``@``, ...
_WHO = re.compile(
    rf"(?P<before>(?<![^:])//(?:{_REFERENCE}|\$(?!\{{\{{)|[^/?#@:\s$])*:)(?P<secret>.+)(?=@)(?P<name>)", re.DOTALL
)
#: ... and the options, each up to the next one, ...
_OPTION = re.compile(r"(?P<before>[?&;](?P<name>[\w.%-]+)=)(?P<secret>[^&;]*(?:[&;](?![^&;=]*=)[^&;]*)*)")
#: ... and in JSON
_JSON = re.compile(r'(?P<before>"(?P<name>[^"]+)"\s*:\s*")(?P<secret>(?:[^"\\]|\\.)+)')
#: what stands behind ``:`` in a URL, or behind ``=``, and comes from elsewhere
_WHO_ELSEWHERE = re.compile(rf"(?:{_REFERENCE})+(?:@.*)?", re.DOTALL)
_OPTION_ELSEWHERE = re.compile(rf"(?:{_REFERENCE})+(?:[\"'\s;#)>\]|}}].*)?", re.DOTALL)
#: ``//host:8080/@scope``: a port rather than a password
_PORT = re.compile(rf"(?:\d{{1,5}}|{_REFERENCE})[/?#,;\s].*", re.DOTALL)


def is_secret(key: str) -> bool:
    """Tell whether the value of a key of this name is a secret.

    >>> [is_secret(k) for k in ("password", "jwt_secret", "AWS_SECRET_ACCESS_KEY", "sql_alchemy_conn_secret", "tokens")]
    [True, True, True, False, False]
    >>> [is_secret(k) for k in ("PGPASSWORD", "DbPassword", "pwd", "apikey", "flower_basic_auth", "PWD", "compass")]
    [True, True, True, True, True, False, False]
    """
    if key in _FOLDERS:
        return False
    return bool(_SECRET.search(_WORDS.sub("_", key))) and not _ELSEWHERE.search(key)


def is_written_out(value: str) -> bool:
    """Tell whether the text is a secret itself, and not a reference to one.

    >>> [is_written_out(value) for value in ("", "s3cret", "${{ env.PASSWORD }}", "a${{ env.PASSWORD }}")]
    [False, True, False, True]
    >>> is_written_out("${{ secrets.new_key }}, ${{ secrets.old_key }}")
    False
    """
    return bool(REFERENCE.sub("", value).strip(" ,"))


def stands_at(key: str, value: str) -> bool:
    """Tell whether ``key`` is one of a secret, and ``value`` the secret itself.

    >>> [stands_at("flower_basic_auth", value) for value in ("ada:s3cret", "ada:${{ env.A }},bob:${{ env.B }}")]
    [True, False]
    """
    of_users = key.lower().endswith("basic_auth")
    return is_secret(key) and is_written_out(_USERS.sub("", value) if of_users else value)


def has_password(text: str) -> bool:
    """Tell whether a URL in ``text`` holds a password in plain text.

    >>> [has_password(f"redis://:{password}@queue/0") for password in ("s3cret", "a,b;c d/e", "${{ env.PASSWORD }}")]
    [True, True, False]
    >>> [has_password(f"https://host{rest}") for rest in (":8080/@scope/package", "?page=1", "?page=1&token=s3cret")]
    [False, False, True]
    """
    return any(_is_hidden(match) and not _is_port(match) for match in _found(text))


def masked(text: str) -> str:
    """Hide every plain password in the URLs of ``text``.

    >>> masked("redis://me:s3cret@queue/0")
    'redis://me:***@queue/0'
    >>> masked("amqp://me:a,b;c@one;amqp://me:d e@two/shop")
    'amqp://me:***@one;amqp://me:***@two/shop'
    """

    def hide(match: re.Match[str]) -> str:
        return match["before"] + (MASK if _is_hidden(match) else match["secret"])

    urls = _BEGINS.split(_JSON.sub(hide, text))
    return "".join(_OPTION.sub(hide, _WHO.sub(hide, url)) for url in urls)


def _found(text: str) -> Iterator[re.Match[str]]:
    yield from _JSON.finditer(text)
    for url in _BEGINS.split(text):
        yield from _WHO.finditer(url)
        yield from _OPTION.finditer(url)


def _is_hidden(match: re.Match[str]) -> bool:
    if match.re is _WHO:
        return not _WHO_ELSEWHERE.fullmatch(match["secret"])
    if match.re is _OPTION and any(map(_is_hidden, _JSON.finditer(urllib.parse.unquote_plus(match["secret"])))):
        return True
    secret = is_secret(urllib.parse.unquote(match["name"]))
    return secret and bool(match["secret"]) and not _OPTION_ELSEWHERE.fullmatch(match["secret"])


def _is_port(match: re.Match[str]) -> bool:
    return match.re is _WHO and bool(_PORT.fullmatch(match["secret"]))
