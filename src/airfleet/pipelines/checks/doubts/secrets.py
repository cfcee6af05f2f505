"""Secrets that stand in a pipeline in plain text, by the name of their key or by their own look."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from airfleet.pipelines.language.spec import Const, JinjaText, NewObject, Pipeline, Value
from airfleet.pipelines.language.values import frozen
from airfleet.problem_codes import Code
from airfleet.yaml import secret_detection

#: path, sentence, hint, kind
_Remark: TypeAlias = tuple[str, str, str | None, Code]

_HINT: Final = "keep it in a connection or a variable of Airflow, which the task reads when it runs"

#: how well-known tokens begin, and how long they are at least
_TOKENS: Final = re.compile(
    r"(?<![A-Za-z0-9_/+-])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22}|glpat-[A-Za-z0-9_-]{20}"  # GitHub, GitLab
    r"|xox[abprs]-[A-Za-z0-9-]{10}|https://hooks\.slack\.com/services/T\w{3,20}/B\w{3,20}/\w{10}"  # Slack
    r"|[rs]k_live_[A-Za-z0-9]{16}|AIza[A-Za-z0-9_-]{35}|sk-(?:ant-|proj-)[A-Za-z0-9_-]{20}"  # Stripe, Google, models
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{32}|dapi[a-f0-9]{32}|SG\.[A-Za-z0-9_-]{16}\."  # packages, Databricks
    r"|eyJ[A-Za-z0-9_-]{16,4000}\.eyJ[A-Za-z0-9_-]{16}"  # JSON web tokens
    r")|-----BEGIN (?:[A-Z]{2,9} ){0,3}PRIVATE KEY-----"
)
#: what is no secret under the name of one: nothing, a template, and a path
_ELSEWHERE: Final = re.compile(r"\s*(?:\{\{|~?/|\*+$|<|\$)")


def remarks(pipeline: Pipeline) -> Iterator[_Remark]:
    """Yield a remark for each secret among the arguments and params of a pipeline."""
    yield from _in_params("params", pipeline.options)
    yield from _in_params("defaults.params", pipeline.defaults)
    for task in pipeline.tasks:
        for name, value in task.args.items():
            for path, key, text in _texts(value, f"{task.path}.with.{name}", name):
                if what := _secret(key, text):
                    yield path, what, _HINT, Code.SECRET


def _in_params(path: str, options: Mapping[str, Value]) -> Iterator[_Remark]:
    params = options.get("params")
    for name, value in params.items() if isinstance(params, Mapping) else ():
        default = value.get("default") if isinstance(value, Mapping) else value
        if isinstance(default, str) and (what := _secret(name, default)):
            yield f"{path}.{name}", what, _HINT, Code.SECRET


def _secret(key: str, text: str) -> str | None:
    """Say what kind of secret stands there.

    >>> _secret("password", "swordfish"), _secret("password", "{{ var.value.x }}"), _secret("text", "a password")
    ("the value of 'password' is a secret in plain text", None, None)
    >>> _secret("command", "curl redis://:swordfish@queue/0")
    'a password stands here in plain text'
    """
    if key and text.strip() and _is_secret(key) and not _ELSEWHERE.match(text):
        return f"the value of '{key}' is a secret in plain text"
    if _TOKENS.search(text):
        return "a token or key stands here in plain text"
    if "://" in text and "@" in text and _has_password(text):
        return "a password stands here in plain text"
    return None


_is_secret: Final = functools.lru_cache(maxsize=4096)(secret_detection.is_secret)
#: a password in a URL that is no template and no variable of a shell
_IN_A_URL: Final = re.compile(r"://[^/?#@:\s$\"']{0,200}:([^/?#@\s\"'{}$<>*]{1,200})@")


def _has_password(text: str) -> bool:
    return _IN_A_URL.search(text) is not None


def _texts(value: Value, path: str, key: str) -> Iterator[tuple[str, str, str]]:
    """Yield each text in a value with its path and its key; a text of Jinja has none."""
    if isinstance(value, str):
        yield path, key, value
    elif isinstance(value, JinjaText) and isinstance(value.text, str):
        yield path, "", value.text
    elif isinstance(value, Const):
        yield from _texts(frozen(value.value), path, key)
    elif isinstance(value, NewObject):
        for name, item in value.kwargs.items():
            yield from _texts(item, f"{path}.with.{name}", name)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}", name)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]", key)
