//! Memory for large results, in pages as large as the system has.
//!
//! Memory that is used for the first time is handed out page by page, each at the cost of a fault, and every page takes a place among the
//! addresses that the processor can translate at once. At 4 KiB a sixth of the time of a large isosurface goes there. Linux gives pages of
//! 2 MiB to those who ask, where transparent huge pages are set to `madvise`, as most distributions have it, or to `always`.

/// Size and alignment of a large page: that of x86-64, and of aarch64 with pages of 4 KiB.
const LARGE: usize = 2 << 20;

/// So many zeros, whose memory is asked for in large pages.
pub fn zeros(n: usize) -> Vec<f32> {
    // Straight from the system, if it is much: nothing is written here, so no page is there yet.
    let mut zeros = vec![0.0; n];
    prefer_large(&mut zeros);
    zeros
}

/// Makes room for `more` elements behind those of `vector`, asked for in large pages.
pub fn reserve<T>(vector: &mut Vec<T>, more: usize) {
    vector.reserve(more);
    prefer_large(&mut vector.spare_capacity_mut()[..more]);
}

/// Asks the system to put large pages behind what of `memory` has none yet. Contents and addresses stay as they are, and where there are no
/// large pages nothing happens.
fn prefer_large<T>(memory: &mut [T]) {
    let bytes = std::mem::size_of_val(memory);
    let head = memory.as_ptr().cast::<u8>().align_offset(LARGE);
    let whole = bytes.saturating_sub(head) / LARGE * LARGE;
    #[cfg(target_os = "linux")]
    if whole > 0 {
        // SAFETY: these bytes are inside the slice, which is ours alone; the advice changes neither them nor where they are.
        // Its refusal says that there are no large pages.
        unsafe {
            libc::madvise(memory.as_mut_ptr().cast::<u8>().add(head).cast(), whole, libc::MADV_HUGEPAGE)
        };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (head, whole);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_stay_and_zeros_are_zero() {
        for n in [0, 1, LARGE / 4 - 1, 3 * LARGE / 4 + 5] {
            let mut all = zeros(n);
            assert!(all.len() == n && all.iter().all(|v| v.to_bits() == 0), "{n}");
            all.fill(7.5);
            reserve(&mut all, 2 * LARGE);
            assert!(all.len() == n && all.iter().all(|v| *v == 7.5), "{n}");
            assert!(all.capacity() >= n + 2 * LARGE, "{n}");
        }
    }

    /// What Linux says of the memory: `hg` among the flags of its mapping.
    #[cfg(target_os = "linux")]
    #[test]
    fn large_pages_are_asked_for() {
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            return;
        }
        let some = zeros(4 * LARGE);
        let middle = some[some.len() / 2..].as_ptr() as usize;
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut here = false;
        let flags = maps.lines().find(|line| {
            let range = line.split(' ').next().and_then(|r| r.split_once('-'));
            let hex = |s: &str| usize::from_str_radix(s, 16).ok();
            if let Some((from, to)) = range.and_then(|(a, b)| Some((hex(a)?, hex(b)?))) {
                here = (from..to).contains(&middle);
            }
            here && line.starts_with("VmFlags:")
        });
        let flags = flags.expect("memory is in some mapping");
        assert!(flags.split(' ').any(|f| f == "hg"), "{flags}");
    }
}
