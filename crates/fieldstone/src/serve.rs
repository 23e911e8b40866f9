//! `fieldstone serve`: the API and the ledger in this process, each attempt of a job in one of its own.

use crate::admin_key;
use crate::settings::{Flags, Settings};
use crate::{audit, placement, sign_in};
use anyhow::Context;
use fieldstone_engine::model::NewKey;
use fieldstone_engine::{Engine, EngineConfig};
use fieldstone_server::{Event, Listeners, Tls};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone serve
  fieldstone serve --listen 0.0.0.0:8080 --data /srv/fieldstone --max-upload 4GiB
  fieldstone serve --tls-listen 127.0.0.1:8443
  fieldstone serve --database postgres://fieldstone@db.example/fieldstone
  fieldstone serve --blobs s3://parts/lab
  FIELDSTONE_LOG=debug fieldstone serve --listen 127.0.0.1:0

A new data folder gets an admin key: shown once on stderr when that is a terminal or a file that only its owner may read,
else written to admin.key in the data folder, which only its owner may read. SIGTERM or Ctrl-C stops the server; jobs that did
not finish run again after the next start.")]
pub struct ServeArgs {
    #[command(flatten)]
    pub flags: Flags,
    /// Starts once on a data folder whose ledger is gone or older than the files stored there; what no row names stays in
    /// quarantine for quarantine_days
    #[arg(long)]
    pub accept_lost_rows: bool,
}

/// Serves until SIGTERM or Ctrl-C.
pub async fn serve(settings: Settings, accept_lost_rows: bool) -> anyhow::Result<ExitCode> {
    settings.start_log()?;
    let shutdown = shutdown_signal()?;
    // The address first: an admin key is shown once, and must not be lost to a port that is taken.
    let listener = TcpListener::bind(&settings.listen)
        .await
        .with_context(|| format!("cannot listen on {:?}", settings.listen))?;
    let secure = match &settings.tls_listen {
        Some(address) => {
            Some(TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address:?}"))?)
        }
        None => None,
    };
    // All that can be refused comes before the data folder is made.
    placement::check(&settings)?;
    let (mut server, given) = (settings.server(), sign_in::given_certificate(&settings)?);
    server.issuer = sign_in::issuer(&settings)?.map(Arc::new);
    server.max_connections = server.max_connections.min(room_for_connections());
    let (database, blobs) = (settings.database.clone(), settings.blobs.clone());
    let address = Some(fieldstone_server::url_of(listener.local_addr()?));
    let engine =
        Engine::open(EngineConfig { accept_lost_rows, database, blobs, address, ..settings.engine() })
            .await
            .with_context(|| format!("cannot open data folder {}", settings.location()))?;
    let audit = audit::open(&settings)?.map(Arc::new);
    let tell = |event: Event| audit.iter().for_each(|log| log.write(&event));
    server.audit = audit.clone();
    let tls = match secure {
        Some(listener) => Some(with_certificate(listener, given, &settings)?),
        None => None,
    };
    if engine.has_no_keys().await? {
        let token = engine.create_key(NewKey { name: "admin".into(), ..NewKey::default() }).await?;
        admin_key::hand_over(&token, &settings.data)?;
    }
    tell(Event::new("server.start", "done").with("version", Some(env!("CARGO_PKG_VERSION"))));
    engine.start();
    eprintln!("listening on {}", fieldstone_server::url_of(listener.local_addr()?));
    let listeners = Listeners { plain: listener, tls };
    let serving = fieldstone_server::serve(listeners, engine.clone(), server, shutdown);
    if settings.slurm_workers > 0 {
        tokio::select! {
            served = serving => served?,
            Err(e) = placement::place(engine.clone(), settings.clone()) => return Err(e),
        }
    } else {
        serving.await?;
    }
    engine.close().await;
    tell(Event::new("server.stop", "done"));
    eprintln!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Lets this process open as many files as it may at all; half of them are for connections.
#[cfg(unix)]
fn room_for_connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    files.map_or(usize::MAX, |n| usize::try_from(n / 2).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn room_for_connections() -> usize {
    usize::MAX
}

/// The listener with the certificate that was given, else with one of our own, and a line that says so.
fn with_certificate(
    listener: TcpListener,
    given: Option<Tls>,
    settings: &Settings,
) -> anyhow::Result<(TcpListener, Tls)> {
    let address = listener.local_addr()?;
    let tls = match given {
        Some(tls) => {
            eprintln!("TLS on https://{address}");
            tls
        }
        None => {
            let (tls, trust) = sign_in::own_certificate(settings)?;
            eprintln!("TLS on https://{address}, trust {}", trust.display());
            tls
        }
    };
    Ok((listener, tls))
}

/// Resolves at SIGTERM or Ctrl-C; from the call on these no longer end the process by themselves.
pub fn shutdown_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
