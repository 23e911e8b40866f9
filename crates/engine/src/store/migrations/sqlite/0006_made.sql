-- What the job that made an asset said of it: its parameters out, those of a few words, as JSON. NULL for an upload, and
-- once the bytes have been replaced.
ALTER TABLE assets ADD COLUMN made TEXT;
UPDATE assets SET made = (
    SELECT json_group_object(key, value) FROM jobs, json_each(jobs.outputs, '$.params')
    WHERE jobs.id = assets.job_id AND json_each.type = 'text' AND length(json_each.value) <= 256
) WHERE job_id IS NOT NULL AND modified = created;
