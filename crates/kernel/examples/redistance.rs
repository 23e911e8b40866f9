//! Times the redistancing of a cube of raw `f32` samples with spacing 1. Prints one JSON line.
//!
//! `redistance IN.f32 N REPETITIONS OUT.f32 [--threads T] [--band WIDTH]`

use fieldstone_kernel::distance::{Reach, redistance};
use fieldstone_kernel::simd::Level;
use fieldstone_kernel::{Monitor, Patch};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let [input, n, repetitions, output, ..] = &args[..] else {
        return Err("usage: redistance IN.f32 N REPETITIONS OUT.f32 [--threads T] [--band WIDTH]".into());
    };
    let (n, repetitions): (u32, usize) = (n.parse()?, repetitions.parse()?);
    if let Some(t) = option("--threads") {
        rayon::ThreadPoolBuilder::new().num_threads(t.parse()?).build_global()?;
    }
    let reach = match option("--band") {
        Some(width) => Reach::Band(width.parse()?),
        None => Reach::Everywhere,
    };
    let bytes = std::fs::read(input)?;
    let given: Vec<f32> =
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    drop(bytes);
    let patch = Patch::new([f64::from(n - 1); 3], [0.0; 3], [n; 3])?;
    let (mut times, mut field) = (vec![], vec![]);
    for _ in 0..=repetitions {
        field.clone_from(&given);
        let start = Instant::now();
        redistance(&mut field, &patch, reach, Level::detect(), &Monitor::none())?;
        times.push(start.elapsed().as_secs_f64());
    }
    std::fs::write(output, bytemuck::cast_slice::<f32, u8>(&field))?;
    println!(
        "{{\"times\":{:?},\"first\":{},\"rss_peak_mb\":{},\"inside\":{}}}",
        &times[1..],
        times[0],
        peak_rss_mb(),
        field.iter().filter(|d| **d < 0.0).count()
    );
    Ok(())
}

/// Greatest resident set of this process so far; 0 where the system does not tell.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
