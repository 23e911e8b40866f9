-- What a job needs at most by its own account, so that admission need not read its parameters; NULL until all its inputs
-- are known.
ALTER TABLE jobs ADD COLUMN memory_bytes BIGINT;
