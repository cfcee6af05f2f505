"""What the documents say is so: their YAML is right, their commands exist."""

from __future__ import annotations

import itertools
import os
import re
import select
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from airfleet.cli.commands.pipelines import scaffold
from airfleet.cli.main import COMMANDS, cli
from airfleet.errors import FileProblems, Problem
from airfleet.fleet.config import reader as fleet_reader
from airfleet.pipelines.cases import reader as case_reader
from airfleet.pipelines.cases.checks import prepared
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.files.project_files import is_test
from support import documents
from support.documents import GENERATED, REPOSITORY, Block

ENVIRON = {"DATABASE_PASSWORD": "d", "BROKER_PASSWORD": "b", "WAREHOUSE_URL": "postgresql://w"}
DOCUMENTS = documents.documents()
#: a line that calls ``airfleet``, and such a call within a sentence
_CALL = r"^{}(?:\$ )?((?:[A-Z_]+=\S+ )*airfleet .*)$"
_INLINE = r"(?<!`)`((?:[A-Z_]+=\S+ )*airfleet\s[^`]*)`"
#: options that stand before a command
OF_ALL_COMMANDS = frozenset({"-C", "--project", "-h", "--help", "--version"})
WITH_YAML = [
    document
    for document in DOCUMENTS
    if documents.name(document) not in GENERATED and any(b.language == "yaml" for b in documents.blocks(document))
]


def project(folder: Path, blocks: list[Block]) -> None:
    """The files of a document that its pipelines name, as the project that it speaks of."""
    (folder / "fleet.yaml").write_text("name: shop\n")
    (folder / "pipelines").mkdir()
    for block in blocks:
        if block.language in ("python", "csv"):
            file = folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)


def problems(folder: Path, block: Block) -> tuple[Problem, ...]:
    """What is wrong with a YAML file of a document."""
    file = folder / block.file
    file.write_text(block.text)
    if fleet := re.fullmatch(r"fleet(?:\.(\w+))?\.yaml", block.file):
        return problems_of_a_fleet(folder, block.text, fleet[1] or "")
    if is_test(file):
        found = case_reader.read_file(Path(block.file))
        return (*found.problems, *prepared(found.cases, lambda path: read_and_check(path, environ=ENVIRON))[1])
    return read_and_check(Path(block.file), environ=ENVIRON).problems


def problems_of_a_fleet(folder: Path, text: str, overlay: str) -> tuple[Problem, ...]:
    """What is wrong with a fleet.yaml, or with an overlay over the one before it."""
    (folder / "secrets").mkdir(exist_ok=True)
    for name in re.findall(r"\${{ secrets\.(\w+) }}", text):
        (folder / "secrets" / name).touch(mode=0o600)
        (folder / "secrets" / name).write_text("s3cret\n")
    try:
        fleet_reader.read_file(Path("fleet.yaml"), ENVIRON | {"AIRFLEET_ENV": overlay})
    except FileProblems as wrong:
        return wrong.problems
    return ()


@pytest.mark.parametrize("document", WITH_YAML, ids=documents.name)
def test_every_yaml_file_in_a_document_is_what_the_document_says(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = documents.blocks(document)
    project(tmp_path, blocks)
    for number, block in enumerate(blocks):
        if block.language == "yaml":
            assert block.file, f"this YAML does not say which file it is:\n{block.text}"
            expected = blocks[number + 1].text if block.wrong else ""
            found = "".join(f"{problem.with_code()}\n" for problem in sorted(problems(tmp_path, block)))
            assert found == expected


def test_there_are_documents_with_yaml() -> None:
    assert "README.md" in [documents.name(document) for document in WITH_YAML]


@pytest.mark.parametrize("document", DOCUMENTS, ids=documents.name)
def test_every_command_in_a_document_exists_with_its_options(document: Path) -> None:
    for line in commands(document):
        check_command(line)


def commands(document: Path) -> list[list[str]]:
    """Give the calls of ``airfleet`` as words: of indented lines, of fenced blocks and of code within a sentence."""
    text = document.read_text().replace("\\\n", "")
    shown = [
        block.text for block in documents.blocks(document) if block.language in ("", "sh", "console", "shell", "bash")
    ]
    prose = documents.without_blocks(text)
    lines = re.findall(_CALL.format(r"(?: {4}|\t)"), prose, re.MULTILINE)
    lines += [line for block in shown for line in re.findall(_CALL.format(""), block, re.MULTILINE)]
    lines += [" ".join(code.split()) for code in re.findall(_INLINE, prose) if "[OPTIONS]" not in code]
    words = [shlex.split(line.rstrip("…. "), comments=True) for line in lines if "──" not in line]
    return [[word for word in line if not re.match(r"[A-Z_]+=", word)] for line in words]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("    airfleet up -d", [["airfleet", "up", "-d"]]),
        ("    $ NAME=x airfleet check --help", [["airfleet", "check", "--help"]]),
        ("```\nairfleet down\n```\n", [["airfleet", "down"]]),
        ("```sh\n$ airfleet status  # how it is\n```\n", [["airfleet", "status"]]),
        ("Then `airfleet up\n--detach` starts it.", [["airfleet", "up", "--detach"]]),
        ("With `CI=1 airfleet check`, too.", [["airfleet", "check"]]),
        ("```yaml a.yaml\nairfleet: up\n```\nThe package `airfleet` has it.", []),
    ],
)
def test_commands_are_found_wherever_a_document_shows_them(tmp_path: Path, text: str, found: list[list[str]]) -> None:
    document = tmp_path / "page.md"
    document.write_text(text)
    assert commands(document) == found


@pytest.mark.parametrize(
    "words", [["airfleet", "--env", "clouds", "up"], ["airfleet", "upp"], ["airfleet", "up", "--nosuch"]]
)
def test_a_command_or_an_option_that_does_not_exist_is_found(words: list[str]) -> None:
    with pytest.raises(AssertionError):
        check_command(words)


def check_command(words: list[str]) -> None:
    """The words after ``airfleet``: options of the group, a command, its options."""
    assert words[0] == "airfleet"
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        assert rest[0] in OF_ALL_COMMANDS, f"airfleet has no option {rest[0]}"
        rest = rest[2:] if rest[0] in ("-C", "--project") else rest[1:]
    if not rest:
        return
    assert rest[0] in COMMANDS, f"airfleet has no command {rest[0]}"
    command = cli.get_command(click.Context(cli), rest[0])
    assert command is not None
    while isinstance(command, click.Group):
        rest = rest[1:]
        if not rest:  # it says what it has
            return
        if command.invoke_without_command and rest[0].startswith("-"):
            rest = ["", *rest]
            break
        command = command.get_command(click.Context(command), rest[0])
        assert command is not None, f"there is no {' '.join(words)}"
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    own = rest[1:]
    if command.context_settings.get("allow_interspersed_args") is False:  # what follows its options is another's
        own = list(itertools.takewhile(lambda word: word.startswith("-"), own))
    unknown = [word for word in own if word.startswith("-") and word.split("=")[0] not in known]
    assert unknown == [], f"airfleet {rest[0]} has no {unknown}"


#: but those whose operators are in another environment, where its own tests ask the same
PIPELINES = sorted(set(REPOSITORY.glob("examples/*/pipelines/*.yaml")) - set(REPOSITORY.glob("examples/lightning/*/*")))


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.name)
def test_every_pipeline_of_the_examples_is_right(file: Path) -> None:
    assert read_and_check(file, environ={}).problems == ()


@pytest.mark.parametrize("file", sorted(REPOSITORY.glob("examples/*/fleet.yaml")), ids=lambda file: file.parent.name)
def test_every_fleet_of_the_examples_is_right(file: Path) -> None:
    assert fleet_reader.read(file.read_text(), str(file), {}, file.parent)[1] == ()


def test_the_tutorial_shows_the_pipeline_that_init_writes_and_what_check_says_of_it_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tutorial = REPOSITORY / "docs" / "tutorial" / "first-pipeline.md"
    [shown] = [block for block in documents.blocks(tutorial) if block.file == "pipelines/hello.yaml"]
    for path, text in scaffold.files("shop").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    written = (tmp_path / shown.file).read_text()
    assert yaml.safe_load(shown.text) == yaml.safe_load(written)
    (tmp_path / shown.file).write_text(written.replace("{$x: look}", "{$x: lok}"))
    [problem] = read_and_check(Path(shown.file), environ={}).problems
    assert str(problem).replace("\n", "\n    ") in tutorial.read_text()


#: variables that one part of airfleet tells another, and that no person sets
INTERNAL = {"COMPONENT", "CONTROL_GROUP", "FLEET", "HOSTNAME", "LOCAL_HOSTS", "LOCAL_NETWORK", "EXECUTION_API", "TOKEN"}
INTERNAL |= {"TASK_USER", "DAG_ZYGOTES", "OWN_API", "ZYGOTE_FD", "TESTING_CLOCKS", "UNCHECKED", "MAY_MIGRATE"}
_COMMAND_NAMES = tuple(f"{command.upper()}_" for command in COMMANDS)


def test_every_variable_that_airfleet_reads_stands_on_a_page() -> None:
    source = "".join(file.read_text() for file in (REPOSITORY / "src").rglob("*.py"))
    read = set(re.findall(r"AIRFLEET_([A-Z][A-Z_]*[A-Z])", source))
    pages = "".join(document.read_text() for document in DOCUMENTS)
    # Options of commands have variables of their own, which the generated page of the command line has.
    of_options = {"COMPLETE", "OUTPUT", "NETNS", *(name for name in read if name.startswith(_COMMAND_NAMES))}
    assert sorted(name for name in read - INTERNAL - of_options if f"AIRFLEET_{name}" not in pages) == []


def test_every_target_of_make_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {
        (documents.name(document), target)
        for document in DOCUMENTS
        for target in re.findall(r"(?:`|^ {4}(?:\$ )?)make ([a-z0-9-]+)", document.read_text(), re.MULTILINE)
    }
    assert len(named) > 20
    assert sorted(place for place in named if place[1] not in targets) == []


#: hides its environment, as Airflow's supervisor does, and has a child of its own
_HIDDEN = (
    "import ctypes, subprocess, sys, time; ctypes.CDLL(None).prctl(4, 0); "
    "child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); time.sleep(60)"
)


def test_the_lines_that_kill_a_host_find_every_process_below_its_agent(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "several-hosts.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in page.splitlines() if "all_of" in line]
    assert [line.partition(" ")[0] for line in lines] == ["all_of()", "kill"]
    folder = tmp_path / ".airfleet" / "hosts" / "host-2" / "run"
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", _HIDDEN], stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        below = int(agent.stdout.readline())
        (folder / "agent.lock").write_text(f"{agent.pid} this-machine")
        watched = os.pidfd_open(below)
        subprocess.run(["bash", "-c", "\n".join(lines)], cwd=tmp_path, check=True, timeout=30)
        assert agent.wait(timeout=10) == -signal.SIGKILL
        assert select.select([watched], [], [], 10)[0], "a process below the agent lives on"
        os.close(watched)
