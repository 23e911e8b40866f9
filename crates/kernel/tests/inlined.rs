//! What is written in vectors runs in vectors: no vector instruction is left as a function of its own.
//!
//! An intrinsic is inlined only into code that may use its instructions. In a closure that goes through a function of the
//! standard library (`array::from_fn`, `map`) it may stay a call, with its registers going through memory: mesh to distance then
//! takes twice as long, and its bytes are the same.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::distance::{FromMesh, Reach, redistance};
use fieldstone_kernel::isosurface::{Options, isosurface};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::testing::cuboid;
use fieldstone_kernel::{Monitor, Patch};
use object::{Object, ObjectSymbol};

#[test]
fn no_vector_instruction_is_a_call() {
    whatever_is_written_in_vectors();
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let program = object::File::parse(&program[..]).unwrap();
    let functions: Vec<&str> = program.symbols().filter_map(|s| s.name().ok()).collect();
    assert!(
        functions.iter().any(|f| f.contains("whatever_is_written_in_vectors")),
        "the program has no symbols"
    );
    let calls: Vec<_> = functions
        .iter()
        .filter(|f| f.contains("core_arch") && (f.contains("_mm256_") || f.contains("_mm512_")))
        .collect();
    assert!(calls.is_empty(), "left as functions: {calls:#?}");
}

/// So that it is part of this program.
#[inline(never)]
fn whatever_is_written_in_vectors() {
    let (mesh, monitor) = (cuboid([-1.0; 3], [1.0; 3]), Monitor::none());
    let patch = Patch::new([3.0; 3], [-1.5; 3], [17; 3]).unwrap();
    let bvh = Bvh::build(&mesh, &monitor).unwrap();
    let mut field = FromMesh::new(&mesh, &bvh).sample(&patch, Reach::Everywhere, &monitor).unwrap();
    redistance(&mut field, &patch, Reach::Everywhere, Level::detect(), &monitor).unwrap();
    assert!(!isosurface(&field, &patch, &Options::default(), &monitor).unwrap().triangles.is_empty());
}
