// SPDX-License-Identifier: BSD-2-Clause

// Prints the addresses of places whose chain of functions and lines is known, as chain.c does; with an argument it spends so many seconds of CPU time.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

var sink int

func leaf(x int) uintptr {
	pc, _, _, _ := runtime.Caller(0) /* LEAF */
	return pc
}

func middle(x int) uintptr {
	return leaf(x + 1) /* MIDDLE */
}

//go:noinline
func outer(x int) uintptr {
	pc := middle(x * 3) /* OUTER */
	sink += x
	return pc
}

// The same depth of inlining, without the call that leaf() makes.
func spinLeaf(n int) {
	for i := 0; i < n; i++ {
		sink ^= i
	}
}

func spinMiddle(n int) {
	spinLeaf(n + 1)
}

//go:noinline
func spinOuter(n int) {
	spinMiddle(n * 3)
	sink++
}

func cpuSeconds() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

type box[T any] struct{ v T }

//go:noinline
func (b *box[T]) plain() uintptr {
	pc, _, _, _ := runtime.Caller(0) /* PLAIN */
	return pc
}

// How far from its link address the program was loaded. Go links at 4 MiB, position-independent programs too.
func bias() uintptr {
	exe, _ := os.Executable()
	maps, _ := os.ReadFile("/proc/self/maps")
	for _, line := range strings.Split(string(maps), "\n") {
		if !strings.HasSuffix(line, exe) {
			continue
		}
		start, _, _ := strings.Cut(line, "-")
		addr, err := strconv.ParseUint(start, 16, 64)
		if err == nil {
			return uintptr(addr) - 0x400000
		}
	}
	panic("not in its own memory map")
}

func main() {
	if len(os.Args) > 1 {
		seconds, _ := strconv.ParseFloat(os.Args[1], 64)
		for end := cpuSeconds() + seconds; cpuSeconds() < end; {
			spinOuter(300000)
		}
		return
	}
	b := &box[int]{1}
	fmt.Printf("%x\n%x\n", outer(len(os.Args))-bias(), b.plain()-bias())
}
