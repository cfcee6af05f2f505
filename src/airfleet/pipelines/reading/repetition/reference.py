"""The parts of the reference page about jobs, and about entries with ``for``."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.reading.repetition.matrix import MOST_COMBINATIONS


def section() -> str:
    """Write them as Markdown."""
    return _SECTION.replace("COMBINATIONS", f"{MOST_COMBINATIONS:,}")


_SECTION: Final = """\
## Jobs

`jobs` is a list of mappings that each have a `name`, or a mapping from names to mappings. Each job makes one Dag. All
jobs share the rest of the document, and `dag_id` must name the job.

```yaml
dag_id: ${{ job.name }}_job
schedule: ${{ job.schedule or '@daily' }}
defaults: {queue: "${{ job.queue }}"}
jobs:
  - {name: ozone, queue: queue_1, source: data/ozone.zip}
  - {name: gsod, queue: queue_2, source: data/gsod.tar.gz, schedule: "@weekly"}
tasks:
  - {id: fetch, uses: "air_quality.steps:fetch", with: {job: "${{ job }}"}}
```

- **From files**: `jobs: {from: jobs.csv}` takes the jobs of a file, whose path begins beside this one. In a list of
  jobs, `- from: more.yaml` does the same. A YAML or JSON file is a list, or a mapping from names to mappings. In a CSV
  file, the first row names the columns, and one is `name`; a cell is read as in YAML, one in quotes is text, and an
  empty one is left out. A pattern, `from: "_jobs/*.yaml"`, finds a file for each job, named as the file unless it
  has a `name`. Folders that begin with `_` are not searched for pipelines. When a file changes, Dags are made again.
- **Matrix**: `jobs: {matrix: {region: [eu, us], day: [1, 2]}}` makes a job for each combination. The values make its
  name (`eu_1`), unless one of the lists is called `name`. `exclude` and `include` are those of
  [`for`](#repeated-entries-for).
- **`job_defaults`** has values that all jobs have unless they say otherwise, at any depth of mappings. They may name
  the job's own values: `job_defaults: {source: "s3://lake/${{ job.name }}"}`.

## Repeated entries: `for`

`for` at a task or group repeats it when the file is read, once for each item of `each`. In the entry, `${{ each }}` is
the item; `as` gives it a second name, which a `for` inside of a group does not hide. The id has to name the item.
Templates that a repeated task extends can name it as well.

```yaml
tasks:
  - for: {each: [eu, us], as: region}
    id: load_${{ region }}
    uses: shop.steps:load
    with: {region: "${{ region }}"}
  - {id: report, needs: ["load_*"]}
```

- `each` is a list, or an expression that gives one: `${{ job.tables }}`, `${{ range(3) }}`,
  `${{ lines(file('tables.txt')) }}`, `${{ items(job.regions) }}`. An empty list makes no entry, which `check` remarks.
- A mapping of lists is a **matrix**: every combination is an item, `${{ each.region }}` one of its values. `exclude`
  takes away the combinations that have all values of one of its mappings. `include` adds its mappings to all
  combinations that they do not contradict, and makes one of its own of a mapping that fits none. A matrix has
  COMBINATIONS combinations at most.

```yaml
- for:
    each: {region: [eu, us], size: [small, large], exclude: [{region: us, size: small}]}
  id: train_${{ each.region }}_${{ each.size }}
```

A list that is only known when a task has run is for `expand`.
"""
