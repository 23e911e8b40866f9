-- Times are microseconds since 1970 UTC, JSON is text, flags are 0 or 1.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE keys (
    id            TEXT PRIMARY KEY,
    secret_sha256 TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    user_id       TEXT   NOT NULL,
    scopes        TEXT   NOT NULL,
    dialect       TEXT,
    created       BIGINT NOT NULL
);

CREATE TABLE projects (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id  TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    access   TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    document TEXT,
    graph    TEXT,
    created  BIGINT NOT NULL,
    modified BIGINT NOT NULL
);
CREATE INDEX projects_user ON projects (user_id);

CREATE TABLE assets (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    job_id     BIGINT,
    filename   TEXT   NOT NULL,
    size       BIGINT NOT NULL,
    sha256     TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    modified   BIGINT NOT NULL
);
CREATE INDEX assets_filename ON assets (project_id, filename, id);
CREATE INDEX assets_sha256 ON assets (sha256);

CREATE TABLE workflows (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    state      TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    started    BIGINT,
    finished   BIGINT,
    definition TEXT   NOT NULL
);
CREATE INDEX workflows_project ON workflows (project_id);

-- attempt fences: it only grows, and only its holder may finish the job.
-- losses counts the attempts that a crash or an internal error took.
CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id  BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    workflow_id BIGINT REFERENCES workflows (id) ON DELETE CASCADE,
    name        TEXT,
    type_name   TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    ready       BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    started     BIGINT,
    finished    BIGINT,
    error       TEXT,
    inputs      TEXT   NOT NULL,
    outputs     TEXT   NOT NULL,
    needs       TEXT   NOT NULL,
    progress    DOUBLE PRECISION NOT NULL,
    attempt     BIGINT NOT NULL,
    losses      BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);
CREATE INDEX jobs_project ON jobs (project_id);
CREATE INDEX jobs_workflow ON jobs (workflow_id);
CREATE INDEX jobs_pending ON jobs (id) WHERE state = 'pending' AND ready = 1;
CREATE INDEX jobs_started ON jobs (lease_until) WHERE state = 'started';
CREATE INDEX jobs_unfinished ON jobs (state) WHERE state IN ('pending', 'started');
