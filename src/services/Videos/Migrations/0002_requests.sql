-- A key is remembered for 48 hours and may then come again, with another generation: what makes it unique for that time is videos.idempotency.
ALTER TABLE videos.generations DROP CONSTRAINT generations_user_id_request_key_key;
CREATE INDEX generations_of_request ON videos.generations (user_id, request_key, id DESC);

-- Whose a provider's job is, when a create call was not answered.
CREATE INDEX generations_at_provider ON videos.generations (provider_job) WHERE provider_job IS NOT NULL;
CREATE INDEX generations_submitting ON videos.generations (provider, model) WHERE phase = 'Submitting';
