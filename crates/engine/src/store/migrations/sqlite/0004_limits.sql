-- What limits count: the waiting jobs of a project and the bytes of its assets.
CREATE INDEX jobs_waiting ON jobs (project_id) WHERE state = 'pending';
CREATE INDEX assets_usage ON assets (project_id, size);
