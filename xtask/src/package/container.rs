//! A container's image from scratch: the static binary, a user, a folder for data, and nothing else. Written as an archive of the
//! OCI image layout (image-spec 1.1, opencontainers.org) that Docker's `load` takes as well.

use super::tree::{Tree, gzipped};
use super::{Release, binary};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Who runs in it, and owns `/data`: nobody that a host has.
const USER: u32 = 10001;
/// Certificates to trust that hosts of Debian and its kin have; an issuer of tokens is asked over TLS.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Writes `fieldstone-VERSION-ARCH-oci.tar`.
pub fn write(release: &Release, out: &Path) -> anyhow::Result<PathBuf> {
    ensure!(
        binary::is_static(&release.binary)?,
        "{} needs libraries that an empty container has not",
        release.binary.display()
    );
    let layer = layer(release)?;
    let packed = gzipped(&layer)?;
    let config = config(release, &digest(&layer))?.to_string();
    let image = Tree::new()?;
    let layer = blob(&image, "application/vnd.oci.image.layer.v1.tar+gzip", &packed)?;
    let config = blob(&image, "application/vnd.oci.image.config.v1+json", config.as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": [layer],
    });
    let mut listed =
        blob(&image, "application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes())?;
    let name = format!("fieldstone:{}", release.version);
    listed["platform"] = json!({"architecture": release.debian_arch()?, "os": "linux"});
    listed["annotations"] = json!({
        "org.opencontainers.image.ref.name": release.version,
        "io.containerd.image.name": format!("docker.io/library/{name}"),
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [listed],
    });
    image.put("oci-layout", 0o644, json!({"imageLayoutVersion": "1.0.0"}).to_string())?;
    image.put("index.json", 0o644, index.to_string())?;
    // Docker before 25 reads this instead.
    let docker = json!([{"Config": path(&config), "RepoTags": [name], "Layers": [path(&layer)]}]);
    image.put("manifest.json", 0o644, docker.to_string())?;
    let bytes = image
        .tar(&[("oci-layout", 0), ("index.json", 0), ("manifest.json", 0), ("blobs", 0)], release.time)?;
    let file = out.join(format!("fieldstone-{}-{}-oci.tar", release.version, release.arch));
    std::fs::write(&file, bytes).with_context(|| file.display().to_string())?;
    Ok(file)
}

/// All files of the image, as a tar.
fn layer(release: &Release) -> anyhow::Result<Vec<u8>> {
    let root = Tree::new()?;
    root.copy("usr/bin/fieldstone", 0o755, &release.binary)?;
    root.put("etc/passwd", 0o644, format!("fieldstone:x:{USER}:{USER}::/data:/sbin/nologin\n"))?;
    root.put("etc/group", 0o644, format!("fieldstone:x:{USER}:\n"))?;
    if Path::new(AUTHORITIES).is_file() {
        root.copy(&AUTHORITIES[1..], 0o644, Path::new(AUTHORITIES))?;
    } else {
        eprintln!(
            "{AUTHORITIES} is not here: the image trusts no issuer's certificate but what is mounted there"
        );
    }
    // Where a root that cannot be written gets a file system in memory.
    root.folder("tmp")?;
    root.folder("data")?;
    root.tar(&[("usr", 0), ("etc", 0), ("tmp", USER), ("data", USER)], release.time)
}

/// How the image is run.
fn config(release: &Release, layer: &str) -> anyhow::Result<Value> {
    Ok(json!({
        "architecture": release.debian_arch()?,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "ExposedPorts": {"8080/tcp": {}},
            "Env": ["FIELDSTONE_DATA=/data", "FIELDSTONE_LISTEN=0.0.0.0:8080", "FIELDSTONE_LOG_FORMAT=json"],
            "Entrypoint": ["/usr/bin/fieldstone"],
            "Cmd": ["serve"],
            "Volumes": {"/data": {}},
            "WorkingDir": "/data",
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "Fieldstone",
                "org.opencontainers.image.version": release.version,
                "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    }))
}

/// Puts bytes into the image's store, and says where and what they are.
fn blob(image: &Tree, kind: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let descriptor = json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()});
    image.put(&path(&descriptor), 0o644, bytes)?;
    Ok(descriptor)
}

/// Where the store has what a descriptor means.
fn path(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap_or_default();
    format!("blobs/{}", digest.replace(':', "/"))
}

/// What an unpacked image is run of.
pub struct Layers {
    /// The packed files of its root, from the first to the last.
    pub paths: Vec<PathBuf>,
    /// How it is run.
    pub config: Value,
}

/// Reads an unpacked image.
pub fn layers(image: &Path) -> anyhow::Result<Layers> {
    let read = |file: &str| -> anyhow::Result<Value> {
        let bytes = std::fs::read(image.join(file)).with_context(|| file.to_owned())?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    let manifest = read(&path(&read("index.json")?["manifests"][0]))?;
    let config = read(&path(&manifest["config"]))?["config"].take();
    let paths = manifest["layers"].as_array().context("the image has no layers")?;
    Ok(Layers { paths: paths.iter().map(|layer| image.join(path(layer))).collect(), config })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::stand_in;
    use crate::run::output_of;
    use std::process::Command;

    /// What a descriptor means, after its size and digest were held against it.
    fn checked(image: &Path, descriptor: &Value) -> Vec<u8> {
        let bytes = std::fs::read(image.join(path(descriptor))).unwrap();
        assert_eq!(descriptor["size"], bytes.len());
        let mut sum = Command::new("sha256sum");
        let sum = output_of(sum.arg(image.join(path(descriptor)))).unwrap();
        assert_eq!(descriptor["digest"], format!("sha256:{}", &sum[..64]).as_str());
        bytes
    }

    #[test]
    fn each_digest_is_of_what_it_names_and_the_layer_is_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let release = stand_in(folder.path());
        let file = write(&release, folder.path()).unwrap();
        let first = std::fs::read(&file).unwrap();
        write(&release, folder.path()).unwrap();
        assert!(first == std::fs::read(&file).unwrap(), "equal contents are equal bytes");

        let image = folder.path().join("image");
        std::fs::create_dir(&image).unwrap();
        output_of(Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&image)).unwrap();
        let read = |bytes: Vec<u8>| -> Value { serde_json::from_slice(&bytes).unwrap() };
        let index = read(std::fs::read(image.join("index.json")).unwrap());
        let manifest = read(checked(&image, &index["manifests"][0]));
        let config = read(checked(&image, &manifest["config"]));
        checked(&image, &manifest["layers"][0]);
        let plain = folder.path().join("layer.tar");
        let layer = image.join(path(&manifest["layers"][0]));
        let unpack = format!("gzip -dc '{}' > '{}'", layer.display(), plain.display());
        output_of(Command::new("sh").arg("-c").arg(unpack)).unwrap();
        let sum = output_of(Command::new("sha256sum").arg(&plain)).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", &sum[..64]).as_str());

        let listed = output_of(Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(&plain)).unwrap();
        let of = |name: &str| listed.lines().find(|line| line.ends_with(name)).unwrap().to_owned();
        assert!(of(" usr/bin/fieldstone").starts_with("-rwxr-xr-x 0/0 "));
        assert!(of(" data/").starts_with("drwxr-xr-x 10001/10001 "));
        assert_eq!(config["config"]["User"], "10001:10001");
        assert_eq!(config["config"]["Entrypoint"][0], "/usr/bin/fieldstone");
        let docker = read(std::fs::read(image.join("manifest.json")).unwrap());
        assert_eq!(docker[0]["Config"], path(&manifest["config"]).as_str());
    }

    #[test]
    fn a_binary_that_needs_libraries_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let release = Release { binary: std::env::current_exe().unwrap(), ..stand_in(folder.path()) };
        let refused = write(&release, folder.path()).unwrap_err().to_string();
        assert!(refused.contains("needs libraries"), "{refused}");
    }
}
