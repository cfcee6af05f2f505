"""Names of Airflow 1.10 and 2 that Airflow 3 no longer has, and their successors.

Classes are looked up by their own name: wherever an old file imports ``BashOperator`` from, there is one place now.
Old names that Airflow 3 still understands are not here.
"""

from __future__ import annotations

from typing import Final

_STANDARD: Final = "airflow.providers.standard"
_SQL: Final = "airflow.providers.common.sql.operators.sql"
_AWS: Final = "airflow.providers.amazon.aws"
_GCP: Final = "airflow.providers.google.cloud"

#: new module -> the names that moved there and kept their name
_MOVED: Final[dict[str, str]] = {
    f"{_STANDARD}.operators.bash": "BashOperator",
    f"{_STANDARD}.operators.python": "BranchPythonOperator ExternalPythonOperator PythonOperator "
    "PythonVirtualenvOperator ShortCircuitOperator",
    f"{_STANDARD}.operators.latest_only": "LatestOnlyOperator",
    f"{_STANDARD}.operators.trigger_dagrun": "TriggerDagRunOperator",
    f"{_STANDARD}.operators.datetime": "BranchDateTimeOperator",
    f"{_STANDARD}.operators.weekday": "BranchDayOfWeekOperator",
    f"{_STANDARD}.operators.empty": "EmptyOperator",
    f"{_STANDARD}.sensors.bash": "BashSensor",
    f"{_STANDARD}.sensors.python": "PythonSensor",
    f"{_STANDARD}.sensors.filesystem": "FileSensor",
    f"{_STANDARD}.sensors.date_time": "DateTimeSensor DateTimeSensorAsync",
    f"{_STANDARD}.sensors.external_task": "ExternalTaskMarker ExternalTaskSensor",
    f"{_STANDARD}.sensors.time": "TimeSensor",
    f"{_STANDARD}.sensors.time_delta": "TimeDeltaSensor TimeDeltaSensorAsync",
    f"{_STANDARD}.sensors.weekday": "DayOfWeekSensor",
    f"{_STANDARD}.hooks.filesystem": "FSHook",
    f"{_STANDARD}.utils.weekday": "WeekDay",
    "airflow.sdk": "BaseBranchOperator BaseHook BaseOperator BaseSensorOperator DAG TaskGroup TriggerRule Variable "
    "chain cross_downstream get_current_context",
    "airflow.sdk.bases.skipmixin": "SkipMixin",
    "airflow.utils.session": "create_session provide_session",
    _SQL: "BranchSQLOperator",
    "airflow.providers.common.sql.operators.generic_transfer": "GenericTransfer",
    "airflow.providers.common.sql.sensors.sql": "SqlSensor",
    "airflow.providers.common.sql.hooks.sql": "DbApiHook",
    "airflow.providers.smtp.operators.smtp": "EmailOperator",
    "airflow.providers.http.sensors.http": "HttpSensor",
    "airflow.providers.http.hooks.http": "HttpHook",
    "airflow.providers.postgres.hooks.postgres": "PostgresHook",
    "airflow.providers.mysql.hooks.mysql": "MySqlHook",
    "airflow.providers.microsoft.mssql.hooks.mssql": "MsSqlHook",
    "airflow.providers.oracle.hooks.oracle": "OracleHook",
    "airflow.providers.sqlite.hooks.sqlite": "SqliteHook",
    "airflow.providers.jdbc.hooks.jdbc": "JdbcHook",
    "airflow.providers.presto.hooks.presto": "PrestoHook",
    "airflow.providers.docker.operators.docker": "DockerOperator",
    "airflow.providers.docker.hooks.docker": "DockerHook",
    "airflow.providers.papermill.operators.papermill": "PapermillOperator",
    "airflow.providers.ssh.operators.ssh": "SSHOperator",
    "airflow.providers.ssh.hooks.ssh": "SSHHook",
    "airflow.providers.sftp.operators.sftp": "SFTPOperator",
    "airflow.providers.sftp.sensors.sftp": "SFTPSensor",
    "airflow.providers.sftp.hooks.sftp": "SFTPHook",
    "airflow.providers.ftp.hooks.ftp": "FTPHook FTPSHook",
    "airflow.providers.ftp.sensors.ftp": "FTPSensor FTPSSensor",
    "airflow.providers.redis.hooks.redis": "RedisHook",
    "airflow.providers.mongo.hooks.mongo": "MongoHook",
    "airflow.providers.slack.operators.slack": "SlackAPIPostOperator",
    "airflow.providers.slack.hooks.slack": "SlackHook",
    "airflow.providers.slack.operators.slack_webhook": "SlackWebhookOperator",
    "airflow.providers.apache.hive.operators.hive": "HiveOperator",
    "airflow.providers.apache.hive.hooks.hive": "HiveCliHook HiveMetastoreHook HiveServer2Hook",
    "airflow.providers.apache.spark.operators.spark_submit": "SparkSubmitOperator",
    "airflow.providers.apache.spark.operators.spark_sql": "SparkSqlOperator",
    "airflow.providers.apache.spark.operators.spark_jdbc": "SparkJDBCOperator",
    "airflow.providers.apache.spark.hooks.spark_submit": "SparkSubmitHook",
    "airflow.providers.apache.spark.hooks.spark_sql": "SparkSqlHook",
    "airflow.providers.databricks.operators.databricks": "DatabricksRunNowOperator DatabricksSubmitRunOperator",
    "airflow.providers.databricks.hooks.databricks": "DatabricksHook",
    "airflow.providers.snowflake.hooks.snowflake": "SnowflakeHook",
    "airflow.providers.cncf.kubernetes.operators.pod": "KubernetesPodOperator",
    f"{_AWS}.hooks.s3": "S3Hook",
    f"{_AWS}.hooks.emr": "EmrHook",
    f"{_AWS}.hooks.redshift_cluster": "RedshiftHook",
    f"{_AWS}.hooks.base_aws": "AwsBaseHook",
    f"{_AWS}.operators.s3": "S3CopyObjectOperator S3DeleteObjectsOperator S3FileTransformOperator S3ListOperator",
    f"{_AWS}.operators.emr": "EmrAddStepsOperator EmrCreateJobFlowOperator EmrTerminateJobFlowOperator",
    f"{_AWS}.operators.sns": "SnsPublishOperator",
    f"{_AWS}.sensors.s3": "S3KeySensor",
    f"{_AWS}.sensors.athena": "AthenaSensor",
    f"{_AWS}.sensors.emr": "EmrJobFlowSensor EmrStepSensor",
    f"{_AWS}.transfers.mongo_to_s3": "MongoToS3Operator",
    f"{_AWS}.transfers.s3_to_sftp": "S3ToSFTPOperator",
    f"{_AWS}.transfers.sftp_to_s3": "SFTPToS3Operator",
    f"{_GCP}.hooks.bigquery": "BigQueryHook",
    f"{_GCP}.operators.bigquery": "BigQueryCheckOperator BigQueryCreateEmptyDatasetOperator "
    "BigQueryDeleteDatasetOperator BigQueryIntervalCheckOperator BigQueryValueCheckOperator",
    f"{_GCP}.transfers.bigquery_to_bigquery": "BigQueryToBigQueryOperator",
}

#: old name -> where it is now, under another name
_RENAMED: Final[dict[str, str]] = {
    "DummyOperator": f"{_STANDARD}.operators.empty.EmptyOperator",
    "SimpleHttpOperator": "airflow.providers.http.operators.http.HttpOperator",
    "CheckOperator": f"{_SQL}.SQLCheckOperator",
    "ValueCheckOperator": f"{_SQL}.SQLValueCheckOperator",
    "IntervalCheckOperator": f"{_SQL}.SQLIntervalCheckOperator",
    "ThresholdCheckOperator": f"{_SQL}.SQLThresholdCheckOperator",
    "BranchSqlOperator": f"{_SQL}.BranchSQLOperator",
    **dict.fromkeys(
        (f"{database}Operator" for database in ("Jdbc", "MsSql", "MySql", "Oracle", "Postgres", "Snowflake", "Sqlite")),
        f"{_SQL}.SQLExecuteQueryOperator",
    ),
    "AwsHook": f"{_AWS}.hooks.base_aws.AwsBaseHook",
    "AwsDynamoDBHook": f"{_AWS}.hooks.dynamodb.DynamoDBHook",
    "AwsLambdaHook": f"{_AWS}.hooks.lambda_function.LambdaHook",
    "AwsAthenaHook": f"{_AWS}.hooks.athena.AthenaHook",
    "AWSAthenaOperator": f"{_AWS}.operators.athena.AthenaOperator",
    "AWSBatchOperator": f"{_AWS}.operators.batch.BatchOperator",
    "ECSOperator": f"{_AWS}.operators.ecs.EcsRunTaskOperator",
    "AwsRedshiftClusterSensor": f"{_AWS}.sensors.redshift_cluster.RedshiftClusterSensor",
    "AwsGlueCatalogPartitionSensor": f"{_AWS}.sensors.glue_catalog_partition.GlueCatalogPartitionSensor",
    "SQSSensor": f"{_AWS}.sensors.sqs.SqsSensor",
    "SQSPublishOperator": f"{_AWS}.operators.sqs.SqsPublishOperator",
    "S3PrefixSensor": f"{_AWS}.sensors.s3.S3KeySensor",
    "S3ToRedshiftTransfer": f"{_AWS}.transfers.s3_to_redshift.S3ToRedshiftOperator",
    "RedshiftToS3Transfer": f"{_AWS}.transfers.redshift_to_s3.RedshiftToS3Operator",
    "BigQueryOperator": f"{_GCP}.operators.bigquery.BigQueryInsertJobOperator",
    "BigQueryTableDeleteOperator": f"{_GCP}.operators.bigquery.BigQueryDeleteTableOperator",
    "BigQueryCreateEmptyTableOperator": f"{_GCP}.operators.bigquery.BigQueryCreateTableOperator",
    "BigQueryToCloudStorageOperator": f"{_GCP}.transfers.bigquery_to_gcs.BigQueryToGCSOperator",
    "GoogleCloudStorageToBigQueryOperator": f"{_GCP}.transfers.gcs_to_bigquery.GCSToBigQueryOperator",
    "GoogleCloudStorageToGoogleCloudStorageOperator": f"{_GCP}.transfers.gcs_to_gcs.GCSToGCSOperator",
    "FileToGoogleCloudStorageOperator": f"{_GCP}.transfers.local_to_gcs.LocalFilesystemToGCSOperator",
    "PostgresToGoogleCloudStorageOperator": f"{_GCP}.transfers.postgres_to_gcs.PostgresToGCSOperator",
    "S3ToGoogleCloudStorageOperator": f"{_GCP}.transfers.s3_to_gcs.S3ToGCSOperator",
    "GoogleCloudStorageListOperator": f"{_GCP}.operators.gcs.GCSListObjectsOperator",
    "GoogleCloudStorageCreateBucketOperator": f"{_GCP}.operators.gcs.GCSCreateBucketOperator",
    "GoogleCloudStorageDeleteOperator": f"{_GCP}.operators.gcs.GCSDeleteObjectsOperator",
    "GoogleCloudStorageHook": f"{_GCP}.hooks.gcs.GCSHook",
    "GoogleCloudStorageObjectSensor": f"{_GCP}.sensors.gcs.GCSObjectExistenceSensor",
    "GoogleCloudStoragePrefixSensor": f"{_GCP}.sensors.gcs.GCSObjectsWithPrefixExistenceSensor",
    "BigQueryTableSensor": f"{_GCP}.sensors.bigquery.BigQueryTableExistenceSensor",
    "PubSubPublishOperator": f"{_GCP}.operators.pubsub.PubSubPublishMessageOperator",
    "DataprocClusterCreateOperator": f"{_GCP}.operators.dataproc.DataprocCreateClusterOperator",
    "DataprocClusterDeleteOperator": f"{_GCP}.operators.dataproc.DataprocDeleteClusterOperator",
    **dict.fromkeys(
        (f"DataProc{engine}Operator" for engine in ("Hadoop", "Hive", "PySpark", "Spark")),
        f"{_GCP}.operators.dataproc.DataprocSubmitJobOperator",
    ),
    "Dataset": "airflow.sdk.Asset",
    "DatasetAlias": "airflow.sdk.AssetAlias",
    "DatasetOrTimeSchedule": "airflow.timetables.assets.AssetOrTimeSchedule",
    "TemporaryDirectory": "tempfile.TemporaryDirectory",
}

#: name -> the import path that it has now
NOW: Final[dict[str, str]] = {
    **{name: f"{module}.{name}" for module, names in _MOVED.items() for name in names.split()},
    **_RENAMED,
}

#: what is gone, and what people do instead
GONE: Final[dict[str, str]] = {
    "SubDagOperator": "put its tasks into a TaskGroup (from airflow.sdk import TaskGroup), or into a Dag of their own",
    "days_ago": "give a date that stays: pendulum.datetime(2026, 1, 1, tz='UTC')",
    "apply_defaults": "leave it out: every operator gets default_args by itself",
    "SmartSensorOperator": "use sensors with deferrable=True",
    "CeleryExecutor": "leave it out: the fleet chooses the executor",
    "HdfsSensor": "use WebHdfsSensor of apache-airflow-providers-apache-hdfs",
    "PigOperator": "run Pig with BashOperator or SSHOperator",
    "mkdirs": "use os.makedirs(path, exist_ok=True)",
}

#: modules of Airflow that are gone as a whole, besides those of ``contrib``, ``operators``, ``sensors`` and ``hooks``
GONE_MODULES: Final = (
    "airflow.contrib",
    "airflow.datasets",
    "airflow.executors.celery_executor",
    "airflow.timetables.datasets",
    "airflow.utils.weekday",
)
#: names that are gone from modules that stayed
GONE_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "airflow.models": ("SubDagOperator",),
    "airflow.utils.dates": ("days_ago",),
    "airflow.utils.db": ("create_session",),
    "airflow.utils.decorators": ("apply_defaults",),
    "airflow.utils.file": ("TemporaryDirectory", "mkdirs"),
    "airflow.utils.helpers": ("chain", "cross_downstream"),
}
#: packages whose old modules live on as entries of a table in the package itself
SHIMMED: Final = ("airflow.operators", "airflow.sensors", "airflow.hooks")

#: keyword of DAG and @dag -> its name now, or None: it is gone
DAG_KEYWORDS: Final[dict[str, str | None]] = {
    "schedule_interval": "schedule",
    "timetable": "schedule",
    "concurrency": "max_active_tasks",
    "fail_stop": "fail_fast",
    **dict.fromkeys(("default_view", "orientation", "full_filepath", "sla_miss_callback")),
}
#: keyword of operators, and key of default_args -> its name now, or None: it is gone
TASK_KEYWORDS: Final[dict[str, str | None]] = {
    "provide_context": None,
    "sla": None,
    "xcom_push": "do_xcom_push",
    "task_concurrency": "max_active_tis_per_dag",
}
#: of those, the ones that are still taken and do nothing
TAKEN_FOR_NOTHING: Final = ("sla", "sla_miss_callback")
#: of one operator only
OPERATOR_KEYWORDS: Final[dict[str, dict[str, str | None]]] = {
    "TriggerDagRunOperator": {"execution_date": "logical_date", "python_callable": None},
}
#: why it can be left out, or what does its work
WITHOUT: Final[dict[str, str]] = {
    "provide_context": "leave it out: a function gets what it names of the context, all of it with **context",
    "sla": "leave it out; a deadline of the DAG does its work",
    "sla_miss_callback": "leave it out; a deadline of the DAG does its work",
    "python_callable": "give the run's conf as conf=, or start no run with a short_circuit before it",
}
TRIGGER_RULES: Final[dict[str, str]] = {"dummy": "always", "none_failed_or_skipped": "none_failed_min_one_success"}

#: what templates and functions were given -> what they are given now
CONTEXT: Final[dict[str, str]] = {
    "execution_date": "logical_date",
    "next_execution_date": "data_interval_end",
    "prev_execution_date": "prev_data_interval_start_success",
    "prev_execution_date_success": "prev_data_interval_start_success",
    "next_ds": "data_interval_end | ds",
    "next_ds_nodash": "data_interval_end | ds_nodash",
    "prev_ds": "prev_data_interval_start_success | ds",
    "prev_ds_nodash": "prev_data_interval_start_success | ds_nodash",
    "tomorrow_ds": "macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "macros.ds_add(ds, 1) | replace('-', '')",
    "yesterday_ds": "macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "macros.ds_add(ds, -1) | replace('-', '')",
    "triggering_dataset_events": "triggering_asset_events",
}
