"""What reading pipelines costs Airflow, beside the same Dags written in Python.

    python benchmarks/parse_cost.py [--sizes 1,100,1000] [--tasks 10] [--json FILE]

Each figure is the median of several reads in one fresh process whose imports are warm, as they
are in a dag-processor and in a worker. Seven ways to write the same Dags (bash tasks in a chain):

- ``folder``: one YAML file per pipeline, read by airfleet;
- ``jobs``: one YAML file with one job per Dag, read by airfleet;
- ``python``: one Python file per Dag, read by stock Airflow;
- ``loader``: one Python file that makes every Dag from a folder of YAML, read by stock Airflow;
- ``loader_context``: the same, but it asks Airflow's ``get_parsing_context`` which Dag is wanted, and reads the file of
  that name alone, as Airflow's documentation advises.

*parse* is the cost per Dag of reading them all; *task start* is what the process of one task pays
to get its own Dag, with Airflow's parsing context set as a worker sets it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

WAYS = ("folder", "jobs", "python", "loader", "loader_context", "dag_factory", "dag_factory_context")
#: airfleet is not in the environment of dag-factory, nor dag-factory in that of airfleet
DAG_FACTORYS_PYTHON = Path(__file__).resolve().parents[1] / ".venv-dag-factory" / "bin" / "python"


def main() -> None:
    """Measure every way at every size; print a table and JSON."""
    options = arguments()
    if options.measure:
        print(json.dumps(measure(options.measure, Path(options.folder), options.size)))
        return
    rows = []
    print(line("way", "Dags", "parse, ms/Dag", "one changed, ms", "task start, ms"))
    for way in WAYS:
        for size in map(int, options.sizes.split(",")):
            rows.append(row(way, size, options.tasks))
            figures = (rows[-1][name] for name in ("parse_ms_per_dag", "one_changed_ms", "task_start_ms"))
            print(line(way, size, *figures), flush=True)
    text = json.dumps({"tasks_per_dag": options.tasks, "rows": rows}, indent=2)
    print(text)
    if options.json:
        Path(options.json).write_text(text + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="What reading pipelines costs Airflow.")
    parser.add_argument("--sizes", default="1,100,1000", help="how many Dags, comma-separated")
    parser.add_argument("--tasks", type=int, default=10, help="tasks per Dag")
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def row(way: str, size: int, tasks: int) -> dict[str, object]:
    """Write the Dags and measure them in a process of their own."""
    with tempfile.TemporaryDirectory(prefix="airfleet-bench-") as scratch:
        folder = Path(scratch, "dags")
        folder.mkdir()
        globals()[f"write_{way}"](folder, size, tasks)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        done = subprocess.run(
            [str(python_for(way)), __file__, "--measure", way, "--folder", str(folder), "--size", str(size)],
            env=kept
            | {
                "AIRFLOW_HOME": scratch,
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
                "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    figures: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return {"way": way, "dags": size, **figures}


def python_for(way: str) -> str | Path:
    """The interpreter whose environment has what this way needs."""
    if not way.startswith("dag_factory"):
        return sys.executable
    if not DAG_FACTORYS_PYTHON.exists():
        raise SystemExit("the environment of dag-factory is not installed: make .venv-dag-factory/.installed")
    return DAG_FACTORYS_PYTHON


def line(way: str, dags: object, parse: object, changed: object, start: object) -> str:
    """One line of the table for people."""
    return f"{way:<20}{dags:>6}{parse:>16}{changed:>18}{start:>16}"


# --- the same Dags, seven ways


def write_folder(folder: Path, size: int, tasks: int) -> None:
    """One pipeline file per Dag."""
    for number in range(size):
        Path(folder, f"dag_{number}.yaml").write_text(f"dag_id: dag_{number}\nschedule: '@daily'\n" + yaml_tasks(tasks))


def write_jobs(folder: Path, size: int, tasks: int) -> None:
    """One pipeline file with one job per Dag."""
    jobs = "".join(f"  - {{name: dag_{number}}}\n" for number in range(size))
    text = f"dag_id: ${{{{ job.name }}}}\nschedule: '@daily'\njobs:\n{jobs}" + yaml_tasks(tasks)
    Path(folder, "all.yaml").write_text(text)


def yaml_tasks(tasks: int) -> str:
    """The tasks as a pipeline has them."""
    lines = ["tasks:"]
    for number in range(tasks):
        needs = f", needs: [t{number - 1}]" if number else ""
        command = f"{{$t: 'echo {number} {{{{ ds }}}}'}}"
        lines.append(f"  - {{id: t{number}, uses: bash, with: {{bash_command: {command}}}{needs}}}")
    return "\n".join(lines) + "\n"


PYTHON = """
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("dag_{number}", schedule="@daily"):
    before = None
    for number in range({tasks}):
        task = BashOperator(task_id=f"t{{number}}", bash_command=f"echo {{number}} {{{{{{{{ ds }}}}}}}}")
        if before is not None:
            before >> task
        before = task
"""

LOADER = """
from pathlib import Path

import yaml
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

for path in Path(__file__).parent.glob("*.yaml"):
    spec = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
    with DAG(spec["dag_id"], schedule=spec["schedule"]) as dag:
        for item in spec["tasks"]:
            task = BashOperator(task_id=item["id"], bash_command=item["with"]["bash_command"]["$t"])
            for needed in item.get("needs", ()):
                dag.task_dict[needed] >> task
    globals()[dag.dag_id] = dag
"""

LOADER_CONTEXT = LOADER.replace("import DAG\n", "import DAG, get_parsing_context\n").replace(
    """\
for path in Path(__file__).parent.glob("*.yaml"):
""",
    """\
wanted = get_parsing_context().dag_id
for path in Path(__file__).parent.glob(f"{wanted or '*'}.yaml"):
""",
)

DAG_FACTORY = """
from pathlib import Path

from dagfactory import load_yaml_dags

load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))
"""

DAG_FACTORY_CONTEXT = """
from pathlib import Path

from airflow.sdk import get_parsing_context
from dagfactory import load_yaml_dags

wanted = get_parsing_context().dag_id
if wanted:
    load_yaml_dags(globals_dict=globals(), config_filepath=str(Path(__file__).parent / f"{wanted}.yaml"))
else:
    load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))
"""


def write_python(folder: Path, size: int, tasks: int) -> None:
    """One Python file per Dag."""
    for number in range(size):
        Path(folder, f"dag_{number}.py").write_text(PYTHON.format(number=number, tasks=tasks))


def write_loader(folder: Path, size: int, tasks: int) -> None:
    """The usual pattern: one Python file that reads all YAML files."""
    write_folder(folder, size, tasks)
    Path(folder, "loader.py").write_text(LOADER)


def write_loader_context(folder: Path, size: int, tasks: int) -> None:
    """The same, reading for one Dag its own file alone."""
    write_folder(folder, size, tasks)
    Path(folder, "loader.py").write_text(LOADER_CONTEXT)


def write_dag_factory(folder: Path, size: int, tasks: int) -> None:
    """One file of dag-factory per Dag, and its loader."""
    for number in range(size):
        Path(folder, f"dag_{number}.yaml").write_text(dag_factory_yaml(f"dag_{number}", tasks))
    Path(folder, "loader.py").write_text(DAG_FACTORY)


def write_dag_factory_context(folder: Path, size: int, tasks: int) -> None:
    """The same, reading for one Dag its own file alone."""
    write_dag_factory(folder, size, tasks)
    Path(folder, "loader.py").write_text(DAG_FACTORY_CONTEXT)


def dag_factory_yaml(dag_id: str, tasks: int) -> str:
    """The Dag as dag-factory 1.1 has it."""
    lines = [f"{dag_id}:", "  default_args: {start_date: 2026-01-01}", "  schedule: '@daily'", "  tasks:"]
    for number in range(tasks):
        needs = f", dependencies: [t{number - 1}]" if number else ""
        operator = "operator: airflow.providers.standard.operators.bash.BashOperator"
        lines.append(f"    - {{task_id: t{number}, {operator}, bash_command: 'echo {number} {{{{ ds }}}}'{needs}}}")
    return "\n".join(lines) + "\n"


# --- in the measuring process


def measure(way: str, folder: Path, size: int) -> dict[str, float]:
    """Milliseconds to read everything, per Dag; to read again for one changed file; to get one Dag for a task."""
    from airflow.dag_processing.dagbag import DagBag

    bundle = _bundle(way, folder)

    def read(what: Path) -> DagBag:
        return DagBag(what, bundle_path=bundle, bundle_name="bench", safe_mode=False)

    def read_all() -> None:
        bag = read(folder)
        if len(bag.dags) != size or bag.import_errors:
            raise SystemExit(f"{way}: {len(bag.dags)} of {size} Dags; {list(bag.import_errors.values())[:1]}")

    name = f"dag_{size // 2}"
    own = {"folder": f"{name}.yaml", "jobs": "all.yaml", "python": f"{name}.py"}.get(way, "loader.py")
    # The task first: its process has not read all Dags before, and the garbage collector would feel them.
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = name
    start = median_ms(lambda: read(folder / own).dags[name], 15 if way not in ("loader", "dag_factory") else 3)
    del os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"]
    changed = median_ms(lambda: read(folder / own).dags[name], 15 if own.startswith(name) else 3)
    parse = median_ms(read_all, 5 if size <= 100 else 3)
    return {
        "parse_ms_per_dag": round(parse / size, 3),
        "one_changed_ms": round(changed, 3),
        "task_start_ms": round(start, 3),
    }


def _bundle(way: str, folder: Path) -> Path:
    """The folder, after telling Airflow of pipelines where they are to be read by airfleet."""
    if way in ("folder", "jobs"):
        from airfleet.pipelines.airflow.bundle import PipelineBundle

        return PipelineBundle(name="bench", path=str(folder)).path
    return folder


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """The median duration of ``work`` after one call that warms it up."""
    work()
    durations = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        durations.append((time.perf_counter() - began) * 1000)
    return statistics.median(durations)


if __name__ == "__main__":
    main()
