#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the corpus of stacks under varve-record (and, asked for, perf record --call-graph dwarf at the same time) and grades each
construct: in which share of its samples is the true chain a contiguous part of the stack? Prints TAP.

  stacks_grade.py BUILD_DIR [--perf] [--block] [--only REGEX] [--seconds S] [--freq HZ] [--keep DIR]
                  [--phase record|grade]

The programs are built once, into BUILD_DIR/tests/workloads/corpus.
Recording wants a quiet machine, grading takes far longer (perf script): --phase does one of them, in the DIR of --keep.
"""
import argparse, collections, os, re, shutil, sqlite3, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GOAL = collections.defaultdict(lambda: 95.0, short=60.0)  # per cent; "short" lives 15 ms


def matches(element, frame):
    if element == "*":
        return True
    if element.startswith("~"):
        return element[1:] in frame
    return frame == element or frame.startswith(element + "(") or frame.startswith(element + "@")


def contains(chain, stack):
    """Whether chain (root first, ** standing for any number of frames) is a contiguous part of stack."""

    def rest(c, i):
        if c == len(chain):
            return True
        if chain[c] == "**":
            return any(rest(c + 1, j) for j in range(i, len(stack) + 1))
        return i < len(stack) and matches(chain[c], stack[i]) and rest(c + 1, i + 1)

    return any(rest(0, i) for i in range(len(stack)))


def varve_samples(report, recording, event):
    """(comm at that time, stack root first, count)"""
    path = recording[: -len(".varve")] + ".db"
    if os.path.exists(path):
        os.unlink(path)
    out = subprocess.run([report, "db", "-q", recording, "-o", path], capture_output=True, text=True, errors="replace")
    if out.returncode:
        sys.exit(f"# {report} db: {out.stderr}")
    db = sqlite3.connect(path)
    # of waits, those that the construct asked for: where it was preempted is up to the machine
    table = "(SELECT * FROM offcpu WHERE state <> 'R')" if event == "off-cpu" else "sample"
    named = f"""SELECT (SELECT n.comm FROM thread_name n WHERE n.utid = e.utid AND n.ts <= e.ts ORDER BY n.ts DESC LIMIT 1) comm, stack_id, count(*)
        FROM {table} e GROUP BY 1, 2 HAVING comm LIKE 'st-%'"""
    up = """WITH RECURSIVE up(id, name, kind) AS (SELECT s.parent_id, v.function, v.kind FROM stack s JOIN frame_v v USING(frame_id) WHERE s.id = ?
        UNION ALL SELECT s.parent_id, v.function, v.kind FROM up JOIN stack s ON s.id = up.id JOIN frame_v v USING(frame_id)) SELECT name, kind FROM up"""
    for comm, stack, n in db.execute(named).fetchall():
        frames = db.execute(up, (stack,)).fetchall()
        # a sample in the kernel is a sample of the user's chain below it
        yield comm, [name for name, kind in frames if kind not in ("kernel", "module", "bpf")][::-1], n
    db.close()


def perf_samples(data):
    out = subprocess.Popen(["perf", "--buildid-dir", data + ".none", "script", "-i", data, "--no-inline", "--max-stack", "1024", "-F", "comm,tid,ip,sym,dso"], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, errors="replace")
    comm, frames = None, []
    for line in out.stdout:
        line = line.rstrip("\n")
        if not line:
            if comm is not None:
                yield comm, frames[::-1], 1
            comm, frames = None, []
        elif line[0] not in " \t":
            comm = re.sub(r"\s+\d+(/\d+)?\s*$", "", line).strip()
        elif comm is None:
            comm = re.sub(r"\s+\d+(/\d+)?\s*$", "", line).strip()
        else:
            m = re.match(r"\s*[0-9a-f]+ (.*) \(([^()]*(?:\([^()]*\))?[^()]*)\)$", line)
            if m and "[kernel" not in m.group(2) and not m.group(2).startswith("["):
                frames.append(re.sub(r"\+0x[0-9a-f]+$", "", m.group(1)))
            elif m and m.group(2) in ("[vdso]", "[unknown]", "[stack]"):
                frames.append(m.group(1))
    if out.wait():
        sys.exit(f"# perf script ended with {out.returncode}")


def grade(chains, samples):
    good, total, other = collections.Counter(), collections.Counter(), collections.defaultdict(collections.Counter)
    for comm, stack, n in samples:
        if not comm.startswith("st-") or comm[3:] not in chains or not stack:
            continue
        total[comm[3:]] += n
        if contains(chains[comm[3:]], stack):
            good[comm[3:]] += n
        else:
            other[comm[3:]][";".join(stack)] += n
    return {name: (good[name], total[name], other[name].most_common(4)) for name in chains}


def run_corpus(args, work):
    """Run every construct under the recorders."""
    env = dict(os.environ, ST_SECONDS=str(args.seconds))
    if args.block:
        env["BLOCK"] = "1"
    lines = [l.split() for l in open(os.path.join(args.corpus, "list"))]
    lines = [l for l in lines if not args.only or re.search(args.only, l[0])]
    with open(os.path.join(work, "jobs"), "w") as f:
        f.writelines(" ".join(l[1:]) + "\n" for l in lines)
    recorder = [os.path.join(args.build, "varve-record"), "-a", "-F", str(args.freq), "-o", os.path.join(work, "v.varve"), "--"]
    # two at once, or eight sleeping; an exit status of a construct is no failure of the run
    command = ["sh", "-c", f"xargs -P {8 if args.block else 2} -I{{}} sh -c '{{}} >> {work}/chains; true' < {work}/jobs"]
    if args.perf:  # inside: Debian 12's perf script dies of a recording that has varve-record in it
        command = ["perf", "--buildid-dir", os.path.join(work, "none"), "record", "-q", "-B", "-N", "-F", str(args.freq),
                   "--call-graph", "dwarf,16384", "-m", "16M", "-o", os.path.join(work, "p.data"), "--"] + command
    out = subprocess.run(recorder + command, env=env, capture_output=True, text=True, cwd=work)  # node leaves its log there
    print("# " + out.stderr.strip().replace("\n", "\n# "))
    if out.returncode:
        sys.exit(out.returncode)


def read_chains(work):
    """What the constructs said: {name: chain}, and the files they left behind."""
    chains, left = {}, []
    for line in open(os.path.join(work, "chains")):
        word, name, chain = line.rstrip("\n").split(" ", 2)
        if word == "file":
            left.append(chain)
        else:
            chains[name] = chain.split(";")
    return chains, left


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--perf", action="store_true")
    p.add_argument("--block", action="store_true")
    p.add_argument("--only")
    p.add_argument("--seconds", type=float, default=0.7)
    p.add_argument("--freq", type=int, default=499)
    p.add_argument("--keep")
    p.add_argument("--phase", choices=("record", "grade"))
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    args.corpus = os.path.join(args.build, "tests/workloads/corpus")
    work = os.path.abspath(args.keep) if args.keep else tempfile.mkdtemp(prefix="varve-stacks.")
    os.makedirs(work, exist_ok=True)
    if args.phase != "grade":
        for f in ("chains", "v.varve", "p.data"):
            if os.path.exists(os.path.join(work, f)):
                os.unlink(os.path.join(work, f))
        build = subprocess.run([os.path.join(HERE, "../workloads/stacks/build.sh"), args.corpus], capture_output=True, text=True)
        if build.returncode:
            sys.exit("# building the corpus: " + build.stderr)
        run_corpus(args, work)
    if args.phase == "record":
        return 0
    chains, left = read_chains(work)
    event = "off-cpu" if args.block else "on-cpu"
    ours = grade(chains, varve_samples(os.path.join(args.build, "varve-report"), os.path.join(work, "v.varve"), event))
    theirs = grade(chains, perf_samples(os.path.join(work, "p.data"))) if args.perf else {}
    for path in left:
        if os.path.exists(path):
            os.unlink(path)
    failed = ahead = behind = 0
    for i, name in enumerate(sorted(chains), 1):
        good, total, other = ours[name]
        share = 100.0 * good / total if total else 0.0
        text = f"{good}/{total} = {share:.1f} %"
        if args.perf:
            pg, pt, _ = theirs[name]
            pshare = 100.0 * pg / pt if pt else 0.0
            text += f"; perf dwarf {pg}/{pt} = {pshare:.1f} %"
            ahead += share >= GOAL[name] > pshare
            behind += share < pshare - 3  # points: one sample in 33, which chance may take
        fine = good >= GOAL[name] / 100 * total - 1 and total >= 10  # one of few may be of something else that it waits for
        failed += not fine
        for stack, n in [] if fine else other:
            print(f"# {n} x {stack if len(stack) < 150 else stack[:70] + ' ... ' + stack[-70:]}")
        print(f"{'ok' if fine else 'not ok'} {i} - stack_{name.replace('-', '_')}{'_blocked' if args.block else ''} ({text})")
    print(f"1..{len(chains)}")
    if args.perf:
        print(f"# ahead of perf record --call-graph dwarf on {ahead} constructs, behind on {behind}")
    if not args.keep:
        shutil.rmtree(work)
    return 1 if failed else 0


sys.exit(main())
