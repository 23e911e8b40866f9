//! Settings: flags over `FIELDSTONE_*` over `fieldstone.toml` over defaults.

use crate::memory;
use crate::size::Size;
use crate::span_fields::SpanFields;
use anyhow::{Context, anyhow};
use fieldstone_engine::{BucketUrl, DatabaseUrl, EngineConfig, Isolation, Location, Program};
use fieldstone_jobs::{GraphLimits, JobLimits};
use fieldstone_kernel::format::MeshLimits;
use fieldstone_server::{AuditConfig, ServerConfig};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The settings file that is read when it is there and no other is named.
pub const FILE: &str = "fieldstone.toml";

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For programs.
    Json,
    /// For people.
    Pretty,
}

/// Writes [`Flags`] and [`Settings`] from one list. An entry is a setting's documentation (its flag's help and docs/configuration.md),
/// its name, what stands for its value in the help, its type, and its default; without a default it may stay unset.
macro_rules! settings {
    ($($(#[$about:meta])+ $name:ident <$shown:ident>: $kind:ty $(= $default:expr)?;)+) => {
        /// Every setting, as a flag.
        #[derive(clap::Args, Clone, Debug, Default, Serialize)]
        pub struct Flags {$(
            $(#[$about])+
            #[arg(long, value_name = stringify!($shown))]
            #[serde(skip_serializing_if = "Option::is_none")]
            pub $name: Option<$kind>,
        )+}

        /// Settings after all layers.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {$(pub $name: settings!(@kept $kind $(= $default)?),)+}

        impl Default for Settings {
            fn default() -> Self {
                Settings {$($name: settings!(@default $($default)?),)+}
            }
        }
    };
    (@kept $kind:ty = $default:expr) => { $kind };
    (@kept $kind:ty) => { Option<$kind> };
    (@default $default:expr) => { $default };
    (@default) => { None };
}

settings! {
    /// Address and port to listen on; port 0 takes a free one.
    listen <ADDRESS>: String = "127.0.0.1:8080".into();
    /// Folder that holds everything the service knows; made when absent.
    data <DIR>: PathBuf = "fieldstone-data".into();
    /// PostgreSQL database for the ledger, `postgres://user:password@host:port/name`; by default it is in the data folder, in SQLite.
    /// Files stay in the data folder, which all servers of a database share. Other users of the machine can read a flag: give a password in the settings file or the variable.
    database <URL>: DatabaseUrl;
    /// Bucket of S3 for stored files, `s3://bucket/prefix`; by default they are in the data folder, which then keeps only what is on its way, copies (`cache_bytes`)
    /// and, without `database`, the ledger. Credentials and endpoint: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`.
    blobs <URL>: BucketUrl;
    /// Bytes of copies of files of the bucket `blobs` that the data folder keeps, at most half of its disk; those that jobs, previews and pictures read at the same time must fit.
    cache_bytes <SIZE>: Size = Size(16 << 30);
    /// Base of the links in replies, such as `https://fields.example`; by default the host the client used.
    public_url <URL>: String;
    /// Address and port to listen on with TLS, beside `listen`; by default none.
    tls_listen <ADDRESS>: String;
    /// Certificate chain for TLS (PEM); by default a self-signed one, made once in `tls/` of the data folder.
    tls_cert <FILE>: PathBuf;
    /// Private key of `tls_cert` (PEM).
    tls_key <FILE>: PathBuf;
    /// Issuer whose tokens (JWT, RS256 or ES256) are accepted beside our own, exactly as in their `iss`; by default none.
    issuer <URL>: String;
    /// Audience that tokens of `issuer` must have, with or without a slash at the end; by default `public_url`.
    audience <URL>: String;
    /// Where the keys of `issuer` are; by default what its OpenID configuration says.
    jwks_url <URL>: String;
    /// Certificates (PEM) to trust beside the system's when the keys of `issuer` are fetched.
    issuer_ca <FILE>: PathBuf;
    /// Client id that the app at `/` signs people in with at `issuer` (authorization code with PKCE): a public client, which has no secret
    /// and is sent back to the app's own address; by default people sign in with keys alone.
    issuer_client <ID>: String;
    /// What the app asks `issuer` for, words with spaces between; by default `openid` and all scopes of ours. With `offline_access` many
    /// issuers let people stay signed in for longer than one token.
    issuer_scopes <WORDS>: String;
    /// Jobs that compute at the same time here; each uses all threads, and as many more may be writing down what they have made. 0: none,
    /// all run at workers (docs/workers.md).
    concurrent_jobs <N>: usize = 2;
    /// Jobs of one user that run at the same time, in all servers that share a database; 0: as many as `concurrent_jobs` says. Users take
    /// turns in any case, and so do the projects of each.
    user_slots <N>: usize = 0;
    /// Threads that geometry uses; 0 means one per core.
    threads <N>: usize = 0;
    /// Attempts lost to crashes after which a job fails.
    max_attempts <N>: u32 = 3;
    /// Seconds that one attempt of a job may take; 0: no limit.
    job_time_limit <SECONDS>: u64 = 86_400;
    /// Seconds that one preview of a graph may take.
    preview_time <SECONDS>: u64 = 10;
    /// Memory of a process of previews; a quarter of it keeps meshes that were prepared. There are half as many as cores.
    preview_memory <SIZE>: Size = Size(1 << 30);
    /// Bytes of small pictures of assets that are kept; they are made at low priority when somebody looks, of files of up to 64 MiB. With 0
    /// none are made.
    thumbnail_cache <SIZE>: Size = Size(64 << 20);
    /// Seconds that running jobs get to end by themselves when the server stops; those that do not run again after the
    /// next start.
    shutdown_grace <SECONDS>: u64 = 5;
    /// Whether a job that repeats finished work of its project (same type, parameters and inputs) gets those results at once.
    reuse_results <BOOL>: bool = true;
    /// Days that stored bytes without a row stay in `quarantine/` of the data folder before they are deleted; 0: no time at all.
    quarantine_days <DAYS>: u32 = 30;
    /// Days in which every stored file is read once, at low priority (on Linux when the disk is idle), to find rot; 0: they
    /// are not read for that.
    scrub_period <DAYS>: u32 = 30;
    /// Memory that running jobs may need together, by their own estimates; by default three quarters of what the
    /// machine, or the container's or service's limit, has.
    memory_limit <SIZE>: Size;
    /// Samples of a grid above which a job is cut into pieces of at most so many, where its type and parameters allow it; they run at the
    /// job's place one after the other, and at the same time at workers that nobody waits for. Each piece, and the run that joins them, may take
    /// `job_time_limit`. 0: no job is cut.
    piece_samples <N>: u64 = 1 << 30;
    /// Jobs in one workflow at most.
    max_workflow_jobs <N>: usize = 1000;
    /// Bytes of one upload at most.
    max_upload <SIZE>: Size = Size(64 << 30);
    /// Uploads of one project that may have begun and not ended (`POST …/uploads`); more are answered with 429.
    max_open_uploads <N>: u64 = 100;
    /// Seconds that an upload which was cut is kept to go on; each byte that comes begins them anew.
    upload_lifetime <SECONDS>: u64 = 86_400;
    /// Bytes that one project may have: its assets, and its rows in the ledger with their texts (parameters, results and logs of
    /// jobs, workflows, the project's own documents); by default there is no limit. A row counts 512 bytes beside its texts, a line of
    /// a log 64. A dispatch asks for its rows, for 4 KiB of log and results of each job, and for what its jobs make where the size
    /// follows from a graph; what does not fit is answered with 403.
    /// A project's own documents count, too, and are refused by `user_quota` alone.
    project_quota <SIZE>: Size;
    /// Bytes that all projects of one user may have together, counted as for `project_quota`; by default there is no limit.
    user_quota <SIZE>: Size;
    /// Bytes of the data folder's disk that uploads and outputs of jobs leave free, for the ledger; by default 64 MiB, or a
    /// twentieth of a small disk. A job whose volume does not fit beside it is answered with 507.
    min_free <SIZE>: Size;
    /// Jobs of one project that may wait to be run; more are answered with 429.
    max_queue <N>: u64 = 10_000;
    /// Requests per second of one key, with bursts of twice as many; more are answered with 429. Reading one job or
    /// workflow is never counted; a long list counts once for each MiB or 500 entries. Servers that share a database share it. 0: no limit.
    max_request_rate <N>: u32 = 500;
    /// Slots of workers that are connected at the same time.
    max_workers <N>: usize = ServerConfig::default().max_workers;
    /// Workers that Slurm is asked for at most, one for each job that waits (docs/workers.md); 0: none. The other `slurm_` settings say how.
    slurm_workers <N>: u32 = 0;
    /// Workers of Slurm that are kept although nothing waits.
    slurm_least <N>: u32 = 0;
    /// Partition of these workers; by default Slurm's own.
    slurm_partition <NAME>: String;
    /// Account of these workers; by default Slurm's own.
    slurm_account <NAME>: String;
    /// Cores of such a worker, which a job has for itself.
    slurm_cores <N>: u32 = 4;
    /// Memory of such a worker, of which a job may need three quarters.
    slurm_memory <SIZE>: Size = Size(16 << 30);
    /// Seconds that such a worker has at most, as Slurm counts them.
    slurm_time <SECONDS>: u64 = 3600;
    /// Seconds without a job after which such a worker gives its machine back.
    slurm_idle_exit <SECONDS>: u64 = 300;
    /// Further options of sbatch(1), words with spaces between, such as `--qos=night --output=/tmp/pilot-%j.log`.
    slurm_options <WORDS>: String;
    /// File with a worker's token (`fieldstone keys create --worker`), at the same place on all machines.
    slurm_token_file <FILE>: PathBuf;
    /// Where these workers find the server; by default `public_url`.
    slurm_server <URL>: String;
    /// This program, as the cluster's machines see it; by default where it runs here.
    slurm_program <FILE>: PathBuf;
    /// Seconds between two looks at Slurm's queue.
    slurm_interval <SECONDS>: u64 = 10;
    /// Connections that are open at the same time, TLS handshakes included. When there are as many, the one that has waited for
    /// its client longest is closed for a new one; while all are at work, new ones wait.
    max_connections <N>: usize = ServerConfig::default().max_connections;
    /// Connections from one address (IPv6: from one /64) at most; beyond, its own that has waited longest is closed, and while all
    /// are at work, the new one. By default a quarter of `max_connections`; behind a proxy, whose clients all come from its
    /// address, set it to `max_connections`.
    max_connections_per_address <N>: usize;
    /// Seconds in which a TLS handshake must be done.
    handshake_timeout <SECONDS>: u64 = ServerConfig::default().handshake_timeout_s;
    /// Seconds in which the headers of a request must come; an idle connection is closed after as long.
    header_timeout <SECONDS>: u64 = ServerConfig::default().header_timeout_s;
    /// Seconds that the body of a request may pause, or take for 64 KiB of it, 5 where others wait for the memory that large
    /// bodies have together; then the request is answered with 408. A client that takes nothing of an answer for as long is cut
    /// off.
    body_timeout <SECONDS>: u64 = ServerConfig::default().body_timeout_s;
    /// Bytes of one JSON request body at most. Those above 64 KiB take 192 MiB of memory together at most, values included, or
    /// twice this if it is more; others wait 10 seconds and are answered with 503.
    max_body <SIZE>: Size = Size(16 << 20);
    /// Bytes of one list at most; a longer one is answered with 413 and the advice to ask for pages (`limit`, `after`).
    max_list <SIZE>: Size = Size(ServerConfig::default().max_list_bytes);
    /// Triangles of one mesh at most, after polygons are split.
    max_triangles <N>: u64 = MeshLimits::default().max_triangles;
    /// How often triangles of one mesh may touch each other where its parts overlap; a contact takes 1.5 KB while parts are united,
    /// and small files may have fewer.
    max_contacts <N>: u64 = MeshLimits::default().max_contacts;
    /// Operators of one shape graph at most.
    max_graph_operators <N>: usize = GraphLimits::default().operators;
    /// Samples of one grid, or points of one list, that a shape graph is evaluated at.
    max_samples <N>: u64 = GraphLimits::default().samples;
    /// Bytes that one part of a 3MF package may unpack to.
    max_unpacked <SIZE>: Size = Size(MeshLimits::default().max_unpacked_bytes);
    /// File of the audit log: who made, changed, deleted, revoked, signed in or failed to, a line of JSON each; by default
    /// `audit.jsonl` in the data folder.
    audit_log <FILE>: PathBuf;
    /// Bytes of one file of the audit log; then a new one begins.
    audit_size <SIZE>: Size = Size(16 << 20);
    /// Files of the audit log that are kept; the older ones are named `.1`, `.2`, … 0: there is no audit log.
    audit_files <N>: usize = 10;
    /// Seconds that a download link works.
    link_lifetime <SECONDS>: u64 = 3600;
    /// `json`, a line of JSON for each event, or `pretty`; by default pretty on a terminal, else json.
    log_format <FORMAT>: LogFormat;
    /// What is logged on stderr, as directives of tracing's EnvFilter: info, fieldstone_engine=debug,warn.
    log <FILTER>: String = "warn,fieldstone=info".into();
}

impl Settings {
    /// All layers together. `file` must exist when it is named.
    pub fn load(file: Option<&Path>, flags: &Flags) -> anyhow::Result<Settings> {
        let mut figment = Figment::from(Serialized::defaults(Settings::default()));
        if let Some(file) = file {
            anyhow::ensure!(file.is_file(), "settings file {} does not exist", file.display());
        }
        let file = file.unwrap_or(Path::new(FILE));
        if file.is_file() {
            figment = figment.merge(Toml::file_exact(file));
        }
        let known: Vec<String> = setting_names();
        let is_setting = move |key: &figment::value::UncasedStr| known.iter().any(|k| key == k.as_str());
        figment = figment.merge(Env::prefixed("FIELDSTONE_").filter(is_setting));
        figment = figment.merge(Serialized::defaults(flags));
        let settings: Settings = figment.extract().map_err(|e| explain(e, file))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        let least = [
            ("max_attempts", u64::from(self.max_attempts)),
            ("max_workflow_jobs", self.max_workflow_jobs as u64),
            ("max_upload", self.max_upload.0),
            ("max_open_uploads", self.max_open_uploads),
            ("upload_lifetime", self.upload_lifetime),
            ("max_body", self.max_body.0),
            ("max_triangles", self.max_triangles),
            ("max_contacts", self.max_contacts),
            ("max_graph_operators", self.max_graph_operators as u64),
            ("max_samples", self.max_samples),
            ("link_lifetime", self.link_lifetime),
            ("preview_time", self.preview_time),
        ];
        if let Some((name, _)) = least.iter().find(|(_, value)| *value == 0) {
            return Err(anyhow!("setting {name} is 0, expected at least 1"));
        }
        if self.max_queue < self.max_workflow_jobs as u64 {
            let (queue, workflow) = (self.max_queue, self.max_workflow_jobs);
            return Err(anyhow!(
                "setting max_queue is {queue}, expected at least max_workflow_jobs, {workflow}"
            ));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(anyhow!("settings tls_cert and tls_key: expected both or none"));
        }
        if self.issuer.is_none() {
            let only = [
                ("audience", self.audience.is_some()),
                ("jwks_url", self.jwks_url.is_some()),
                ("issuer_ca", self.issuer_ca.is_some()),
                ("issuer_client", self.issuer_client.is_some()),
            ];
            if let Some((name, _)) = only.iter().find(|(_, given)| *given) {
                return Err(anyhow!(
                    "setting {name} says something about the setting issuer, which is not set"
                ));
            }
        }
        if self.issuer_scopes.is_some() && self.issuer_client.is_none() {
            return Err(anyhow!(
                "setting issuer_scopes says something about the setting issuer_client, which is not set"
            ));
        }
        match &self.public_url {
            Some(url) if !(url.starts_with("http://") || url.starts_with("https://")) => {
                Err(anyhow!("setting public_url: expected an http:// or https:// URL, got {url:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Where the service keeps everything.
    pub fn location(&self) -> Location<'_> {
        Location { data: &self.data, database: self.database.as_ref(), blobs: self.blobs.as_ref() }
    }

    /// What the engine is told, but for a database and a bucket: commands that work in a folder of their own have none.
    pub fn engine(&self) -> EngineConfig {
        EngineConfig {
            data: self.data.clone(),
            database: None,
            blobs: None,
            cache_bytes: self.cache_bytes.0,
            address: None,
            concurrent_jobs: self.concurrent_jobs,
            user_slots: (self.user_slots > 0).then_some(self.user_slots),
            threads: self.threads,
            max_attempts: self.max_attempts,
            memory_limit_bytes: self.memory_limit.map_or_else(three_quarters_of_memory, |s| s.0),
            piece_samples: Some(self.piece_samples).filter(|samples| *samples > 0),
            max_workflow_jobs: self.max_workflow_jobs,
            project_quota_bytes: self.project_quota.map(|size| size.0),
            user_quota_bytes: self.user_quota.map(|size| size.0),
            min_free_bytes: self.min_free.map(|size| size.0),
            max_queue: Some(self.max_queue),
            max_upload_bytes: self.max_upload.0,
            max_open_uploads: self.max_open_uploads,
            upload_lifetime: Duration::from_secs(self.upload_lifetime),
            job_limits: JobLimits {
                mesh: MeshLimits {
                    max_triangles: self.max_triangles,
                    max_unpacked_bytes: self.max_unpacked.0,
                    max_contacts: self.max_contacts,
                },
                graph: GraphLimits { operators: self.max_graph_operators, samples: self.max_samples },
            },
            isolation: Isolation::Process(own_program(crate::ATTEMPT)),
            previewer: Some(own_program(crate::PREVIEWS)),
            preview_memory_bytes: self.preview_memory.0,
            preview_time_limit: Duration::from_secs(self.preview_time),
            thumbnail_cache_bytes: self.thumbnail_cache.0,
            job_time_limit: (self.job_time_limit > 0).then(|| Duration::from_secs(self.job_time_limit)),
            shutdown_grace: Duration::from_secs(self.shutdown_grace),
            reuse_results: self.reuse_results,
            quarantine_days: self.quarantine_days,
            scrub_period: (self.scrub_period > 0)
                .then(|| Duration::from_secs(86_400 * u64::from(self.scrub_period))),
            accept_lost_rows: false,
        }
    }

    /// What the HTTP side is told, but for its issuer (`sign_in::issuer`).
    pub fn server(&self) -> ServerConfig {
        ServerConfig {
            public_url: self.public_url.clone(),
            max_upload_bytes: self.max_upload.0,
            max_json_bytes: usize::try_from(self.max_body.0).unwrap_or(usize::MAX),
            max_list_bytes: self.max_list.0,
            max_request_rate: self.max_request_rate,
            max_workers: self.max_workers,
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            handshake_timeout_s: self.handshake_timeout,
            header_timeout_s: self.header_timeout,
            body_timeout_s: self.body_timeout,
            link_lifetime_s: self.link_lifetime,
            ..ServerConfig::default()
        }
    }

    /// Where the audit log is; `None` where none is wanted.
    pub fn audit(&self) -> Option<AuditConfig> {
        let path = self.audit_log.clone().unwrap_or_else(|| self.data.join("audit.jsonl"));
        let config = AuditConfig { path, max_bytes: self.audit_size.0, files: self.audit_files };
        (self.audit_files > 0).then_some(config)
    }

    /// Sends the log to stderr.
    pub fn start_log(&self) -> anyhow::Result<()> {
        let filter = tracing_subscriber::EnvFilter::try_new(&self.log)
            .with_context(|| format!("setting log: cannot read {:?}", self.log))?;
        let terminal = std::io::stderr().is_terminal();
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match self.log_format {
            Some(LogFormat::Pretty) => log.with_ansi(terminal).init(),
            None if terminal => log.with_ansi(terminal).init(),
            Some(LogFormat::Json) | None => {
                let log = log.json().flatten_event(true).with_span_list(false);
                log.fmt_fields(SpanFields).init();
            }
        }
        Ok(())
    }
}

/// This very program, as it runs a command that the server calls.
pub fn own_program(command: &str) -> Program {
    // On Linux this is the program that runs now, also once its file has been replaced by a newer one.
    let own = Path::new("/proc/self/exe");
    let path = match own.exists() {
        true => own.to_owned(),
        false => std::env::current_exe().unwrap_or_else(|_| "fieldstone".into()),
    };
    Program { path, args: vec![command.into()] }
}

/// Names of the settings, in the order of the documentation.
pub fn setting_names() -> Vec<String> {
    let command = <Flags as clap::Args>::augment_args(clap::Command::new(""));
    command.get_arguments().map(|a| a.get_id().to_string()).collect()
}

/// The setting, where it came from, and what is wrong with it.
fn explain(error: figment::Error, file: &Path) -> anyhow::Error {
    let key = error.path.last().cloned().unwrap_or_default();
    let source = error.metadata.as_ref().map(|m| m.name.to_string()).unwrap_or_default();
    let place = match source {
        s if s.contains("environment") => format!("FIELDSTONE_{}", key.to_uppercase()),
        s if s.contains("TOML") => format!("{} in {}", key, file.display()),
        _ => key.clone(),
    };
    let place = place.trim_start_matches(" in ");
    match error.kind {
        figment::error::Kind::UnknownField(name, _) => {
            anyhow!(
                "unknown setting {name:?} in {}, expected one of {}",
                file.display(),
                setting_names().join(", ")
            )
        }
        kind => anyhow!("setting {place}: {kind}"),
    }
}

/// Three quarters of the memory that there is.
pub fn three_quarters_of_memory() -> u64 {
    memory::available() / 4 * 3
}
