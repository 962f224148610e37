#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""enlarge.py FILE MB: moves .debug_info of an ELF file (64 bits, little-endian) to its end, and adds a unit of so many MB of an unknown version, as
a hole: the file says what it said, and is as large as a library with much debug information."""
import os
import struct
import sys

path, size = sys.argv[1], int(sys.argv[2]) << 20
f = open(path, "r+b")
head = f.read(64)
shoff, = struct.unpack_from("<Q", head, 40)
entsize, count, names = struct.unpack_from("<HHH", head, 58)


def section(i):
    f.seek(shoff + i * entsize)
    return struct.unpack("<IIQQQQIIQQ", f.read(64))


strings = section(names)
for i in range(count):
    name, kind, flags, addr, off, sz, *rest = section(i)
    f.seek(strings[4] + name)
    if f.read(12) == b".debug_info\0":
        break
else:
    sys.exit("no .debug_info")
f.seek(off)
info = f.read(sz)
end = (os.path.getsize(path) + 4095) & ~4095
f.seek(end)
f.write(info + struct.pack("<IH", size - 4, 99))
f.truncate(end + sz + size)
f.seek(shoff + i * entsize)
f.write(struct.pack("<IIQQQQIIQQ", name, kind, flags, addr, end, sz + size, *rest))
