"""Spark's task: the provider's operator, told where this machine's Java and ``spark-submit`` are."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowException

from lightning import accounts, java
from lightning.errors import MalformedRows
from lightning.spark_job import problem_file
from lightning.steps import never_again

JOB = Path(__file__).with_name("spark_job.py")


class LightningSparkSubmit(SparkSubmitOperator):
    """``SparkSubmitOperator`` for :mod:`lightning.spark_job`, in the environment of the host that runs it.

    ``application_args`` are those of the job: raw file, results folder, format, year.
    """

    def __init__(self, conn_id: str, **arguments: Any) -> None:
        super().__init__(application=str(JOB), conn_id=conn_id, **arguments)
        self.spark_connection = conn_id

    @never_again()
    def execute(self, context: Any) -> None:
        """Submit, with the machine's Java. Raises CloudError; without Java or with rows that are no tiles, no retry."""
        accounts.connection(self.spark_connection, "Spark, like local[2] or spark://host:7077")
        results = Path(str(self.application_args[1]))
        home = java.home(os.environ, results.parent)
        self.log.info("Java is in %s", home)
        path = (sysconfig.get_path("scripts"), str(home / "bin"), os.environ.get("PATH", os.defpath))
        ours = {"JAVA_HOME": str(home), "PATH": os.pathsep.join(path), "PYTHONPATH": str(JOB.parents[1])}
        self.env_vars = {**(self.env_vars or {}), **ours, "PYSPARK_PYTHON": _python()}
        said = problem_file(results)
        said.unlink(missing_ok=True)
        try:
            super().execute(context)
        except AirflowException as error:
            if said.exists():
                raise MalformedRows(said.read_text()) from error
            raise


def _python() -> str:
    return str(Path(sysconfig.get_path("scripts")) / "python")
