CREATE TABLE public.airfleet_api (
    one boolean DEFAULT true NOT NULL,
    since timestamp with time zone NOT NULL,
    beat timestamp with time zone NOT NULL,
    CONSTRAINT airfleet_api_one_check CHECK (one)
);
CREATE TABLE public.airfleet_callback (
    callback_id uuid NOT NULL,
    job_id integer NOT NULL
);
CREATE TABLE public.airfleet_host (
    host text NOT NULL,
    boot text NOT NULL,
    hostname text NOT NULL,
    pid integer NOT NULL,
    address text NOT NULL,
    port integer NOT NULL,
    state text DEFAULT 'up'::text NOT NULL,
    components jsonb DEFAULT '[]'::jsonb NOT NULL,
    orders jsonb DEFAULT '{}'::jsonb NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    renewed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    steady_since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    ended_by text
);
CREATE TABLE public.airfleet_lost (
    number bigint NOT NULL,
    ti_id uuid NOT NULL,
    celery_id text NOT NULL,
    dag_id text NOT NULL,
    run_id text NOT NULL,
    task_id text NOT NULL,
    map_index integer NOT NULL,
    try_number integer NOT NULL,
    hostname text NOT NULL,
    reported_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    handled_at timestamp with time zone,
    outcome text
);
ALTER TABLE public.airfleet_lost ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.airfleet_lost_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.airfleet_objects (
    kind text NOT NULL,
    name text NOT NULL
);
CREATE TABLE public.airfleet_outcome (
    key text NOT NULL,
    value text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
INSERT INTO public.airfleet_api VALUES (true, '2026-11-26 03:10:05.96159+00', '2026-11-26 03:10:05.96159+00');
INSERT INTO public.airfleet_callback VALUES ('0199aaaa-0000-7000-8000-000000000002', 7);
INSERT INTO public.airfleet_host VALUES ('two', 'boot-1', 'two.boot-1', 22, '10.0.0.2', 8795, 'left', '[]', '{}', '2026-11-26 03:10:05.698891+00', '2026-11-26 03:10:05.698891+00', '2026-11-26 03:10:05.698891+00', '2026-11-26 03:10:05.707352+00', NULL);
INSERT INTO public.airfleet_host VALUES ('one', 'boot-1', 'one.boot-1', 11, '10.0.0.1', 8795, 'up', '[{"name": "scheduler", "state": "healthy"}]', '{"scale": {"worker": 2}}', '2026-11-26 03:10:05.697348+00', '2026-11-26 03:10:05.705505+00', '2026-11-26 03:10:05.697348+00', NULL, NULL);
INSERT INTO public.airfleet_host VALUES ('three', 'boot-1', 'three.boot-1', 33, '10.0.0.3', 8795, 'gone', '[]', '{}', '2026-11-26 03:10:05.701464+00', '2026-11-26 03:10:05.701464+00', '2026-11-26 03:10:05.701464+00', '2026-11-26 03:10:05.713227+00', 'one');
INSERT INTO public.airfleet_lost OVERRIDING SYSTEM VALUE VALUES (2, '0199aaaa-0000-7000-8000-000000000001', 'celery-1', 'sales', 'manual__1', 'load', -1, 1, 'one.boot-1', '2026-11-26 03:10:05.737464+00', NULL, NULL);
INSERT INTO public.airfleet_lost OVERRIDING SYSTEM VALUE VALUES (1, '0199aaaa-0000-7000-8000-000000000000', 'celery-0', 'sales', 'manual__1', 'load', -1, 1, 'three.boot-1', '2026-11-26 03:10:05.713832+00', '2026-11-26 03:10:05.758745+00', 'rerun');
INSERT INTO public.airfleet_objects VALUES ('pool', 'narrow');
INSERT INTO public.airfleet_objects VALUES ('variable', 'region');
INSERT INTO public.airfleet_outcome VALUES ('celery-task-meta-celery-0', '{"status": "FAILURE", "result": "Grüße"}', '2026-11-26 03:10:05.774272+00');
INSERT INTO public.airfleet_outcome VALUES ('celery-task-meta-celery-1', '{"status": "SUCCESS"}', '2026-11-26 03:10:05.774418+00');
SELECT pg_catalog.setval('public.airfleet_lost_number_seq', 2, true);
ALTER TABLE ONLY public.airfleet_api
    ADD CONSTRAINT airfleet_api_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.airfleet_callback
    ADD CONSTRAINT airfleet_callback_pkey PRIMARY KEY (callback_id);
ALTER TABLE ONLY public.airfleet_host
    ADD CONSTRAINT airfleet_host_pkey PRIMARY KEY (host);
ALTER TABLE ONLY public.airfleet_lost
    ADD CONSTRAINT airfleet_lost_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.airfleet_lost
    ADD CONSTRAINT airfleet_lost_ti_id_celery_id_key UNIQUE (ti_id, celery_id);
ALTER TABLE ONLY public.airfleet_objects
    ADD CONSTRAINT airfleet_objects_pkey PRIMARY KEY (kind, name);
ALTER TABLE ONLY public.airfleet_outcome
    ADD CONSTRAINT airfleet_outcome_pkey PRIMARY KEY (key);
CREATE INDEX airfleet_lost_of_task ON public.airfleet_lost USING btree (dag_id, run_id, task_id, map_index);
CREATE INDEX airfleet_lost_waiting ON public.airfleet_lost USING btree (number) WHERE (handled_at IS NULL);
