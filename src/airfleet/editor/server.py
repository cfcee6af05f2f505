"""The language server of pipeline files: answers of this room, in the words of the Language Server Protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from airfleet import __version__
from airfleet.editor import case_files, definitions, file_problems, fixes, hovers, spots
from airfleet.editor import completions as completing
from airfleet.editor.case_files import CaseFile
from airfleet.editor.completions import Completion, Kind, Project
from airfleet.editor.file_problems import Workspace
from airfleet.editor.spots import Position, Spot, Written
from airfleet.errors import Place, Problem
from airfleet.pipelines.checks.check_context import Installed
from airfleet.pipelines.files.project_files import is_test
from airfleet.problem_codes import Severity

_SOURCE: Final = "airfleet"
_SIGNS: Final = {
    Kind.KEY: types.CompletionItemKind.Property,
    Kind.VALUE: types.CompletionItemKind.Value,
    Kind.CLASS: types.CompletionItemKind.Class,
    Kind.FUNCTION: types.CompletionItemKind.Function,
    Kind.REFERENCE: types.CompletionItemKind.Reference,
    Kind.FILE: types.CompletionItemKind.File,
}
_SEVERITIES: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
}
#: pipelines that are read at each change of a shared file; all of them took half a second for 500
_TAKERS_WHILE_TYPING: Final = 50


class PipelineServer(LanguageServer):
    """A language server that keeps the problems of each open file for its quick fixes."""

    def __init__(self, environ: Mapping[str, str], variables: Mapping[str, str] | None) -> None:
        super().__init__("airfleet", __version__)
        self.environ = environ
        self.variables = variables
        self.problems: dict[str, tuple[Problem, ...]] = {}
        #: by the address of a shared file: the pipelines that take it in
        self.takers: dict[str, tuple[Path, ...]] = {}

    @property
    def surroundings(self) -> Workspace:
        """The environment, and the texts of the open files."""
        opened = self.workspace.text_documents.values()
        edited = {os.path.realpath(path_of(document.uri)): document.source for document in opened}
        return Workspace(self.environ, self.variables, edited)

    def look_for_takers(self, document: TextDocument) -> None:
        """Find the pipelines that take in an open file; between two saves they stay the same."""
        self.takers[document.uri] = file_problems.takers_of(path_of(document.uri), self.surroundings)

    def check(self, document: TextDocument, most_takers: int | None = None) -> None:
        """Check an open file, and tell the editor its problems; of a shared file, those that so many pipelines meet."""
        takers = self.takers.get(document.uri, ())[:most_takers]
        found = file_problems.problems(path_of(document.uri), self.surroundings, takers)
        self.problems[document.uri] = found
        diagnostics = [_diagnostic(problem, document) for problem in found]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, diagnostics))


def path_of(uri: str) -> Path:
    """Give the path of a file by its address."""
    return Path(unquote(urlsplit(uri).path))


def make(environ: Mapping[str, str], variables: Mapping[str, str] | None = None) -> PipelineServer:
    """Make the server; :meth:`start_io` serves an editor."""
    server = PipelineServer(environ, variables)
    _listen(server)
    _answer(server)
    return server


def _listen(server: PipelineServer) -> None:
    """Check a file when it is opened, changed or saved."""

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        document = server.workspace.get_text_document(params.text_document.uri)
        server.look_for_takers(document)
        server.check(document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.check(server.workspace.get_text_document(params.text_document.uri), _TAKERS_WHILE_TYPING)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(_params: types.DidSaveTextDocumentParams) -> None:
        for document in [*server.workspace.text_documents.values()]:  # others may take in what was saved
            server.look_for_takers(document)
            server.check(document)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.problems.pop(params.text_document.uri, None)
        server.takers.pop(params.text_document.uri, None)


def _answer(server: PipelineServer) -> None:
    """Answer what the editor asks about a place."""

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" ", ":", "$", "."]))
    def complete(params: types.CompletionParams) -> types.CompletionList:
        document = server.workspace.get_text_document(params.text_document.uri)
        found = spots.spot(document.source, _position(document, params.position))
        made = _completions(server, document, found) if found else []
        return types.CompletionList(is_incomplete=False, items=[_item(one) for one in made])

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        document = server.workspace.get_text_document(params.text_document.uri)
        written = spots.written_at(document.source, _position(document, params.position))
        text = _hover(server, document, written) if written else None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def define(params: types.DefinitionParams) -> types.Location | None:
        document = server.workspace.get_text_document(params.text_document.uri)
        written = spots.written_at(document.source, _position(document, params.position))
        place = _definition(server, document, written) if written else None
        return _location(place, document) if place else None

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION)
    def act(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = server.workspace.get_text_document(params.text_document.uri)
        lines = range(params.range.start.line, params.range.end.line + 1)
        found = [one for one in server.problems.get(document.uri, ()) if one.place.line - 1 in lines]
        return [_action(document, problem, edit) for problem in found for edit in fixes.fixes(problem, document.lines)]


def _project(document: TextDocument) -> Project:
    file = path_of(document.uri)
    return Project(file.parent, Installed(file).roots)


def _completions(server: PipelineServer, document: TextDocument, spot: Spot) -> list[Completion]:
    if cases := _cases(server, document):
        return case_files.completions(spot, cases)
    return completing.completions(spot, _project(document))


def _hover(server: PipelineServer, document: TextDocument, written: Written) -> str | None:
    if cases := _cases(server, document):
        return case_files.hover(written, cases)
    return hovers.hover(written, _project(document).roots)


def _definition(server: PipelineServer, document: TextDocument, written: Written) -> Place | None:
    if cases := _cases(server, document):
        return case_files.definition(written, cases)
    return definitions.definition(written, path_of(document.uri), _project(document).roots)


def _cases(server: PipelineServer, document: TextDocument) -> CaseFile | None:
    """Give a file with tests, and the way to its pipelines; None for other files."""
    file = path_of(document.uri)
    return CaseFile(file, server.surroundings.pipelines) if is_test(file) else None


def _position(document: TextDocument, position: types.Position) -> Position:
    """Give a place in characters; editors count columns in their own units."""
    found = document.position_codec.position_from_client_units(document.lines, position)
    return Position(found.line, found.character)


def _item(completion: Completion) -> types.CompletionItem:
    return types.CompletionItem(
        label=completion.label,
        kind=_SIGNS[completion.kind],
        detail=completion.detail or None,
        insert_text=completion.text or None,
    )


def _range(document: TextDocument, line: int, start: int, end: int) -> types.Range:
    """Give a part of a line in the units of the editor."""
    found = types.Range(types.Position(line, start), types.Position(line, end))
    return document.position_codec.range_to_client_units(document.lines, found)


def _diagnostic(problem: Problem, document: TextDocument) -> types.Diagnostic:
    at, start = problem.place.line - 1, problem.place.column - 1
    line = document.lines[at] if at < len(document.lines) else ""
    where = _range(document, at, start, max(len(line.rstrip()), start + 1))
    message = f"{problem.sentence}\nhint: {problem.hint}" if problem.hint else problem.sentence
    return types.Diagnostic(where, message, _SEVERITIES[problem.severity], code=problem.code.value, source=_SOURCE)


def _location(place: Place, document: TextDocument) -> types.Location:
    """Give a place in the document, or at the beginning of a line of another file."""
    at = types.Position(place.line - 1, place.column - 1)
    if Path(place.file) == path_of(document.uri):
        at = document.position_codec.position_to_client_units(document.lines, at)
    return types.Location(Path(place.file).absolute().as_uri(), types.Range(at, at))


def _action(document: TextDocument, problem: Problem, edit: fixes.Edit) -> types.CodeAction:
    where = _range(document, edit.line, edit.start, edit.end)
    changes = {document.uri: [types.TextEdit(where, edit.text)]}
    return types.CodeAction(
        edit.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(problem, document)],
        edit=types.WorkspaceEdit(changes=changes),
    )


def serve() -> None:
    """Serve the editor that started this process, by its standard input and output."""
    make(os.environ).start_io()
