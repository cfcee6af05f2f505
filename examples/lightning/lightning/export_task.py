"""BigQuery's export: the provider's operator, on ground that is clear."""

from __future__ import annotations

from typing import Any

from airflow.providers.google.cloud.transfers.bigquery_to_gcs import BigQueryToGCSOperator

from lightning import lake


class LightningExport(BigQueryToGCSOperator):
    """``BigQueryToGCSOperator`` for addresses like ``gs://bucket/name-*.csv``.

    BigQuery decides with each export how many objects it writes, more than one as soon as they hold a gigabyte. An
    earlier attempt, or one that was cut off, may have left objects that this one does not write over.
    """

    def execute(self, context: Any) -> None:
        """Remove what has these names already, then export."""
        for address in self.destination_cloud_storage_uris:
            bucket, _, name = address.removeprefix("gs://").partition("/")
            lake.remove_extracts(bucket, name.partition("*")[0])
        super().execute(context)
