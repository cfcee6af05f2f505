"""Pages about the file and its keys: AF001 to AF029."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.problems.page import Page
from airfleet.problem_codes import Code

_FINE: Final = """\
dag_id: orders
tasks:
  - {id: load, uses: bash, with: {bash_command: ./load.sh}}
"""

PAGES: Final[dict[Code, Page]] = {
    Code.UNREADABLE_FILE: Page(
        "A file or folder cannot be read",
        "It is not there, is not a regular file, or the user of this process may not read it. A fleet would miss its"
        " Dags. Give the file to the user of the fleet, or name it in `.airflowignore`.",
    ),
    Code.NOT_UTF8: Page(
        "A file is not UTF-8 text",
        "Pipelines are UTF-8, as YAML is. Another encoding would change names and texts. Most editors have a command"
        " that saves a file with another encoding.",
    ),
    Code.YAML_SYNTAX: Page(
        "A file is not YAML",
        "Nothing behind the place can be read. The fault often stands in the line before: a quote or bracket that is"
        " not closed, a tab, another indentation, or text with `: ` in it that needs quotes.",
        "dag_id: orders\ndescription: \"the shop's orders\ntasks:\n  - {id: load}\n",
        'dag_id: orders\ndescription: "the shop\'s orders"\ntasks:\n  - {id: load}\n',
    ),
    Code.KEY_WRITTEN_TWICE: Page(
        "A key is written twice",
        "Most readers of YAML keep the last value, and lose the first one without a word.",
        "dag_id: orders\nmax_active_runs: 1\nmax_active_runs: 2\ntasks: [{id: load}]\n",
        "dag_id: orders\nmax_active_runs: 2\ntasks: [{id: load}]\n",
    ),
    Code.YAML_TAG: Page(
        "A value has a tag of YAML that is not known here",
        "Tags such as `!!python/object` would run code when a file is read, and others mean something to one program"
        " alone. Write the value itself; `${{ env.NAME }}` takes one from the environment.",
        "dag_id: orders\ndescription: !env SHOP\ntasks: [{id: load}]\n",
        "dag_id: orders\ndescription: ${{ env.SHOP or 'shop' }}\ntasks: [{id: load}]\n",
    ),
    Code.YAML_ALIAS: Page(
        "An alias or a merge has nothing to repeat",
        "`*name` repeats the value that stands behind `&name` above it, in the same document. `<<` takes mappings.",
        "dag_id: orders\ndefaults: *usual\ntasks: [{id: load}]\n",
        "dag_id: orders\nparams: &usual {shop: eu}\ndefaults: {params: *usual}\ntasks: [{id: load}]\n",
    ),
    Code.FILE_LIMIT: Page(
        "A file is beyond a limit",
        "The limits are far above what anybody writes. A file that goes beyond one would take the memory or the time"
        " of the process that reads it. [Limits](pipeline.md#limits) lists them.",
    ),
    Code.NOT_A_PIPELINE: Page(
        "The file is no pipeline",
        "The file was named, and has none of the keys by which pipelines are known: `dag_id`, `tasks`, `jobs` and"
        " `templates`.",
        "version: 2\nmodels: []\n",
        _FINE,
    ),
    Code.IGNORE_FILE: Page(
        "A line of `.airflowignore` is no pattern",
        "The line leaves out nothing, so a fleet would read files that it should not.",
    ),
    Code.WRONG_SHAPE: Page(
        "A list stands for a mapping, or a mapping for a list",
        "A document is a mapping of keys, `tasks` is a list, and each task is a mapping with an `id`.",
        "dag_id: orders\ntasks:\n  load: {uses: bash, with: {bash_command: ./load.sh}}\n",
        _FINE,
    ),
    Code.MISSING_KEY: Page(
        "A key is missing",
        "A pipeline needs `dag_id` and `tasks`, and a task needs an `id`. Each document, between two lines `---`, is a"
        " pipeline of its own.",
        "dag_id: orders\ntasks:\n  - {uses: bash, with: {bash_command: ./load.sh}}\n",
        _FINE,
    ),
    Code.UNKNOWN_KEY: Page(
        "A key is not known",
        "Nothing would be made of its value: a misspelt `retries` is a task without retries. Airflow's Python would"
        " refuse the same word.",
        "dag_id: orders\ndefaults: {retrys: 3}\ntasks: [{id: load}]\n",
        "dag_id: orders\ndefaults: {retries: 3}\ntasks: [{id: load}]\n",
    ),
    Code.MISPLACED_KEY: Page(
        "A key stands at the wrong level",
        "Keys of the pipeline stand at the top, keys of tasks beside `uses` or under `defaults`, and arguments of an"
        " operator under `with`.",
        "dag_id: orders\ntasks:\n  - {id: load, uses: bash, with: {bash_command: ./load.sh, retries: 3}}\n",
        "dag_id: orders\ntasks:\n  - {id: load, uses: bash, retries: 3, with: {bash_command: ./load.sh}}\n",
    ),
    Code.PYTHON_ONLY: Page(
        "A key takes Python objects",
        "Airflow takes an object of Python here that YAML cannot give. The hint names another way, if there is one; a"
        " Dag in Python can stand beside the pipelines.",
    ),
    Code.KEY_OF_ANOTHER_FORMAT: Page(
        "A key is of an older Airflow or of another format",
        "The word was Airflow 2's, or is that of another tool that makes Dags from YAML. The hint says how the same is"
        " written here.",
        'dag_id: orders\nschedule_interval: "@daily"\ntasks: [{id: load}]\n',
        'dag_id: orders\nschedule: "@daily"\ntasks: [{id: load}]\n',
    ),
    Code.EMPTY_VALUE: Page(
        "A value is empty",
        "An empty name names nothing. Leave the key out for its usual value.",
        'dag_id: orders\ntasks:\n  - {id: load, queue: ""}\n',
        "dag_id: orders\ntasks:\n  - {id: load}\n",
    ),
    Code.TASK_ID_TWICE: Page(
        "Two tasks have the same id",
        "`needs` and `$x` name tasks by their ids, and Airflow keeps one task for each id.",
        "dag_id: orders\ntasks:\n  - {id: load}\n  - {id: load}\n",
        "dag_id: orders\ntasks:\n  - {id: load}\n  - {id: load_again}\n",
    ),
    Code.DAG_ID_TWICE: Page(
        "Two Dags have the same id",
        "Airflow keeps one Dag for each id, so one of the two would hide the other. Files in YAML and in Python share"
        " the ids. With `jobs`, the id has to name the job.",
        "dag_id: orders\ntasks: [{id: load}]\n---\ndag_id: orders\ntasks: [{id: report}]\n",
        "dag_id: orders\ntasks: [{id: load}]\n---\ndag_id: reports\ntasks: [{id: report}]\n",
    ),
    Code.JOB: Page(
        "`jobs` is wrong",
        "Each job is a mapping with a `name`, or a name with a mapping of values. Names are unique, for each makes a"
        " Dag.",
        "dag_id: orders_${{ job.name }}\njobs: [{name: eu}, {name: eu}]\ntasks: [{id: load}]\n",
        "dag_id: orders_${{ job.name }}\njobs: [{name: eu}, {name: us}]\ntasks: [{id: load}]\n",
    ),
    Code.UNKNOWN_TEMPLATE: Page(
        "`extends` names a template that is not there",
        "The task would lack everything that the template says.",
        "dag_id: orders\ntemplates:\n  shell: {uses: bash}\ntasks:\n"
        "  - {id: load, extends: shel, with: {bash_command: ./load.sh}}\n",
        "dag_id: orders\ntemplates:\n  shell: {uses: bash}\ntasks:\n"
        "  - {id: load, extends: shell, with: {bash_command: ./load.sh}}\n",
    ),
    Code.INCLUDE: Page(
        "`include` names a file that cannot be taken in",
        "The file is not there, lies outside of the project, or shares nothing. Its defaults and templates would be"
        " missing.",
        "include: [comon.yaml]\ndag_id: orders\ntasks: [{id: load}]\n",
        "include: [common.yaml]\ndag_id: orders\ntasks: [{id: load}]\n",
        beside={"fleet.yaml": "name: shop\n", "pipelines/common.yaml": "defaults: {retries: 3}\n"},
    ),
    Code.INCLUDE_CIRCLE: Page(
        "Files include each other in a circle",
        "There is no first one, so the order in which they win is not known.",
    ),
    Code.NOT_SHARED: Page(
        "A key cannot be shared",
        "A shared file gives templates, defaults and callbacks to others. The key says what one Dag is: its id, for"
        " example.",
        "defaults: {retries: 3}\ndescription: all orders\n",
        "defaults: {retries: 3}\n",
        "pipelines/defaults.yaml",
        {"fleet.yaml": "name: shop\n", "pipelines/orders.yaml": "dag_id: orders\ntasks: [{id: load}]\n"},
    ),
    Code.UNUSED_PARTS: Page(
        "A document has shared parts, and none follows that could use them",
        "A document of templates and defaults alone is for the documents behind it in the same file.",
        "dag_id: orders\ntasks: [{id: load}]\n---\ndefaults: {retries: 3}\n",
        "defaults: {retries: 3}\n---\ndag_id: orders\ntasks: [{id: load}]\n",
    ),
    Code.LOOP: Page(
        "`for` is wrong",
        "`for` repeats a task or group for each item of the list at `each`; `as` gives the item a name. A mapping at"
        " `each` is a matrix, and has lists.",
        "dag_id: orders\ntasks:\n  - {for: [eu, us], id: 'load_${{ each }}'}\n",
        "dag_id: orders\ntasks:\n  - {for: {each: [eu, us]}, id: 'load_${{ each }}'}\n",
    ),
    Code.REQUIREMENTS: Page(
        "`python` names no file of requirements that this file can have",
        "A release runs a pipeline file in a Python environment of its own, made from the file that `python` names. The"
        " path is relative to the file that says it; with a slash before it, to the project's folder. A file is parsed"
        " once, so all its pipelines have the same Python.",
        _FINE + "python: requirements.txt\n",
        _FINE + "python: /envs/ml.txt\n",
        beside={"fleet.yaml": "name: shop\n", "envs/ml.txt": "six==1.16.0\n"},
    ),
    Code.TEMPLATE_CIRCLE: Page(
        "Templates extend each other in a circle",
        "There is no first one, so none of them can be made.",
        "dag_id: orders\ntemplates:\n  a: {extends: b}\n  b: {extends: a, uses: empty}\ntasks:\n"
        "  - {id: load, extends: a}\n",
        "dag_id: orders\ntemplates:\n  a: {extends: b}\n  b: {uses: empty}\ntasks:\n  - {id: load, extends: a}\n",
    ),
}
