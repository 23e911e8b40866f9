//! How often triangles may touch where parts overlap is a limit, and its memory is what is said.

use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::outer::{BYTES_PER_CONTACT, Faces, outer};
use fieldstone_kernel::testing::{cuboid, joined};
use fieldstone_kernel::{Monitor, TriMesh};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The allocator, the bytes that are held, and the most that were.
struct Watched;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `at` came from `alloc` above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

/// Bars along x that go through bars along y.
fn grille(bars: usize) -> TriMesh {
    let mut mesh = TriMesh::default();
    for i in 0..bars {
        let at = 2.0 * i as f32;
        let end = 2.0 * bars as f32;
        mesh = joined(&mesh, &cuboid([-1.0, at, 0.0], [end, at + 0.9, 1.0]));
        mesh = joined(&mesh, &cuboid([at, -1.3, 0.25], [at + 0.8, end, 1.5]));
    }
    mesh
}

#[test]
fn contacts_are_limited_and_take_no_more_memory_than_is_said() {
    let mesh = grille(16);
    let bvh = Bvh::build(&mesh, &Monitor::none()).unwrap();
    for limit in (6..24).map(|k| 1 << k) {
        let before = HELD.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let found = outer(&mesh, &bvh, limit, &Monitor::none()).unwrap();
        let took = MOST.load(Ordering::Relaxed) - before;
        // 500 bytes a triangle, and something for the threads.
        let most = BYTES_PER_CONTACT as usize * limit as usize + 500 * mesh.triangles.len() + (1 << 20);
        assert!(took <= most, "{took} bytes for at most {limit} contacts, expected {most}");
        match found {
            Faces::TooMany => {}
            Faces::SomeInner(outer) => {
                assert!(limit > 4096, "{limit} contacts are not all");
                assert!(
                    (outer.mesh.signed_volume() - volume(16)).abs() < 1e-2,
                    "{}",
                    outer.mesh.signed_volume()
                );
                return;
            }
            Faces::AllOuter => panic!("the bars go through each other"),
        }
    }
    panic!("no limit was enough");
}

/// Of the grille: all bars less what they share.
fn volume(bars: usize) -> f64 {
    let (n, length) = (bars as f64, 2.0 * bars as f64);
    n * (length + 1.0) * 0.9 + n * 0.8 * (length + 1.3) * 1.25 - n * n * 0.9 * 0.8 * 0.75
}
