"""The part of the reference page about ``${{ }}``."""

from __future__ import annotations

from typing import Final

from airfleet.pipelines.language.expressions.functions import FUNCTIONS
from airfleet.yaml.reference import markdown_table


def section() -> str:
    """Write it as Markdown."""
    functions = markdown_table(
        ("function", "gives"), ((f"`{function.written}`", function.says) for function in FUNCTIONS.values())
    )
    return _SECTION.replace("FUNCTIONS", functions)


_SECTION: Final = """\
## Values known when the file is read: `${{ }}`

| expression | means |
| --- | --- |
| `${{ job.a.b }}`, `${{ job.list[0] }}`, `${{ job['a b'] }}` | a value of the job |
| `${{ job }}` | the whole job, as a mapping |
| `${{ env.NAME }}` | an environment variable of the process that reads the file |
| `${{ vars.name }}` | a variable of the fleet, written under `vars` in `fleet.yaml` |
| `${{ job.a or env.NAME or 'text' }}` | the first that is there |
| `${{ 'large' if job.rows > 1000 else 'small' }}` | one of two values |
| `${{ job.region in ['eu', 'us'] and not job.test }}` | true or false |
| `${{ slug(job.name) }}` | what a function makes of a value |
| `$${{ text }}` | the text `${{ text }}` |
| `$$${{ job.price }}` | a dollar, and a value after it |

Alone in a value, an expression keeps the type of what it names. Inside text, where several can stand, numbers and
dates stay as they were written (`007` stays `007`), `true` and `false` are small, and `null` is nothing.
A missing name is a problem, and so is everything between the braces that is not in these tables: nothing is evaluated
as Python. Keys and values inside `$const` are not resolved. The environment only knows text: where a number, or true
or false is due, its text is read as one. Airflow's UI shows these values: secrets belong into connections and
variables.

- **Literals** are `'text'` or `"text"`, numbers, dates, `true`, `false`, `null`, and lists (`[1, 'a']`).
- **`or`** gives the first value that is *there*: `null`, `false` and an empty text are there, so that a job can say
  `schedule: null` where others have a default. `default(a, b)` passes over `null` and empty texts as well.
- **Conditions** have `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`, `and`, `or` and `not`. `or` between conditions,
  and where a condition is due, tells whether one of them holds. `false`, `null`, `0`, an empty text, list or mapping
  and the text `false` do not hold; everything else does. `in` looks into lists, keys of mappings, and texts.
- **Comparisons**: beside a number, a date, `true` or `false`, a text counts as what it says: `env.RETRIES > 3`.

FUNCTIONS
"""
