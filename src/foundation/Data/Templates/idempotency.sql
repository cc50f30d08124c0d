-- Requests that were made repeatable: the caller's key, what was asked for, and the reply that was first given. Written in the effect's own transaction.
CREATE TABLE {schema}.idempotency (
  owner       bigint      NOT NULL,
  key         text        NOT NULL,
  fingerprint bytea       NOT NULL,
  status      smallint,
  reply       bytea,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_pkey PRIMARY KEY (owner, key),
  CONSTRAINT idempotency_reply_whole CHECK ((status IS NULL) = (reply IS NULL))
);
CREATE INDEX idempotency_by_age ON {schema}.idempotency (created_at);
