-- Large parameters of jobs, in pieces that are each written by themselves, before the job: nobody waits for all of them. A document
-- is a draft until its job has a row. One that is neither a draft nor of a job is deleted, a piece at a time.
CREATE TABLE documents (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id BIGINT REFERENCES jobs (id) ON DELETE SET NULL,
    draft  BIGINT NOT NULL,
    bytes  BIGINT NOT NULL
);
CREATE UNIQUE INDEX documents_job ON documents (job_id);
CREATE TABLE document_pieces (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id BIGINT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    text        TEXT   NOT NULL
);
CREATE INDEX document_pieces_document ON document_pieces (document_id, id);
