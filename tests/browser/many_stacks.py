#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A database of 100,000 distinct stacks, 25 deep, with 200,000 samples by 50 threads: what a page must open at once.
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
db.execute("INSERT INTO recording(id,uuid,host,t0_unix_ns,t0_mono_ns,start_ts,duration_ns) VALUES(1,'x','many',1700000000000000000,1000,0,60000000000)")
db.executemany("INSERT INTO process(upid,recording_id,pid,comm) VALUES(?,1,?,?)", [(i, 1000 + i, f"proc{i}") for i in range(1, 11)])
db.executemany("INSERT INTO thread(utid,upid,tid,comm) VALUES(?,?,?,?)", [(i, i % 10 + 1, 2000 + i, f"thr{i % 7}") for i in range(1, 51)])
db.execute("INSERT INTO image(id,kind,path) VALUES(1,'elf','/usr/lib/libmany.so')")
functions = 5000
db.executemany("INSERT INTO function(id,name,image_id) VALUES(?,?,1)",
               [(i, f"ns{i % 40}::Class{i % 300}::method_{i}(int, std::string const&)") for i in range(1, functions + 1)])
db.executemany("INSERT INTO frame(id,function_id,image_id,rel_addr) VALUES(?,?,1,?)", [(i, i, i * 16) for i in range(1, functions + 1)])
nodes, edges, leaves = [], {}, []


def child(parent, frame, depth):
    if (parent, frame) not in edges:
        edges[parent, frame] = len(nodes) + 1
        nodes.append((len(nodes) + 1, parent, frame, depth))
    return edges[parent, frame]


# 2,000 ways to get 16 frames deep, 50 ways on from each, no two stacks alike
for n in range(stacks):
    parent = None
    if n % 50 == 0:
        for depth in range(16):
            parent = child(parent, (n // 50 % 3 if depth < 4 else random.randrange(4)) + depth * 60 + 1, depth)
        fork = parent
    parent = fork
    for depth in range(16, 24):
        parent = child(parent, n % 50 + n // 50 % 900 * 4 + 1000 if depth > 20 else random.randrange(12) + depth * 60 + 1, depth)
    leaves.append(child(parent, n % 5000 + 1, 24))
db.executemany("INSERT INTO stack(id,parent_id,frame_id,depth) VALUES(?,?,?,?)", nodes)
db.executemany("INSERT INTO sample(ts,cpu,utid,stack_id,weight_ns) VALUES(?,?,?,?,10000000)",
               [(i * 300000, i % 8, i % 50 + 1, leaves[i % len(leaves)]) for i in range(2 * stacks)])
db.commit()
print(f"{len(nodes)} nodes, {len(set(leaves))} distinct stacks")
