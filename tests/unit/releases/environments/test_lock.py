"""A lock is the same text for the same versions, and nothing without a version and a hash gets into it."""

from __future__ import annotations

import pytest

from airfleet.releases.environments import lock
from airfleet.releases.environments.lock import Lock, NotPinned, Pin

TEXT = """\
# a comment
six==1.16.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
Flask_Cors[extra]==2.0
    # via something
"""


def test_pins_are_read_with_their_hashes_and_in_one_spelling() -> None:
    assert [(pin.name, pin.version, pin.hashes) for pin in lock.pins(TEXT)] == [
        ("six", "1.16.0", {"sha256:aa", "sha256:bb"}),
        ("flask-cors", "2.0", frozenset()),
    ]


def test_equal_pins_in_any_order_are_one_environment() -> None:
    pins = (Pin("b", "1", "b==1\n"), Pin("a", "2", "a==2\n"))
    assert Lock("x", pins).digest == Lock("x", pins[::-1]).digest
    assert Lock("x", pins).digest != Lock("y", pins).digest
    assert lock.read(Lock("x", pins).text) == Lock("x", pins[::-1])


def test_a_pin_keeps_the_hashes_that_are_asked_for() -> None:
    (six, _) = lock.pins(TEXT)
    assert six.only(frozenset({"sha256:bb", "sha256:cc"})).text == "six==1.16.0 \\\n    --hash=sha256:bb\n"


def test_a_distribution_from_an_address_is_no_pin() -> None:
    with pytest.raises(NotPinned, match=r"^six @ https://example.org/six.whl$"):
        lock.pins("six @ https://example.org/six.whl \\\n    --hash=sha256:aa\n")
