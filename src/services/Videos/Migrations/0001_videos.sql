-- Generations, what they became, and the queue that makes them.

CREATE TABLE videos.generations (
  id              bigint      PRIMARY KEY,
  user_id         bigint      NOT NULL,
  -- The caller's Idempotency-Key: leads a repetition, and the sweep, to a request whose process died half-way.
  request_key     text        NOT NULL,
  phase           text        NOT NULL CHECK (phase IN ('Holding', 'Queued', 'Submitting', 'Running', 'Fetching', 'Checking', 'Packaging', 'Capturing', 'Ready', 'Releasing', 'Failed', 'Cancelled')),
  failure_class   text,
  failure_detail  text,
  deadline        timestamptz,
  queued_deadline timestamptz,
  provider        text        NOT NULL,
  model           text        NOT NULL,
  prompt          text        NOT NULL,
  seconds         integer     NOT NULL,
  width           integer     NOT NULL,
  height          integer     NOT NULL,
  seed            bigint      NOT NULL,
  reference_key   text,
  priority        smallint    NOT NULL,
  quoted          bigint      NOT NULL CHECK (quoted > 0),
  held            bigint      NOT NULL DEFAULT 0,
  captured        bigint      NOT NULL DEFAULT 0,
  released        bigint      NOT NULL DEFAULT 0,
  provider_job    text,
  submissions     integer     NOT NULL DEFAULT 0,
  bad_outputs     integer     NOT NULL DEFAULT 0,
  transients      integer     NOT NULL DEFAULT 0,
  submitted_at    timestamptz,
  progress        real        NOT NULL DEFAULT 0,
  preview_key     text,
  manifest        jsonb,
  work_id         bigint,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, request_key),
  -- The receipt of a generation that is over says one thing only, and nothing is paid for without a clip.
  CHECK (captured = 0 OR released = 0),
  CHECK (captured + released <= held),
  CHECK (phase <> 'Ready' OR (captured = held AND held > 0 AND manifest IS NOT NULL)),
  CHECK (phase NOT IN ('Failed', 'Cancelled') OR (captured = 0 AND released = held))
);
CREATE INDEX generations_of_user ON videos.generations (user_id, id DESC);
CREATE INDEX generations_open ON videos.generations (user_id) WHERE phase NOT IN ('Ready', 'Failed', 'Cancelled');
CREATE INDEX generations_unfinished ON videos.generations (updated_at) WHERE phase NOT IN ('Ready', 'Failed', 'Cancelled');

-- Accepted generations per user and UTC day; the row is also what makes parallel requests of one user take turns.
CREATE TABLE videos.daily_usage (
  user_id  bigint  NOT NULL,
  day      date    NOT NULL,
  accepted integer NOT NULL CHECK (accepted >= 0),
  PRIMARY KEY (user_id, day)
);

-- By month of the id, which tells when the work was made.
CREATE TABLE videos.works (
  id            bigint      NOT NULL,
  user_id       bigint      NOT NULL,
  generation_id bigint      NOT NULL,
  title         text        NOT NULL,
  description   text        NOT NULL,
  tags          text[]      NOT NULL,
  visibility    text        NOT NULL CHECK (visibility IN ('public', 'unlisted', 'private')),
  prompt        text        NOT NULL,
  model         text        NOT NULL,
  manifest      jsonb       NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT works_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE TABLE videos.works_default PARTITION OF videos.works DEFAULT;
CREATE INDEX works_latest ON videos.works (id DESC) WHERE visibility = 'public';
CREATE INDEX works_of_user ON videos.works (user_id, id DESC);
CREATE INDEX works_by_tag ON videos.works USING gin (tags);
SELECT skyriff.ensure_months('videos.works', 2);

--: include idempotency
--: include jobs
--: include outbox
