-- What people buy, and what payment providers told us about it.

CREATE TYPE {schema}.order_status AS ENUM ('pending', 'failed', 'paid', 'refunded');

CREATE TABLE {schema}.orders (
  id             bigint                PRIMARY KEY,
  user_id        bigint                NOT NULL,
  pack           text                  NOT NULL,
  credits        bigint                NOT NULL CHECK (credits > 0),
  price_amount   bigint                NOT NULL CHECK (price_amount > 0), -- minor units
  price_currency text                  NOT NULL CHECK (price_currency ~ '^[A-Z]{3}$'),
  provider       text                  NOT NULL,
  status         {schema}.order_status NOT NULL DEFAULT 'pending',
  created_at     timestamptz           NOT NULL DEFAULT clock_timestamp(),
  changed_at     timestamptz           NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX orders_of_user ON {schema}.orders (user_id, id);

-- Each delivery that was genuine and told about an order, once; kept with the order.
CREATE TABLE {schema}.webhooks (
  provider    text        NOT NULL,
  webhook_id  text        NOT NULL,
  order_id    bigint      NOT NULL REFERENCES {schema}.orders (id),
  event       text        NOT NULL,
  outcome     text        NOT NULL CHECK (outcome IN ('applied', 'late')),
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (provider, webhook_id, order_id)
);

--: include idempotency
--: include outbox

GRANT INSERT, UPDATE ON {schema}.orders TO {role};
GRANT INSERT ON {schema}.webhooks TO {role};
GRANT INSERT, UPDATE, DELETE ON {schema}.idempotency, {schema}.outbox, {schema}.outbox_dead, {schema}.inbox TO {role};
