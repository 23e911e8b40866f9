-- Uploads that go on after a cut: `received` bytes of `size` are on disk, in `file` of the folder uploads. Once all are there and
-- an asset, `asset_id` names it.
CREATE TABLE uploads (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    file       TEXT   NOT NULL,
    filename   TEXT   NOT NULL,
    metadata   TEXT   NOT NULL,
    sha256     TEXT,
    size       BIGINT NOT NULL,
    received   BIGINT NOT NULL,
    asset_id   BIGINT,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL
);
CREATE INDEX uploads_project ON uploads (project_id, id);
CREATE INDEX uploads_expires ON uploads (expires);
