// SPDX-License-Identifier: BSD-2-Clause
/* Constructs of C and of the C library. ST_NAME is put before the modes' names: the same code is built in several ways. */
#define _GNU_SOURCE
#define ST_MAIN
#include "st.h"

#include <alloca.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#ifndef ST_NAME
#define ST_NAME ""
#endif

static char **args;

/* ---- plain depth ---- */

N void d4(void) { leaf(); STAY(); }
N void d3(int n) { volatile int x = n; d4(); STAY(); (void)x; }
N void d2(int n) { volatile int x[3] = { n }; d3(n + x[1]); STAY(); }
N void d1(int n) { d2(n * 3); STAY(); }

N void m_deep(void)
{
	st_begin(ST_NAME "deep", "main;m_deep;d1;d2;d3;d4;leaf");
	d1(7);
	STAY();
}

N int rec(int n)
{
	volatile char pad[24];
	int r;

	pad[0] = n;
	if (!n) {
		leaf();
		return pad[0];
	}
	r = rec(n - 1);
	return r + pad[0];
}

N void m_rec(int depth, int shown)
{
	static char chain[8192];
	char name[32];

	sprintf(chain, depth == shown ? "m_rec;rec;rec" : "rec"); /* rec(depth) … rec(0) */
	for (int i = 1; i < shown; i++)
		strcat(chain, ";rec");
	strcat(chain, ";leaf");
	sprintf(name, "rec%d", depth);
	st_begin(name, chain);
	st_work += rec(depth);
	STAY();
}

/* ---- frames of odd sizes ---- */

N void use(volatile char *p, size_t n) { p[0] = p[n - 1] = 1; leaf(); STAY(); }
N void with_alloca(size_t n) { char *p = alloca(n); use(p, n); STAY(); }
N void m_alloca(void) { st_begin("alloca", "main;m_alloca;with_alloca;use;leaf"); with_alloca(4000 + st_work % 7); STAY(); }

N void with_vla(size_t n) { volatile char a[n], b[n * 2]; b[0] = 1; use((volatile char *)a, n); STAY(); b[1] = a[0]; }
N void m_vla(void) { st_begin("vla", "main;m_vla;with_vla;use;leaf"); with_vla(3000 + st_work % 7); STAY(); }

N void with_big(void) { volatile char a[48 << 10]; use(a, sizeof(a)); STAY(); a[1] = 2; }
N void m_big(void) { st_begin("big48k", "main;m_big;with_big;use;leaf"); with_big(); STAY(); }

N void with_align(size_t n)
{
	volatile char a[64] __attribute__((aligned(64)));
	volatile char *p = alloca(n);

	a[0] = 1;
	use(p, n);
	STAY();
	a[1] = p[0];
}
N void m_align(void) { st_begin("realign", "main;m_align;with_align;use;leaf"); with_align(1000 + st_work % 7); STAY(); }

/* ---- calls that leave no frame, or end one ---- */

N void tail_last(void) { leaf(); STAY(); }
N __attribute__((optimize("optimize-sibling-calls"))) void tail_first(void) { tail_last(); }
N void m_tail(void) { st_begin("tailcall", "main;m_tail;tail_last;leaf"); tail_first(); STAY(); }

N __attribute__((noreturn)) void never(void) { leaf(); _exit(0); }
N void calls_never(void) { never(); }
N void after_never(void) { STAY(); st_work++; }
N void m_never(void) { st_begin("noreturn", "main;m_never;calls_never;never;leaf"); calls_never(); after_never(); }

/* ---- signals ---- */

static void on_signal(int sig)
{
	leaf();
	_exit(0);
}

N void faults(void) { __asm__ volatile("ud2"); STAY(); }

N void m_sigalt(void)
{
	stack_t alt = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	st_begin("sigalt", "main;m_sigalt;faults;*;on_signal;leaf");
	sigaltstack(&alt, NULL);
	sigaction(SIGILL, &sa, NULL);
	faults();
	STAY();
}

/* A signal at a function's very first instruction: the frame below the handler is looked up at its exact pc. */
__asm__(".text\n.globl first_insn\n.type first_insn,@function\nfirst_insn:\n.cfi_startproc\nud2\nret\n.cfi_endproc\n.size first_insn,.-first_insn\n");
void first_insn(void);
N void m_sigfirst(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	st_begin("sigfirst", "main;m_sigfirst;first_insn;*;on_signal;leaf");
	sigaction(SIGILL, &sa, NULL);
	first_insn();
	STAY();
}

static void on_alarm(int sig)
{
	if (st_done())
		signal(sig, SIG_IGN); /* blocked, it takes longer than the time to the next one */
	leaf_once();
	STAY();
}
N void interrupted(void) { while (!st_done()) for (int i = 0; i < 1000; i++) st_work += i; }

/* Timer signals that land anywhere in a loop. */
N void m_sigtimer(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	timer_t id;
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec it = { { 0, 300000 }, { 0, 300000 } };

	st_begin("sigtimer", "main;m_sigtimer;interrupted");
	sigaction(SIGUSR1, &sa, NULL);
	timer_create(CLOCK_MONOTONIC, &ev, &id);
	timer_settime(id, 0, &it, NULL);
	interrupted();
	STAY();
}

/* ---- other stacks ---- */

N void tiny_inner(void) { leaf(); STAY(); }
static void *tiny_thread(void *arg) { prctl(PR_SET_NAME, "st-tiny"); tiny_inner(); STAY(); return arg; }
N void m_tiny(void)
{
	pthread_attr_t attr;
	pthread_t t;

	st_begin("tiny", "tiny_thread;tiny_inner;leaf");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	prctl(PR_SET_NAME, "stx");
	pthread_create(&t, &attr, tiny_thread, NULL);
	pthread_join(t, NULL);
}

static ucontext_t co_back, co_ctx;
N void co_inner(void) { leaf(); STAY(); }
static void co_main(void) { co_inner(); STAY(); }
N void m_coroutine(void)
{
	st_begin("coroutine", "co_main;co_inner;leaf");
	getcontext(&co_ctx);
	co_ctx.uc_stack.ss_sp = malloc(65536);
	co_ctx.uc_stack.ss_size = 65536;
	co_ctx.uc_link = &co_back;
	makecontext(&co_ctx, co_main, 0);
	swapcontext(&co_back, &co_ctx);
	STAY();
}

/* ---- through the C library ---- */

N int compare(const void *a, const void *b)
{
	if (st_done()) /* asleep, sorting takes longer than we are given */
		return 0;
	leaf_once();
	return *(const int *)a - *(const int *)b;
}
N void m_qsort(void)
{
	int v[5000];

	st_begin("qsort", "main;m_qsort;**;compare");
	for (int i = 0; i < 5000; i++)
		v[i] = i * 7919 % 5000;
	while (!st_done())
		qsort(v, 5000, sizeof(v[0]), compare);
	STAY();
}
N void m_bsearch(void)
{
	int v[64], key = 17;

	st_begin("bsearch", "main;m_bsearch;**;compare");
	for (int i = 0; i < 64; i++)
		v[i] = i;
	while (!st_done())
		st_work += (long)bsearch(&key, v, 64, sizeof(v[0]), compare);
	STAY();
}
N void in_syscall(int fd)
{
	static char buf[65536];

	while (!st_done()) {
		for (int i = 0; i < 10; i++)
			st_work += read(fd, buf, sizeof(buf));
		if (st_is_blocked)
			leaf_once();
	}
}
N void m_syscall(void) { st_begin("syscall", "main;m_syscall;in_syscall"); in_syscall(open("/dev/zero", O_RDONLY)); STAY(); }
N void in_vdso(void)
{
	struct timespec t;

	while (!st_done()) {
		for (int i = 0; i < 1000; i++)
			clock_gettime(CLOCK_MONOTONIC, &t);
		if (st_is_blocked)
			leaf_once();
	}
}
N void m_vdso(void) { st_begin("vdso", "main;m_vdso;in_vdso"); in_vdso(); STAY(); }

/* Prologues and epilogues are most of what runs. */
N uint64_t pushes(uint64_t a, uint64_t b, uint64_t c)
{
	__asm__ volatile("" ::: "rbx", "r12", "r13", "r14", "r15");
	return a + b * c;
}
N void call_pushes(void)
{
	while (!st_done()) {
		for (int i = 0; i < 1000; i++)
			st_work += pushes(i, st_work, 3);
		if (st_is_blocked) /* nothing blocks in a prologue: its waits are those beside it */
			leaf_once();
	}
}
N void m_prologue(void) { st_begin("prologue", "main;m_prologue;call_pushes"); call_pushes(); STAY(); }

/* ---- code without unwind information ---- */

__asm__(".text\n.globl bare_fp\n.type bare_fp,@function\nbare_fp:\npush %rbp\nmov %rsp,%rbp\nsub $16,%rsp\ncall *%rdi\nleave\nret\n.size bare_fp,.-bare_fp\n"
	".globl bare_sub\n.type bare_sub,@function\nbare_sub:\nsub $24,%rsp\ncall *%rdi\nadd $24,%rsp\nret\n.size bare_sub,.-bare_sub\n"
	".globl bare_pops\n.type bare_pops,@function\nbare_pops:\npush %rbx\npush %r12\nsub $8,%rsp\ncall *%rdi\nadd $8,%rsp\npop %r12\npop %rbx\nret\n.size bare_pops,.-bare_pops\n");
void bare_fp(void (*)(void));
void bare_sub(void (*)(void));
void bare_pops(void (*)(void));
N void bare_target(void) { leaf(); STAY(); }
N void m_asmfp(void) { st_begin("asm-fp", "main;m_asmfp;bare_fp;bare_target;leaf"); bare_fp(bare_target); STAY(); }
N void m_asmsub(void) { st_begin("asm-sub", "main;m_asmsub;bare_sub;bare_target;leaf"); bare_sub(bare_target); STAY(); }
N void m_asmpops(void) { st_begin("asm-pops", "main;m_asmpops;bare_pops;bare_target;leaf"); bare_pops(bare_target); STAY(); }

/*
 * A frame whose CFA is a DWARF expression that no row has (rsp at entry, rounded down, is kept in the frame at rsp + rbx): breg7 0,
 * breg3 0, plus, deref.
 */
__asm__(".text\n.globl by_expression\n.type by_expression,@function\nby_expression:\n.cfi_startproc\npush %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_offset 3,-16\n"
	"lea 16(%rsp),%rax\nsub $208,%rsp\n.cfi_adjust_cfa_offset 208\nmov $64,%ebx\nmov %rax,(%rsp,%rbx)\n"
	".cfi_escape 0x0f,6,0x77,0,0x73,0,0x22,0x06\ncall *%rdi\n.cfi_def_cfa 7,224\nadd $208,%rsp\n.cfi_adjust_cfa_offset -208\n"
	"pop %rbx\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n.size by_expression,.-by_expression\n");
void by_expression(void (*)(void));
N void m_expression(void) { st_begin("expression", "main;m_expression;by_expression;bare_target;leaf"); by_expression(bare_target); STAY(); }

/* A leaf that keeps its return address in a register, as vfork() does: it spins, or sleeps in the kernel, by itself. */
__asm__(".text\n.globl ra_in_reg\n.type ra_in_reg,@function\nra_in_reg:\n.cfi_startproc\npop %r8\n.cfi_adjust_cfa_offset -8\n.cfi_register 16,8\n"
	"test %rdi,%rdi\njz 2f\nxor %esi,%esi\nmov $35,%eax\nsyscall\njmp 3f\n2:\nmov $200000,%ecx\n1:\ndec %ecx\njnz 1b\n"
	"3:\npush %r8\n.cfi_adjust_cfa_offset 8\n.cfi_offset 16,-8\nret\n.cfi_endproc\n.size ra_in_reg,.-ra_in_reg\n");
void ra_in_reg(const struct timespec *sleep);
N void in_ra_reg(void)
{
	struct timespec t = { 0, 2000000 };

	while (!st_done())
		ra_in_reg(st_is_blocked ? &t : NULL);
}
N void m_rareg(void) { st_begin("ra-register", "main;m_rareg;in_ra_reg"); in_ra_reg(); STAY(); }

/* Machine code made at run time, as CPython's -X perf trampolines and as JITs with frame pointers have it. */
static void (*make_code(const void *code, size_t sz))(void (*)(void))
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(p, code, sz);
	mprotect(p, 4096, PROT_READ | PROT_EXEC);
	return (void (*)(void (*)(void)))p;
}
static const unsigned char tramp_code[] = { 0x48, 0x83, 0xec, 8, 0xff, 0xd7, 0x48, 0x83, 0xc4, 8, 0xc3 };
static const unsigned char jit_code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xff, 0xd7, 0x90, 0xc9, 0xc3 };
N void m_tramp(void) { st_begin("trampoline", "main;m_tramp;*;bare_target;leaf"); make_code(tramp_code, sizeof(tramp_code))(bare_target); STAY(); }
N void m_jit(void) { st_begin("jit", "main;m_jit;*;bare_target;leaf"); make_code(jit_code, sizeof(jit_code))(bare_target); STAY(); }

/*
 * Python's way (3.12, -X perf): a copy of one trampoline for each function, back to back, named in a perf map; each calls the
 * evaluator, which calls the next function's.
 */
static const char *const py_names[] = { "py::<module>:/srv/app.py", "py::handler:/srv/app.py", "py::Model.load:/srv/model.py" };
static void (*py_code[3])(void (*)(void));
static int py_depth;
N void py_eval(void)
{
	if (py_depth == 3)
		leaf();
	else
		py_code[py_depth++](py_eval);
	STAY();
}
N void m_python(void)
{
	char path[64];
	unsigned char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	for (int i = 0; f && i < 3; i++) {
		memcpy(p + 16 * i, tramp_code, sizeof(tramp_code));
		py_code[i] = (void (*)(void (*)(void)))(p + 16 * i);
		fprintf(f, "%lx %zx %s\n", (long)(p + 16 * i), sizeof(tramp_code), py_names[i]);
	}
	mprotect(p, 65536, PROT_READ | PROT_EXEC);
	if (!f || fclose(f))
		exit(6);
	printf("file py-tramp %s\n", path); /* left behind, as Python does: for the grader to remove */
	st_begin("py-tramp", "main;m_python;py_eval;~<module>;py_eval;~handler;py_eval;~Model.load;py_eval;leaf");
	py_eval();
	STAY();
}

/* ---- modules that come and go ---- */

N void run_lib(const char *lib, const char *fn)
{
	void *h = dlopen(lib, RTLD_NOW);
	void (*f)(void (*)(void)) = h ? (void (*)(void (*)(void)))dlsym(h, fn) : NULL;

	if (!f)
		exit(3);
	f(leaf_once);
	STAY();
	dlclose(h);
}
static char lib_a[512], lib_b[512];
N void m_dlopen(void)
{
	void *h = dlopen(lib_a, RTLD_NOW);

	st_begin("dlopen", "main;m_dlopen;lib_a_outer;lib_a_inner;leaf");
	((void (*)(void (*)(void)))dlsym(h, "lib_a_outer"))(leaf);
	STAY();
}
/* Two libraries take turns at one address. */
N void m_dlreuse(void)
{
	st_begin("dlreuse", "main;m_dlreuse;run_lib");
	while (!st_done()) {
		run_lib(lib_a, "lib_a_outer");
		run_lib(lib_b, "lib_b_outer");
	}
	STAY();
}

/* Through the procedure linkage table: its stubs are part of what runs. */
__attribute__((weak)) void lib_c_tick(void); /* the static builds have none, and no mode that needs it */
N void calls_plt(void)
{
	while (!st_done()) {
		for (int i = 0; i < 20000; i++)
			lib_c_tick();
		if (st_is_blocked)
			leaf_once();
	}
}
N void m_plt(void) { st_begin("plt", "main;m_plt;calls_plt"); calls_plt(); STAY(); }

/* A file mapped, used, unmapped, and another at its place at once: no loader had a hand in it. */
#define MAPPED_AT ((char *)0x200000000000)
#define MAPPED_SZ (1 << 20)
N void run_mapped(const char *lib, const char *fn)
{
	int fd = open(lib, O_RDONLY);
	void *h = dlopen(lib, RTLD_NOW);
	char *f = h ? dlsym(h, fn) : NULL;
	Dl_info info;

	if (!f || !dladdr(f, &info) || mmap(MAPPED_AT, MAPPED_SZ, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAPPED_AT)
		exit(3);
	close(fd);
	((void (*)(void (*)(void)))(MAPPED_AT + (f - (char *)info.dli_fbase)))(leaf_once);
	munmap(MAPPED_AT, MAPPED_SZ);
	dlclose(h);
}
N void m_munmap(void)
{
	st_begin("munmap", "main;m_munmap;run_mapped");
	while (!st_done()) {
		run_mapped(lib_a, "lib_a_outer");
		run_mapped(lib_b, "lib_b_outer");
	}
	STAY();
}

/* The child of vfork() runs on its parent's stack; clone() gives one of one's own choice. */
N void vforked_child(void) { leaf(); STAY(); }
N void m_vfork(void)
{
	prctl(PR_SET_NAME, "stx");
	if (!vfork()) {
		st_begin("vfork", "main;m_vfork;vforked_child;leaf");
		vforked_child();
		_exit(0);
	}
	wait(NULL);
	STAY();
}
N void cloned_inner(void) { leaf(); STAY(); }
static int cloned(void *arg)
{
	st_begin("clone", "cloned;cloned_inner;leaf");
	cloned_inner();
	STAY();
	return 0;
}
N void m_clone(void)
{
	char *stack = malloc(65536);

	prctl(PR_SET_NAME, "stx");
	waitpid(clone(cloned, stack + 65536, SIGCHLD, NULL), NULL, 0);
	STAY();
}

N void forked_child(void) { leaf(); STAY(); _exit(0); }
N void m_fork(void)
{
	st_begin("fork", "main;m_fork;forked_child;leaf");
	if (!fork()) {
		st_begin("fork", "main;m_fork;forked_child;leaf");
		forked_child();
	}
	prctl(PR_SET_NAME, "stx");
	wait(NULL);
}

/* Processes that live 15 ms. */
N void short_inner(void) { leaf(); STAY(); }
N void m_short(void) { st_seconds = 0.015; st_begin("short", "main;m_short;short_inner;leaf"); short_inner(); STAY(); }
N void m_shorts(void)
{
	char *const argv[] = { args[0], (char *)"short", NULL };
	uint64_t end = st_now() + st_seconds * 1e9;

	prctl(PR_SET_NAME, "stx");
	while (st_now() < end) {
		if (!vfork()) {
			execv("/proc/self/exe", argv);
			_exit(1);
		}
		wait(NULL);
	}
}

static void exec_fd(int fd, const char *mode)
{
	char *const argv[] = { args[0], (char *)mode, NULL };

	fexecve(fd, argv, environ);
	exit(4);
}
static int copy_self(int to)
{
	int from = open("/proc/self/exe", O_RDONLY);
	static char buf[1 << 20];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			exit(5);
	close(from);
	return to;
}
N void m_memfd_inner(void) { st_begin("memfd", "main;m_memfd_inner;d1;d2;d3;d4;leaf"); d1(1); STAY(); }
N void m_memfd(void) { exec_fd(copy_self(memfd_create("st", 0)), "memfd-inner"); }
N void m_deleted_inner(void) { st_begin("deleted", "main;m_deleted_inner;d1;d2;d3;d4;leaf"); d1(1); STAY(); }
N void m_deleted(void)
{
	char path[] = "/tmp/st-deleted.XXXXXX", again[64];
	int fd = copy_self(mkstemp(path));

	fchmod(fd, 0700);
	close(fd);
	snprintf(again, sizeof(again), "%s", path);
	fd = open(again, O_RDONLY | O_CLOEXEC);
	unlink(again);
	exec_fd(fd, "deleted-inner");
}
N void m_mntns_inner(void) { st_begin("mntns", "main;m_mntns_inner;d1;d2;d3;d4;leaf"); d1(1); STAY(); }
/* A binary that lies in a file system nobody else sees. */
N void m_mntns(void)
{
	char *const argv[] = { (char *)"/mnt/st", (char *)"mntns-inner", NULL };

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/mnt", "tmpfs", 0, NULL))
		exit(77);
	close(copy_self(open("/mnt/st", O_CREAT | O_WRONLY, 0755)));
	execv("/mnt/st", argv);
	exit(4);
}

/* A function in an executable segment of its own. */
__attribute__((section("st_far"))) N void far_inner(void) { leaf(); STAY(); }
N void m_far(void) { st_begin("segment", "main;m_far;far_inner;leaf"); far_inner(); STAY(); }

static void m_rec100(void) { m_rec(100, 100); }
static void m_rec190(void) { m_rec(190, 190); }
static void m_rec1000(void) { m_rec(1000, 400); }

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "deep", m_deep }, { "rec100", m_rec100 }, { "rec190", m_rec190 }, { "rec1000", m_rec1000 }, { "alloca", m_alloca },
	{ "vla", m_vla }, { "big48k", m_big }, { "realign", m_align }, { "tailcall", m_tail }, { "noreturn", m_never },
	{ "sigalt", m_sigalt }, { "sigfirst", m_sigfirst }, { "sigtimer", m_sigtimer }, { "tiny", m_tiny },
	{ "coroutine", m_coroutine }, { "qsort", m_qsort }, { "bsearch", m_bsearch }, { "syscall", m_syscall },
	{ "vdso", m_vdso }, { "prologue", m_prologue }, { "asm-fp", m_asmfp }, { "asm-sub", m_asmsub },
	{ "asm-pops", m_asmpops }, { "trampoline", m_tramp }, { "jit", m_jit }, { "dlopen", m_dlopen },
	{ "dlreuse", m_dlreuse }, { "fork", m_fork }, { "short", m_short }, { "shorts", m_shorts }, { "memfd", m_memfd },
	{ "memfd-inner", m_memfd_inner }, { "deleted", m_deleted }, { "deleted-inner", m_deleted_inner },
	{ "expression", m_expression }, { "ra-register", m_rareg }, { "py-tramp", m_python }, { "plt", m_plt },
	{ "munmap", m_munmap }, { "vfork", m_vfork }, { "clone", m_clone }, { "mntns", m_mntns }, { "mntns-inner", m_mntns_inner }, { "segment", m_far },
};

int main(int argc, char **argv)
{
	char *slash;

	args = argv;
	st_init(argc, argv);
	if (readlink("/proc/self/exe", lib_a, sizeof(lib_a) - 32) > 0 && (slash = strrchr(lib_a, '/'))) {
		strcpy(slash + 1, "libst_a.so");
		strcpy(lib_b, lib_a);
		strcpy(strrchr(lib_b, '/') + 1, "libst_b.so");
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			STAY();
			return 0;
		}
	fprintf(stderr, "%s: no mode '%s'\n", argv[0], argv[1]);
	return 2;
}
