// SPDX-License-Identifier: BSD-2-Clause
// Constructs of Rust: generics, closures, trait objects, panics being unwound.
use std::time::{Duration, Instant};

/* std::hint's is stable since 1.66 only; Debian 12 has 1.63 */
#[inline(always)]
fn black_box<T: Copy>(x: T) -> T {
    unsafe { std::ptr::read_volatile(&x) }
}

fn blocked() -> bool {
    std::env::var_os("BLOCK").is_some()
}

// Nanoseconds this thread ran: spinning ends after that much of its own CPU time, on a busy machine too.
fn ran() -> u64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    s.split(' ').next().and_then(|v| v.parse().ok()).unwrap_or(u64::MAX)
}

#[inline(never)]
fn rs_leaf(end: Instant) -> u64 {
    let mut n = 0u64;
    let wait = blocked();
    let cpu = ran() + end.saturating_duration_since(Instant::now()).as_nanos() as u64;
    while if wait { Instant::now() < end } else { ran() < cpu } {
        if wait {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        }
        for i in 0..1_000_000u64 {
            n = black_box(n.wrapping_add(i));
        }
    }
    black_box(n)
}

#[inline(never)]
fn rs_generic<T: Fn(Instant) -> u64>(f: T, end: Instant) -> u64 {
    black_box(f(end)) + 1
}

trait Runner {
    fn rs_run(&self, end: Instant) -> u64;
}
struct Plain(u64);
impl Runner for Plain {
    #[inline(never)]
    fn rs_run(&self, end: Instant) -> u64 {
        black_box(rs_leaf(end)) + self.0
    }
}
#[inline(never)]
fn rs_dynamic(r: &dyn Runner, end: Instant) -> u64 {
    black_box(r.rs_run(end)) + 1
}

struct Guard(Instant);
impl Drop for Guard {
    #[inline(never)]
    fn drop(&mut self) {
        black_box(rs_leaf(self.0));
    }
}
#[inline(never)]
fn rs_panics(end: Instant) {
    let _g = Guard(end);
    if black_box(true) {
        panic!("on purpose");
    }
}

fn begin(name: &str, chain: &str) -> Instant {
    let s: f64 = std::env::var("ST_SECONDS").ok().and_then(|v| v.parse().ok()).unwrap_or(1.0);
    std::fs::write("/proc/self/comm", format!("st-{}", name)).unwrap();
    println!("chain {} {}", name, chain);
    Instant::now() + Duration::from_secs_f64(s)
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("rust-generic") => {
            let end = begin("rust-generic", "~rs_generic;~rs_leaf");
            black_box(rs_generic(rs_leaf, end));
        }
        Some("rust-dyn") => {
            let end = begin("rust-dyn", "~rs_dynamic;~rs_run;~rs_leaf");
            let p = Plain(black_box(3));
            black_box(rs_dynamic(black_box(&p), end));
        }
        Some("rust-panic") => {
            let end = begin("rust-panic", "~rs_panics;**;~drop;~rs_leaf");
            std::panic::set_hook(Box::new(|_| {}));
            let _ = std::panic::catch_unwind(|| rs_panics(end));
        }
        _ => std::process::exit(2),
    }
}
