-- What a project has: bytes of its assets, and bytes of its rows with their texts, so that a quota is asked of one row. Kept by
-- triggers, so that no statement can forget it. A row counts 512 bytes, a line of a log 64, and its texts. Whoever mends a row by hand may have an
-- older SQLite: it must know the functions of triggers, too (octet_length came in 3.43).
CREATE TABLE project_usage (
    project_id  INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    asset_bytes BIGINT NOT NULL,
    row_bytes   BIGINT NOT NULL
);
-- The part of a job: its row, its document and its log.
CREATE TABLE job_usage (
    job_id     INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    project_id BIGINT NOT NULL,
    bytes      BIGINT NOT NULL
);
INSERT INTO job_usage (job_id, project_id, bytes)
    SELECT id, project_id, 512 + length(CAST(inputs AS BLOB)) + length(CAST(outputs AS BLOB)) + COALESCE(length(CAST(error AS BLOB)), 0)
        + COALESCE((SELECT bytes FROM documents WHERE documents.job_id = jobs.id), 0)
        + COALESCE((SELECT SUM(64 + length(CAST(text AS BLOB))) FROM job_log WHERE job_log.job_id = jobs.id), 0)
    FROM jobs;
INSERT INTO project_usage (project_id, asset_bytes, row_bytes)
    SELECT id, COALESCE((SELECT SUM(size) FROM assets WHERE assets.project_id = projects.id), 0),
        512 + COALESCE(length(CAST(document AS BLOB)), 0) + COALESCE(length(CAST(graph AS BLOB)), 0)
        + COALESCE((SELECT SUM(512 + length(CAST(definition AS BLOB))) FROM workflows WHERE workflows.project_id = projects.id), 0)
        + COALESCE((SELECT SUM(bytes) FROM job_usage WHERE job_usage.project_id = projects.id), 0)
    FROM projects;

CREATE TRIGGER project_made AFTER INSERT ON projects BEGIN
    INSERT INTO project_usage (project_id, asset_bytes, row_bytes)
        VALUES (NEW.id, 0, 512 + COALESCE(length(CAST(NEW.document AS BLOB)), 0) + COALESCE(length(CAST(NEW.graph AS BLOB)), 0));
END;
CREATE TRIGGER project_changed AFTER UPDATE OF document, graph ON projects BEGIN
    UPDATE project_usage SET row_bytes = row_bytes
        + COALESCE(length(CAST(NEW.document AS BLOB)), 0) + COALESCE(length(CAST(NEW.graph AS BLOB)), 0)
        - COALESCE(length(CAST(OLD.document AS BLOB)), 0) - COALESCE(length(CAST(OLD.graph AS BLOB)), 0) WHERE project_id = NEW.id;
END;

CREATE TRIGGER asset_made AFTER INSERT ON assets BEGIN
    UPDATE project_usage SET asset_bytes = asset_bytes + NEW.size WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER asset_changed AFTER UPDATE OF size ON assets BEGIN
    UPDATE project_usage SET asset_bytes = asset_bytes + NEW.size - OLD.size WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER asset_deleted AFTER DELETE ON assets BEGIN
    UPDATE project_usage SET asset_bytes = asset_bytes - OLD.size WHERE project_id = OLD.project_id;
END;

CREATE TRIGGER workflow_made AFTER INSERT ON workflows BEGIN
    UPDATE project_usage SET row_bytes = row_bytes + 512 + length(CAST(NEW.definition AS BLOB)) WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER workflow_deleted AFTER DELETE ON workflows BEGIN
    UPDATE project_usage SET row_bytes = row_bytes - 512 - length(CAST(OLD.definition AS BLOB)) WHERE project_id = OLD.project_id;
END;

CREATE TRIGGER job_made AFTER INSERT ON jobs BEGIN
    INSERT INTO job_usage (job_id, project_id, bytes)
        VALUES (NEW.id, NEW.project_id, 512 + length(CAST(NEW.inputs AS BLOB)) + length(CAST(NEW.outputs AS BLOB)) + COALESCE(length(CAST(NEW.error AS BLOB)), 0));
END;
CREATE TRIGGER job_changed AFTER UPDATE OF inputs, outputs, error ON jobs BEGIN
    UPDATE job_usage SET bytes = bytes
        + length(CAST(NEW.inputs AS BLOB)) + length(CAST(NEW.outputs AS BLOB)) + COALESCE(length(CAST(NEW.error AS BLOB)), 0)
        - length(CAST(OLD.inputs AS BLOB)) - length(CAST(OLD.outputs AS BLOB)) - COALESCE(length(CAST(OLD.error AS BLOB)), 0) WHERE job_id = NEW.id;
END;
CREATE TRIGGER document_given AFTER UPDATE OF job_id ON documents WHEN NEW.job_id IS NOT NULL BEGIN
    UPDATE job_usage SET bytes = bytes + NEW.bytes WHERE job_id = NEW.job_id;
END;
CREATE TRIGGER line_logged AFTER INSERT ON job_log BEGIN
    UPDATE job_usage SET bytes = bytes + 64 + length(CAST(NEW.text AS BLOB)) WHERE job_id = NEW.job_id;
END;

CREATE TRIGGER job_usage_made AFTER INSERT ON job_usage BEGIN
    UPDATE project_usage SET row_bytes = row_bytes + NEW.bytes WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER job_usage_changed AFTER UPDATE OF bytes ON job_usage BEGIN
    UPDATE project_usage SET row_bytes = row_bytes + NEW.bytes - OLD.bytes WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER job_usage_deleted AFTER DELETE ON job_usage BEGIN
    UPDATE project_usage SET row_bytes = row_bytes - OLD.bytes WHERE project_id = OLD.project_id;
END;
