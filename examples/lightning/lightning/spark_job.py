"""The aggregation by Spark: ``spark-submit spark_job.py RAW OUT FORM YEAR``.

Runs the queries of :mod:`lightning.results` like DuckDB does. Rows that are no tiles stop the job; the
sentence about them is left in ``OUT.problem`` for the task, because Spark's own output is long.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lightning import results
from lightning.errors import LightningError, MalformedRows
from lightning.tiles import BIGQUERY, NCEI, Format

_SCHEMA = {
    "ncei": "day DATE, longitude DOUBLE, latitude DOUBLE, strikes BIGINT, corrupt STRING",
    "bigquery": "day DATE, strikes BIGINT, place STRING, corrupt STRING",
}
_POINT = r"'^POINT ?\\((-?[0-9.]+) (-?[0-9.]+)\\)$'"
_SELECT = {
    "ncei": "SELECT day, longitude, latitude, strikes, corrupt FROM raw",
    "bigquery": f"""SELECT day, strikes, corrupt, try_cast(regexp_extract(place, {_POINT}, 1) AS DOUBLE) AS longitude,
        try_cast(regexp_extract(place, {_POINT}, 2) AS DOUBLE) AS latitude FROM raw""",
}


def main(arguments: list[str]) -> int:
    """Aggregate; 1 when rows are no tiles."""
    from pyspark.sql import SparkSession

    raw, out, form, year = Path(arguments[0]), Path(arguments[1]), arguments[2], int(arguments[3])
    problem = problem_file(out)
    problem.unlink(missing_ok=True)
    spark = SparkSession.builder.appName(f"lightning {year}").getOrCreate()
    try:
        aggregate(spark, raw, out, NCEI if form == NCEI.name else BIGQUERY, year)
    except LightningError as error:
        problem.write_text(str(error))
        print(error, file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


def problem_file(out: Path) -> Path:
    """Where the job says why it stopped."""
    return out.with_name(out.name + ".problem")


def aggregate(spark: Any, raw: Path, out: Path, form: Format, year: int) -> None:
    """Write the results of the year's tiles in ``raw`` to the folder ``out``. Raises MalformedRows."""
    reader = spark.read.schema(_SCHEMA[form.name]).option("mode", "PERMISSIVE")
    reader = reader.option("columnNameOfCorruptRecord", "corrupt")
    reader = reader.option("dateFormat", "yyyyMMdd" if form is NCEI else "yyyy-MM-dd")
    reader = reader.option("comment", "#") if form.commented else reader.option("header", True)
    reader.csv(raw.as_uri()).createOrReplaceTempView("raw")
    tiles = spark.sql(_SELECT[form.name]).persist()
    tiles.createOrReplaceTempView("tiles")
    rows, strikes = _counted(spark, year)
    draft = out.with_name(out.name + ".new")
    spark.sql(results.DAYS).createOrReplaceTempView("days")
    spark.sql(results.CELLS).createOrReplaceTempView("cells")
    for name, query in results.QUERIES.items():
        written = spark.sql(query).coalesce(1).write.mode("overwrite").option("header", True)
        written.csv((draft / name).as_uri())
    results.write_summary(draft, rows, strikes)
    results.put_in_place(draft, out)


def _counted(spark: Any, year: int) -> tuple[int, int]:
    """How many rows and strikes there are. Raises MalformedRows."""
    wrong = f"(corrupt IS NULL AND {results.IS_A_TILE.format(year=year)}) IS NOT TRUE"
    bad, rows, strikes = spark.sql(f"SELECT count_if({wrong}), count(*), sum(strikes) FROM tiles").first()
    if bad:
        first = spark.sql(f"SELECT * FROM tiles WHERE {wrong} LIMIT 1").first()
        raise MalformedRows(results.malformed(bad, first["corrupt"] or _said(first), year))
    return int(rows), int(strikes)


def _said(row: Any) -> str:
    return ", ".join(f"{name} {row[name]}" for name in ("day", "longitude", "latitude", "strikes"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
