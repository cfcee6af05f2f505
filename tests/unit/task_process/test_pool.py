"""The pool of a worker: zygotes are kept as long as they serve, and no failure takes more than it must."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.task_process import ipc
from airfleet.task_process.pool import Limits
from support.toy_pool import SIGNALS, ToyPool, ended, toy_pool, two_attempts


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[ToyPool]:
    with toy_pool(tmp_path) as made:
        yield made


# --- how an attempt starts and ends -------------------------------------------------------------------


@pytest.mark.parametrize("words", ["shared", "unshareable"])
@pytest.mark.parametrize("code", [0, 3, 255])
def test_an_attempts_exit_code_is_told(toys: ToyPool, words: str, code: int) -> None:
    assert toys.start(toys.file(words)).end(code) == code


@pytest.mark.parametrize("words", ["shared", "unshareable"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGUSR2])
def test_a_signal_that_ended_an_attempt_is_told_as_a_negative_number(
    toys: ToyPool, words: str, number: signal.Signals
) -> None:
    attempt = toys.start(toys.file(words))
    signal.pidfd_send_signal(attempt.pidfd, number)
    assert attempt.exit_code() == -number


def test_the_pid_that_is_told_is_the_attempts_own_and_stays_taken_until_its_monitor_lets_go(toys: ToyPool) -> None:
    attempt = toys.start(toys.file("shared"))
    assert attempt.told()["pid"] == attempt.pid
    assert attempt.end() == 0
    assert Path(f"/proc/{attempt.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    attempt.status.close()
    assert toys.start(toys.file("shared")).end() == 0  # the zygote has looked at its sockets again
    assert not Path(f"/proc/{attempt.pid}").exists()


@pytest.mark.parametrize("words", ["shared", "unshareable"])
def test_an_attempt_starts_as_a_process_of_its_own(tmp_path: Path, words: str) -> None:
    before, neighbour, told = two_attempts(tmp_path, words)
    assert neighbour["pid"] != told["pid"]
    assert told["group"] == told["pid"]
    assert told["handlers"] == [str(signal.SIG_DFL)] * len(SIGNALS)
    assert told["oom"] == "500"
    # requests, stdout, stderr and logs; two more by which these tests hear of titles, open before the pool was
    ours = [target for target in told["descriptors"].values() if target not in {*before, "gone"}]
    assert len(ours) == 4 + 2
    assert all(target.startswith("socket:") for target in ours)


# --- what is loaded, and for how long -----------------------------------------------------------------


def test_a_file_is_loaded_once_for_all_its_attempts(toys: ToyPool) -> None:
    file = toys.file("shared by all")
    attempts = [toys.start(file) for _ in range(3)]
    told = [attempt.told() for attempt in attempts]
    zygote, _ = toys.process("file")
    assert {one["loaded"]["loaded"] for one in told} == {told[0]["loaded"]["loaded"]}
    assert {one["parent"] for one in told} == {zygote}
    assert len({one["pid"] for one in told}) == 3
    assert told[0]["loaded"]["text"] == "shared by all"


def test_what_an_attempt_changes_no_other_attempt_sees(toys: ToyPool) -> None:
    file = toys.file("shared")
    first, neighbour = toys.start(file), toys.start(file)
    first.ask("change")
    for other in (neighbour, toys.start(file)):
        assert other.told()["loaded"]["text"] == "shared"
    assert first.told()["loaded"]["text"] == "changed by an attempt"


def test_random_numbers_differ_between_attempts_of_a_zygote(toys: ToyPool) -> None:
    file = toys.file("shared")
    assert len({toys.start(file).told()["random"] for _ in range(3)}) == 3


def test_a_changed_file_gets_a_new_zygote_and_the_old_one_ends_after_its_last_attempt(toys: ToyPool) -> None:
    old = toys.start(toys.file("shared, old"))
    _, old_zygote = toys.process("file")
    new = toys.start(toys.file("shared, new"))
    assert new.told()["loaded"]["text"] == "shared, new"
    assert old.told()["loaded"]["text"] == "shared, old"
    assert not ended(old_zygote, 0)
    assert old.end() == 0
    old.status.close()
    assert ended(old_zygote)
    assert new.end() == 0


def test_a_zygote_that_is_too_old_is_replaced(toys: ToyPool) -> None:
    """As for a Python file, which may depend on the clock."""
    file = toys.file("shared", version="old")
    zygotes = {toys.start(file).told()["parent"] for _ in range(2)}
    assert len(zygotes) == 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("raises", "it cannot be loaded: ZeroDivisionError: while it is loaded"),
        ("unshareable", "it says so itself"),
        ("draws", "it uses random numbers"),
    ],
)
def test_attempts_of_a_file_that_cannot_be_kept_run_without_it_and_the_log_says_why(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, words: str, reason: str
) -> None:
    with toy_pool(tmp_path) as toys:
        file = toys.file(words)
        first, second = toys.start(file), toys.start(file)
        pool, _ = toys.process("pool")
        for attempt in (first, second):
            told = attempt.told()
            assert (told["loaded"], told["parent"]) == (None, pool)
            assert attempt.end(3) == 3
        assert toys.named("file") == 1  # a zygote has tried once
    assert f"{file.path} is loaded in each attempt: {reason}\n" in capfd.readouterr().err


def test_a_file_that_could_not_be_kept_is_tried_again_when_it_changes(toys: ToyPool) -> None:
    assert toys.start(toys.file("unshareable")).told()["loaded"] is None
    assert toys.start(toys.file("shared now")).told()["loaded"]["text"] == "shared now"


def test_a_file_that_could_not_be_kept_is_tried_again_after_some_time(tmp_path: Path) -> None:
    with toy_pool(tmp_path, Limits(cold_seconds=0.0)) as toys:
        for _ in range(2):
            assert toys.start(toys.file("unshareable")).told()["loaded"] is None
            toys.process("file")


# --- limits -------------------------------------------------------------------------------------------


def test_the_zygote_that_was_used_least_lately_goes_when_there_are_too_many(tmp_path: Path) -> None:
    with toy_pool(tmp_path, Limits(zygotes=2)) as toys:
        first, second, third = (toys.file("shared", name) for name in ("first", "second", "third"))
        zygotes: dict[str, int] = {}
        for file in (first, second, first, third):
            assert toys.start(file).end() == 0
            name = Path(file.path).name
            zygotes[name] = zygotes.get(name) or toys.process(name)[1]
        toys.attempts[1].status.close()
        assert ended(zygotes["second"])
        assert not ended(zygotes["first"], 0)
        assert not ended(zygotes["third"], 0)


def test_a_zygote_that_nobody_uses_ends(tmp_path: Path) -> None:
    with toy_pool(tmp_path, Limits(idle_seconds=0.05)) as toys:
        attempt = toys.start(toys.file("shared"))
        assert attempt.end() == 0
        attempt.status.close()
        assert ended(toys.process("file")[1])
        assert toys.start(toys.file("shared")).end() == 0


# --- failures -----------------------------------------------------------------------------------------


def test_a_zygote_that_dies_takes_no_attempt_with_it(toys: ToyPool) -> None:
    file = toys.file("shared")
    attempt = toys.start(file)
    _, zygote = toys.process("file")
    signal.pidfd_send_signal(zygote, signal.SIGKILL)
    assert attempt.exit_code() is None  # the status socket is closed: nobody can tell the code
    assert attempt.told()["pid"] == attempt.pid
    assert toys.start(file).told()["loaded"]["text"] == "shared"
    ipc.send(attempt.orders, {"do": "end", "code": 0})
    assert attempt.has_ended()


def test_a_file_whose_loading_ends_the_process_is_given_up_after_some_tries(toys: ToyPool) -> None:
    attempt = toys.start(toys.file("dies"))
    assert attempt.told()["loaded"] is None
    assert toys.named("file") == Limits().crashes
    assert toys.start(toys.file("shared")).told()["loaded"] is not None


def test_the_pool_is_started_again_when_it_dies_and_no_request_is_lost(toys: ToyPool) -> None:
    warm, cold = toys.start(toys.file("shared")), toys.start(toys.file("unshareable", "cold"))
    pid, pool = toys.process("pool")
    os.kill(pid, signal.SIGSTOP)
    waiting = toys.send(toys.file("shared", "other"))
    signal.pidfd_send_signal(pool, signal.SIGKILL)
    assert waiting.wait_for_start().told()["loaded"] is not None
    assert toys.process("pool")[0] != pid
    assert cold.exit_code() is None  # its status socket was the pool's
    assert cold.told()["pid"] == cold.pid
    assert warm.end(3) == 3  # its zygote goes on until it ends


def test_the_keeper_gives_up_a_pool_that_dies_again_and_again_and_sending_fails(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with toy_pool(tmp_path, Limits(pools_a_minute=2)) as toys:
        _, _, keeper = toys.processes[0]
        for _ in range(2):
            signal.pidfd_send_signal(toys.process("pool")[1], signal.SIGKILL)
        assert ended(keeper)
        with pytest.raises(BrokenPipeError):
            toys.send(toys.file("shared"))
        assert "dies again and again" in capfd.readouterr().err


def test_the_pool_serves_on_without_its_keeper(toys: ToyPool) -> None:
    toys.process("pool")
    _, _, keeper = toys.processes[0]
    signal.pidfd_send_signal(keeper, signal.SIGKILL)
    assert ended(keeper)
    assert toys.start(toys.file("shared")).end() == 0


@pytest.mark.parametrize("words", ["shared", "unshareable"])
def test_an_attempt_whose_monitor_is_gone_is_asked_to_end(toys: ToyPool, words: str, tmp_path: Path) -> None:
    attempt = toys.start(toys.file(words))
    attempt.ask("note", path=str(tmp_path / "note"))
    attempt.status.close()
    assert attempt.has_ended()
    assert (tmp_path / "note").read_text() == "asked to end"


def test_an_attempt_whose_monitor_was_gone_before_it_started_ends_too(toys: ToyPool) -> None:
    pid, _ = toys.process("pool")
    os.kill(pid, signal.SIGSTOP)
    attempt = toys.send(toys.file("shared"))
    attempt.status.close()
    os.kill(pid, signal.SIGCONT)
    assert ipc.receive(attempt.orders) is None  # closed by its end
    assert toys.start(toys.file("shared")).end() == 0


def test_signals_to_the_worker_do_not_end_what_forks_its_attempts(toys: ToyPool) -> None:
    """A worker that is asked to stop lets its attempts end."""
    attempt = toys.start(toys.file("shared"))
    toys.process("file")
    for _, pid, _ in list(toys.processes):
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
    assert attempt.end(3) == 3
    assert toys.start(toys.file("shared")).end() == 0


def test_everything_ends_with_the_worker_and_attempts_are_asked_to(tmp_path: Path) -> None:
    with toy_pool(tmp_path) as toys:
        warm, cold = toys.start(toys.file("shared")), toys.start(toys.file("unshareable", "cold"))
        pool = toys.process("pool")[1]
        toys.requests.close()
        assert toys.attempts[0].told()["pid"] == warm.pid  # closing alone ends no attempt
        assert not ended(pool, 0)
        for attempt in (warm, cold):
            attempt.status.close()
            assert attempt.has_ended()
        assert ended(pool)


def test_many_attempts_at_once_are_all_served(toys: ToyPool) -> None:
    file = toys.file("shared")
    waiting = [toys.send(file) for _ in range(20)]
    told = [attempt.wait_for_start().told() for attempt in waiting]
    assert {one["loaded"]["loaded"] for one in told} == {told[0]["loaded"]["loaded"]}
    assert [one["id"] for one in told] == [str(number) for number in range(20)]
    assert [attempt.end(number) for number, attempt in enumerate(waiting)] == list(range(20))


def test_a_request_that_nobody_takes_waits_in_the_socket(toys: ToyPool) -> None:
    pid, _ = toys.process("pool")
    os.kill(pid, signal.SIGSTOP)
    attempt = toys.send(toys.file("shared"))
    attempt.status.settimeout(0.05)
    with pytest.raises(TimeoutError):
        attempt.wait_for_start()
    attempt.status.settimeout(10)
    os.kill(pid, signal.SIGCONT)
    assert attempt.wait_for_start().end() == 0
