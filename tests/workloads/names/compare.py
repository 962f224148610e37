#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""compare.py RESOLVE IMAGE [DEBUG_FILE [COUNT [options of resolve…]]]

COUNT (10000) random addresses of IMAGE's code, asked of our symbolizer (the program built from resolve.c) and of llvm-symbolizer: chain of
linkage names, files and lines. Prints how many agree, and what kind of difference the others are. Exits 1 below 99.5 %.
`tests/bench/run.sh build names` runs it over the programs below, fetching those that are not installed (all but libLLVM, which has no debug package).

Measured with LLVM 14, 10,000 addresses each; what is not the same, and why it counts as agreeing or not:

  kind             libc  python3.11  node  libLLVM  gold(dwz)  libceph-common  librados  sqlite3  libsqlite3  why
  alias            1360      26       188     54      139           297           997         24       0      another symbol of the same address (C1 and C2
                                                                                                              constructors, versions, __x and x): counts
  llvm line 0         0       1      2719      0      320            22             3          5       1      no line known; LLVM shows STT_FILE's name: counts
  llvm no line        2      55         0      0        0             2             2          0       0      between functions; we show the line table's row: counts
  llvm unnamed        0       0         0      0     5013             0             0          0       0      names in the dwz supplement, which LLVM does not read: counts
  name                0     360         0      0       18             0             0          0       0      python: labels in .debug_info; gold: dwz; see below: counts
  we unnamed          0       0        48      0        0             0             0          0       0      data in .text: see below: counts
  depth, file/line    0       0         0      0        0             0             0          0       0      does not count

sqlite has no debug package on the mirror: Debian's source 3.40.1-2+deb12u2 built with its flags (without Tcl), dwz'ed, stripped into debug files with zlib sections.
A library of 180 units over LLVM's and clang's headers (clang-14, gcc-12; DWARF 4 and 5; 1.30 GB, 0.85 of it .debug_info): same, 10,000 of 10,000.

Traced (readelf -sW of the file LLVM read, for the name LLVM gave; what is a conclusion and not seen says so):
  python3.11, name, 360 of 360: LLVM gives names like "boolobject.c.a0a93ca3" (for _Py_dg_strtod at 0x5b0199), "bytesobject.c.09979c27" (for
      _Py_dg_dtoa). Each of the 360 is a NOTYPE LOCAL symbol that LTO left in section 32, .debug_info; its value 0x5afa50 is an offset in that
      section, not an address. LLVM does not look at the section. File and line agree in all 360.
  node, we unnamed, 48 of 48: LLVM gives "ecp_nistz256_precomputed", an OBJECT of 0x25000 bytes at 0x1d05000 in .text: a table, never executed.
  gold, name, 18: in 17 (checked by script) LLVM gives the last part of our name ("lib" for _ZNK4gold14Input_argument3libEv at 0x116c3f): llvm-dwarfdump
      prints the DW_AT_linkage_name of such entries as (), so we conclude that it is a string of the dwz supplement and that LLVM takes DW_AT_name. In the
      other one (resize, LLVM "__i") the reference itself leads into the supplement; that LLVM looks at the same offset of the file is a conclusion.
      File and line agree in all 18.
  librados, depth and file/line, 2 (0x50200, 0x9d94c) until both were traced: two units describe the same COMDAT function with different inlining
      (std::align inlined at [0x501f2, 0x5020e) in the second unit only), and we mixed them. Like LLVM we now take the first unit's, whose code the
      linker keeps.
"""
import collections
import os
import random
import re
import subprocess
import sys


def code_ranges(path):
    out = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True).stdout
    row = re.compile(r"\s*\[\s*\d+\]\s+(\S+)\s+PROGBITS\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\S+\s+\S*X")
    found = [m for m in map(row.match, out.splitlines()) if m and not m.group(1).startswith(".plt")]
    return [(int(m.group(2), 16), int(m.group(3), 16)) for m in found]


def pick(ranges, count):
    total = sum(size for _, size in ranges)
    for _ in range(count):
        at = random.randrange(total)
        for start, size in ranges:
            if at < size:
                yield start + at
                break
            at -= size


def chains(command, addresses):
    text = "".join("0x%x\n" % a for a in addresses)
    out = subprocess.run(command, input=text, capture_output=True, text=True, errors="replace").stdout
    answers = []
    for block in out.split("\n\n"):
        lines = [x for x in block.split("\n") if x]
        places = [re.match(r"(.*):(\d+):\d+$", x).groups() for x in lines[1::2]]
        if lines:
            answers.append([(n, path(p), int(l)) for n, (p, l) in zip(lines[::2], places)])
    return answers


def path(p):
    """LLVM joins a relative compilation directory twice: "debug/debug/x.c"."""
    p = os.path.normpath(p)
    m = re.match(r"(.+)/\1/(.*)$", p)
    return m.group(1) + "/" + m.group(2) if m else p


def addresses_by_name(paths):
    names = collections.defaultdict(set)
    for p in paths:
        for flags in ([], ["-D"]):
            for line in subprocess.run(["nm", *flags, p], capture_output=True, text=True, errors="replace").stdout.splitlines():
                words = line.split()
                if len(words) == 3:
                    names[words[2].split("@")[0]].add(int(words[0], 16))
    return names


def kind(ours, theirs, names):
    if ours == theirs:
        return "same"
    if len(ours) != len(theirs):
        return "depth"
    if [c[1:] for c in ours] != [c[1:] for c in theirs]:
        return "llvm no line" if theirs[0][1] == "??" else "llvm line 0" if theirs[0][2] == 0 else "file/line"
    differ = [(a[0].split("@")[0], b[0].split("@")[0]) for a, b in zip(ours, theirs) if a[0] != b[0]]
    if all(a == b or names[a] & names[b] for a, b in differ):
        return "alias"
    if any(a in ("??", "[unknown function]") for a, _ in differ):
        return "we unnamed"
    return "llvm unnamed" if any(b == "??" for _, b in differ) else "name"


def main():
    resolve, image = sys.argv[1:3]
    debug = sys.argv[3] if len(sys.argv) > 3 else image
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 10000
    random.seed(1)
    addresses = list(pick(code_ranges(image), count))
    ours = chains([resolve, image, "-r", *sys.argv[5:]], addresses)
    theirs = chains(["llvm-symbolizer", "--obj=" + debug, "--inlines", "--no-demangle"], addresses)
    if not len(ours) == len(theirs) == count:
        sys.exit("compare.py: %d and %d answers to %d questions" % (len(ours), len(theirs), count))
    names = addresses_by_name({image, debug})
    kinds = [kind(a, b, names) for a, b in zip(ours, theirs)]
    for k, n in collections.Counter(kinds).most_common():
        print("%-16s %6d  %6.2f %%" % (k, n, 100 * n / count))
    for k in ("depth", "file/line", "name"):
        for at in [i for i, got in enumerate(kinds) if got == k][:3]:
            print("%s at 0x%x\n  ours %s\n  llvm %s" % (k, addresses[at], ours[at], theirs[at]))
    wrong = sum(k in ("depth", "file/line") for k in kinds)
    sys.exit(wrong > count / 200)


if __name__ == "__main__":
    main()
