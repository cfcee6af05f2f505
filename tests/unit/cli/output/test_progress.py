"""Lists that change while one waits."""

from __future__ import annotations

import pytest

from airfleet.cli.output import progress


def test_a_live_list_keeps_the_last_picture_and_moves_its_clocks_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    view = progress.LiveList(lambda: now[0])
    view.show([progress.Item("postgres", "starting", "busy", seconds=1.0, ticking=True)], 1.0)
    now[0] = 2.5
    view.tick()
    view.close()
    assert capsys.readouterr().err.splitlines()[-1].split() == ["›", "postgres", "starting", "3.5s"]


def test_a_list_longer_than_the_screen_shows_what_matters_and_counts_the_rest() -> None:
    items = [progress.Item(f"t{n}", "success", "good") for n in range(10)]
    items[7] = progress.Item("t7", "failed", "bad")
    shown, rest = progress.fitting(items, 4)
    assert [item.name for item in shown] == ["t0", "t1", "t7"]
    assert rest == "and 7 success"
