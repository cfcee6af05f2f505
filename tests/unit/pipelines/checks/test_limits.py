"""What Airflow takes and its database, its calendar or a broker does not, is said before anything is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

TASKS = "tasks: [{id: a}]"
NUL = "holds a NUL character (\\0), which the database cannot keep"

USUAL = "leave it out for the usual one"
AS_TEXT = "write it as text, or let the function make it"


def problems(tmp_path: Path, text: str, **environ: str) -> list[str]:
    file = tmp_path / "p.yaml"
    file.write_text(f"dag_id: p\n{text}\n")
    found = read_and_check(file, environ=environ).problems
    return [str(problem).replace(f"{file}:", "") for problem in found]


def numbers(first: int, last: int) -> str:
    return ",".join(map(str, range(first, last + 1)))


#: a line of the file, and what is said
WRONG = [
    (f"max_active_tasks: 99999999999\n{TASKS}", "2:19: max_active_tasks: must be at most 2147483647, not 99999999999"),
    (f"max_active_runs: 2147483648\n{TASKS}", "2:18: max_active_runs: must be at most 2147483647, not 2147483648"),
    (
        f"max_consecutive_failed_dag_runs: '2147483648'\n{TASKS}",
        "2:34: max_consecutive_failed_dag_runs: must be at most 2147483647, not 2147483648",
    ),
    ("tasks: [{id: a, retries: 99999999999}]", "2:26: tasks.a.retries: must be at most 2147483647, not 99999999999"),
    ("tasks: [{id: a, queue: ''}]", f"2:24: tasks.a.queue: must not be empty\nhint: {USUAL}"),
    (f"defaults: {{pool: ''}}\n{TASKS}", f"2:18: defaults.pool: must not be empty\nhint: {USUAL}"),
    (
        "tasks: [{id: a, uses: 'json:dumps', with: {obj: .inf, cls: {$t: '{{ ds }}'}}}]",
        f"2:49: tasks.a.with.obj: is inf, which Airflow cannot keep beside what it renders\nhint: {AS_TEXT}",
    ),
    (
        "tasks: [{id: a, uses: 'json:dumps', with: {obj: [1, {a: 1e400}], cls: {$t: '{{ ds }}'}}}]",
        f"2:57: tasks.a.with.obj[1].a: is inf, which Airflow cannot keep beside what it renders\nhint: {AS_TEXT}",
    ),
    (
        "tasks: [{id: a, uses: 'json:dumps', with: {obj: {$const: [.nan]}, cls: {$t: '{{ ds }}'}}}]",
        f"2:49: tasks.a.with.obj[0]: is nan, which Airflow cannot keep beside what it renders\nhint: {AS_TEXT}",
    ),
    (
        "tasks: [{id: a, uses: 'json:dumps', with: {obj: {$const: \"\\0\"}, cls: {$t: '{{ ds }}'}}}]",
        f"2:49: tasks.a.with.obj: {NUL}",
    ),
    (
        "tasks: [{id: a, pool_slots: 2147483648}]",
        "2:29: tasks.a.pool_slots: must be at most 2147483647, not 2147483648",
    ),
    (
        f"defaults: {{retries: 2147483648}}\n{TASKS}",
        "2:21: defaults.retries: must be at most 2147483647, not 2147483648",
    ),
    (f'description: "a\\0b"\n{TASKS}', f"2:14: description: {NUL}"),
    (f'doc_md: "a\\0b"\n{TASKS}', f"2:9: doc_md: {NUL}"),
    (f'tags: [a, "a\\0b"]\n{TASKS}', f"2:11: tags[1]: {NUL}"),
    (f'params: {{a: {{b: ["\\0"]}}}}\n{TASKS}', f"2:18: params.a.b[0]: {NUL}"),
    (f'params: {{"a\\0": 1}}\n{TASKS}', f"2:9: params: {NUL}"),
    (f"tags: [ok, {'x' * 101}]\n{TASKS}", "2:12: tags[1]: is 101 characters long; the database takes 100"),
    (
        f"dag_display_name: {'x' * 2001}\n{TASKS}",
        "2:19: dag_display_name: is 2001 characters long; the database takes 2000",
    ),
    (f"tasks: [{{id: a, pool: {'x' * 257}}}]", "2:23: tasks.a.pool: is 257 characters long; the database takes 256"),
    (
        f"tasks: [{{id: a, queue: {'é' * 128}}}]",
        "2:24: tasks.a.queue: is 256 bytes long; the name of a queue has 255 at most",
    ),
    (
        f"tasks: [{{id: a, task_display_name: {'x' * 2001}}}]",
        "2:36: tasks.a.task_display_name: is 2001 characters long; the database takes 2000",
    ),
    (f"owner_links: {{me: 5}}\n{TASKS}", "2:19: owner_links.me: must be a link, not 5"),
    (
        f"owner_links: {{me: 'https://x/{'x' * 500}'}}\n{TASKS}",
        "2:19: owner_links.me: is 510 characters long; the database takes 500",
    ),
    (
        f"tasks: [{{id: a, owner: {'x' * 1500}}}, {{id: b, owner: {'y' * 1500}}}]",
        "2:8: tasks: the list of all owners is 3002 characters long; the database takes 2000",
    ),
    (
        f'schedule: "{numbers(0, 59)} {numbers(0, 23)} {numbers(1, 31)} {numbers(1, 12)} {numbers(0, 6)}"\n{TASKS}',
        "2:11: schedule: is too long: its description in words has 1305 characters; the database takes 1000",
    ),
    (
        'tasks: [{id: a, uses: bash, with: {bash_command: {$t: "a\\0{{ ds }}"}}}]',
        f"2:50: tasks.a.with.bash_command: {NUL}",
    ),
    (
        'tasks: [{id: b}, {id: a, uses: bash, with: {bash_command: ls, env: {A: {$x: b}, B: "\\0"}}}]',
        f"2:84: tasks.a.with.env.B: {NUL}",
    ),
    (
        f"tasks: [{{id: a, retry_exponential_backoff: 1{'0' * 400}}}]",
        "2:44: tasks.a.retry_exponential_backoff: must be a finite number that fits into 64 bits",
    ),
    (
        "tasks: [{id: a, retry_delay: 0, retry_exponential_backoff: .inf}]",
        "2:60: tasks.a.retry_exponential_backoff: must be a finite number that fits into 64 bits",
    ),
    (
        f"start_date: 9999-12-31\nschedule: '@daily'\n{TASKS}",
        "2:13: start_date: is too near the end of the calendar: Airflow reckons with runs up to 9800 at most"
        "\nhint: for a Dag that is only run by hand, leave out the schedule",
    ),
    (
        "tasks: [{id: a, retry_delay: 9999999d}]",
        "2:30: tasks.a.retry_delay: is a duration of 9999999 days; Airflow can reckon with 36500 at most",
    ),
    (
        f"dagrun_timeout: 36501d\n{TASKS}",
        "2:17: dagrun_timeout: is a duration of 36501 days; Airflow can reckon with 36500 at most",
    ),
    (
        "tasks: [{id: ..}]",
        "2:14: tasks....id: the id of a task cannot be '..', which means a folder in addresses and paths",
    ),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_values_that_would_end_a_component_are_problems_at_their_places(tmp_path: Path, text: str, said: str) -> None:
    assert problems(tmp_path, text) == [said]


FINE = [
    f"max_active_tasks: 2147483647\n{TASKS}",
    f"start_date: 9999-12-31\n{TASKS}",
    f"tags: [{'x' * 100}]\ndag_display_name: {'x' * 2000}\n{TASKS}",
    "tasks: [{id: a, retries: 2147483647, priority_weight: 99999999999}]",
    "tasks: [{id: a, retry_delay: 36500d, execution_timeout: 1d}]",
    f'schedule: "{numbers(0, 59)} {numbers(0, 23)} * * *"\n{TASKS}',
    'tasks: [{id: a, uses: bash, with: {bash_command: "echo a\\0b"}}]',  # not stored: the task says what is wrong
]


@pytest.mark.parametrize("text", FINE)
def test_what_just_fits_is_fine(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == []


def test_a_value_of_the_environment_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    [said] = problems(tmp_path, f"description: ${{{{ env.WHO }}}}\n{TASKS}", WHO="a\udcffb")
    assert said == "2:14: description: holds a byte that is not UTF-8, which the database cannot keep"


def test_a_value_of_a_job_is_judged_in_the_dag_of_that_job(tmp_path: Path) -> None:
    jobs = "jobs: [{name: good, n: 1}, {name: bad, n: 99999999999}]"
    file = tmp_path / "p.yaml"
    file.write_text(f"dag_id: ${{{{ job.name }}}}\n{jobs}\nmax_active_tasks: ${{{{ job.n }}}}\n{TASKS}\n")
    checked = read_and_check(file, environ={})
    assert [pipeline.dag_id for pipeline in checked.pipelines] == ["good"]
    assert [problem.sentence for problem in checked.problems] == ["must be at most 2147483647, not 99999999999"]
