CREATE SCHEMA payments;
CREATE SCHEMA skyriff;
CREATE SCHEMA social;
CREATE SCHEMA users;
CREATE SCHEMA videos;
CREATE TYPE payments.account AS ENUM (
    'credits',
    'held',
    'coins',
    'gifts',
    'sales',
    'usage'
);
CREATE TYPE payments.hold_state AS ENUM (
    'held',
    'captured',
    'released'
);
CREATE TYPE payments.movement AS (
	moved boolean,
	state payments.hold_state,
	amount bigint,
	credits bigint,
	held bigint,
	coins bigint,
	changed_at timestamp with time zone
);
CREATE TYPE payments.order_status AS ENUM (
    'pending',
    'failed',
    'paid',
    'refunded'
);
CREATE TYPE payments.transfer_kind AS ENUM (
    'starter',
    'grant',
    'purchase',
    'refund',
    'hold',
    'capture',
    'release'
);
CREATE FUNCTION payments.deposit(for_user bigint, why payments.transfer_kind, why_reference text, added bigint) RETURNS payments.movement
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  wallet payments.wallets;
  new_id bigint := payments.new_transfer_id(for_user);
BEGIN
  IF why NOT IN ('starter', 'grant', 'purchase') OR added < 0 THEN RAISE EXCEPTION 'no deposit of % as %', added, why; END IF;
  INSERT INTO payments.transfer_keys (kind, reference, transfer_id) VALUES (why, why_reference, CASE WHEN added > 0 THEN new_id END)
  ON CONFLICT (kind, reference) DO NOTHING;
  IF NOT FOUND THEN RETURN (false, NULL, 0, NULL, NULL, NULL, NULL)::payments.movement; END IF;
  INSERT INTO payments.wallets AS w (user_id, credits, entries) VALUES (for_user, added, CASE WHEN added > 0 THEN 1 ELSE 0 END)
  ON CONFLICT (user_id) DO UPDATE SET credits = w.credits + excluded.credits, entries = w.entries + excluded.entries, changed_at = clock_timestamp()
  RETURNING w.* INTO wallet;
  IF added > 0 THEN
    PERFORM payments.record(new_id, why, why_reference, CASE why WHEN 'purchase' THEN 'sales' ELSE 'gifts' END::payments.account, 'credits', added, wallet);
  END IF;
  RETURN (true, NULL, added, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::payments.movement;
END $$;
CREATE FUNCTION payments.hold(for_user bigint, for_generation bigint, wanted bigint) RETURNS payments.movement
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  wallet payments.wallets;
  was    payments.holds;
  new_id bigint := payments.new_transfer_id(for_user);
BEGIN
  INSERT INTO payments.holds (generation_id, user_id, state, credits, hold_transfer)
  VALUES (for_generation, for_user, 'held', wanted, CASE WHEN wanted > 0 THEN new_id END)
  ON CONFLICT (generation_id) DO NOTHING;
  IF NOT FOUND THEN
    SELECT * INTO STRICT was FROM payments.holds h WHERE h.generation_id = for_generation;
    IF was.user_id <> for_user THEN RAISE EXCEPTION 'the hold of generation % is another user''s', for_generation; END IF;
    RETURN (false, was.state, was.credits, NULL, NULL, NULL, NULL)::payments.movement;
  END IF;
  -- The one decision: concurrent spenders queue at the row, and each looks again when it is its turn.
  UPDATE payments.wallets w
  SET credits = w.credits - wanted, held = w.held + wanted, entries = w.entries + CASE WHEN wanted > 0 THEN 2 ELSE 0 END, changed_at = clock_timestamp()
  WHERE w.user_id = for_user AND w.credits >= wanted
  RETURNING w.* INTO wallet;
  IF NOT FOUND THEN
    DELETE FROM payments.holds h WHERE h.generation_id = for_generation; -- a refusal decides nothing
    RETURN (false, NULL, 0, NULL, NULL, NULL, NULL)::payments.movement;
  END IF;
  IF wanted > 0 THEN PERFORM payments.record(new_id, 'hold', for_generation::text, 'credits', 'held', wanted, wallet); END IF;
  RETURN (true, 'held', wanted, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::payments.movement;
END $$;
CREATE FUNCTION payments.new_transfer_id(for_user bigint) RETURNS bigint
    LANGUAGE sql
    AS $$ SELECT skyriff.next_id(((for_user >> 12) & 1023)::integer) $$;
CREATE TABLE payments.wallets (
    user_id bigint NOT NULL,
    credits bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    coins bigint DEFAULT 0 NOT NULL,
    entries bigint DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT wallets_coins_check CHECK ((coins >= 0)),
    CONSTRAINT wallets_credits_check CHECK ((credits >= 0)),
    CONSTRAINT wallets_held_check CHECK ((held >= 0))
)
WITH (fillfactor='70');
CREATE FUNCTION payments.record(transfer bigint, why payments.transfer_kind, why_reference text, giver payments.account, taker payments.account, amount bigint, wallet payments.wallets) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
  giver_balance bigint := CASE giver WHEN 'credits' THEN wallet.credits WHEN 'held' THEN wallet.held WHEN 'coins' THEN wallet.coins END;
  taker_balance bigint := CASE taker WHEN 'credits' THEN wallet.credits WHEN 'held' THEN wallet.held WHEN 'coins' THEN wallet.coins END;
BEGIN
  INSERT INTO payments.transfers (id, kind, reference) VALUES (transfer, why, why_reference);
  INSERT INTO payments.entries (transfer_id, line, account, amount, user_id, balance_after, sequence) VALUES
    (transfer, 1, giver, -amount, CASE WHEN giver_balance IS NOT NULL THEN wallet.user_id END, giver_balance,
      CASE WHEN giver_balance IS NOT NULL THEN wallet.entries - CASE WHEN taker_balance IS NOT NULL THEN 1 ELSE 0 END END),
    (transfer, 2, taker, amount, CASE WHEN taker_balance IS NOT NULL THEN wallet.user_id END, taker_balance,
      CASE WHEN taker_balance IS NOT NULL THEN wallet.entries END);
END $$;
CREATE FUNCTION payments.refund(for_user bigint, for_order bigint, bought bigint) RETURNS payments.movement
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  wallet payments.wallets;
  taken  bigint;
  new_id bigint := payments.new_transfer_id(for_user);
BEGIN
  SELECT least(w.credits, bought) INTO taken FROM payments.wallets w WHERE w.user_id = for_user FOR UPDATE;
  INSERT INTO payments.transfer_keys (kind, reference, transfer_id) VALUES ('refund', for_order::text, CASE WHEN taken > 0 THEN new_id END)
  ON CONFLICT (kind, reference) DO NOTHING;
  IF NOT FOUND OR coalesce(taken, 0) = 0 THEN RETURN (false, NULL, 0, NULL, NULL, NULL, NULL)::payments.movement; END IF;
  UPDATE payments.wallets w SET credits = w.credits - taken, entries = w.entries + 1, changed_at = clock_timestamp()
  WHERE w.user_id = for_user
  RETURNING w.* INTO STRICT wallet;
  PERFORM payments.record(new_id, 'refund', for_order::text, 'credits', 'sales', taken, wallet);
  RETURN (true, NULL, taken, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::payments.movement;
END $$;
CREATE FUNCTION payments.settle(for_user bigint, for_generation bigint, ending payments.hold_state) RETURNS payments.movement
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
  wallet payments.wallets;
  ended  payments.holds;
  new_id bigint := payments.new_transfer_id(for_user);
BEGIN
  IF ending = 'held' THEN RAISE EXCEPTION 'held is not an ending'; END IF;
  LOOP
    UPDATE payments.holds h
    SET state = ending, settled_at = clock_timestamp(), settle_transfer = CASE WHEN h.credits > 0 THEN new_id END
    WHERE h.generation_id = for_generation AND h.user_id = for_user AND h.state = 'held'
    RETURNING h.* INTO ended;
    IF FOUND AND ended.credits = 0 THEN RETURN (false, ending, 0, NULL, NULL, NULL, NULL)::payments.movement; END IF;
    IF FOUND THEN
      UPDATE payments.wallets w
      SET held = w.held - ended.credits,
          credits = w.credits + CASE ending WHEN 'released' THEN ended.credits ELSE 0 END,
          entries = w.entries + CASE ending WHEN 'released' THEN 2 ELSE 1 END,
          changed_at = clock_timestamp()
      WHERE w.user_id = for_user
      RETURNING w.* INTO STRICT wallet;
      IF ending = 'captured' THEN PERFORM payments.record(new_id, 'capture', for_generation::text, 'held', 'usage', ended.credits, wallet);
      ELSE PERFORM payments.record(new_id, 'release', for_generation::text, 'held', 'credits', ended.credits, wallet);
      END IF;
      RETURN (true, ending, ended.credits, wallet.credits, wallet.held, wallet.coins, wallet.changed_at)::payments.movement;
    END IF;
    SELECT * INTO ended FROM payments.holds h WHERE h.generation_id = for_generation;
    IF NOT FOUND THEN
      INSERT INTO payments.holds (generation_id, user_id, state, credits, settled_at)
      VALUES (for_generation, for_user, 'released', 0, clock_timestamp())
      ON CONFLICT (generation_id) DO NOTHING
      RETURNING * INTO ended;
    END IF;
    IF ended.user_id <> for_user THEN RAISE EXCEPTION 'the hold of generation % is another user''s', for_generation; END IF;
    IF ended.state <> 'held' THEN RETURN (false, ended.state, ended.credits, NULL, NULL, NULL, NULL)::payments.movement; END IF;
    -- A hold was committed while we looked: it is there now.
  END LOOP;
END $$;
CREATE FUNCTION skyriff.drop_months(parent regclass, before timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    SET lock_timeout TO '3s'
    AS $_$
DECLARE
  partition record; dropped integer := 0;
BEGIN
  IF NOT has_table_privilege(session_user, parent, 'DELETE') OR (SELECT relname FROM pg_class WHERE oid = parent) NOT LIKE '%\_history' THEN
    RAISE insufficient_privilege USING MESSAGE = 'not a history of yours: ' || parent;
  END IF;
  FOR partition IN
    SELECT n.nspname, c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.inhparent = parent AND c.relname ~ '_y\d{4}m\d{2}$'
      AND to_date(right(c.relname, 7), 'YYYY"m"MM') + interval '1 month' <= before AT TIME ZONE 'UTC'
  LOOP
    EXECUTE format('DROP TABLE %I.%I', partition.nspname, partition.relname);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $_$;
CREATE FUNCTION skyriff.ensure_months(parent regclass, ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    SET lock_timeout TO '3s'
    AS $_$
DECLARE
  space text; leaf text; by_id boolean; key_column text; month timestamp; low text; high text; made integer := 0;
BEGIN
  IF NOT has_table_privilege(session_user, parent, 'SELECT') THEN RAISE insufficient_privilege USING MESSAGE = 'not yours: ' || parent; END IF;
  SELECT n.nspname, c.relname, a.attname, a.atttypid = 'bigint'::regtype INTO STRICT space, leaf, key_column, by_id
    FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
    WHERE p.partrelid = parent AND p.partstrat = 'r';
  FOR offset_months IN 0..ahead LOOP
    month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months);
    CONTINUE WHEN to_regclass(format('%I.%I', space, leaf || to_char(month, '"_y"YYYY"m"MM'))) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtextextended(space || '.' || leaf, 0));
    CONTINUE WHEN to_regclass(format('%I.%I', space, leaf || to_char(month, '"_y"YYYY"m"MM'))) IS NOT NULL;
    IF by_id THEN
      low := skyriff.id_floor(month AT TIME ZONE 'UTC')::text;
      high := skyriff.id_floor((month + interval '1 month') AT TIME ZONE 'UTC')::text;
    ELSE
      low := quote_literal(to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00');
      high := quote_literal(to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
    END IF;
    -- CREATE and ATTACH rather than CREATE ... PARTITION OF: that one would stop all writers of the parent.
    EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)', space, leaf || to_char(month, '"_y"YYYY"m"MM'), leaf);
    IF to_regclass(format('%I.%I', space, leaf || '_default')) IS NOT NULL THEN
      EXECUTE format('WITH moved AS (DELETE FROM %1$I.%2$I WHERE %3$I >= %4$s AND %3$I < %5$s RETURNING *) INSERT INTO %1$I.%6$I SELECT * FROM moved',
        space, leaf || '_default', key_column, low, high, leaf || to_char(month, '"_y"YYYY"m"MM'));
    END IF;
    EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$s) TO (%5$s)',
      space, leaf, leaf || to_char(month, '"_y"YYYY"m"MM'), low, high);
    made := made + 1;
  END LOOP;
  RETURN made;
END $_$;
CREATE FUNCTION skyriff.id_floor(moment timestamp with time zone) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT greatest((extract(epoch FROM moment) * 1000)::bigint - 1704067200000, 0) << 22
$$;
CREATE FUNCTION skyriff.next_id(slot integer) RETURNS bigint
    LANGUAGE sql
    AS $$
  SELECT (((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1704067200000) << 22) | (slot::bigint << 12) | nextval('skyriff.id_sequence')
$$;
CREATE TABLE payments.entries (
    transfer_id bigint NOT NULL,
    line smallint NOT NULL,
    account payments.account NOT NULL,
    amount bigint NOT NULL,
    user_id bigint,
    balance_after bigint,
    sequence bigint,
    CONSTRAINT entries_amount_check CHECK ((amount <> 0)),
    CONSTRAINT entries_balance_after_check CHECK ((balance_after >= 0)),
    CONSTRAINT entries_check CHECK (((account = ANY (ARRAY['credits'::payments.account, 'held'::payments.account, 'coins'::payments.account])) = (user_id IS NOT NULL))),
    CONSTRAINT entries_check1 CHECK ((num_nulls(user_id, balance_after, sequence) = ANY (ARRAY[0, 3])))
)
PARTITION BY RANGE (transfer_id);
CREATE TABLE payments.entries_default (
    transfer_id bigint NOT NULL,
    line smallint NOT NULL,
    account payments.account NOT NULL,
    amount bigint NOT NULL,
    user_id bigint,
    balance_after bigint,
    sequence bigint,
    CONSTRAINT entries_amount_check CHECK ((amount <> 0)),
    CONSTRAINT entries_balance_after_check CHECK ((balance_after >= 0)),
    CONSTRAINT entries_check CHECK (((account = ANY (ARRAY['credits'::payments.account, 'held'::payments.account, 'coins'::payments.account])) = (user_id IS NOT NULL))),
    CONSTRAINT entries_check1 CHECK ((num_nulls(user_id, balance_after, sequence) = ANY (ARRAY[0, 3])))
);
CREATE TABLE payments.holds (
    generation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    state payments.hold_state NOT NULL,
    credits bigint NOT NULL,
    hold_transfer bigint,
    settle_transfer bigint,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT holds_check CHECK (((hold_transfer IS NOT NULL) = (credits > 0))),
    CONSTRAINT holds_check1 CHECK (((settle_transfer IS NOT NULL) = ((credits > 0) AND (state <> 'held'::payments.hold_state)))),
    CONSTRAINT holds_check2 CHECK (((settled_at IS NOT NULL) = (state <> 'held'::payments.hold_state))),
    CONSTRAINT holds_credits_check CHECK ((credits >= 0))
)
WITH (fillfactor='80');
CREATE TABLE payments.idempotency (
    owner bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    reply bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_reply_whole CHECK (((status IS NULL) = (reply IS NULL)))
);
CREATE TABLE payments.inbox (
    consumer text NOT NULL,
    event_id bigint NOT NULL,
    handled_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE payments.orders (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    pack text NOT NULL,
    credits bigint NOT NULL,
    price_amount bigint NOT NULL,
    price_currency text NOT NULL,
    provider text NOT NULL,
    status payments.order_status DEFAULT 'pending'::payments.order_status NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT orders_credits_check CHECK ((credits > 0)),
    CONSTRAINT orders_price_amount_check CHECK ((price_amount > 0)),
    CONSTRAINT orders_price_currency_check CHECK ((price_currency ~ '^[A-Z]{3}$'::text))
);
CREATE TABLE payments.outbox (
    "position" bigint NOT NULL,
    id bigint NOT NULL,
    topic text NOT NULL,
    key bigint NOT NULL,
    payload jsonb NOT NULL,
    traceparent text,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');
CREATE TABLE payments.outbox_dead (
    id bigint NOT NULL,
    topic text NOT NULL,
    key bigint NOT NULL,
    payload jsonb NOT NULL,
    traceparent text,
    attempts integer NOT NULL,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    died_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE payments.outbox ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME payments.outbox_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE payments.transfer_keys (
    kind payments.transfer_kind NOT NULL,
    reference text NOT NULL,
    transfer_id bigint,
    CONSTRAINT transfer_keys_kind_check CHECK ((kind <> ALL (ARRAY['hold'::payments.transfer_kind, 'capture'::payments.transfer_kind, 'release'::payments.transfer_kind])))
);
CREATE TABLE payments.transfers (
    id bigint NOT NULL,
    kind payments.transfer_kind NOT NULL,
    reference text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
PARTITION BY RANGE (id);
CREATE TABLE payments.transfers_default (
    id bigint NOT NULL,
    kind payments.transfer_kind NOT NULL,
    reference text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE payments.webhooks (
    provider text NOT NULL,
    webhook_id text NOT NULL,
    order_id bigint NOT NULL,
    event text NOT NULL,
    outcome text NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT webhooks_outcome_check CHECK ((outcome = ANY (ARRAY['applied'::text, 'late'::text])))
);
CREATE TABLE skyriff.directory (
    version bigint NOT NULL,
    shard_count integer NOT NULL,
    placement bytea NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE SEQUENCE skyriff.id_sequence
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    MAXVALUE 4095
    CACHE 1
    CYCLE;
CREATE TABLE skyriff.migrations (
    service text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE social.likes (
    work_id bigint NOT NULL,
    user_id bigint NOT NULL,
    liked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE social.work_likes (
    work_id bigint NOT NULL,
    likes bigint NOT NULL,
    CONSTRAINT work_likes_likes_check CHECK ((likes >= 0))
)
WITH (fillfactor='70');
CREATE TABLE users.inbox (
    consumer text NOT NULL,
    event_id bigint NOT NULL,
    handled_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE users.names (
    kind text NOT NULL,
    name text NOT NULL,
    user_id bigint NOT NULL,
    state text NOT NULL,
    reserved_until timestamp with time zone,
    CONSTRAINT names_check CHECK (((state = 'reserved'::text) = (reserved_until IS NOT NULL))),
    CONSTRAINT names_kind_check CHECK ((kind = ANY (ARRAY['handle'::text, 'email'::text]))),
    CONSTRAINT names_state_check CHECK ((state = ANY (ARRAY['reserved'::text, 'taken'::text, 'retired'::text])))
);
CREATE TABLE users.outbox (
    "position" bigint NOT NULL,
    id bigint NOT NULL,
    topic text NOT NULL,
    key bigint NOT NULL,
    payload jsonb NOT NULL,
    traceparent text,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');
CREATE TABLE users.outbox_dead (
    id bigint NOT NULL,
    topic text NOT NULL,
    key bigint NOT NULL,
    payload jsonb NOT NULL,
    traceparent text,
    attempts integer NOT NULL,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    died_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE users.outbox ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME users.outbox_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE users.sessions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    device text NOT NULL,
    address text NOT NULL,
    rotation integer DEFAULT 0 NOT NULL,
    rotated_at timestamp with time zone DEFAULT now() NOT NULL,
    refresh_seed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_why text,
    CONSTRAINT sessions_refresh_seed_check CHECK ((octet_length(refresh_seed) = 32)),
    CONSTRAINT sessions_revoked_why_check CHECK ((revoked_why = ANY (ARRAY['logout'::text, 'revoked'::text, 'reuse'::text, 'deleted'::text, 'suspended'::text])))
);
CREATE TABLE users.signing_keys (
    id text NOT NULL,
    private_key bytea NOT NULL,
    public_key bytea NOT NULL,
    activates_at timestamp with time zone NOT NULL,
    signs_until timestamp with time zone NOT NULL,
    retires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT signing_keys_check CHECK ((signs_until > activates_at)),
    CONSTRAINT signing_keys_check1 CHECK ((retires_at >= signs_until))
);
CREATE TABLE users.users (
    id bigint NOT NULL,
    status text NOT NULL,
    handle text NOT NULL,
    email text,
    display_name text NOT NULL,
    bio text DEFAULT ''::text NOT NULL,
    avatar text,
    password text,
    roles text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_check CHECK (((status <> 'active'::text) OR ((email IS NOT NULL) AND (password IS NOT NULL)))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'deleted'::text, 'abandoned'::text])))
);
CREATE TABLE videos.daily_usage (
    user_id bigint NOT NULL,
    day date NOT NULL,
    accepted integer NOT NULL,
    CONSTRAINT daily_usage_accepted_check CHECK ((accepted >= 0))
);
CREATE TABLE videos.generations (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    request_key text NOT NULL,
    phase text NOT NULL,
    failure_class text,
    failure_detail text,
    deadline timestamp with time zone,
    queued_deadline timestamp with time zone,
    provider text NOT NULL,
    model text NOT NULL,
    prompt text NOT NULL,
    seconds integer NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    seed bigint NOT NULL,
    reference_key text,
    priority smallint NOT NULL,
    quoted bigint NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    captured bigint DEFAULT 0 NOT NULL,
    released bigint DEFAULT 0 NOT NULL,
    provider_job text,
    submissions integer DEFAULT 0 NOT NULL,
    bad_outputs integer DEFAULT 0 NOT NULL,
    transients integer DEFAULT 0 NOT NULL,
    submitted_at timestamp with time zone,
    progress real DEFAULT 0 NOT NULL,
    preview_key text,
    manifest jsonb,
    work_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT generations_check CHECK (((captured = 0) OR (released = 0))),
    CONSTRAINT generations_check1 CHECK (((captured + released) <= held)),
    CONSTRAINT generations_check2 CHECK (((phase <> 'Ready'::text) OR ((captured = held) AND (held > 0) AND (manifest IS NOT NULL)))),
    CONSTRAINT generations_check3 CHECK (((phase <> ALL (ARRAY['Failed'::text, 'Cancelled'::text])) OR ((captured = 0) AND (released = held)))),
    CONSTRAINT generations_phase_check CHECK ((phase = ANY (ARRAY['Holding'::text, 'Queued'::text, 'Submitting'::text, 'Running'::text, 'Fetching'::text, 'Checking'::text, 'Packaging'::text, 'Capturing'::text, 'Ready'::text, 'Releasing'::text, 'Failed'::text, 'Cancelled'::text]))),
    CONSTRAINT generations_quoted_check CHECK ((quoted > 0))
);
CREATE TABLE videos.idempotency (
    owner bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    reply bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_reply_whole CHECK (((status IS NULL) = (reply IS NULL)))
);
CREATE TABLE videos.inbox (
    consumer text NOT NULL,
    event_id bigint NOT NULL,
    handled_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE SEQUENCE videos.job_fences
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE videos.jobs (
    id bigint NOT NULL,
    kind text NOT NULL,
    owner bigint NOT NULL,
    priority smallint NOT NULL,
    turn integer NOT NULL,
    run_at timestamp with time zone DEFAULT now() NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    fence bigint DEFAULT nextval('videos.job_fences'::regclass) NOT NULL,
    leased_until timestamp with time zone,
    leased_by text,
    payload jsonb NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT jobs_lease_whole CHECK (((leased_by IS NULL) = (leased_until IS NULL)))
)
WITH (fillfactor='60', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');
CREATE TABLE videos.jobs_dead (
    id bigint NOT NULL,
    kind text NOT NULL,
    owner bigint NOT NULL,
    priority smallint NOT NULL,
    attempt integer NOT NULL,
    payload jsonb NOT NULL,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    died_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE videos.jobs_history (
    id bigint NOT NULL,
    kind text NOT NULL,
    owner bigint NOT NULL,
    priority smallint NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL
)
PARTITION BY RANGE (finished_at);
CREATE TABLE videos.jobs_history_default (
    id bigint NOT NULL,
    kind text NOT NULL,
    owner bigint NOT NULL,
    priority smallint NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE videos.outbox (
    "position" bigint NOT NULL,
    id bigint NOT NULL,
    topic text NOT NULL,
    key bigint NOT NULL,
    payload jsonb NOT NULL,
    traceparent text,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    last_error text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');
CREATE TABLE videos.outbox_dead (
    id bigint NOT NULL,
    topic text NOT NULL,
    key bigint NOT NULL,
    payload jsonb NOT NULL,
    traceparent text,
    attempts integer NOT NULL,
    last_error text,
    created_at timestamp with time zone NOT NULL,
    died_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE videos.outbox ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME videos.outbox_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE videos.works (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    generation_id bigint NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    tags text[] NOT NULL,
    visibility text NOT NULL,
    prompt text NOT NULL,
    model text NOT NULL,
    manifest jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT works_visibility_check CHECK ((visibility = ANY (ARRAY['public'::text, 'unlisted'::text, 'private'::text])))
)
PARTITION BY RANGE (id);
CREATE TABLE videos.works_default (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    generation_id bigint NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    tags text[] NOT NULL,
    visibility text NOT NULL,
    prompt text NOT NULL,
    model text NOT NULL,
    manifest jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT works_visibility_check CHECK ((visibility = ANY (ARRAY['public'::text, 'unlisted'::text, 'private'::text])))
);
ALTER TABLE ONLY payments.entries ATTACH PARTITION payments.entries_default DEFAULT;
ALTER TABLE ONLY payments.transfers ATTACH PARTITION payments.transfers_default DEFAULT;
ALTER TABLE ONLY videos.jobs_history ATTACH PARTITION videos.jobs_history_default DEFAULT;
ALTER TABLE ONLY videos.works ATTACH PARTITION videos.works_default DEFAULT;
ALTER TABLE ONLY payments.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (transfer_id, line);
ALTER TABLE ONLY payments.entries_default
    ADD CONSTRAINT entries_default_pkey PRIMARY KEY (transfer_id, line);
ALTER TABLE ONLY payments.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (generation_id);
ALTER TABLE ONLY payments.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (owner, key);
ALTER TABLE ONLY payments.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id);
ALTER TABLE ONLY payments.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payments.outbox_dead
    ADD CONSTRAINT outbox_dead_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payments.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY payments.transfer_keys
    ADD CONSTRAINT transfer_keys_pkey PRIMARY KEY (kind, reference);
ALTER TABLE ONLY payments.transfers
    ADD CONSTRAINT transfers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payments.transfers_default
    ADD CONSTRAINT transfers_default_pkey PRIMARY KEY (id);
ALTER TABLE ONLY payments.wallets
    ADD CONSTRAINT wallets_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY payments.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (provider, webhook_id, order_id);
ALTER TABLE ONLY skyriff.directory
    ADD CONSTRAINT directory_pkey PRIMARY KEY (version);
ALTER TABLE ONLY skyriff.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (service, number);
ALTER TABLE ONLY social.likes
    ADD CONSTRAINT likes_pkey PRIMARY KEY (work_id, user_id);
ALTER TABLE ONLY social.work_likes
    ADD CONSTRAINT work_likes_pkey PRIMARY KEY (work_id);
ALTER TABLE ONLY users.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id);
ALTER TABLE ONLY users.names
    ADD CONSTRAINT names_pkey PRIMARY KEY (kind, name);
ALTER TABLE ONLY users.outbox_dead
    ADD CONSTRAINT outbox_dead_pkey PRIMARY KEY (id);
ALTER TABLE ONLY users.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY users.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY users.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY users.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY videos.daily_usage
    ADD CONSTRAINT daily_usage_pkey PRIMARY KEY (user_id, day);
ALTER TABLE ONLY videos.generations
    ADD CONSTRAINT generations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY videos.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (owner, key);
ALTER TABLE ONLY videos.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id);
ALTER TABLE ONLY videos.jobs_dead
    ADD CONSTRAINT jobs_dead_pkey PRIMARY KEY (id);
ALTER TABLE ONLY videos.jobs_history
    ADD CONSTRAINT jobs_history_pkey PRIMARY KEY (id, finished_at);
ALTER TABLE ONLY videos.jobs_history_default
    ADD CONSTRAINT jobs_history_default_pkey PRIMARY KEY (id, finished_at);
ALTER TABLE ONLY videos.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY videos.outbox_dead
    ADD CONSTRAINT outbox_dead_pkey PRIMARY KEY (id);
ALTER TABLE ONLY videos.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY videos.works
    ADD CONSTRAINT works_pkey PRIMARY KEY (id);
ALTER TABLE ONLY videos.works_default
    ADD CONSTRAINT works_default_pkey PRIMARY KEY (id);
CREATE INDEX entries_of_wallet ON ONLY payments.entries USING btree (user_id, sequence) WHERE (user_id IS NOT NULL);
CREATE INDEX entries_default_user_id_sequence_idx ON payments.entries_default USING btree (user_id, sequence) WHERE (user_id IS NOT NULL);
CREATE INDEX idempotency_by_age ON payments.idempotency USING btree (created_at);
CREATE INDEX inbox_by_age ON payments.inbox USING btree (handled_at);
CREATE INDEX orders_of_user ON payments.orders USING btree (user_id, id);
CREATE INDEX outbox_by_key ON payments.outbox USING btree (key, "position");
CREATE INDEX likes_by_user ON social.likes USING btree (user_id);
CREATE INDEX inbox_by_age ON users.inbox USING btree (handled_at);
CREATE INDEX outbox_by_key ON users.outbox USING btree (key, "position");
CREATE INDEX sessions_ended ON users.sessions USING btree (expires_at);
CREATE INDEX sessions_of_user ON users.sessions USING btree (user_id, id DESC);
CREATE INDEX sessions_revoked ON users.sessions USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);
CREATE INDEX generations_at_provider ON videos.generations USING btree (provider_job) WHERE (provider_job IS NOT NULL);
CREATE INDEX generations_of_request ON videos.generations USING btree (user_id, request_key, id DESC);
CREATE INDEX generations_of_user ON videos.generations USING btree (user_id, id DESC);
CREATE INDEX generations_open ON videos.generations USING btree (user_id) WHERE (phase <> ALL (ARRAY['Ready'::text, 'Failed'::text, 'Cancelled'::text]));
CREATE INDEX generations_submitting ON videos.generations USING btree (provider, model) WHERE (phase = 'Submitting'::text);
CREATE INDEX generations_unfinished ON videos.generations USING btree (updated_at) WHERE (phase <> ALL (ARRAY['Ready'::text, 'Failed'::text, 'Cancelled'::text]));
CREATE INDEX idempotency_by_age ON videos.idempotency USING btree (created_at);
CREATE INDEX inbox_by_age ON videos.inbox USING btree (handled_at);
CREATE INDEX jobs_by_owner ON videos.jobs USING btree (owner);
CREATE INDEX jobs_dead_by_age ON videos.jobs_dead USING btree (died_at);
CREATE INDEX jobs_leased ON videos.jobs USING btree (owner) WHERE (leased_by IS NOT NULL);
CREATE INDEX jobs_waiting ON videos.jobs USING btree (priority DESC, turn, run_at, id, kind) WHERE (leased_by IS NULL);
CREATE INDEX outbox_by_key ON videos.outbox USING btree (key, "position");
CREATE INDEX works_by_tag ON ONLY videos.works USING gin (tags);
CREATE INDEX works_latest ON ONLY videos.works USING btree (id DESC) WHERE (visibility = 'public'::text);
CREATE INDEX works_default_id_idx ON videos.works_default USING btree (id DESC) WHERE (visibility = 'public'::text);
CREATE INDEX works_default_tags_idx ON videos.works_default USING gin (tags);
CREATE INDEX works_of_user ON ONLY videos.works USING btree (user_id, id DESC);
CREATE INDEX works_default_user_id_id_idx ON videos.works_default USING btree (user_id, id DESC);
ALTER INDEX payments.entries_pkey ATTACH PARTITION payments.entries_default_pkey;
ALTER INDEX payments.entries_of_wallet ATTACH PARTITION payments.entries_default_user_id_sequence_idx;
ALTER INDEX payments.transfers_pkey ATTACH PARTITION payments.transfers_default_pkey;
ALTER INDEX videos.jobs_history_pkey ATTACH PARTITION videos.jobs_history_default_pkey;
ALTER INDEX videos.works_latest ATTACH PARTITION videos.works_default_id_idx;
ALTER INDEX videos.works_pkey ATTACH PARTITION videos.works_default_pkey;
ALTER INDEX videos.works_by_tag ATTACH PARTITION videos.works_default_tags_idx;
ALTER INDEX videos.works_of_user ATTACH PARTITION videos.works_default_user_id_id_idx;
ALTER TABLE ONLY payments.webhooks
    ADD CONSTRAINT webhooks_order_id_fkey FOREIGN KEY (order_id) REFERENCES payments.orders(id);
ALTER TABLE ONLY users.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users.users(id);
GRANT USAGE ON SCHEMA payments TO skyriff_payments;
GRANT USAGE ON SCHEMA skyriff TO skyriff_common;
GRANT USAGE ON SCHEMA skyriff TO skyriff_users;
GRANT USAGE ON SCHEMA skyriff TO skyriff_payments;
GRANT USAGE ON SCHEMA skyriff TO skyriff_videos;
GRANT USAGE ON SCHEMA skyriff TO skyriff_social;
GRANT USAGE ON SCHEMA social TO skyriff_social;
GRANT USAGE ON SCHEMA users TO skyriff_users;
GRANT USAGE ON SCHEMA videos TO skyriff_videos;
REVOKE ALL ON FUNCTION payments.deposit(for_user bigint, why payments.transfer_kind, why_reference text, added bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION payments.deposit(for_user bigint, why payments.transfer_kind, why_reference text, added bigint) TO skyriff_payments;
REVOKE ALL ON FUNCTION payments.hold(for_user bigint, for_generation bigint, wanted bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION payments.hold(for_user bigint, for_generation bigint, wanted bigint) TO skyriff_payments;
REVOKE ALL ON FUNCTION payments.new_transfer_id(for_user bigint) FROM PUBLIC;
GRANT SELECT ON TABLE payments.wallets TO skyriff_payments;
REVOKE ALL ON FUNCTION payments.record(transfer bigint, why payments.transfer_kind, why_reference text, giver payments.account, taker payments.account, amount bigint, wallet payments.wallets) FROM PUBLIC;
REVOKE ALL ON FUNCTION payments.refund(for_user bigint, for_order bigint, bought bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION payments.refund(for_user bigint, for_order bigint, bought bigint) TO skyriff_payments;
REVOKE ALL ON FUNCTION payments.settle(for_user bigint, for_generation bigint, ending payments.hold_state) FROM PUBLIC;
GRANT ALL ON FUNCTION payments.settle(for_user bigint, for_generation bigint, ending payments.hold_state) TO skyriff_payments;
GRANT SELECT ON TABLE payments.entries TO skyriff_payments;
GRANT SELECT ON TABLE payments.entries_default TO skyriff_payments;
GRANT SELECT ON TABLE payments.holds TO skyriff_payments;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.idempotency TO skyriff_payments;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.inbox TO skyriff_payments;
GRANT SELECT,INSERT,UPDATE ON TABLE payments.orders TO skyriff_payments;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.outbox TO skyriff_payments;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE payments.outbox_dead TO skyriff_payments;
GRANT SELECT,USAGE ON SEQUENCE payments.outbox_position_seq TO skyriff_payments;
GRANT SELECT ON TABLE payments.transfer_keys TO skyriff_payments;
GRANT SELECT ON TABLE payments.transfers TO skyriff_payments;
GRANT SELECT ON TABLE payments.transfers_default TO skyriff_payments;
GRANT SELECT,INSERT ON TABLE payments.webhooks TO skyriff_payments;
GRANT SELECT ON TABLE skyriff.directory TO skyriff_common;
GRANT USAGE ON SEQUENCE skyriff.id_sequence TO skyriff_users;
GRANT USAGE ON SEQUENCE skyriff.id_sequence TO skyriff_payments;
GRANT USAGE ON SEQUENCE skyriff.id_sequence TO skyriff_videos;
GRANT USAGE ON SEQUENCE skyriff.id_sequence TO skyriff_social;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE social.likes TO skyriff_social;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE social.work_likes TO skyriff_social;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE users.inbox TO skyriff_users;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE users.names TO skyriff_users;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE users.outbox TO skyriff_users;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE users.outbox_dead TO skyriff_users;
GRANT SELECT,USAGE ON SEQUENCE users.outbox_position_seq TO skyriff_users;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE users.sessions TO skyriff_users;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE users.signing_keys TO skyriff_users;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE users.users TO skyriff_users;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.daily_usage TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.generations TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.idempotency TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.inbox TO skyriff_videos;
GRANT SELECT,USAGE ON SEQUENCE videos.job_fences TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.jobs TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.jobs_dead TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.jobs_history TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.jobs_history_default TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.outbox TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.outbox_dead TO skyriff_videos;
GRANT SELECT,USAGE ON SEQUENCE videos.outbox_position_seq TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.works TO skyriff_videos;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE videos.works_default TO skyriff_videos;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA payments GRANT SELECT,USAGE ON SEQUENCES  TO skyriff_payments;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA payments GRANT SELECT ON TABLES  TO skyriff_payments;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA social GRANT SELECT,USAGE ON SEQUENCES  TO skyriff_social;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA social GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO skyriff_social;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA users GRANT SELECT,USAGE ON SEQUENCES  TO skyriff_users;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA users GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO skyriff_users;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA videos GRANT SELECT,USAGE ON SEQUENCES  TO skyriff_videos;
ALTER DEFAULT PRIVILEGES FOR ROLE skyriff IN SCHEMA videos GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO skyriff_videos;
