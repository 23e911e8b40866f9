//! Every SQL statement of the ledger, in SQL that SQLite and PostgreSQL both read; of the few that differ, both texts.

use super::db::Text;

macro_rules! statements {
    ($($name:ident = $text:expr $(, postgres: $postgres:expr)?;)+) => {
        $(pub(crate) const $name: Text = statements!(@text $text $(, $postgres)?);)+
        /// All of them by name: a test prepares each. An empty one is not asked of its database.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, Text)] = &[$((stringify!($name), $name),)+];
    };
    (@text $text:expr) => { Text::both($text) };
    (@text $text:expr, $postgres:expr) => { Text { sqlite: $text, postgres: $postgres } };
}

/// A job with its document, where it has one.
macro_rules! whole_job {
    () => {
        "jobs.*, (SELECT string_agg(piece.text, '') FROM (SELECT document_pieces.text FROM documents
            JOIN document_pieces ON document_pieces.document_id = documents.id
            WHERE documents.job_id = jobs.id ORDER BY document_pieces.id) AS piece) AS document"
    };
}

/// Projects with jobs that may be claimed, one after the other.
macro_rules! waiting_projects {
    () => {
        "WITH RECURSIVE waiting (project) AS (
            SELECT MIN(project_id) FROM jobs WHERE state = 'pending' AND ready = 1
            UNION ALL
            SELECT (SELECT MIN(project_id) FROM jobs WHERE state = 'pending' AND ready = 1 AND project_id > waiting.project)
            FROM waiting WHERE waiting.project IS NOT NULL)"
    };
}

statements! {
    META_GET = "SELECT value FROM meta WHERE name = $1";
    META_SET = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    META_INIT = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    META_COUNT = "INSERT INTO meta (name, value) VALUES ($1, '1')
        ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT) RETURNING value";

    KEY_INSERT = "INSERT INTO keys (id, kind, secret_sha256, name, user_id, scopes, projects, dialect, created, expires)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    KEY_GET = "SELECT * FROM keys WHERE id = $1 AND kind = $2";
    KEYS_ALL = "SELECT * FROM keys WHERE kind = $1 ORDER BY created, id";
    KEY_REVOKE = "UPDATE keys SET revoked = COALESCE(revoked, $3) WHERE id = $1 AND kind = $2 RETURNING id";
    KEY_USED = "UPDATE keys SET last_used = $2 WHERE id = $1 AND (last_used IS NULL OR last_used <= $3)";
    KEY_ANY = "SELECT 1 FROM keys LIMIT 1";

    PROJECT_INSERT = "INSERT INTO projects (user_id, name, access, kind, document, graph, created, modified)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING *";
    PROJECT_GET = "SELECT * FROM projects WHERE id = $1";
    PROJECT_EXISTS = "SELECT 1 FROM projects WHERE id = $1";
    PROJECT_UPDATE = "UPDATE projects SET name = $2, access = $3, document = $4, graph = $5, modified = $6
        WHERE id = $1 RETURNING *";
    PROJECT_DELETE = "DELETE FROM projects WHERE id = $1";
    PROJECT_DELETE_JOBS = "DELETE FROM jobs WHERE project_id = $1";
    PROJECT_BLOBS = "SELECT DISTINCT sha256 FROM assets WHERE project_id = $1";
    PROJECT_JOBS = "SELECT id FROM jobs WHERE project_id = $1";
    PROJECT_COPY_ASSETS = "INSERT INTO assets (project_id, job_id, filename, size, sha256, created, modified, made)
        SELECT $2, NULL, filename, size, sha256, $3, $3, made FROM assets WHERE project_id = $1 ORDER BY id";

    ASSET_INSERT = "INSERT INTO assets (project_id, job_id, filename, size, sha256, created, modified, made)
        VALUES ($1, $2, $3, $4, $5, $6, $6, $7) RETURNING *";
    ASSET_GET = "SELECT * FROM assets WHERE id = $1 AND project_id = $2";
    ASSET_NEWEST = "SELECT * FROM assets WHERE project_id = $1 AND filename = $2 ORDER BY id DESC LIMIT 1";
    ASSETS_NEWEST = "SELECT * FROM assets WHERE project_id = $1 ORDER BY id DESC LIMIT $2";
    ASSET_REPLACE = "UPDATE assets SET filename = $2, size = $3, sha256 = $4, modified = $5, made = NULL
        WHERE id = $1 RETURNING *";
    ASSET_DELETE = "DELETE FROM assets WHERE id = $1 AND project_id = $2 RETURNING sha256";
    BLOB_SIZE = "SELECT size FROM assets WHERE sha256 = $1 LIMIT 1";
    BLOB_ASSETS = "SELECT * FROM assets WHERE sha256 = $1 ORDER BY id LIMIT 3";
    BLOBS_BETWEEN = "SELECT DISTINCT sha256 FROM assets WHERE sha256 >= $1 AND sha256 < $2 ORDER BY sha256";
    BLOB_IN_ASSET = "SELECT 1 FROM assets WHERE sha256 = $1 LIMIT 1";
    BLOB_IN_JOB = "SELECT 1 FROM job_inputs WHERE sha256 = $1 LIMIT 1";

    UPLOAD_INSERT = "INSERT INTO uploads (project_id, file, filename, metadata, sha256, size, received, created, expires)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8) RETURNING *";
    UPLOAD_GET = "SELECT * FROM uploads WHERE id = $1 AND project_id = $2";
    UPLOADS_OF = "SELECT * FROM uploads WHERE project_id = $1 AND asset_id IS NULL AND expires > $2 ORDER BY id DESC";
    UPLOADS_OPEN = "SELECT COUNT(*) FROM uploads WHERE project_id = $1 AND asset_id IS NULL";
    UPLOADS_ALL = "SELECT * FROM uploads ORDER BY id";
    UPLOAD_RECEIVED = "UPDATE uploads SET received = $2, expires = $3 WHERE id = $1 RETURNING *";
    UPLOAD_DONE = "UPDATE uploads SET asset_id = $2 WHERE id = $1 AND asset_id IS NULL RETURNING id";
    UPLOAD_DELETE = "DELETE FROM uploads WHERE id = $1 RETURNING id";

    WORKFLOW_INSERT = "INSERT INTO workflows (project_id, state, created, definition)
        VALUES ($1, 'pending', $2, $3) RETURNING id";
    WORKFLOW_GET = "SELECT * FROM workflows WHERE id = $1 AND project_id = $2";
    WORKFLOW_JOBS = "SELECT id FROM jobs WHERE workflow_id = $1 ORDER BY id";
    WORKFLOW_NODES = "SELECT id, state, ready, needs FROM jobs WHERE workflow_id = $1 ORDER BY id";
    WORKFLOW_STARTED = "UPDATE workflows SET state = 'started', started = CASE WHEN created > $2 THEN created ELSE $2 END
        WHERE id = $1 AND state = 'pending'";
    WORKFLOW_DONE = "UPDATE workflows SET state = $2,
            finished = CASE WHEN COALESCE(started, created) > $3 THEN COALESCE(started, created) ELSE $3 END
        WHERE id = $1 AND state IN ('pending', 'started')";
    WORKFLOW_DONE_EMPTY = "UPDATE workflows SET state = 'success', started = $2, finished = $2 WHERE id = $1";
    WORKFLOW_CANCEL_JOBS = "UPDATE jobs SET state = 'canceled', progress = 0,
            finished = CASE WHEN COALESCE(started, created) > $2 THEN COALESCE(started, created) ELSE $2 END
        WHERE workflow_id = $1 AND state IN ('pending', 'started') RETURNING id";
    WORKFLOW_DELETE_JOBS = "DELETE FROM jobs WHERE workflow_id = $1";
    WORKFLOW_DELETE = "DELETE FROM workflows WHERE id = $1";
    WORKFLOWS_OPEN = "SELECT id, project_id FROM workflows WHERE state IN ('pending', 'started') ORDER BY id";

    JOB_INSERT = "INSERT INTO jobs (project_id, workflow_id, name, type_name, state, ready, created,
            inputs, outputs, needs, progress, attempt, losses, lease_until, memory_bytes, output_bytes)
        VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, '[]', 0, 0, 0, 0, $9, $10) RETURNING id";
    JOB_SET_NEEDS = "UPDATE jobs SET needs = $2 WHERE id = $1";
    JOB_SET_INPUTS = "UPDATE jobs SET inputs = $2 WHERE id = $1";
    JOB_SET_READY = "UPDATE jobs SET ready = 1 WHERE id = $1 AND state = 'pending'";
    JOB_GET = concat!("SELECT ", whole_job!(), " FROM jobs WHERE id = $1 AND project_id = $2"),
        postgres: concat!("SELECT ", whole_job!(), ", jobs.xmin::text::bigint AS version FROM jobs WHERE id = $1 AND project_id = $2");
    // Without its document.
    JOB_ROW = "SELECT id, state, workflow_id, inputs FROM jobs WHERE id = $1 AND project_id = $2";
    JOB_INPUTS = "SELECT inputs FROM jobs WHERE id = $1";
    JOB_RENAME = "UPDATE jobs SET name = $3 WHERE id = $1 AND project_id = $2 RETURNING id";
    JOB_DELETE = "DELETE FROM jobs WHERE id = $1 AND project_id = $2";
    JOB_CANCEL = "UPDATE jobs SET state = 'canceled', progress = 0,
            finished = CASE WHEN COALESCE(started, created) > $2 THEN COALESCE(started, created) ELSE $2 END
        WHERE id = $1 AND state IN ('pending', 'started')";
    JOB_FAIL = "UPDATE jobs SET state = 'failure', error = $3, progress = 0,
            finished = CASE WHEN COALESCE(started, created) > $2 THEN COALESCE(started, created) ELSE $2 END
        WHERE id = $1 AND state IN ('pending', 'started')";
    JOB_FAIL_UNREADABLE = "UPDATE jobs SET state = 'failure', error = $3, progress = 0, inputs = $4, outputs = $5, needs = $6,
            finished = CASE WHEN COALESCE(started, created) > $2 THEN COALESCE(started, created) ELSE $2 END
        WHERE id = $1 RETURNING workflow_id";
    JOB_TEXTS = concat!("SELECT ", whole_job!(), " FROM jobs WHERE id = $1");
    DOCUMENT_INSERT = "INSERT INTO documents (job_id, draft, bytes) VALUES (NULL, 1, $1) RETURNING id",
        postgres: "INSERT INTO documents (job_id, draft, bytes, owner) VALUES (NULL, 1, $1, this_head()) RETURNING id";
    DOCUMENT_GIVE = "UPDATE documents SET job_id = $2, draft = 0 WHERE id = $1";
    DOCUMENT_DROP = "UPDATE documents SET draft = 0 WHERE id = $1";
    DOCUMENTS_DROP_ALL = "UPDATE documents SET draft = 0 WHERE draft = 1";
    DOCUMENT_LEFT = "SELECT id FROM documents WHERE job_id IS NULL AND draft = 0 LIMIT 1";
    DOCUMENT_DELETE = "DELETE FROM documents WHERE id = $1 AND job_id IS NULL";
    PIECE_INSERT = "INSERT INTO document_pieces (document_id, text) VALUES ($1, $2)";
    PIECE_DELETE = "DELETE FROM document_pieces WHERE id = (SELECT MAX(id) FROM document_pieces WHERE document_id = $1)
        RETURNING id";
    JOB_SET_SIZES = "UPDATE jobs SET memory_bytes = $2, output_bytes = $3 WHERE id = $1";
    // From project to project by the index jobs_queue, however many jobs each has.
    JOBS_READY = concat!(waiting_projects!(), " SELECT jobs.id, jobs.project_id, projects.user_id, jobs.memory_bytes, jobs.output_bytes
        FROM waiting JOIN projects ON projects.id = waiting.project
        JOIN jobs ON jobs.id IN (SELECT oldest.id FROM jobs AS oldest WHERE oldest.project_id = waiting.project
            AND oldest.state = 'pending' AND oldest.ready = 1 ORDER BY oldest.id LIMIT 4)
        ORDER BY jobs.id"),
        // PostgreSQL would look for the oldest of each project once for every job that there is.
        postgres: concat!(waiting_projects!(), " SELECT oldest.id, oldest.project_id, projects.user_id, oldest.memory_bytes, oldest.output_bytes
        FROM waiting JOIN projects ON projects.id = waiting.project
        CROSS JOIN LATERAL (SELECT * FROM jobs WHERE jobs.project_id = waiting.project
            AND jobs.state = 'pending' AND jobs.ready = 1 ORDER BY jobs.id LIMIT 4) AS oldest
        ORDER BY oldest.id");
    JOBS_WAITING = "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state = 'pending' AND ready = 1
        AND (memory_bytes IS NULL OR memory_bytes <= $1) LIMIT $2) AS waiting";
    JOB_CLAIM = "UPDATE jobs SET state = 'started', attempt = attempt + 1, lease_until = $3, progress = 0,
            started = CASE WHEN created > $2 THEN created ELSE $2 END
        WHERE id = $1 AND state = 'pending' AND ready = 1 RETURNING project_id, workflow_id, attempt",
        // Of several servers that want it one gets it, and the others wait for nobody.
        postgres: "UPDATE jobs SET state = 'started', attempt = attempt + 1, lease_until = lease_clock() + $3, owner = this_head(),
            progress = 0, started = CASE WHEN created > $2 THEN created ELSE $2 END
        WHERE id = (SELECT id FROM jobs WHERE id = $1 AND state = 'pending' AND ready = 1 FOR UPDATE SKIP LOCKED)
        RETURNING project_id, workflow_id, attempt";
    JOB_RENEW_LEASE = "UPDATE jobs SET lease_until = $3, progress = $4
        WHERE id = $1 AND attempt = $2 AND state = 'started' RETURNING project_id",
        postgres: "UPDATE jobs SET lease_until = lease_clock() + $3, progress = $4
        WHERE id = $1 AND attempt = $2 AND state = 'started' RETURNING project_id";
    JOB_STATE = "SELECT state FROM jobs WHERE id = $1";
    JOB_FINISH = "UPDATE jobs SET state = $3, error = $5, outputs = $6, progress = $7,
            finished = CASE WHEN started > $4 THEN started ELSE $4 END
        WHERE id = $1 AND attempt = $2 AND state = 'started' RETURNING id";
    JOB_SET_OUTPUTS = "UPDATE jobs SET outputs = $2 WHERE id = $1";
    JOB_LOSSES = "SELECT losses FROM jobs WHERE id = $1 AND attempt = $2 AND state = 'started'";
    JOB_GIVE_BACK = "UPDATE jobs SET state = 'pending', started = NULL, progress = 0, losses = losses + $3, lease_until = 0
        WHERE id = $1 AND attempt = $2 AND state = 'started' RETURNING id";
    LOG_ADD = "INSERT INTO job_log (job_id, at, attempt, level, text) SELECT $1, $2, $3, $4, $5
        WHERE EXISTS (SELECT 1 FROM jobs WHERE id = $1) AND (SELECT COUNT(*) FROM job_log WHERE job_id = $1) < $6";
    LOG_OF = "SELECT at, attempt, level, text FROM job_log WHERE job_id = $1 ORDER BY id";
    RESULT_GET = "SELECT jobs.id, jobs.outputs FROM results JOIN jobs ON jobs.id = results.job_id
        WHERE results.project_id = $1 AND results.work = $2 AND jobs.state = 'success'";
    RESULT_SET = "INSERT INTO results (project_id, work, job_id) VALUES ($1, $2, $3)
        ON CONFLICT (project_id, work) DO UPDATE SET job_id = excluded.job_id";
    ASSET_BYTES = "SELECT asset_bytes FROM project_usage WHERE project_id = $1";
    PROJECT_BYTES = "SELECT asset_bytes + row_bytes FROM project_usage WHERE project_id = $1";
    USER_BYTES = "SELECT owner.user_id, CAST(SUM(asset_bytes + row_bytes) AS BIGINT) FROM projects AS owner
        JOIN projects AS his ON his.user_id = owner.user_id JOIN project_usage ON project_usage.project_id = his.id
        WHERE owner.id = $1 GROUP BY owner.user_id";
    // What the triggers of migration 10 have kept is not what the rows have.
    USAGE_WRONG = "WITH counted (id, kept, found) AS (SELECT projects.id, asset_bytes + row_bytes,
            512 + COALESCE(octet_length(document), 0) + COALESCE(octet_length(graph), 0)
            + COALESCE((SELECT SUM(size) FROM assets WHERE assets.project_id = projects.id), 0)
            + COALESCE((SELECT SUM(512 + octet_length(definition)) FROM workflows WHERE workflows.project_id = projects.id), 0)
            + COALESCE((SELECT SUM(512 + octet_length(inputs) + octet_length(outputs) + COALESCE(octet_length(error), 0)
                + COALESCE((SELECT bytes FROM documents WHERE documents.job_id = jobs.id), 0)
                + COALESCE((SELECT SUM(64 + octet_length(text)) FROM job_log WHERE job_log.job_id = jobs.id), 0))
                FROM jobs WHERE jobs.project_id = projects.id), 0)
        FROM projects LEFT JOIN project_usage ON project_usage.project_id = projects.id)
        SELECT id, COALESCE(kept, 0), CAST(found AS BIGINT) FROM counted WHERE kept IS NULL OR kept <> found ORDER BY id";
    PROJECT_WAITING = "SELECT COUNT(*) FROM jobs WHERE project_id = $1 AND state = 'pending'";
    COUNT_JOBS = "SELECT state, type_name, COUNT(*) AS count FROM jobs GROUP BY state, type_name";
    COUNT_QUEUE = "SELECT COUNT(*) AS count, MIN(created) AS oldest FROM jobs WHERE state = 'pending' AND ready = 1";
    COUNT_BLOBS = "SELECT COUNT(*) AS count, CAST(SUM(size) AS BIGINT) AS bytes
        FROM (SELECT MAX(size) AS size FROM assets GROUP BY sha256) AS blobs";
    JOB_EXPIRE = "UPDATE jobs SET lease_until = 0 WHERE id = $1 AND attempt = $2 AND state = 'started'";
    JOBS_EXPIRE_ALL = "UPDATE jobs SET lease_until = 0 WHERE state = 'started'";
    JOBS_EXPIRED = concat!("SELECT ", whole_job!(), " FROM jobs WHERE state = 'started' AND lease_until < $1 ORDER BY id"),
        postgres: concat!("SELECT ", whole_job!(), " FROM jobs WHERE state = 'started' AND lease_until < lease_clock() + $1
        ORDER BY id");

    // What each says of itself, and SQLite's copy of all.
    TABLE_OF_VERSIONS = "SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations'",
        postgres: "SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL";
    VERSION = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
    INTEGRITY = "PRAGMA integrity_check(100)", postgres: "";
    ORPHANS = "PRAGMA foreign_key_check", postgres: "";
    FOLD_LOG = "PRAGMA wal_checkpoint(TRUNCATE)", postgres: "";
    COPY_TO = "VACUUM INTO $1", postgres: "";
    TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name", postgres: "";

    // Until the end of the transaction; a database may hold several ledgers, each in a schema.
    LOCK_OWNER_OF_PROJECT = "", postgres: "SELECT pg_advisory_xact_lock(70195, hashtext(current_schema() || '/' || user_id))
        FROM projects WHERE id = $1";
    LOCK_OWNER_OF_JOB = "", postgres: "SELECT pg_advisory_xact_lock(70195, hashtext(current_schema() || '/' || user_id))
        FROM projects JOIN jobs ON jobs.project_id = projects.id WHERE jobs.id = $1";
    LOCK_USER = "", postgres: "SELECT pg_advisory_xact_lock(70195, hashtext(current_schema() || '/' || $1))";

    // Whether what a server remembers is still so. A row has another xmin after each transaction that changes it (PostgreSQL 15,
    // section 5.5).
    JOB_VERSION = "", postgres: "SELECT xmin::text::bigint FROM jobs WHERE id = $1 AND project_id = $2";
    PROJECT_SEEN = "", postgres: "SELECT user_id, access FROM projects WHERE id = $1";
    JOB_SEEN = "", postgres: "SELECT projects.user_id, projects.access, jobs.xmin::text::bigint FROM projects
        LEFT JOIN jobs ON jobs.id = $2 AND jobs.project_id = projects.id WHERE projects.id = $1";

    // Of the servers that share a database.
    NEWS_CHANNEL = "", postgres: "SELECT 'fieldstone_' || md5(current_schema()::text)";
    TELL_OF_UPLOAD = "", postgres: "SELECT tell(current_schema(), 'upload ' || $1::bigint)";
    HEAD_BEAT = "", postgres: "INSERT INTO heads (id, name, address, version, started, beat)
        VALUES ($1, $2, $3, $4, lease_clock(), lease_clock()) ON CONFLICT (id) DO UPDATE SET beat = excluded.beat";
    HEADS_LIVING = "", postgres: "SELECT COUNT(*) FROM heads WHERE beat > lease_clock() - $1";
    HEADS_ALL = "", postgres: "SELECT id, name, address, version, started, lease_clock() - beat AS silence FROM heads ORDER BY id";
    HEADS_SHOWN = "", postgres: "SELECT string_agg(address || ' on ' || name || ' (version ' || version || ')', ', ' ORDER BY id)
        FROM heads WHERE beat > lease_clock() - $1";
    HEAD_BEATS = "", postgres: "SELECT beat FROM heads WHERE id = $1";
    HEAD_GONE = "", postgres: "DELETE FROM heads WHERE id = $1";
    LEAD = "", postgres: "SELECT pg_try_advisory_lock(70197, hashtext(current_schema()))::int::bigint";
    // What heads own, or owned; NULL where one was alone.
    OWNERS = "", postgres: "SELECT owner FROM jobs WHERE state = 'started' UNION SELECT owner FROM documents WHERE draft = 1
        UNION SELECT id FROM heads";
    JOBS_EXPIRE_OF = "", postgres: "UPDATE jobs SET lease_until = 0 WHERE state = 'started' AND owner IS NOT DISTINCT FROM $1";
    DOCUMENTS_DROP_OF = "", postgres: "UPDATE documents SET draft = 0 WHERE draft = 1 AND owner IS NOT DISTINCT FROM $1";
    RUNNING_ELSEWHERE = "", postgres: "SELECT jobs.id, jobs.attempt, jobs.project_id, projects.user_id, jobs.output_bytes, jobs.owner
        FROM jobs JOIN projects ON projects.id = jobs.project_id
        WHERE jobs.state = 'started' AND jobs.owner IS DISTINCT FROM $1";
    RUNNING_OF_USER = "", postgres: "SELECT COUNT(*) FROM jobs JOIN projects ON projects.id = jobs.project_id
        WHERE jobs.state = 'started' AND projects.user_id = $1";

    EVERY_WORKFLOW = "SELECT id, state FROM workflows ORDER BY id";
    EVERY_ASSET = "SELECT * FROM assets ORDER BY id";
    EVERY_JOB = concat!("SELECT ", whole_job!(), " FROM jobs ORDER BY id");
    EVERY_JOB_INPUT = "SELECT job_id, sha256 FROM job_inputs";
    BLOB_IN_THIS_ASSET = "SELECT 1 FROM assets WHERE id = $1 AND sha256 = $2";
    BLOB_IN_THIS_JOB = "SELECT 1 FROM job_inputs WHERE job_id = $1 AND sha256 = $2";
}

/// Begins a transaction that may write from its first statement on.
pub(crate) const BEGIN: Text =
    Text { sqlite: "BEGIN IMMEDIATE", postgres: "BEGIN ISOLATION LEVEL READ COMMITTED" };
/// Begins one that sees everything as it is at one moment.
pub(crate) const BEGIN_TO_READ: Text =
    Text { sqlite: "BEGIN", postgres: "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" };

/// Heads of listings, before the value they ask for; conditions and order follow (`list_query`). `bytes` is about the size of a row, of
/// which no more than its head is read for that. Documents of projects are shown to their user alone.
pub(crate) const LISTING_PROJECTS: &str = "SELECT id, CAST(512 AS BIGINT) + CASE WHEN user_id = caller
        THEN COALESCE(octet_length(document), 0) + COALESCE(octet_length(graph), 0) ELSE 0 END AS bytes
    FROM projects, (SELECT ";
/// What follows the caller in heads of projects.
pub(crate) const OF_CALLER: &str = " AS caller) AS c WHERE (access <> 'private' OR user_id = caller)";
/// Of a project.
pub(crate) const LISTING_ASSETS: &str =
    "SELECT id, CAST(512 AS BIGINT) AS bytes FROM assets WHERE project_id = ";
/// Of a project.
pub(crate) const LISTING_JOBS: &str =
    "SELECT id, CAST(512 AS BIGINT) + octet_length(inputs) + octet_length(outputs)
        + COALESCE((SELECT bytes FROM documents WHERE job_id = jobs.id), 0) AS bytes
    FROM jobs WHERE project_id = ";
/// Of a project.
pub(crate) const LISTING_WORKFLOWS: &str =
    "SELECT id, CAST(512 AS BIGINT) + octet_length(definition) AS bytes
    FROM workflows WHERE project_id = ";

/// Heads of batches, before the value they ask for; ids follow (`listing`).
pub(crate) const LISTED_PROJECTS: &str = "SELECT id, user_id, name, access, kind, created, modified,
        CASE WHEN user_id = caller THEN document END AS document, CASE WHEN user_id = caller THEN graph END AS graph
    FROM projects, (SELECT ";
/// Of a project.
pub(crate) const LISTED_ASSETS: &str = "SELECT * FROM assets WHERE project_id = ";
/// Of a project.
pub(crate) const LISTED_JOBS: &str = concat!("SELECT ", whole_job!(), " FROM jobs WHERE project_id = ");
/// Of a project.
pub(crate) const LISTED_WORKFLOWS: &str = "SELECT * FROM workflows WHERE project_id = ";
/// The jobs of workflows of a project.
pub(crate) const LISTED_WORKFLOW_JOBS: &str = "SELECT id, workflow_id FROM jobs WHERE project_id = ";
