//! The ledger's tables, so that all of it can be copied.

/// What a column holds, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Float,
    Text,
}

/// A table.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Columns that tell its rows apart.
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [(&'static str, Kind)],
}

impl Table {
    /// Whether its rows have numbers, which are never given again.
    pub(super) fn is_numbered(&self) -> bool {
        self.columns.first() == Some(&("id", Kind::Integer))
    }
}

macro_rules! tables {
    ($($name:ident by $($key:ident),+: $($column:ident $kind:ident),+;)+) => {
        /// All of them, each behind those that it refers to.
        pub(super) static TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            key: &[$(stringify!($key)),+],
            columns: &[$((stringify!($column), Kind::$kind)),+],
        }),+];
    };
}

tables! {
    meta by name: name Text, value Text;
    keys by id: id Text, kind Text, secret_sha256 Text, name Text, user_id Text, scopes Text, projects Text, dialect Text,
        created Integer, expires Integer, last_used Integer, revoked Integer;
    projects by id: id Integer, user_id Text, name Text, access Text, kind Text, document Text, graph Text, created Integer,
        modified Integer;
    workflows by id: id Integer, project_id Integer, state Text, created Integer, started Integer, finished Integer,
        definition Text;
    jobs by id: id Integer, project_id Integer, workflow_id Integer, name Text, type_name Text, state Text, ready Integer,
        created Integer, started Integer, finished Integer, error Text, inputs Text, outputs Text, needs Text, progress Float,
        attempt Integer, losses Integer, lease_until Integer, memory_bytes Integer, output_bytes Integer;
    assets by id: id Integer, project_id Integer, job_id Integer, filename Text, size Integer, sha256 Text, created Integer,
        modified Integer, made Text;
    documents by id: id Integer, job_id Integer, draft Integer, bytes Integer;
    document_pieces by id: id Integer, document_id Integer, text Text;
    job_log by id: id Integer, job_id Integer, at Integer, attempt Integer, level Text, text Text;
    results by project_id, work: project_id Integer, work Text, job_id Integer;
    uploads by id: id Integer, project_id Integer, file Text, filename Text, metadata Text, sha256 Text, size Integer,
        received Integer, asset_id Integer, created Integer, expires Integer;
    project_usage by project_id: project_id Integer, asset_bytes Integer, row_bytes Integer;
    job_inputs by sha256, job_id: job_id Integer, sha256 Text;
    job_usage by job_id: job_id Integer, project_id Integer, bytes Integer;
}
