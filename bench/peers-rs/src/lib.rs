//! What the workers share: the clock and the one JSON line they print.

use std::time::Instant;

/// One call to warm up, `reps` timed ones; returns the last result and the times in seconds.
pub fn timed<T>(reps: usize, mut run: impl FnMut() -> T) -> (T, Vec<f64>) {
    let mut result = run();
    let mut times = Vec::new();
    for _ in 0..reps {
        let start = Instant::now();
        let next = std::hint::black_box(run());
        times.push(start.elapsed().as_secs_f64());
        result = next;
    }
    (result, times)
}

/// Peak resident memory of this process in MiB.
pub fn rss_peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// Prints the line; `more` is JSON that starts with a comma, or nothing.
pub fn report(times: &[f64], more: &str) {
    println!("{{\"times\":{times:?},\"rss_peak_mb\":{:.1}{more}}}", rss_peak_mb());
}

/// Threads of the global pool.
pub fn threads(n: usize) {
    rayon::ThreadPoolBuilder::new().num_threads(n).build_global().expect("the first pool");
}
