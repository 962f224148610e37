#!/usr/bin/env python3
"""power_loss.py LOG

How far each file of the guest's disk was synced when the power went, by the console's strace of the recorder: lines "NAME BYTES". A byte counts when its
write had returned before an fdatasync() or fsync() of its file began that returned 0, and its name only with an fsync() of the directory. Files that
were deleted are left out.
"""
import re
import sys

CALL = re.compile(r"^(openat|pwrite64|fdatasync|fsync|ftruncate|unlinkat|close)\((.*)\)\s+= (-?\d+)")

DIRECTORY = "/"

files, written, synced, named = {}, {}, {}, set()
for line in open(sys.argv[1], errors="replace"):
    m = CALL.match(line)
    if not m or int(m[3]) < 0:
        continue
    call, args, result = m[1], m[2].split(", "), int(m[3])
    if call == "openat":
        name = re.search(r'"([^"]*)"', m[2])[1].rsplit("/", 1)[-1]
        files[result] = DIRECTORY if "O_DIRECTORY" in m[2] else name
        if name.endswith(".varve") and "O_CREAT" in m[2]:
            written[name] = synced[name] = 0
        continue
    if call == "unlinkat":
        synced.pop(re.search(r'"([^"]*)"', m[2])[1], None)
        continue
    fd = int(args[0])
    name = files.get(fd)
    if call == "close":
        files.pop(fd, None)
    elif name == DIRECTORY and call == "fsync":
        named.update(written)
    elif name in written:
        if call == "pwrite64":
            written[name] = max(written[name], int(args[3]) + result)
        elif call == "ftruncate":
            written[name] = min(written[name], int(args[1]))
        else:
            synced[name] = written[name]
for name in sorted(synced):
    print(name, synced[name] if name in named else 0)
