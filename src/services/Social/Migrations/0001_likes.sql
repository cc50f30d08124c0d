-- Who likes what. Both tables are about a work and lie in its slot: a like is something that the work's owner received.

CREATE TABLE {schema}.likes (
  work_id  bigint      NOT NULL,
  user_id  bigint      NOT NULL,
  liked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT likes_pkey PRIMARY KEY (work_id, user_id)
);

-- To forget a user: the likes somebody gave lie on every shard.
CREATE INDEX likes_by_user ON {schema}.likes (user_id);

-- How many: a page of works is counted by one row each, however popular they are. Changes in the statement that adds or takes the like, so it is exact.
CREATE TABLE {schema}.work_likes (
  work_id bigint NOT NULL,
  likes   bigint NOT NULL CHECK (likes >= 0),
  CONSTRAINT work_likes_pkey PRIMARY KEY (work_id)
) WITH (fillfactor = 70);
