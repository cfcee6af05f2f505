"""``airfleet lsp`` serves an editor: the protocol over its standard input and output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TEXT = "dag_id: d\ntasks:\n- {id: a, uses: bash, with: {bash_command: ls}}\n- {id: b, neds: [a]}\n"


class Editor:
    """One editor with the language server that it has started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.count = 0

    def send(self, method: str, **params: Any) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self.count += 1
        self._write({"jsonrpc": "2.0", "id": self.count, "method": method, "params": params})
        return next(one for one in self.messages() if one.get("id") == self.count)["result"]

    def heard(self, method: str) -> Any:
        return next(one for one in self.messages() if one.get("method") == method)["params"]

    def messages(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            length = int(line.removeprefix(b"Content-Length: "))
            while self.process.stdout.readline().strip():
                pass
            yield json.loads(self.process.stdout.read(length))

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    command = [sys.executable, "-m", "airfleet.cli", "lsp"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        made = Editor(process)
        made.ask("initialize", processId=None, rootUri=tmp_path.as_uri(), capabilities={})
        made.send("initialized")
        yield made
        made.ask("shutdown")
        made.send("exit")
        assert process.wait(10) == 0


def test_columns_are_in_the_units_of_the_editor(editor: Editor, tmp_path: Path) -> None:
    uri = (tmp_path / "p.yaml").as_uri()
    text = "dag_id: d\ntasks:\n- {id: a, doc: '\U0001f600\U0001f600', neds: []}\n"  # two units each in UTF-16
    editor.send("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": 1, "text": text})
    [problem] = editor.heard("textDocument/publishDiagnostics")["diagnostics"]
    assert problem["range"]["start"] == {"line": 2, "character": 23}
    where = {"textDocument": {"uri": uri}, "range": problem["range"], "context": {"diagnostics": [problem]}}
    [action] = editor.ask("textDocument/codeAction", **where)
    [edit] = action["edit"]["changes"][uri]
    assert (edit["range"]["start"]["character"], edit["range"]["end"]["character"]) == (23, 27)


def test_an_editor_gets_problems_fixes_completions_and_definitions(editor: Editor, tmp_path: Path) -> None:
    uri = (tmp_path / "p.yaml").as_uri()
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": TEXT}
    editor.send("textDocument/didOpen", textDocument=document)
    [problem] = editor.heard("textDocument/publishDiagnostics")["diagnostics"]
    assert (problem["code"], problem["range"]["start"]) == ("AF012", {"line": 3, "character": 10})
    assert problem["message"] == "a task has no key 'neds'\nhint: did you mean 'needs'?"
    where = {"textDocument": {"uri": uri}, "range": problem["range"], "context": {"diagnostics": [problem]}}
    [action] = editor.ask("textDocument/codeAction", **where)
    assert action["title"] == "Write 'needs'"
    changed = TEXT.replace("neds", "needs")
    version = {"uri": uri, "version": 2}
    editor.send("textDocument/didChange", textDocument=version, contentChanges=[{"text": changed}])
    assert editor.heard("textDocument/publishDiagnostics")["diagnostics"] == []
    at = {"textDocument": {"uri": uri}, "position": {"line": 3, "character": 18}}
    assert "a" in {one["label"] for one in editor.ask("textDocument/completion", **at)["items"]}
    assert editor.ask("textDocument/definition", **at)["range"]["start"]["line"] == 2
    over = {"textDocument": {"uri": uri}, "position": {"line": 2, "character": 18}}
    assert "BashOperator" in editor.ask("textDocument/hover", **over)["contents"]["value"]
    place = editor.ask("textDocument/definition", **over)
    assert place["uri"].endswith("/operators/bash.py")
    assert place["range"]["start"]["line"] > len(TEXT.splitlines())


def opened(editor: Editor, file: Path, text: str) -> list[str]:
    """Open a file, and give the messages of its problems, each with its line from 1."""
    document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
    editor.send("textDocument/didOpen", textDocument=document)
    return told(editor, file)


def told(editor: Editor, file: Path) -> list[str]:
    """The next problems that an editor hears of a file."""
    while (heard := editor.heard("textDocument/publishDiagnostics"))["uri"] != file.as_uri():
        pass
    return [f"{one['range']['start']['line'] + 1}: {one['message']}" for one in heard["diagnostics"]]


def test_a_shared_file_has_the_problems_that_pipelines_meet_in_it(editor: Editor, tmp_path: Path) -> None:
    shared, pipeline = tmp_path / "_parts.yaml", tmp_path / "p.yaml"
    shared.write_text("templates: {t: {uses: bash, needs: [b]}}\n")
    pipeline.write_text("dag_id: d\ninclude: _parts.yaml\ntasks: [{id: a, extends: t, with: {bash_command: ls}}]\n")
    met = "1: there is no task 'b'\nhint: met in p.yaml"
    assert opened(editor, shared, shared.read_text()) == [met]
    assert opened(editor, pipeline, pipeline.read_text()) == []
    right = pipeline.read_text().replace("tasks: [", "tasks: [{id: b}, ")
    version = {"uri": pipeline.as_uri(), "version": 2}
    editor.send("textDocument/didChange", textDocument=version, contentChanges=[{"text": right}])
    editor.send("textDocument/didSave", textDocument={"uri": pipeline.as_uri()})
    assert told(editor, shared) == []


def test_a_file_with_tests_gets_problems_completions_hovers_and_definitions(editor: Editor, tmp_path: Path) -> None:
    pipeline, tests = tmp_path / "p.yaml", tmp_path / "p.test.yaml"
    pipeline.write_text(TEXT.replace("neds", "needs"))
    text = "cases:\n- name: all\n  mocks: {a: {skips: true}}\n  expect: {order: [a, c]}\n"
    assert opened(editor, tests, text) == ["4: 'd' has no task 'c'\nhint: it has a, b"]
    at = {"textDocument": {"uri": tests.as_uri()}, "position": {"line": 3, "character": 23}}
    assert [one["label"] for one in editor.ask("textDocument/completion", **at)["items"]] == ["a", "b"]
    over = {"textDocument": {"uri": tests.as_uri()}, "position": {"line": 2, "character": 10}}
    assert editor.ask("textDocument/hover", **over)["contents"]["value"] == "**a**: task, uses `bash`, p.yaml, line 3"
    place = editor.ask("textDocument/definition", **over)
    assert (place["uri"], place["range"]["start"]["line"]) == (pipeline.as_uri(), 2)
