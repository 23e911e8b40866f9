//! Bytes of one asset, up or down, with a bar on a terminal.

use super::client::{Client, text};
use super::table::{field, plain};
use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Body;
use reqwest::multipart::Part;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{IsTerminal, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

const CHUNK: usize = 1 << 20;
/// Files of so many bytes are worth going on with: they are read once more, for the checksum by which they are found again.
const IN_PIECES: u64 = 8 << 20;
/// Digits of the checksum in the name of a file that is not whole yet.
const MARK: usize = 12;

/// A line on stderr that shows how far a transfer is; none where stderr is no terminal.
struct Bar(ProgressBar);

impl Bar {
    /// Without a size it shows the bytes so far.
    fn new(name: &str, size: Option<u64>) -> Bar {
        let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        bar.set_draw_target(target);
        let shape = match size {
            Some(_) => "{prefix} {bar:30.cyan/dim} {bytes} of {total_bytes}  {bytes_per_sec}  {eta}",
            None => "{prefix} {bytes}  {bytes_per_sec}",
        };
        let style = ProgressStyle::with_template(shape).expect("the template is constant");
        Bar(bar.with_style(style.progress_chars("━╸─")).with_prefix(plain(name)))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Uploads a file; a large one goes on where an earlier attempt broke off.
pub async fn send(client: &Client, project: &str, path: &Path, name: String) -> anyhow::Result<Value> {
    let unreadable = || format!("cannot read {}", path.display());
    let file = tokio::fs::File::open(path).await.with_context(unreadable)?;
    let found = file.metadata().await.with_context(unreadable)?;
    ensure!(found.is_file(), "{} is no file", path.display());
    let size = found.len();
    if size >= IN_PIECES
        && let Some(open) = client.open_uploads(project).await?
    {
        return go_on(client, project, (path, file, size), &name, &open).await;
    }
    let bar = Bar::new(&name, Some(size));
    client.upload(project, name, Part::stream_with_length(counted(&bar, pieces(file)), size)).await
}

/// Uploads a file by an upload that may be cut: one of `open` that has its name and its checksum, or a new one.
async fn go_on(
    client: &Client,
    project: &str,
    (path, mut file, size): (&Path, tokio::fs::File, u64),
    name: &str,
    open: &[Value],
) -> anyhow::Result<Value> {
    let unreadable = || format!("cannot read {}", path.display());
    let mut hash = Sha256::new();
    let mut all = std::pin::pin!(pieces(file.try_clone().await.with_context(unreadable)?));
    while let Some(piece) = all.next().await {
        hash.update(&piece.with_context(unreadable)?);
    }
    let checksum = format!("sha256:{}", hex::encode(hash.finalize()));
    let is_ours = |one: &&Value| one["filename"] == name && one["checksum"] == checksum.as_str();
    let (id, offset) = match open.iter().find(is_ours) {
        Some(cut) => (text(cut, "id")?, cut["offset"].as_u64().context("the upload has no offset")?),
        None => {
            let metadata =
                format!("filename {},checksum {}", STANDARD.encode(name), STANDARD.encode(&checksum));
            (client.begin_upload(project, &metadata, size).await?, 0)
        }
    };
    file.seek(SeekFrom::Start(offset)).await.with_context(unreadable)?;
    let bar = Bar::new(name, Some(size));
    bar.0.set_position(offset);
    // Not beyond what was said, should the file be growing.
    let body = counted(&bar, pieces(file.take(size - offset)));
    let sent = client.append(project, &id, (offset, size), body).await;
    sent.context("the upload broke off; the same command goes on with it")
}

/// A body whose bytes move a bar.
fn counted(
    bar: &Bar,
    pieces: impl futures::Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static,
) -> Body {
    let moved = bar.0.clone();
    Body::wrap_stream(pieces.inspect(move |piece| moved.inc(piece.as_ref().map_or(0, |p| p.len() as u64))))
}

/// Uploads what comes on standard input.
pub async fn send_stdin(client: &Client, project: &str, name: String) -> anyhow::Result<Value> {
    let bar = Bar::new(&name, None);
    client.upload(project, name, Part::stream(counted(&bar, pieces(tokio::io::stdin())))).await
}

fn pieces(
    from: impl AsyncReadExt + Unpin + Send + 'static,
) -> impl futures::Stream<Item = std::io::Result<Vec<u8>>> + Send {
    futures::stream::try_unfold(from, |mut from| async {
        let mut piece = Vec::with_capacity(CHUNK);
        let read = (&mut from).take(CHUNK as u64).read_to_end(&mut piece).await?;
        Ok((read > 0).then_some((piece, from)))
    })
}

/// Downloads an asset to `path`, from where an earlier attempt broke off.
pub async fn fetch(client: &Client, project: &str, asset: &Value, path: &Path) -> anyhow::Result<()> {
    let bar = Bar::new(&field(asset, "filename"), asset["size"].as_u64());
    let checksum = text(asset, "checksum")?;
    let part = part_of(path, &checksum)?;
    let unwritable = || format!("cannot write {}", part.display());
    let (mut hash, mut done) = (Sha256::new(), 0);
    if let Ok(file) = tokio::fs::File::open(&part).await {
        let mut pieces = std::pin::pin!(pieces(file));
        while let Some(piece) = pieces.next().await {
            let piece = piece.with_context(|| format!("cannot read {}", part.display()))?;
            hash.update(&piece);
            done += piece.len() as u64;
        }
    }
    let mut file =
        tokio::fs::OpenOptions::new().append(true).create(true).open(&part).await.with_context(unwritable)?;
    bar.0.set_position(done);
    if asset["size"].as_u64() != Some(done) {
        let mut response = client.download(project, &text(asset, "id")?, done).await?;
        while let Some(piece) =
            response.chunk().await.context("the download broke off; the same command goes on with it")?
        {
            file.write_all(&piece).await.with_context(unwritable)?;
            hash.update(&piece);
            bar.0.inc(piece.len() as u64);
        }
    }
    file.sync_all().await.with_context(unwritable)?;
    let found = format!("sha256:{}", hex::encode(hash.finalize()));
    if found != checksum {
        std::fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
        bail!("what came of {} has checksum {found}, expected {checksum}", field(asset, "filename"));
    }
    std::fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Where a download lies until it is whole: beside its file, marked by what it will be.
fn part_of(path: &Path, checksum: &str) -> anyhow::Result<PathBuf> {
    let mark = checksum.strip_prefix("sha256:").and_then(|hex| hex.get(..MARK));
    let mark = mark.with_context(|| format!("the asset's checksum is {checksum:?}, expected sha256:…"))?;
    let mut name =
        path.file_name().with_context(|| format!("{} is no file's name", path.display()))?.to_owned();
    name.push(format!(".{mark}.part"));
    Ok(path.with_file_name(name))
}

/// Writes an asset to standard output; its checksum is looked at once all of it is out.
pub async fn read_to_stdout(client: &Client, project: &str, asset: &Value) -> anyhow::Result<()> {
    let mut response = client.download(project, &text(asset, "id")?, 0).await?;
    let (mut hash, mut out) = (Sha256::new(), std::io::stdout().lock());
    while let Some(piece) = response.chunk().await.context("the download broke off")? {
        hash.update(&piece);
        out.write_all(&piece).context("cannot write to standard output")?;
    }
    out.flush().context("cannot write to standard output")?;
    let (found, checksum) = (format!("sha256:{}", hex::encode(hash.finalize())), text(asset, "checksum")?);
    ensure!(found == checksum, "what came has checksum {found}, expected {checksum}");
    Ok(())
}
