//! The commands that talk to a server over its API.

mod account;
mod api;
mod assets;
mod client;
mod copy;
mod dispatch;
mod events;
mod failure;
mod find;
mod follow;
mod jobs;
mod list;
mod log;
mod projects;
mod table;
mod transfer;
mod wait;
mod workers;
mod workflows;

pub use client::{Client, http, text};
pub use transfer::fetch;

use crate::INTERRUPTED;
use crate::serve::shutdown_signal;
use account::{On, ServerArgs};
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Remote {
    /// Keeps a server's address and a key to it for the commands that talk to it
    Login(account::LoginArgs),
    /// Forgets what login kept
    Logout,
    /// Projects of a server: list, get, create, rename, delete
    Projects(On<projects::Action>),
    /// Assets of a project: list, get, cp, delete
    Assets(On<assets::Action>),
    /// Jobs of a project: list, get, run, logs, rename, delete
    Jobs(On<jobs::Action>),
    /// Workflows of a project: list, get, run, cancel, delete
    Workflows(On<workflows::Action>),
    /// Workers that are connected to a server: list
    Workers(On<workers::Action>),
    /// Shows what happens in a project, as it happens
    Events(events::EventsArgs),
    /// Waits until jobs and workflows have ended
    Wait(wait::WaitArgs),
    /// Sends any request of the API
    Api(api::ApiArgs),
}

/// Does it; what fails is told as `--json` says, with the exit code of its kind.
pub async fn execute(remote: Remote) -> ExitCode {
    let json = remote.server().is_some_and(|server| server.json);
    let interrupted = match shutdown_signal() {
        Ok(interrupted) => interrupted,
        Err(e) => return failure::tell(&e, json),
    };
    let work = async {
        match remote {
            Remote::Login(args) => account::login(args).await,
            Remote::Logout => account::logout(),
            Remote::Projects(args) => projects::execute(args).await,
            Remote::Assets(args) => assets::execute(args).await,
            Remote::Jobs(args) => jobs::execute(args).await,
            Remote::Workflows(args) => workflows::execute(args).await,
            Remote::Workers(args) => workers::execute(args).await,
            Remote::Events(args) => events::execute(args).await,
            Remote::Wait(args) => wait::execute(args).await,
            Remote::Api(args) => api::execute(args).await,
        }
    };
    tokio::select! {
        done = work => done.unwrap_or_else(|e| failure::tell(&e, json)),
        () = interrupted => ExitCode::from(INTERRUPTED),
    }
}

impl Remote {
    /// What it says of the server; nothing where it needs none.
    fn server(&self) -> Option<&ServerArgs> {
        Some(match self {
            Remote::Login(args) => &args.server,
            Remote::Logout => return None,
            Remote::Projects(on) => &on.server,
            Remote::Assets(on) => &on.server,
            Remote::Jobs(on) => &on.server,
            Remote::Workflows(on) => &on.server,
            Remote::Workers(on) => &on.server,
            Remote::Events(args) => &args.server,
            Remote::Wait(args) => &args.server,
            Remote::Api(args) => &args.server,
        })
    }
}
