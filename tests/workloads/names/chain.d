// SPDX-License-Identifier: BSD-2-Clause

// Prints the addresses of places whose chain of functions and lines is known, as chain.c does; with an argument it spends so many seconds of CPU time.
module chain;

import core.stdc.stdio : printf;
import core.stdc.stdlib : atof;
import core.stdc.time : clock, clock_t, CLOCKS_PER_SEC;
import core.sys.linux.link : dl_iterate_phdr, dl_phdr_info;

__gshared int sink;
__gshared long spins;

pragma(inline, true) size_t leaf(int x)
{
    size_t pc;
    asm { "lea 0(%%rip), %0\n\tnop" : "=r" (pc); } /* LEAF */
    for (long i = 0; i < spins; i++)
        asm { "nop" : : : "memory"; }
    return pc;
}

pragma(inline, true) size_t middle(int x)
{
    size_t pc;
    sink += x;
    pc = leaf(x + sink); /* MIDDLE */
    sink += x;
    return pc;
}

pragma(inline, false) size_t outer(int x)
{
    auto pc = middle(x * 3); /* OUTER */
    sink++;
    return pc;
}

struct Box(T)
{
    T v;

    pragma(inline, false) size_t plain()
    {
        size_t pc;
        asm { "lea 0(%%rip), %0\n\tnop" : "=r" (pc); } /* PLAIN */
        sink++;
        return pc;
    }
}

extern (C) int takeBase(dl_phdr_info* info, size_t sz, void* ctx) nothrow @nogc
{
    *cast(size_t*) ctx = info.dlpi_addr;
    return 1;
}

extern (C) int main(int argc, char** argv)
{
    size_t base = 0;
    Box!int box;

    if (argc > 1)
    {
        const end = clock() + cast(clock_t)(atof(argv[1]) * CLOCKS_PER_SEC);

        spins = 1_000_000;
        while (clock() < end)
            outer(argc);
        return 0;
    }
    dl_iterate_phdr(&takeBase, &base);
    printf("%zx\n%zx\n", outer(argc) - base, box.plain() - base);
    return 0;
}
