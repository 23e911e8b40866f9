-- Blobs that unfinished jobs read, so that whoever deletes asks one row instead of the texts of all jobs that wait. Kept by triggers, so that
-- no statement can forget it. Read from the text: its quotes are escaped wherever they are part of a name.
CREATE TABLE job_inputs (
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    sha256 TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (sha256, job_id)
);
CREATE INDEX job_inputs_of_job ON job_inputs (job_id);
INSERT INTO job_inputs (job_id, sha256)
    SELECT DISTINCT jobs.id, found.fields[1]
    FROM jobs, regexp_matches(jobs.inputs, '"sha256" *: *"([0-9a-f]{64})"', 'g') AS found (fields)
    WHERE jobs.state IN ('pending', 'started');

CREATE FUNCTION note_job_inputs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM job_inputs WHERE job_id = NEW.id;
    END IF;
    IF NEW.state IN ('pending', 'started') THEN
        INSERT INTO job_inputs (job_id, sha256)
            SELECT DISTINCT NEW.id, found.fields[1]
            FROM regexp_matches(NEW.inputs, '"sha256" *: *"([0-9a-f]{64})"', 'g') AS found (fields);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER job_inputs_made AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION note_job_inputs();
CREATE TRIGGER job_inputs_changed AFTER UPDATE OF inputs ON jobs FOR EACH ROW EXECUTE FUNCTION note_job_inputs();
CREATE TRIGGER job_inputs_done AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN (OLD.state IN ('pending', 'started') AND NEW.state NOT IN ('pending', 'started'))
    EXECUTE FUNCTION note_job_inputs();
