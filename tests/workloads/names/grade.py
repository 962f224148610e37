#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""grade.py DATABASE ROWS MIN: of the samples of each row's program, how many have the expected chain, and does any frame have a name that is
not true? A row is, separated by tabs: its name; the program's path; the path of the image the samples are counted in (its leaf frames);
what the names from root to leaf, joined by ';', must match, or "-": the leaf must have no name; and how a frame's name in the program is
known to be true: "at FILE", it is a symbol of FILE at the frame's address, or "of FILE", a symbol of FILE; a further word lists the functions
that may be inlined, "*" any that FILE's debug information has. "unknown": nobody can tell, as of code a runtime made.
Prints a line for each row, "ok" or "not" first; exits 1 where one is not."""
import bisect
import functools
import re
import sqlite3
import subprocess
import sys

SUFFIX = re.compile(r"(\.(cold|part|isra|constprop|lto_priv|llvm|localalias|abi0))+(\.\d+)*$|@.*$")


def plain(name):
    """Without what the compiler or the linker added, and without type arguments in Go's form."""
    if name.endswith("@plt"):
        return name
    name = re.sub(r"::h[0-9a-f]{16}$", "", name)
    return re.sub(r"\[[^\]]*\]", "", SUFFIX.sub("", SUFFIX.sub("", name)))


class Truth:
    def __init__(self, path):
        self.path = path
        self.symbols = []
        out = ""
        for style in ("auto", "dlang"):
            out += subprocess.run(["nm", "--demangle=" + style, "--defined-only", "-S", path], capture_output=True, text=True, errors="replace").stdout
        for line in out.splitlines():
            m = re.match(r"([0-9a-f]+) (?:([0-9a-f]+) )?([tTwWiIuV]) (.*)", line)
            if m:
                self.symbols.append((int(m[1], 16), int(m[2] or "0", 16), plain(m[4])))
        self.symbols.sort()
        self.starts = [s[0] for s in self.symbols]
        self.names = {s[2] for s in self.symbols}

    def at(self, addr):
        i = bisect.bisect_right(self.starts, addr)
        found, last = set(), self.symbols[i - 1][0] if i else None
        for start, size, name in reversed(self.symbols[:i]):
            if addr < start + size or (start == last and not size):
                found.add(name)
            if addr - start > 1 << 20:
                break
        return found

    @functools.cached_property
    def described(self):
        """The last parts of all names in the debug information."""
        out = subprocess.run(["readelf", "-W", "--debug-dump=info", self.path], capture_output=True, text=True, errors="replace").stdout
        return {last_part(m.strip()) for m in re.findall(r"DW_AT_name\s*:\s*(?:\([^)]*\)[ :]*)*(.*)", out)}


def last_part(name):
    name = re.sub(r"\(.*", "", re.sub(r"<.*>", "", plain(name)))
    name = re.split(r"::|\.", name)[-1]
    return re.sub(r"^\{\{?closure(#\d+)?\}?\}$", "{closure}", name)  # Rust: as its debug information has it, or as its old mangling has


truths = functools.lru_cache(None)(Truth)


def is_true(frame, truth, inlines):
    if truth == "unknown":
        return True
    kind, path = truth.split(" ", 1)
    t, name = truths(path), plain(frame["name"])
    if name.endswith("@plt"):
        return True  # checked by address in test_names.sh
    if frame["inlined"]:
        return name in inlines.split(",") or (inlines == "*" and last_part(name) in t.described)
    if kind == "of":
        return name in t.names
    return name in t.at(frame["rel_addr"]) | t.at(frame["rel_addr"] - 1)


def main():
    db = sqlite3.connect(sys.argv[1])
    db.row_factory = sqlite3.Row
    frames = {r["id"]: r for r in db.execute(
        "SELECT frame.id, name, named, language, path, kind, rel_addr, inlined FROM frame JOIN function f ON f.id = function_id JOIN image i ON i.id = frame.image_id")}
    stacks = {i: (p, f) for i, p, f in db.execute("SELECT id, parent_id, frame_id FROM stack")}

    @functools.lru_cache(None)
    def chain(stack):
        """User frames, leaf first."""
        out = []
        while stack:
            stack, frame = stacks[stack]
            if frames[frame]["kind"] not in ("kernel", "module", "bpf"):
                out.append(frames[frame])
        return out

    # what spins does so in user mode: a sample in the kernel is of what a runtime does besides, as much as the machine makes it do
    in_kernel = {i for i, (_, frame) in stacks.items() if frames[frame]["kind"] in ("kernel", "module", "bpf")}
    taken = [chain(i) for (i,) in db.execute("SELECT stack_id FROM sample WHERE stack_id IS NOT NULL") if i not in in_kernel]
    bad = 0
    for line in open(sys.argv[2]):
        name, exe, image, want, truth, inlines = (line.rstrip("\n").split("\t") + [""])[:6]
        seen = [c for c in taken if c and c[0]["path"] == image and any(f["path"] == exe for f in c)]
        if want == "-":
            hits = [c for c in seen if not c[0]["named"]]
        else:
            hits = [c for c in seen if re.search(want, ";".join(f["name"] for f in reversed(c)))]
        named = {f["id"]: f for c in seen for f in c if f["path"] == exe and f["named"]}.values()
        wrong = sorted({f["name"] for f in named if not is_true(f, truth, inlines)})
        share = 100 * len(hits) / len(seen) if seen else 0
        ok = len(seen) >= 20 and share >= float(sys.argv[3]) and not wrong
        bad += not ok
        print(f"{'ok' if ok else 'not'}\t{name}\t{share:.1f} % of {len(seen)} samples, {len(wrong)} wrong names of {len(named)} frames")
        for w in wrong[:8]:
            print(f"#\twrong: {w}")
        others = [";".join(f["name"] for f in reversed(c)) for c in seen if c not in hits]
        for o in sorted(set(others), key=others.count, reverse=True)[: 0 if ok else 3]:
            print(f"#\t{others.count(o)} of: {o}")
    return 1 if bad else 0


sys.exit(main())
