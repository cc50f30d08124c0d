-- Events, written in the transaction of the change that they tell of; the relay publishes and deletes them.
-- position orders the events of one key; id is the event's name for the rest of the world.
CREATE TABLE {schema}.outbox (
  position    bigint      GENERATED ALWAYS AS IDENTITY,
  id          bigint      NOT NULL,
  topic       text        NOT NULL,
  key         bigint      NOT NULL,
  payload     jsonb       NOT NULL,
  traceparent text,
  attempts    integer     NOT NULL DEFAULT 0,
  next_at     timestamptz NOT NULL DEFAULT now(),
  last_error  text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outbox_pkey PRIMARY KEY (position)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX outbox_by_key ON {schema}.outbox (key, position);

-- Events that could not be published in all their attempts; replayed by hand.
CREATE TABLE {schema}.outbox_dead (
  id          bigint      NOT NULL,
  topic       text        NOT NULL,
  key         bigint      NOT NULL,
  payload     jsonb       NOT NULL,
  traceparent text,
  attempts    integer     NOT NULL,
  last_error  text,
  created_at  timestamptz NOT NULL,
  died_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outbox_dead_pkey PRIMARY KEY (id)
);

-- Which events a consumer has handled; the row is written in the transaction of the consumer's own effect.
CREATE TABLE {schema}.inbox (
  consumer    text        NOT NULL,
  event_id    bigint      NOT NULL,
  handled_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_by_age ON {schema}.inbox (handled_at);
