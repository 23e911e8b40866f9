-- The waiting jobs of each project, oldest first: projects take turns.
CREATE INDEX jobs_queue ON jobs (project_id, id) WHERE state = 'pending' AND ready = 1;
