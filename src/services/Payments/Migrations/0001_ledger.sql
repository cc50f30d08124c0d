-- The ledger: double entry in whole credits and coins. What the service's role may do to it is read it and call the functions below;
-- nobody updates or deletes a transfer. See docs/decisions/0020.

-- Tables of this schema, with the partitions of months to come, are for reading unless a grant says more.
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE INSERT, UPDATE, DELETE ON TABLES FROM {role};

CREATE TYPE {schema}.account AS ENUM (
  'credits', 'held', 'coins',   -- a user's; their balances stand in the wallet
  'gifts', 'sales', 'usage'     -- the platform's on this shard: given away, sold, spent on generations. No row holds their balance,
);                              -- so no row is hot: it is the sum of their entries.

CREATE TYPE {schema}.transfer_kind AS ENUM ('starter', 'grant', 'purchase', 'refund', 'hold', 'capture', 'release');

CREATE TYPE {schema}.hold_state AS ENUM ('held', 'captured', 'released');

CREATE TABLE {schema}.wallets (
  user_id    bigint      PRIMARY KEY,
  credits    bigint      NOT NULL DEFAULT 0 CHECK (credits >= 0),
  held       bigint      NOT NULL DEFAULT 0 CHECK (held >= 0),
  coins      bigint      NOT NULL DEFAULT 0 CHECK (coins >= 0),
  entries    bigint      NOT NULL DEFAULT 0, -- how many entries this wallet has; the sequence of the newest
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70); -- balances change in place, within their page

-- By month of the id, which begins with its time: the partition key is the primary key.
CREATE TABLE {schema}.transfers (
  id         bigint                 NOT NULL PRIMARY KEY,
  kind       {schema}.transfer_kind NOT NULL,
  reference  text                   NOT NULL, -- what it was for: a generation, an order, a user
  created_at timestamptz            NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (id);

CREATE TABLE {schema}.entries (
  transfer_id   bigint           NOT NULL,
  line          smallint         NOT NULL,
  account       {schema}.account NOT NULL,
  amount        bigint           NOT NULL CHECK (amount <> 0),
  user_id       bigint,  -- whose; null for the platform's accounts, like the two below
  balance_after bigint   CHECK (balance_after >= 0),
  sequence      bigint,  -- 1, 2, 3... within the wallet
  PRIMARY KEY (transfer_id, line),
  CHECK ((account IN ('credits', 'held', 'coins')) = (user_id IS NOT NULL)),
  CHECK (num_nulls(user_id, balance_after, sequence) IN (0, 3))
) PARTITION BY RANGE (transfer_id);

CREATE INDEX entries_of_wallet ON {schema}.entries (user_id, sequence) WHERE user_id IS NOT NULL;

-- Money must not stop because a month's partition is missing.
CREATE TABLE {schema}.transfers_default PARTITION OF {schema}.transfers DEFAULT;
CREATE TABLE {schema}.entries_default PARTITION OF {schema}.entries DEFAULT;
SELECT skyriff.ensure_months('{schema}.transfers', 2), skyriff.ensure_months('{schema}.entries', 2);

-- (kind, reference) is unique over all months. A unique index over partitions would have to contain the month, so the promise is kept
-- here, and for hold, capture and release by the row of the generation's hold.
CREATE TABLE {schema}.transfer_keys (
  kind        {schema}.transfer_kind NOT NULL CHECK (kind NOT IN ('hold', 'capture', 'release')),
  reference   text                   NOT NULL,
  transfer_id bigint, -- null where nothing had to be moved
  PRIMARY KEY (kind, reference)
);

-- held -> captured | released, once. A release that comes before its hold leaves a released row with no credits, which refuses the hold.
CREATE TABLE {schema}.holds (
  generation_id   bigint              PRIMARY KEY,
  user_id         bigint              NOT NULL,
  state           {schema}.hold_state NOT NULL,
  credits         bigint              NOT NULL CHECK (credits >= 0),
  hold_transfer   bigint,
  settle_transfer bigint,
  created_at      timestamptz         NOT NULL DEFAULT clock_timestamp(),
  settled_at      timestamptz,
  CHECK ((hold_transfer IS NOT NULL) = (credits > 0)),
  CHECK ((settle_transfer IS NOT NULL) = (credits > 0 AND state <> 'held')),
  CHECK ((settled_at IS NOT NULL) = (state <> 'held'))
) WITH (fillfactor = 80);

-- What a movement answers: whether this call did it, how the hold stands, how much, and the wallet afterwards (nulls where there is none).
CREATE TYPE {schema}.movement AS (
  moved      boolean,
  state      {schema}.hold_state,
  amount     bigint,
  credits    bigint,
  held       bigint,
  coins      bigint,
  changed_at timestamptz
);

CREATE FUNCTION {schema}.new_transfer_id(for_user bigint) RETURNS bigint
LANGUAGE sql VOLATILE AS $$ SELECT skyriff.next_id(((for_user >> 12) & 1023)::integer) $$;

-- Writes a transfer of `amount` from one account to another: two entries that sum to zero. `wallet` is the user's after the movement.
CREATE FUNCTION {schema}.record(transfer bigint, why {schema}.transfer_kind, why_reference text, giver {schema}.account, taker {schema}.account, amount bigint, wallet {schema}.wallets)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  giver_balance bigint := CASE giver WHEN 'credits' THEN wallet.credits WHEN 'held' THEN wallet.held WHEN 'coins' THEN wallet.coins END;
  taker_balance bigint := CASE taker WHEN 'credits' THEN wallet.credits WHEN 'held' THEN wallet.held WHEN 'coins' THEN wallet.coins END;
BEGIN
  INSERT INTO {schema}.transfers (id, kind, reference) VALUES (transfer, why, why_reference);
  INSERT INTO {schema}.entries (transfer_id, line, account, amount, user_id, balance_after, sequence) VALUES
    (transfer, 1, giver, -amount, CASE WHEN giver_balance IS NOT NULL THEN wallet.user_id END, giver_balance,
      CASE WHEN giver_balance IS NOT NULL THEN wallet.entries - CASE WHEN taker_balance IS NOT NULL THEN 1 ELSE 0 END END),
    (transfer, 2, taker, amount, CASE WHEN taker_balance IS NOT NULL THEN wallet.user_id END, taker_balance,
      CASE WHEN taker_balance IS NOT NULL THEN wallet.entries END);
END $$;

-- Whoever needs both locks the hold's row before the wallet's: hold and settle for one generation must not wait for each other in a circle.

-- Moves credits aside for a generation. `moved` false and `state` null: not enough credits; `state` else: what was decided before.
CREATE FUNCTION {schema}.hold(for_user bigint, for_generation bigint, wanted bigint) RETURNS {schema}.movement
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wallet {schema}.wallets;
  was    {schema}.holds;
  new_id bigint := {schema}.new_transfer_id(for_user);
BEGIN
  INSERT INTO {schema}.holds (generation_id, user_id, state, credits, hold_transfer)
  VALUES (for_generation, for_user, 'held', wanted, CASE WHEN wanted > 0 THEN new_id END)
  ON CONFLICT (generation_id) DO NOTHING;
  IF NOT FOUND THEN
    SELECT * INTO STRICT was FROM {schema}.holds h WHERE h.generation_id = for_generation;
    IF was.user_id <> for_user THEN RAISE EXCEPTION 'the hold of generation % is another user''s', for_generation; END IF;
    RETURN (false, was.state, was.credits, NULL, NULL, NULL, NULL)::{schema}.movement;
  END IF;

  -- The one decision: concurrent spenders queue at the row, and each looks again when it is its turn.
  UPDATE {schema}.wallets w
  SET credits = w.credits - wanted, held = w.held + wanted, entries = w.entries + CASE WHEN wanted > 0 THEN 2 ELSE 0 END, changed_at = clock_timestamp()
  WHERE w.user_id = for_user AND w.credits >= wanted
  RETURNING w.* INTO wallet;
  IF NOT FOUND THEN
    DELETE FROM {schema}.holds h WHERE h.generation_id = for_generation; -- a refusal decides nothing
    RETURN (false, NULL, 0, NULL, NULL, NULL, NULL)::{schema}.movement;
  END IF;

  IF wanted > 0 THEN PERFORM {schema}.record(new_id, 'hold', for_generation::text, 'credits', 'held', wanted, wallet); END IF;
  RETURN (true, 'held', wanted, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::{schema}.movement;
END $$;

-- Ends a hold as captured or released. Ending what was never held ends it as released, with nothing.
CREATE FUNCTION {schema}.settle(for_user bigint, for_generation bigint, ending {schema}.hold_state) RETURNS {schema}.movement
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wallet {schema}.wallets;
  ended  {schema}.holds;
  new_id bigint := {schema}.new_transfer_id(for_user);
BEGIN
  IF ending = 'held' THEN RAISE EXCEPTION 'held is not an ending'; END IF;
  LOOP
    UPDATE {schema}.holds h
    SET state = ending, settled_at = clock_timestamp(), settle_transfer = CASE WHEN h.credits > 0 THEN new_id END
    WHERE h.generation_id = for_generation AND h.user_id = for_user AND h.state = 'held'
    RETURNING h.* INTO ended;
    IF FOUND AND ended.credits = 0 THEN RETURN (false, ending, 0, NULL, NULL, NULL, NULL)::{schema}.movement; END IF;
    IF FOUND THEN
      UPDATE {schema}.wallets w
      SET held = w.held - ended.credits,
          credits = w.credits + CASE ending WHEN 'released' THEN ended.credits ELSE 0 END,
          entries = w.entries + CASE ending WHEN 'released' THEN 2 ELSE 1 END,
          changed_at = clock_timestamp()
      WHERE w.user_id = for_user
      RETURNING w.* INTO STRICT wallet;
      IF ending = 'captured' THEN PERFORM {schema}.record(new_id, 'capture', for_generation::text, 'held', 'usage', ended.credits, wallet);
      ELSE PERFORM {schema}.record(new_id, 'release', for_generation::text, 'held', 'credits', ended.credits, wallet);
      END IF;
      RETURN (true, ending, ended.credits, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::{schema}.movement;
    END IF;

    SELECT * INTO ended FROM {schema}.holds h WHERE h.generation_id = for_generation;
    IF NOT FOUND THEN
      INSERT INTO {schema}.holds (generation_id, user_id, state, credits, settled_at)
      VALUES (for_generation, for_user, 'released', 0, clock_timestamp())
      ON CONFLICT (generation_id) DO NOTHING
      RETURNING * INTO ended;
    END IF;
    IF ended.user_id <> for_user THEN RAISE EXCEPTION 'the hold of generation % is another user''s', for_generation; END IF;
    IF ended.state <> 'held' THEN RETURN (false, ended.state, ended.credits, NULL, NULL, NULL, NULL)::{schema}.movement; END IF;
    -- A hold was committed while we looked: it is there now.
  END LOOP;
END $$;

-- Puts credits into a wallet, which is opened where there is none; once per (kind, reference).
CREATE FUNCTION {schema}.deposit(for_user bigint, why {schema}.transfer_kind, why_reference text, added bigint) RETURNS {schema}.movement
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wallet {schema}.wallets;
  new_id bigint := {schema}.new_transfer_id(for_user);
BEGIN
  IF why NOT IN ('starter', 'grant', 'purchase') OR added < 0 THEN RAISE EXCEPTION 'no deposit of % as %', added, why; END IF;
  INSERT INTO {schema}.transfer_keys (kind, reference, transfer_id) VALUES (why, why_reference, CASE WHEN added > 0 THEN new_id END)
  ON CONFLICT (kind, reference) DO NOTHING;
  IF NOT FOUND THEN RETURN (false, NULL, 0, NULL, NULL, NULL, NULL)::{schema}.movement; END IF;
  INSERT INTO {schema}.wallets AS w (user_id, credits, entries) VALUES (for_user, added, CASE WHEN added > 0 THEN 1 ELSE 0 END)
  ON CONFLICT (user_id) DO UPDATE SET credits = w.credits + excluded.credits, entries = w.entries + excluded.entries, changed_at = clock_timestamp()
  RETURNING w.* INTO wallet;
  IF added > 0 THEN
    PERFORM {schema}.record(new_id, why, why_reference, CASE why WHEN 'purchase' THEN 'sales' ELSE 'gifts' END::{schema}.account, 'credits', added, wallet);
  END IF;
  RETURN (true, NULL, added, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::{schema}.movement;
END $$;

-- Takes bought credits back after the provider returned the money: as many as are still there, which `amount` tells. Once per order.
CREATE FUNCTION {schema}.refund(for_user bigint, for_order bigint, bought bigint) RETURNS {schema}.movement
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wallet {schema}.wallets;
  taken  bigint;
  new_id bigint := {schema}.new_transfer_id(for_user);
BEGIN
  SELECT least(w.credits, bought) INTO taken FROM {schema}.wallets w WHERE w.user_id = for_user FOR UPDATE;
  INSERT INTO {schema}.transfer_keys (kind, reference, transfer_id) VALUES ('refund', for_order::text, CASE WHEN taken > 0 THEN new_id END)
  ON CONFLICT (kind, reference) DO NOTHING;
  IF NOT FOUND OR coalesce(taken, 0) = 0 THEN RETURN (false, NULL, 0, NULL, NULL, NULL, NULL)::{schema}.movement; END IF;
  UPDATE {schema}.wallets w SET credits = w.credits - taken, entries = w.entries + 1, changed_at = clock_timestamp()
  WHERE w.user_id = for_user
  RETURNING w.* INTO STRICT wallet;
  PERFORM {schema}.record(new_id, 'refund', for_order::text, 'credits', 'sales', taken, wallet);
  RETURN (true, NULL, taken, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::{schema}.movement;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.hold, {schema}.settle, {schema}.deposit, {schema}.refund TO {role};
