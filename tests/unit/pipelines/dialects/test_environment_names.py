"""Names of the environment in values of other formats."""

from __future__ import annotations

import pytest

from airfleet.errors import Place
from airfleet.pipelines.dialects.environment_names import Environment
from airfleet.yaml.nodes import Scalar

ENVIRON = {"A": "1", "B": "b b", "E": "", "ON": "on"}


@pytest.mark.parametrize(
    ("written", "quoted", "value"),
    [
        ("$A", False, 1),
        ("$A", True, "1"),
        ("${A}0", False, 10),
        ("$B", False, "b b"),
        ("$E", False, None),
        ("$ON", False, True),
        ("$NONE and ${NONE}", False, "$NONE and ${NONE}"),
        ("cost: $5 of ${A-x}", False, "cost: $5 of ${A-x}"),
        ("${{ x }} $A", True, "$${{ x }} 1"),
        ("off", False, False),
    ],
)
def test_values(written: str, quoted: bool, value: object) -> None:
    assert Environment(ENVIRON).value(Scalar(written, written, Place("p"), quoted)).value == value


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("$A ${B}", "${{ env.A or '$A' }} ${{ env.B or '${B}' }}"),
        ("$5 ${{ x }}", "$5 $${{ x }}"),
    ],
)
def test_expressions_for_a_file_that_is_written(written: str, found: str) -> None:
    assert Environment(None).text(written) == found


@pytest.mark.parametrize(
    ("command", "own", "found"),
    [
        ("echo $A", None, "echo $A"),
        ("echo '$A'", None, "echo '1'"),
        ("echo \"it's $A\" \\'$A", None, "echo \"it's $A\" \\'$A"),
        ("echo $A $B $NONE", frozenset({"B"}), "echo 1 $B $NONE"),
        ("awk '{print $1, $NF}'", None, "awk '{print $1, $NF}'"),
        ("echo 'not closed $A", None, "echo 'not closed 1"),
        ("echo ${{ x }}", None, "echo $${{ x }}"),
    ],
)
def test_commands_of_a_shell(command: str, own: frozenset[str] | None, found: str) -> None:
    assert Environment(ENVIRON).shell(command, own) == found
