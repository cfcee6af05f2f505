"""A page about a pipeline, in Markdown: its meaning, its graph, its params, tasks and assets. No argument is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from airfleet.cli.graph import mermaid, pipeline_graph
from airfleet.yaml.reference import markdown_table

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Pipeline, Task

#: option of a pipeline → the words before it on its page
_FACTS: Final = {
    "start_date": "from",
    "end_date": "until",
    "tags": "tags",
    "dagrun_timeout": "a run takes at most",
    "max_active_runs": "runs at once, at most",
}
#: options of tasks that people look for
_OPTIONS: Final = ("queue", "pool", "retries", "execution_timeout", "trigger_rule")


#: the file of the list of all pipelines
INDEX: Final = "README.md"


def file_of(dag_id: str) -> str:
    """Name the file of a pipeline's page: never that of the list, also where case makes no difference.

    >>> file_of("shop"), file_of("Readme")
    ('shop.md', 'Readme@pipeline.md')
    """
    is_index = f"{dag_id}.md".lower() == INDEX.lower()
    return f"{dag_id}@pipeline.md" if is_index else f"{dag_id}.md"  # no id has an @


def page(pipeline: Pipeline, file: str) -> str:
    """Write the page of a pipeline; ``file`` is how the page names where it is written."""
    parts = [
        f"# {pipeline.dag_id}",
        *_words(pipeline),
        markdown_table(("", ""), _facts(pipeline, file)),
        f"```mermaid\n{mermaid.draw(pipeline_graph.graph(pipeline), pipeline.dag_id).rstrip()}\n```",
        *_section("Params", ("param", "default", "means"), _params(pipeline)),
        *_section("Tasks", ("task", "work", "after", "options", "about"), map(_task, pipeline.tasks)),
        *_section("Assets", ("task", "reads", "changes"), _assets(pipeline)),
    ]
    return "\n\n".join(parts) + "\n"


def index(pipelines: Iterable[Pipeline]) -> str:
    """Write the list of all pipelines, with a link to the page of each."""
    about = {one.dag_id: (_schedule(one), _cell(one.options.get("description"))) for one in pipelines}
    rows = [(f"[{dag_id}]({file_of(dag_id)})", *cells) for dag_id, cells in about.items()]
    return f"# Pipelines\n\n{markdown_table(('pipeline', 'runs', 'about'), sorted(rows))}\n"


def _words(pipeline: Pipeline) -> Iterator[str]:
    description, document = pipeline.options.get("description"), pipeline.options.get("doc_md")
    if isinstance(description, str):
        yield description
    if isinstance(document, str):
        yield document.strip()


def _schedule(pipeline: Pipeline) -> str:
    from airfleet.pipelines.language.schedules import shown  # late: the command line starts without it

    return _cell(shown(pipeline.schedule) or "when triggered")


def _facts(pipeline: Pipeline, file: str) -> Iterator[tuple[str, str]]:
    yield "runs", _schedule(pipeline)
    if pipeline.timezone:
        yield "time zone", _cell(pipeline.timezone)
    for name, words in _FACTS.items():
        if name in pipeline.options:
            yield words, _cell(pipeline.options[name])
    if owners := sorted({str(task.options["owner"]) for task in pipeline.tasks if task.options.get("owner")}):
        yield "looked after by", _cell(", ".join(owners))
    yield "written in", f"`{file}`"


def _section(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    listed = list(rows)
    if listed:
        yield f"## {title}"
        yield markdown_table(head, listed)


def _params(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    params = pipeline.options.get("params")
    for name, value in params.items() if isinstance(params, Mapping) else ():
        schema = value if isinstance(value, Mapping) else {"default": value}
        choices = schema.get("enum")
        words = [schema.get("title"), schema.get("description")]
        words.append(f"one of {_cell(choices)}" if choices else None)
        yield f"`{name}`", _cell(schema.get("default")), _cell(". ".join(str(word) for word in words if word))


def _task(task: Task) -> tuple[str, str, str, str, str]:
    work = f"`{task.uses.written}`" if task.uses else ""
    about = task.options.get("doc_md") or task.options.get("doc")
    options = ", ".join(
        f"{name} {_cell(task.options[name])}" for name in _OPTIONS if task.options.get(name) is not None
    )
    repeated = pipeline_graph.repeated(task)
    return f"`{task.id}`", f"{work} {repeated}".strip(), _cell(", ".join(task.upstream)), options, _cell(about)


def _assets(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    from airfleet.pipelines.language.schedules import asset_text, assets_in

    for task in pipeline.tasks:
        reads, changes = (
            ", ".join(map(asset_text, assets_in(task.options.get(name)))) for name in ("inlets", "outlets")
        )
        if reads or changes:
            yield f"`{task.id}`", _cell(reads), _cell(changes)


def _cell(value: Any) -> str:
    """Write a value into a cell of a table, on one line."""
    from airfleet.pipelines.comparison.shown_values import written  # late, as all of the language

    if value is None:
        return ""
    values = value if isinstance(value, (list, tuple)) else [value]
    text = ", ".join(one if isinstance(one, str) else written(one) for one in values)
    return " ".join(text.split())
