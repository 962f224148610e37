#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A database of 100,000 distinct stacks, 24 deep, with 200,000 samples by 50 threads: what a page must open at once.
   tests/browser/many_stacks.py OUT.db [STACKS]"""
import random
import sqlite3
import sys
import os

out, stacks = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100000
top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
if os.path.exists(out):
    os.unlink(out)
random.seed(7)
db = sqlite3.connect(out)
version = [line.split()[2] for line in open(f"{top}/report/db.h") if line.startswith("#define DB_SCHEMA_VERSION")][0]
db.executescript(f"PRAGMA application_id=0x76617276; PRAGMA user_version={version};" + open(f"{top}/report/schema.sql").read())
db.execute("INSERT INTO recording VALUES(1,'x','many',1700000000000000000,1000,0,60000000000,'duration')")
db.executemany("INSERT INTO process(upid,recording_id,pid,comm) VALUES(?,1,?,?)", [(i, 1000 + i, f"proc{i}") for i in range(1, 11)])
db.executemany("INSERT INTO thread(utid,upid,tid,comm) VALUES(?,?,?,?)", [(i, i % 10 + 1, 2000 + i, f"thr{i % 7}") for i in range(1, 51)])
db.execute("INSERT INTO image(id,kind,path) VALUES(1,'elf','/usr/lib/libmany.so')")
functions = 5000
db.executemany("INSERT INTO function(id,name,image_id) VALUES(?,?,1)",
               [(i, f"ns{i % 40}::Class{i % 300}::method_{i}(int, std::string const&)") for i in range(1, functions + 1)])
db.executemany("INSERT INTO frame(id,function_id,image_id,rel_addr) VALUES(?,?,1,?)", [(i, i, i * 16) for i in range(1, functions + 1)])
nodes, edges, leaves = [], {}, []
while len(leaves) < stacks:
    parent, n = None, len(leaves)
    for depth in range(24):
        # wide near the leaf, narrow near the root, and no two stacks alike
        frame = (n % 3 if depth < 4 else n // 3 % 40 if depth == 6 else random.randrange(6) if depth < 14 else random.randrange(50)) + depth * 60 + 1
        if depth == 23:
            frame = 2000 + n % 3000
        key = (parent, frame)
        if key not in edges:
            edges[key] = len(nodes) + 1
            nodes.append((len(nodes) + 1, parent, frame, depth))
        parent = edges[key]
    leaves.append(parent)
db.executemany("INSERT INTO stack(id,parent_id,frame_id,depth) VALUES(?,?,?,?)", nodes)
db.executemany("INSERT INTO sample VALUES(?,?,?,?,10000000)",
               [(i * 300000, i % 8, i % 50 + 1, leaves[i % len(leaves)]) for i in range(2 * stacks)])
db.commit()
print(f"{len(nodes)} nodes, {len(set(leaves))} distinct stacks")
