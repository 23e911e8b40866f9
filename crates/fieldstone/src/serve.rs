//! `fieldstone serve`: everything in one process.

use crate::settings::{Flags, Settings};
use anyhow::Context;
use fieldstone_engine::Engine;
use fieldstone_engine::model::NewKey;
use std::process::ExitCode;
use tokio::net::TcpListener;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone serve
  fieldstone serve --listen 0.0.0.0:8080 --data /srv/fieldstone --max-upload 4GiB
  FIELDSTONE_LOG=debug fieldstone serve --listen 127.0.0.1:0

A new data folder gets an admin key, printed once on stderr. SIGTERM or Ctrl-C stops the server; jobs that did
not finish run again after the next start.")]
pub struct ServeArgs {
    #[command(flatten)]
    pub flags: Flags,
}

/// Serves until SIGTERM or Ctrl-C.
pub async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    settings.start_log()?;
    let shutdown = shutdown_signal()?;
    // The address first: an admin key is shown once, and must not be lost to a port that is taken.
    let listener = TcpListener::bind(&settings.listen)
        .await
        .with_context(|| format!("cannot listen on {:?}", settings.listen))?;
    let engine = Engine::open(settings.engine())
        .await
        .with_context(|| format!("cannot open data folder {}", settings.data.display()))?;
    if engine.has_no_keys().await? {
        let token = engine.create_key(NewKey { name: "admin".into(), ..NewKey::default() }).await?;
        eprintln!("admin key, shown only now: {token}");
    }
    engine.start();
    eprintln!("listening on {}", fieldstone_server::url_of(listener.local_addr()?));
    fieldstone_server::serve(listener, engine.clone(), settings.server(), shutdown).await?;
    engine.stop().await;
    eprintln!("stopped");
    Ok(ExitCode::SUCCESS)
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
