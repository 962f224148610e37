// SPDX-License-Identifier: BSD-2-Clause
/*
 * signal_entry SECONDS: burns so many seconds of CPU time in handler_spins(), which a signal has called. Its trampoline is this program's own, and follows
 * upon another function's last byte, as in libraries that leave no room before theirs; so does the first instruction of the program (link with
 * -e first_instruction), where a tracer holds it for 0.1 s.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

void own_trampoline(void);
__asm__(".text\n"
	".type before_trampoline, @function\n"
	"before_trampoline:\n"
	"	call abort\n"
	".size before_trampoline, . - before_trampoline\n"
	".globl own_trampoline\n"
	".type own_trampoline, @function\n"
	"own_trampoline:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	".size own_trampoline, . - own_trampoline\n"
	".type before_first, @function\n"
	"before_first:\n"
	"	call abort\n"
	".size before_first, . - before_first\n"
	".globl first_instruction\n"
	".type first_instruction, @function\n"
	"first_instruction:\n"
	"	jmp _start\n"
	".size first_instruction, . - first_instruction\n");

static volatile unsigned long sink;
static clock_t end;

__attribute__((noinline)) static void handler_spins(int signal)
{
	do
		for (unsigned long i = 0; i < 1000000; i++)
			sink += i ^ (unsigned long)signal;
	while (clock() < end);
}

/* Run the same again without the last argument, held at its first instruction. */
static int hold(char **argv)
{
	pid_t child = fork();
	int status;

	if (!child) {
		argv[2] = NULL;
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[0], argv);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return 1;
	usleep(100000);
	ptrace(PTRACE_DETACH, child, NULL, NULL);
	return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	struct kernel_sigaction sa = {.handler = handler_spins, .flags = 0x04000000 /* SA_RESTORER */, .restorer = own_trampoline};

	if (argc > 2)
		return hold(argv);
	end = clock() + (clock_t)((argc > 1 ? atof(argv[1]) : 1) * CLOCKS_PER_SEC);
	if (syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 8L))
		return 1;
	return raise(SIGUSR1);
}
