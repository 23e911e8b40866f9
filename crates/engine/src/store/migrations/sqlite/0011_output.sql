-- Bytes that a job makes at least by its own account, so that room for them can be asked again when it is to start; NULL until all its
-- inputs are known.
ALTER TABLE jobs ADD COLUMN output_bytes BIGINT;
