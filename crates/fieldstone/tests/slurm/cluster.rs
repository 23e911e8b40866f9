//! A throw-away Slurm of one node on loopback: controller, node and keys in a folder of their own.

use crate::served::patiently;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Killed and deleted when dropped.
pub struct Cluster {
    folder: tempfile::TempDir,
    munged: Child,
    controller: Option<Child>,
    node: Child,
}

impl Cluster {
    /// Starts one; `None` where none is installed.
    pub fn start() -> Option<Cluster> {
        let installed = |program: &str| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&paths).chain(["/usr/sbin".into()]).any(|path| path.join(program).exists())
        };
        if !["munged", "slurmctld", "slurmd", "sbatch", "squeue"].into_iter().all(installed) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["state", "spool", "munge"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        private(&at("munge"));
        std::fs::write(at("munge/key"), [7; 1024]).unwrap();
        private(&at("munge/key"));
        let text = configuration(folder.path());
        std::fs::write(at("slurm.conf"), text).unwrap();
        let path = |name: &str| at(name).display().to_string();
        let munged = start(Command::new(program("munged")).args([
            "--foreground".into(),
            format!("--socket={}", path("munge.socket")),
            format!("--key-file={}", path("munge/key")),
            format!("--pid-file={}", path("munge/pid")),
            format!("--log-file={}", path("munge/log")),
            format!("--seed-file={}", path("munge/seed")),
        ]));
        patiently("munged listens", || at("munge.socket").exists().then_some(()));
        let controller = Some(controller(folder.path()));
        let node = start(Command::new(program("slurmd")).args(["-D", "-f"]).arg(at("slurm.conf")));
        let cluster = Cluster { folder, munged, controller, node };
        cluster.wait_until_idle();
        Some(cluster)
    }

    /// The variable by which Slurm's commands find it.
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("slurm.conf")
    }

    /// Has the controller die at once, and all that it had not written with it.
    pub fn kill_controller(&mut self) {
        let mut controller = self.controller.take().unwrap();
        controller.kill().unwrap();
        controller.wait().unwrap();
    }

    /// Starts it again.
    pub fn start_controller(&mut self) {
        self.controller = Some(controller(self.folder.path()));
        patiently("the controller answers", || self.said("squeue", &["-h"]).0.then_some(()));
    }

    /// Whether a command ends well, and what it says.
    fn said(&self, name: &str, arguments: &[&str]) -> (bool, String) {
        let output =
            Command::new(name).args(arguments).env("SLURM_CONF", self.configuration()).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// What a command says that must end well.
    pub fn command(&self, name: &str, arguments: &[&str]) -> String {
        let (is_well, text) = self.said(name, arguments);
        assert!(is_well, "{name} {arguments:?}: {text}");
        text
    }

    /// Takes the node out of service, or back.
    pub fn drain(&self, drained: bool) {
        let node = self.command("sinfo", &["-h", "-o", "%n"]);
        let state = if drained { "state=drain" } else { "state=resume" };
        self.command("scontrol", &["update", &format!("nodename={node}"), state, "reason=test"]);
    }

    /// Waits until the node has nothing to do.
    pub fn wait_until_idle(&self) {
        patiently("the node is idle", || (self.said("sinfo", &["-h", "-o", "%T"]).1 == "idle").then_some(()));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.said("scancel", &["--me"]);
        let all = [Some(&mut self.node), self.controller.as_mut(), Some(&mut self.munged)];
        for child in all.into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn program(name: &str) -> PathBuf {
    let root = Path::new("/usr/sbin").join(name);
    if root.exists() { root } else { name.into() }
}

fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn controller(folder: &Path) -> Child {
    start(Command::new(program("slurmctld")).args(["-D", "-f"]).arg(folder.join("slurm.conf")))
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o700 } else { 0o400 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The node has more than the machine: after a crash a controller counts what had ended for minutes still.
fn configuration(folder: &Path) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().split('.').next().unwrap().to_owned();
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    let (user, folder) = (String::from_utf8(user).unwrap().trim().to_owned(), folder.display());
    let (controller, node) = (free_port(), free_port());
    format!(
        "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\n\
         AuthType=auth/munge\nAuthInfo=socket={folder}/munge.socket\nCryptoType=crypto/munge\nCredType=cred/munge\n\
         SlurmctldPort={controller}\nSlurmdPort={node}\nStateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/spool\n\
         SlurmctldPidFile={folder}/controller.pid\nSlurmdPidFile={folder}/node.pid\n\
         ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSwitchType=switch/none\nMpiDefault=none\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nSchedulerType=sched/backfill\n\
         SchedulerParameters=bf_interval=1,sched_min_interval=200000\nReturnToService=2\n\
         MessageTimeout=5\nJobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\nKillWait=2\n\
         SlurmdParameters=config_overrides\nNodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=16384 State=UNKNOWN\n\
         PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"
    )
}
