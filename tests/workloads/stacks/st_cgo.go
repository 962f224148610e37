// SPDX-License-Identifier: BSD-2-Clause

// Go calls C, which calls Go back: the goroutine's stack, the thread's, and the goroutine's again.
package main

/*
#include <stdint.h>
#include <time.h>
extern void goCallback(int n);
static volatile uint64_t c_work;
__attribute__((noinline)) static void c_leaf(int blocked)
{
	struct timespec t = { 0, 2000000 };

	if (blocked)
		nanosleep(&t, 0);
	else
		for (int i = 0; i < 300000; i++)
			c_work += i;
	c_work++;
}
__attribute__((noinline)) static void c_inner(int n) { goCallback(n + 1); c_work++; }
__attribute__((noinline)) static void c_outer(int n) { c_inner(n + 1); c_work++; }
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

var (
	work    uint64
	blocked = os.Getenv("BLOCK") != ""
	end     time.Time
	seconds = 1.0
)

func done() bool {
	if blocked {
		return time.Now().After(end)
	}
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano()+u.Stime.Nano()) >= time.Duration(seconds*1e9)
}

//go:noinline
func sleeps() {
	t := syscall.Timespec{Nsec: 2000000}
	syscall.Nanosleep(&t, nil)
}

//go:noinline
func spins() {
	s := work
	for i := uint64(0); i < 200000; i++ {
		s = s*3 + i
	}
	work = s
}

//export goCallback
func goCallback(n C.int) {
	for !done() {
		if blocked {
			sleeps()
		} else {
			spins()
		}
	}
	work++
}

//go:noinline
func callsBack() { C.c_outer(1); work++ }

//go:noinline
func callsC() {
	b := C.int(0)
	if blocked {
		b = 1
	}
	for !done() {
		C.c_leaf(b)
	}
	work++
}

func main() {
	if s, err := strconv.ParseFloat(os.Getenv("ST_SECONDS"), 64); err == nil {
		seconds = s
	}
	runtime.LockOSThread()
	mode := os.Args[1]
	os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", syscall.Gettid()), []byte("st-"+mode), 0)
	end = time.Now().Add(time.Duration(seconds * 1e9))
	if mode == "cgo-call" {
		fmt.Printf("chain cgo-call runtime.main;main.main;main.callsC;**;c_leaf\n")
		callsC()
	} else {
		fmt.Printf("chain cgo-back runtime.main;main.main;main.callsBack;**;c_outer;c_inner;goCallback;**;main.goCallback\n")
		callsBack()
	}
}
