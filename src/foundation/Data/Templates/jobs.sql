-- Every holding of a job has a number of its own that is never given twice, not even when the job's id comes back.
CREATE SEQUENCE {schema}.job_fences AS bigint;

-- Live jobs only: finished ones move to jobs_history, hopeless ones to jobs_dead, so the table stays small.
-- leased_by IS NULL means waiting. It, not leased_until, stands in the indexes' conditions: heartbeats change leased_until alone and stay HOT updates.
CREATE TABLE {schema}.jobs (
  id           bigint      NOT NULL,
  kind         text        NOT NULL,
  owner        bigint      NOT NULL,
  priority     smallint    NOT NULL,
  turn         integer     NOT NULL,
  run_at       timestamptz NOT NULL DEFAULT now(),
  attempt      integer     NOT NULL DEFAULT 0,
  fence        bigint      NOT NULL DEFAULT nextval('{schema}.job_fences'),
  leased_until timestamptz,
  leased_by    text,
  payload      jsonb       NOT NULL,
  last_error   text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT jobs_pkey PRIMARY KEY (id),
  CONSTRAINT jobs_lease_whole CHECK ((leased_by IS NULL) = (leased_until IS NULL))
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX jobs_waiting ON {schema}.jobs (priority DESC, turn, run_at, id) WHERE leased_by IS NULL;
CREATE INDEX jobs_leased ON {schema}.jobs (owner) WHERE leased_by IS NOT NULL;
CREATE INDEX jobs_by_owner ON {schema}.jobs (owner);

CREATE TABLE {schema}.jobs_history (
  id          bigint      NOT NULL,
  kind        text        NOT NULL,
  owner       bigint      NOT NULL,
  priority    smallint    NOT NULL,
  attempt     integer     NOT NULL,
  outcome     text        NOT NULL,
  last_error  text,
  created_at  timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT jobs_history_pkey PRIMARY KEY (id, finished_at)
) PARTITION BY RANGE (finished_at);
CREATE TABLE {schema}.jobs_history_default PARTITION OF {schema}.jobs_history DEFAULT;
SELECT skyriff.ensure_months('{schema}.jobs_history', 2);

CREATE TABLE {schema}.jobs_dead (
  id         bigint      NOT NULL,
  kind       text        NOT NULL,
  owner      bigint      NOT NULL,
  priority   smallint    NOT NULL,
  attempt    integer     NOT NULL,
  payload    jsonb       NOT NULL,
  last_error text,
  created_at timestamptz NOT NULL,
  died_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT jobs_dead_pkey PRIMARY KEY (id)
);
CREATE INDEX jobs_dead_by_age ON {schema}.jobs_dead (died_at);
