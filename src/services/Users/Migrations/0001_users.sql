-- Users, their sessions, and the directory of handles and e-mail addresses.

CREATE TABLE users.users (
  id            bigint      PRIMARY KEY,
  status        text        NOT NULL CHECK (status IN ('active', 'suspended', 'deleted', 'abandoned')),
  handle        text        NOT NULL,
  email         text,
  display_name  text        NOT NULL,
  bio           text        NOT NULL DEFAULT '',
  avatar        text,
  password      text,
  roles         text[]      NOT NULL DEFAULT '{}',
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  -- An abandoned row is the mark of a registration that was given up: whoever finished it late finds its id taken.
  CHECK (status <> 'active' OR (email IS NOT NULL AND password IS NOT NULL))
);

-- On the shard of the name's hash, not of its user: it is what finds the user. A reservation that is not confirmed in time
-- may be taken over, after its user row was made or marked as abandoned.
CREATE TABLE users.names (
  kind           text        NOT NULL CHECK (kind IN ('handle', 'email')),
  name           text        NOT NULL,
  user_id        bigint      NOT NULL,
  state          text        NOT NULL CHECK (state IN ('reserved', 'taken', 'retired')),
  reserved_until timestamptz,
  PRIMARY KEY (kind, name),
  CHECK ((state = 'reserved') = (reserved_until IS NOT NULL))
);

CREATE TABLE users.sessions (
  id            bigint      PRIMARY KEY,
  user_id       bigint      NOT NULL REFERENCES users.users (id),
  device        text        NOT NULL,
  address       text        NOT NULL,
  -- Counts rotations; refresh tokens are made of the seed, the rotation and the master key, so the one that is good now can be answered again.
  rotation      integer     NOT NULL DEFAULT 0,
  rotated_at    timestamptz NOT NULL DEFAULT now(),
  refresh_seed  bytea       NOT NULL CHECK (octet_length(refresh_seed) = 32),
  created_at    timestamptz NOT NULL DEFAULT now(),
  last_seen_at  timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz NOT NULL,
  revoked_at    timestamptz,
  revoked_why   text CHECK (revoked_why IN ('logout', 'revoked', 'reuse', 'deleted', 'suspended'))
);
CREATE INDEX sessions_of_user ON users.sessions (user_id, id DESC);
CREATE INDEX sessions_ended ON users.sessions (expires_at);
CREATE INDEX sessions_revoked ON users.sessions (revoked_at) WHERE revoked_at IS NOT NULL;

-- The keys that sign access tokens, on the first shard only. Private keys are sealed under the master key.
CREATE TABLE users.signing_keys (
  id            text        PRIMARY KEY,
  private_key   bytea       NOT NULL,
  public_key    bytea       NOT NULL,
  -- Signs from activates_at to signs_until; published from its making to retires_at.
  activates_at  timestamptz NOT NULL,
  signs_until   timestamptz NOT NULL CHECK (signs_until > activates_at),
  retires_at    timestamptz NOT NULL CHECK (retires_at >= signs_until),
  created_at    timestamptz NOT NULL DEFAULT now()
);

--: include outbox
