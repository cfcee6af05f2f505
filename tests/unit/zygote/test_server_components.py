"""Which addresses an api-server believes about its clients."""

from __future__ import annotations

import pytest

from airfleet.zygote.server_components import addresses


@pytest.mark.parametrize(
    ("hosts", "believed"),
    [
        ("", ()),
        ("127.0.0.1", ("127.0.0.1",)),
        ("10.0.0.1,10.0.0.4,10.0.0.1", ("10.0.0.1", "10.0.0.4")),
        ("::1,10.0.0.4", ("::1", "10.0.0.4")),
    ],
)
def test_addresses_stay_as_they_are_and_stand_once(hosts: str, believed: tuple[str, ...]) -> None:
    assert addresses(hosts) == believed


def test_a_name_becomes_its_addresses() -> None:
    assert "127.0.0.1" in addresses("localhost")


def test_a_name_that_nobody_knows_is_said_and_nobody_is_believed_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert addresses("no..such.host,10.0.0.4") == ("10.0.0.4",)  # refused before anybody is asked for it
    assert "the proxy's host 'no..such.host' is not believed" in capsys.readouterr().err
