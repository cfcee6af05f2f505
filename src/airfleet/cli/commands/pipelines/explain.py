"""``airfleet explain``: what a code of ``check`` means, and how it is mended; offline."""

from __future__ import annotations

import re

import click

from airfleet.cli import options
from airfleet.cli.output import tables, terminal
from airfleet.errors import UsageError, did_you_mean
from airfleet.problem_codes import Code


@click.command(epilog="\b\nExamples:\n  airfleet explain AF012\n  airfleet explain\n  airfleet explain AF200 -o json")
@click.argument("code", metavar="[CODE]", required=False)
@options.output()
def command(code: str | None, output: str) -> None:
    """Say what a code of a problem means.

    The page of a code says why it matters, how it is silenced, and has a wrong and a right example. Without CODE: the
    list of all codes. Codes of 'airfleet doctor', such as D203, have a page as well.
    """
    if code is None:
        rows = [_row(one) for one in Code if one is not Code.GENERAL]
        tables.put_rows(rows, output, {"code": "code", "severity": "severity", "title": "problem"})
        return
    if re.fullmatch(r"D\d{3}", code.strip(), re.IGNORECASE | re.ASCII):
        _explain_check(code.strip().upper(), output)
        return
    found = named(code)
    if output in ("json", "yaml"):
        tables.put_value(_row(found), output)
    else:
        from airfleet.pipelines.problems import pages

        terminal.put(pages.as_text(found))


def _explain_check(code: str, output: str) -> None:
    from airfleet.doctor import reference

    page = reference.of(code)
    if page is None:
        raise UsageError(f"there is no check '{code}'\nhint: airfleet doctor -v shows all of them")
    if output in ("json", "yaml"):
        tables.put_value(page, output)
    else:
        terminal.put(reference.as_text(page))


def named(written: str) -> Code:
    """Find a code as people write it: ``AF012``, ``af12``, ``12``, or ``UNKNOWN_KEY``.

    Raises:
        UsageError: there is no such code.
    """
    codes = {name: code for name, code in Code.__members__.items() if code is not Code.GENERAL}
    if by_name := codes.get(written.upper().replace("-", "_")):
        return by_name
    number = re.fullmatch(r"(?:AF)?(\d{1,3})", written.strip(), re.IGNORECASE | re.ASCII)
    code = f"AF{int(number[1]):03}" if number else written.strip().upper()
    if code in codes.values():
        return Code(code)
    hint = did_you_mean(code, [*codes.values(), *codes]) or "airfleet explain lists all codes"
    raise UsageError(f"there is no code '{written}'\nhint: {hint}")


def _row(code: Code) -> dict[str, object]:
    from airfleet.pipelines.problems import pages

    page = pages.of(code)
    return {
        "code": code.value,
        "name": code.name.lower(),
        "severity": code.severity.value,
        "can_be_silenced": code.can_be_silenced,
        "title": page.title,
        "why": page.why,
        "wrong": page.wrong or None,
        "right": page.right or None,
    }
