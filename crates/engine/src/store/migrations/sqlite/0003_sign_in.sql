-- Keys and OAuth clients are one table: the secret of a client buys tokens, that of a key is one.
-- projects is a JSON list of ids, NULL means all; scopes stays a list in which empty means all.
ALTER TABLE keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'key';
ALTER TABLE keys ADD COLUMN projects TEXT;
ALTER TABLE keys ADD COLUMN expires BIGINT;
ALTER TABLE keys ADD COLUMN last_used BIGINT;
ALTER TABLE keys ADD COLUMN revoked BIGINT;
