from __future__ import annotations

from airfleet.agent.releases.elsewhere import ReadyElsewhere

ONE, TWO = "1" * 64, "2" * 64


def test_each_host_that_is_ready_is_one_reason_to_try_again() -> None:
    found = ReadyElsewhere({"b", "c"})
    ready = {"b"}
    for expected in ({ONE}, set()):
        found.hear(ONE)
        assert found.take({ONE}, lambda digest: ready) == expected
    ready = {"b", "c"}
    found.hear(ONE)
    assert found.take({ONE}, lambda digest: ready) == {ONE}


def test_nobody_is_asked_without_news_of_a_failure() -> None:
    found, asked = ReadyElsewhere({"b"}), list[str]()

    def ready(digest: str) -> set[str]:
        asked.append(digest)
        return {"b"}

    found.hear(TWO)
    assert found.take({ONE}, ready) == frozenset()
    assert asked == []
    assert found.take({ONE, TWO}, ready) == {TWO}  # news of what failed since is kept


def test_hosts_without_an_api_server_give_nothing() -> None:
    found = ReadyElsewhere({"b"})
    found.hear(ONE)
    assert found.take({ONE}, lambda digest: {"c"}) == frozenset()


def test_a_host_that_lost_a_release_and_has_it_again_is_a_new_reason() -> None:
    found = ReadyElsewhere({"b"})
    for ready, expected in (({"b"}, {ONE}), (set(), set()), ({"b"}, {ONE})):
        found.hear(ONE)
        assert found.take({ONE}, lambda digest, ready=ready: ready) == expected  # type: ignore[misc]


def test_what_nobody_wants_is_forgotten() -> None:
    found = ReadyElsewhere({"b"})
    found.hear(ONE)
    found.forget({TWO})
    assert found.take({ONE}, lambda digest: {"b"}) == frozenset()
