//! `fieldstone completions` and `fieldstone man`: written from the arguments themselves.

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone completions bash > /etc/bash_completion.d/fieldstone
  fieldstone completions zsh > ~/.zfunc/_fieldstone
  fieldstone completions fish > ~/.config/fish/completions/fieldstone.fish")]
pub struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone man ~/.local/share/man/man1 && man fieldstone-assets-cp")]
pub struct ManArgs {
    /// Folder for the pages, one per command; made when absent
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints a script that completes the command line.
pub fn completions(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<ExitCode> {
    clap_complete::generate(args.shell, &mut command, "fieldstone", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}

/// Writes the manual pages.
pub fn man(args: &ManArgs, command: Command) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make folder {}", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
