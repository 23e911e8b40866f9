-- Blobs that unfinished jobs read, so that whoever deletes asks one row instead of the texts of all jobs that wait. Kept by triggers, so that
-- no statement can forget it. A text that is no JSON, which somebody's hand has written, names none.
CREATE TABLE job_inputs (
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (sha256, job_id)
) WITHOUT ROWID;
CREATE INDEX job_inputs_of_job ON job_inputs (job_id);
INSERT INTO job_inputs (job_id, sha256)
    SELECT DISTINCT jobs.id, field.value
    FROM jobs, json_tree(CASE WHEN json_valid(jobs.inputs) THEN jobs.inputs ELSE '{}' END) AS field
    WHERE jobs.state IN ('pending', 'started') AND field.key = 'sha256' AND field.type = 'text';

CREATE TRIGGER job_inputs_made AFTER INSERT ON jobs WHEN NEW.state IN ('pending', 'started') BEGIN
    INSERT OR IGNORE INTO job_inputs (job_id, sha256)
        SELECT NEW.id, field.value
        FROM json_tree(CASE WHEN json_valid(NEW.inputs) THEN NEW.inputs ELSE '{}' END) AS field
        WHERE field.key = 'sha256' AND field.type = 'text';
END;
CREATE TRIGGER job_inputs_changed AFTER UPDATE OF inputs ON jobs WHEN NEW.state IN ('pending', 'started') BEGIN
    DELETE FROM job_inputs WHERE job_id = NEW.id;
    INSERT OR IGNORE INTO job_inputs (job_id, sha256)
        SELECT NEW.id, field.value
        FROM json_tree(CASE WHEN json_valid(NEW.inputs) THEN NEW.inputs ELSE '{}' END) AS field
        WHERE field.key = 'sha256' AND field.type = 'text';
END;
CREATE TRIGGER job_inputs_done AFTER UPDATE OF state ON jobs
WHEN OLD.state IN ('pending', 'started') AND NEW.state NOT IN ('pending', 'started') BEGIN
    DELETE FROM job_inputs WHERE job_id = NEW.id;
END;
