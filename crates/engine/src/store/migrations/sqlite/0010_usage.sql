-- What a project has: bytes of its assets, and bytes of its rows with their texts, so that a quota is asked of one row. Kept by
-- triggers, so that no statement can forget it. A row counts 512 bytes, a line of a log 64, and its texts.
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
    SELECT id, project_id, 512 + octet_length(inputs) + octet_length(outputs) + COALESCE(octet_length(error), 0)
        + COALESCE((SELECT bytes FROM documents WHERE documents.job_id = jobs.id), 0)
        + COALESCE((SELECT SUM(64 + octet_length(text)) FROM job_log WHERE job_log.job_id = jobs.id), 0)
    FROM jobs;
INSERT INTO project_usage (project_id, asset_bytes, row_bytes)
    SELECT id, COALESCE((SELECT SUM(size) FROM assets WHERE assets.project_id = projects.id), 0),
        512 + COALESCE(octet_length(document), 0) + COALESCE(octet_length(graph), 0)
        + COALESCE((SELECT SUM(512 + octet_length(definition)) FROM workflows WHERE workflows.project_id = projects.id), 0)
        + COALESCE((SELECT SUM(bytes) FROM job_usage WHERE job_usage.project_id = projects.id), 0)
    FROM projects;

CREATE TRIGGER project_made AFTER INSERT ON projects BEGIN
    INSERT INTO project_usage (project_id, asset_bytes, row_bytes)
        VALUES (NEW.id, 0, 512 + COALESCE(octet_length(NEW.document), 0) + COALESCE(octet_length(NEW.graph), 0));
END;
CREATE TRIGGER project_changed AFTER UPDATE OF document, graph ON projects BEGIN
    UPDATE project_usage SET row_bytes = row_bytes
        + COALESCE(octet_length(NEW.document), 0) + COALESCE(octet_length(NEW.graph), 0)
        - COALESCE(octet_length(OLD.document), 0) - COALESCE(octet_length(OLD.graph), 0) WHERE project_id = NEW.id;
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
    UPDATE project_usage SET row_bytes = row_bytes + 512 + octet_length(NEW.definition) WHERE project_id = NEW.project_id;
END;
CREATE TRIGGER workflow_deleted AFTER DELETE ON workflows BEGIN
    UPDATE project_usage SET row_bytes = row_bytes - 512 - octet_length(OLD.definition) WHERE project_id = OLD.project_id;
END;

CREATE TRIGGER job_made AFTER INSERT ON jobs BEGIN
    INSERT INTO job_usage (job_id, project_id, bytes)
        VALUES (NEW.id, NEW.project_id, 512 + octet_length(NEW.inputs) + octet_length(NEW.outputs) + COALESCE(octet_length(NEW.error), 0));
END;
CREATE TRIGGER job_changed AFTER UPDATE OF inputs, outputs, error ON jobs BEGIN
    UPDATE job_usage SET bytes = bytes
        + octet_length(NEW.inputs) + octet_length(NEW.outputs) + COALESCE(octet_length(NEW.error), 0)
        - octet_length(OLD.inputs) - octet_length(OLD.outputs) - COALESCE(octet_length(OLD.error), 0) WHERE job_id = NEW.id;
END;
CREATE TRIGGER document_given AFTER UPDATE OF job_id ON documents WHEN NEW.job_id IS NOT NULL BEGIN
    UPDATE job_usage SET bytes = bytes + NEW.bytes WHERE job_id = NEW.job_id;
END;
CREATE TRIGGER line_logged AFTER INSERT ON job_log BEGIN
    UPDATE job_usage SET bytes = bytes + 64 + octet_length(NEW.text) WHERE job_id = NEW.job_id;
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
