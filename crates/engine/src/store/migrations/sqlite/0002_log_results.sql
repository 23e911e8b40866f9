-- What happened to a job, line by line.
CREATE TABLE job_log (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id  BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at      BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    level   TEXT   NOT NULL,
    text    TEXT   NOT NULL
);
CREATE INDEX job_log_job ON job_log (job_id, id);

-- The newest job that did a piece of work, by the hash of all that the result depends on.
CREATE TABLE results (
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    work       TEXT   NOT NULL,
    job_id     BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (project_id, work)
);
CREATE INDEX results_job ON results (job_id);
