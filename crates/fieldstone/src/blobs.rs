//! `fieldstone blobs copy`: stored files move between a data folder and a bucket.

use crate::scratch::Scratch;
use crate::size::Size;
use anyhow::Context;
use clap::Subcommand;
use fieldstone_engine::upkeep::{self, BlobPlace};
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct BlobsArgs {
    #[command(subcommand)]
    command: BlobsCommand,
}

#[derive(Subcommand)]
enum BlobsCommand {
    /// Copies stored files from a data folder into a bucket of S3, or back
    Copy(CopyArgs),
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fieldstone blobs copy --from fieldstone-data --to s3://parts/lab
  fieldstone serve --data fieldstone-data --blobs s3://parts/lab
  fieldstone blobs copy --from s3://parts/lab --to fieldstone-data

No server may use either place. Each file is held against its checksum on its way; what is there already is not copied again, so a copy that
was cut goes on. Exit code 1, and a line on stdout for each, when files are damaged: these are not copied. Files that were copied
stay where they were. Credentials and endpoint come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL.")]
struct CopyArgs {
    /// Data folder, or s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL", value_parser = place)]
    from: BlobPlace,
    /// Data folder, or s3://bucket/prefix
    #[arg(long, value_name = "DIR|URL", value_parser = place)]
    to: BlobPlace,
}

fn place(text: &str) -> Result<BlobPlace, String> {
    match text.contains("://") {
        true => {
            text.parse().map(BlobPlace::Bucket).map_err(|e: fieldstone_engine::EngineError| e.to_string())
        }
        false => Ok(BlobPlace::Folder(text.into())),
    }
}

/// Does it.
pub async fn execute(args: BlobsArgs) -> anyhow::Result<ExitCode> {
    let BlobsCommand::Copy(CopyArgs { from, to }) = args.command;
    let scratch = Scratch::inside(&std::env::temp_dir())?;
    let copied = upkeep::copy_blobs(&from, &to, scratch.path()).await;
    let copied = copied.with_context(|| format!("cannot copy stored files from {from} to {to}"))?;
    for (sha256, what) in &copied.damaged {
        println!("blob {sha256}: {what}");
    }
    eprintln!(
        "{} files ({}) copied, {} were there, {} damaged",
        copied.copied,
        Size(copied.bytes).rounded(),
        copied.kept,
        copied.damaged.len()
    );
    Ok(if copied.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
