// SPDX-License-Identifier: BSD-2-Clause

// Prints the addresses of places whose chain of functions and lines is known, as chain.c does; with an argument it spends so many seconds of CPU time.
use std::arch::asm;

static mut SPINS: usize = 0;

/* C's: CPU time in microseconds */
extern "C" {
    fn clock() -> i64;
}

/* std::hint's is stable since 1.66 only; Debian 12 has 1.63 */
#[inline(always)]
fn black_box<T: Copy>(x: T) -> T {
    unsafe { std::ptr::read_volatile(&x) }
}

#[inline(always)]
fn leaf(x: usize) -> usize {
    let pc: usize;
    black_box(x);
    unsafe { asm!("lea {}, [rip]", "nop", out(reg) pc) } /* LEAF */
    let mut i = 0;
    while i < unsafe { SPINS } {
        unsafe { asm!("nop") }
        i += 1;
    }
    pc
}

#[inline(always)]
fn middle(x: usize) -> usize {
    leaf(black_box(x) + 1) /* MIDDLE */
}

#[inline(never)]
fn outer(x: usize) -> usize {
    let pc = middle(x * 3); /* OUTER */
    black_box(x);
    pc
}

struct Holder<T>(T);

trait Plain {
    fn plain(&self) -> usize;
}

impl<T> Plain for Holder<T> {
    #[inline(never)]
    fn plain(&self) -> usize {
        let pc: usize;
        unsafe { asm!("lea {}, [rip]", "nop", out(reg) pc) } /* PLAIN */
        black_box(&self.0);
        pc
    }
}

// Where the program was loaded; it is linked at 0.
fn bias() -> usize {
    let exe = std::env::current_exe().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|l| l.ends_with(exe.to_str().unwrap())).unwrap();
    usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap()
}

fn main() {
    if let Some(seconds) = std::env::args().nth(1) {
        let end = unsafe { clock() } + (seconds.parse::<f64>().unwrap() * 1e6) as i64;
        unsafe { SPINS = 1000000 }
        while unsafe { clock() } < end {
            outer(1);
        }
        return;
    }
    let holder: Box<dyn Plain> = Box::new(Holder(1u32));
    println!("{:x}\n{:x}", outer(std::env::args().count()) - bias(), holder.plain() - bias());
}
