//! A root of its own: an empty one, or a fresh Debian; programs run in it without rights and, but for its data, without writing to it.

use crate::run::{must, target};
use anyhow::Context;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Who programs run as.
const USER: u32 = 10001;

/// What a container's runtime does before it starts a program: file systems that every program may expect, and a root that
/// cannot be written but for its data. $1 is the root, $2 the folder of data in it, the rest is the program.
const ENTER: &str = r#"
set -e
root=$1 data=$2
shift 2
mount --bind "$root" "$root"
mkdir -p "$root/proc" "$root/dev" "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
if [ -n "$data" ]; then
    mount --bind "$root/$data" "$root/$data"
    mount -o remount,bind,ro "$root"
    exec chroot --userspec=10001:10001 "$root" "$@"
fi
exec chroot "$root" "$@"
"#;

/// A root that is removed when dropped.
pub struct Root {
    folder: tempfile::TempDir,
    enter: tempfile::NamedTempFile,
    data: std::cell::RefCell<String>,
}

impl Root {
    /// With nothing in it.
    pub fn empty() -> anyhow::Result<Root> {
        let folder = tempfile::Builder::new().prefix("fieldstone-root-").tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let enter = tempfile::NamedTempFile::new()?;
        std::fs::write(enter.path(), ENTER)?;
        Ok(Root { folder, enter, data: Default::default() })
    }

    /// The smallest Debian of this machine's release with these packages, from where its apt gets them; kept packed for the next time.
    pub fn debian(packages: &[&str]) -> anyhow::Result<Root> {
        let root = Root::empty()?;
        let packages = packages.join(",");
        let kept = target().join(format!("package-try-debian-{packages}.tar"));
        if !kept.is_file() {
            let release = std::fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
            let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
            let name = name.context("/etc/os-release names no release")?;
            let mut make = Command::new("debootstrap");
            make.args(["--variant=minbase", &format!("--include={packages}"), name])
                .arg(root.path())
                .args(mirror());
            must(&mut make).context("Debian: apt-get install debootstrap")?;
            must(Command::new("tar").arg("-cf").arg(&kept).arg("-C").arg(root.path()).arg("."))?;
        } else {
            must(Command::new("tar").args(["--same-owner", "-xf"]).arg(&kept).arg("-C").arg(root.path()))?;
        }
        Ok(root)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the one folder that programs may write to.
    pub fn data(&self, name: &str) -> anyhow::Result<()> {
        let folder = self.path().join(name);
        for made in ["proc", "dev", "tmp", name] {
            std::fs::create_dir_all(self.path().join(made))?;
        }
        std::os::unix::fs::chown(&folder, Some(USER), Some(USER)).context("this takes root")?;
        name.clone_into(&mut self.data.borrow_mut());
        Ok(())
    }

    /// A program in it, without rights, which can write to its data alone.
    pub fn command(&self, program: &str, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = self.enter(&self.data.borrow());
        command.arg(program).args(args).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        // Runtimes of containers set it, too.
        command.env("HOME", format!("/{}", self.data.borrow()));
        command.envs(variables.iter().copied());
        command
    }

    /// Runs a program of it, as root and with all of it to write to.
    pub fn inside(&self, program: &str, args: &[&str]) -> anyhow::Result<()> {
        let mut command = self.enter("");
        command.arg(program).args(args).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        must(command.env("DEBIAN_FRONTEND", "noninteractive"))
    }

    fn enter(&self, data: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child=TERM", "sh"]);
        command.arg(self.enter.path()).arg(self.path()).arg(data);
        command
    }
}

/// Where this machine's apt gets packages, if its lists say so in one of the two usual forms.
fn mirror() -> Option<String> {
    let lists = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"];
    let texts = lists.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let word = |text: String| {
        let is_url = |word: &&str| word.starts_with("http://") || word.starts_with("https://");
        let lines = text.lines().filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"));
        lines.flat_map(str::split_whitespace).find(is_url).map(str::to_owned)
    };
    texts.filter_map(word).next()
}
