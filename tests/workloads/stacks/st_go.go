// SPDX-License-Identifier: BSD-2-Clause

// Constructs of Go: goroutines that move between threads and are preempted by signals, closures, interfaces, panics, system calls.
// The name of the construct is that of all threads, as a goroutine runs on any; where the runtime's own threads would wait beside it,
// that of its own thread alone.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
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

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func done() bool {
	if blocked {
		return time.Now().After(end)
	}
	return cpu() >= time.Duration(seconds*1e9)
}

//go:noinline
func add(n uint64) uint64 { // no frame, no saved rbp
	s := work
	for i := uint64(0); i < n; i++ {
		s = s*3 + i
	}
	return s
}

//go:noinline
func leaf(n int) {
	for !done() {
		if blocked {
			t := syscall.Timespec{Nsec: 2000000}
			syscall.Nanosleep(&t, nil)
			continue
		}
		work += add(200000)
	}
	work += uint64(n)
}

//go:noinline
func inner(n int) { leaf(n + 1); work++ }

//go:noinline
func middle(n int) { inner(n + 1); work++ }

//go:noinline
func outer(n int) { middle(n + 1); work++ }

//go:noinline
func rec(n int) {
	var pad [4]int
	if n == 0 {
		leaf(n)
	} else {
		rec(n - 1)
	}
	pad[n&3]++
	work += uint64(pad[0])
}

type runner interface{ run(n int) }
type plain struct{ n int }

//go:noinline
func (p *plain) run(n int) { leaf(n + p.n); work++ }

//go:noinline
func dynamic(r runner) { r.run(3); work++ }

//go:noinline
func panics() {
	defer func() {
		leaf(1)
		recover()
	}()
	var m map[string]int
	m["x"] = 1
}

//go:noinline
func less(a, b int) bool {
	if done() {
		return true
	}
	if blocked {
		t := syscall.Timespec{Nsec: 2000000}
		syscall.Nanosleep(&t, nil)
	} else {
		work += add(50000)
	}
	return a < b
}

//go:noinline
func sorts() {
	for !done() {
		v := make([]int, 100)
		for i := range v {
			v[i] = i * 7919 % 100
		}
		sort.Slice(v, func(i, j int) bool { return less(v[i], v[j]) })
	}
}

func name(comm string) {
	if blocked {
		runtime.LockOSThread()
		os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", syscall.Gettid()), []byte(comm), 0)
		return
	}
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks { // later ones inherit it
		os.WriteFile("/proc/self/task/"+t.Name()+"/comm", []byte(comm), 0)
	}
}

// In a goroutine; with waits to be seen, on a thread of its own that alone bears the name.
func begin(mode, chain string, f func()) {
	fmt.Printf("chain go-%s %s\n", mode, chain)
	end = time.Now().Add(time.Duration(seconds * 1e9))
	finished := make(chan bool)
	go func() {
		name("st-go-" + mode)
		f()
		finished <- true
	}()
	<-finished
}

func main() {
	if s, err := strconv.ParseFloat(os.Getenv("ST_SECONDS"), 64); err == nil {
		seconds = s
	}
	switch mode := os.Args[1]; mode {
	case "deep":
		begin(mode, "runtime.goexit;~main.begin.func1;~main.main.func;main.outer;main.middle;main.inner;main.leaf", func() { outer(1) })
	case "rec":
		begin(mode, "main.rec;main.rec;main.rec;**;main.rec;main.leaf", func() { rec(60) })
	case "iface":
		begin(mode, "main.dynamic;main.(*plain).run;main.leaf", func() { dynamic(&plain{2}) })
	case "panic":
		begin(mode, "main.panics;**;main.panics.func1;main.leaf", panics)
	case "sort":
		begin(mode, "main.sorts;**;main.less", sorts)
	default:
		os.Exit(2)
	}
}
