//! How much memory this process may have: the machine's, or what a container or a service unit leaves it of that.

use std::path::Path;

/// What is taken for the machine's memory where it cannot be told.
const UNKNOWN: u64 = 8 << 30;

/// Bytes: the least of the machine's memory and the limits of all control groups that this process is in.
pub fn available() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = text
        .lines()
        .find_map(|l| l.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = machine.map_or(UNKNOWN, |kib| kib << 10);
    limit_of(&groups, Path::new("/sys/fs/cgroup")).map_or(machine, |limit| limit.min(machine))
}

/// The least limit of the groups in `/proc/self/cgroup` and of those above them: `memory.max` of version 2,
/// `memory.limit_in_bytes` of version 1 (cgroups(7)).
fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (tree, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            list if list.split(',').any(|c| c == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        // In a container the group's own folder is often mounted as the root.
        let group = Path::new(group.trim_start_matches('/'));
        for folder in group.ancestors() {
            let limit = std::fs::read_to_string(tree.join(folder).join(file)).ok();
            if let Some(limit) = limit.and_then(|text| text.trim().parse::<u64>().ok()) {
                least = Some(least.map_or(limit, |known| known.min(limit)));
            }
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_a_group_and_those_above_it_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(limit_of("0::/a/b\n", root.path()), None);
        write("a/memory.max", "3000\n");
        write("a/b/memory.max", "max\n");
        assert_eq!(limit_of("0::/a/b\n", root.path()), Some(3000));
        write("memory.max", "2000\n");
        assert_eq!(limit_of("0::/elsewhere\n", root.path()), Some(2000), "the root is the group's own");
        write("memory/jobs/memory.limit_in_bytes", "1000\n");
        let old = "5:cpu,cpuacct:/jobs\n4:memory:/jobs\n";
        assert_eq!(limit_of(old, root.path()), Some(1000));
        assert!(available() > 0);
    }
}
