-- SPDX-License-Identifier: BSD-2-Clause
-- varve's database. Every recording becomes these tables, and every output of varve-report is a query on them.
-- ts: ns since the recording's start (the first recording's, where several share a database); negative: before it.
-- *_ns, *_us, *_kb (KiB), *_bytes carry their unit in the name. NULL means not recorded, never 0.
-- This file is the one description of the schema: `varve-report schema` prints its comments, and they stay in sqlite_master.
-- Format the program relies on: one column a line with its comment; a table's or view's own comment on its first line;
-- below "-- after load" what is created when the rows are in.
CREATE TABLE meta( -- facts about the (first) recording: hostname, kernel, command, t0_unix_ns, duration_ns, …
  key TEXT PRIMARY KEY, -- the fact's name
  value ANY -- a number where it is one
) STRICT, WITHOUT ROWID;
CREATE TABLE recording( -- the recordings in this database; almost always one
  id INTEGER PRIMARY KEY, -- 1 is the one whose start is ts 0
  uuid TEXT NOT NULL, -- from the file header; segments of one run share it
  host TEXT, -- its hostname
  t0_unix_ns INTEGER NOT NULL, -- wall clock at its start
  t0_mono_ns INTEGER NOT NULL, -- CLOCK_MONOTONIC at its start
  start_ts INTEGER NOT NULL, -- its start on the common time line, aligned by wall clock
  duration_ns INTEGER NOT NULL, -- last event minus start
  ended TEXT -- why it ended ("stopped by the user", "target exited", …); NULL: it did not end on purpose
) STRICT;
CREATE TABLE cgroup( -- a control group; path is the v2 path, or that in the v1 cpu controller (an OOM's: memory controller)
  id INTEGER PRIMARY KEY, -- row id
  recording_id INTEGER NOT NULL, -- recording.id
  kernfs_id INTEGER NOT NULL, -- the kernel's id
  path TEXT NOT NULL, -- "/system.slice/x.service"; "" unknown
  container_id TEXT, -- hex id found in the path
  runtime TEXT, -- docker, containerd, crio, podman, lxc, nspawn
  pod_uid TEXT, -- Kubernetes pod
  memory_max_bytes INTEGER, -- limit; NULL: none or unknown
  cpu_quota_us INTEGER, -- CPU time per period; NULL: none or unknown
  cpu_period_us INTEGER -- the period
) STRICT;
CREATE TABLE process( -- one process; pid reuse gives a new row, exec does not
  upid INTEGER PRIMARY KEY, -- unique in this database
  recording_id INTEGER NOT NULL, -- recording.id
  pid INTEGER NOT NULL, -- in the initial pid namespace; 0 is the idle task
  ns_pid INTEGER, -- in its own pid namespace
  parent_upid INTEGER REFERENCES process, -- creator
  ppid INTEGER, -- its pid
  uid INTEGER, -- real user id
  comm TEXT, -- the main thread's last name
  exe TEXT, -- what it last executed
  cmdline TEXT, -- only with --cmdline
  cgroup_id INTEGER REFERENCES cgroup, -- the last one it was in
  start_ts INTEGER, -- creation
  exec_ts INTEGER, -- last exec
  exit_ts INTEGER, -- NULL: alive at the end
  exit_code INTEGER, -- when it exited by itself
  exit_signal INTEGER -- when a signal killed it
) STRICT;
CREATE TABLE thread( -- one thread; tid reuse gives a new row
  utid INTEGER PRIMARY KEY, -- unique in this database
  upid INTEGER NOT NULL REFERENCES process, -- its process
  tid INTEGER NOT NULL, -- in the initial pid namespace
  comm TEXT, -- its last name
  is_main INTEGER NOT NULL DEFAULT 0, -- 1: tid = pid
  uncertain INTEGER NOT NULL DEFAULT 0, -- 1: met without its task record (lost or damaged), so start and parent are guesses
  is_kernel INTEGER NOT NULL DEFAULT 0, -- 1: kernel thread
  start_ts INTEGER, -- creation
  exit_ts INTEGER -- NULL: alive at the end
) STRICT;
CREATE TABLE thread_name( -- every name a thread had: comm holds from ts on
  utid INTEGER NOT NULL REFERENCES thread, -- whose
  ts INTEGER NOT NULL, -- from when
  comm TEXT NOT NULL, -- the name
  PRIMARY KEY(utid,ts)
) STRICT, WITHOUT ROWID;
CREATE TABLE thread_account( -- where each thread's time went: wall = running + runq + blocked + lost
  utid INTEGER PRIMARY KEY REFERENCES thread, -- whose
  first_ts INTEGER NOT NULL, -- accounting began
  wall_ns INTEGER NOT NULL, -- from then to the last word about the thread
  running_ns INTEGER NOT NULL, -- on a CPU
  runq_ns INTEGER NOT NULL, -- runnable, waiting for a CPU
  blocked_ns INTEGER NOT NULL, -- waiting for something else
  short_ns INTEGER NOT NULL, -- the part of runq + blocked in waits below the threshold, which have no rows in offcpu
  short_waits INTEGER NOT NULL, -- how many those were
  lost_ns INTEGER NOT NULL, -- the rest: time in no sum
  source TEXT NOT NULL -- 'account': summed in the kernel; 'switch': from the recorded switches
) STRICT;
CREATE TABLE image( -- code: a file, the kernel, a kernel module, JIT memory
  id INTEGER PRIMARY KEY, -- row id
  kind TEXT NOT NULL CHECK(kind IN('elf','kernel','module','vdso','jit','bpf','anon')), -- anon: an address in no known mapping
  path TEXT NOT NULL, -- as the process saw it; "[kernel]", "[module]", "[vdso]"
  build_id TEXT, -- hex
  debug_path TEXT, -- the file its names came from
  symbols TEXT, -- where names came from: dwarf, symtab, dynsym, minidebuginfo, gopclntab, perfmap, kallsyms, none
  unnamed_reason TEXT -- why (some of) its addresses have no name: no file, build-id differs, no symbols, address in no symbol, JIT code without a perf map, exited before …, kptr_restrict, worker died, …; NULL: all have (or, when all have, which file of its debug information is missing)
) STRICT;
CREATE TABLE source_file( -- a path in debug information
  id INTEGER PRIMARY KEY, -- row id
  path TEXT NOT NULL -- as the compiler wrote it
) STRICT;
CREATE TABLE function( -- a function of an image
  id INTEGER PRIMARY KEY, -- row id
  name TEXT NOT NULL, -- demangled, suffixes folded; "[unknown]" forms where there is none
  raw_name TEXT, -- as the symbol table had it, where that differs
  image_id INTEGER NOT NULL REFERENCES image, -- where it lives
  file_id INTEGER REFERENCES source_file, -- where it is declared
  line INTEGER, -- there
  named INTEGER NOT NULL DEFAULT 1, -- 0: name is a placeholder
  language TEXT -- c++, rust, go, python, javascript, …; NULL: C, or unknown
) STRICT;
CREATE TABLE frame( -- one entry of a stack: an address, or a function inlined at it
  id INTEGER PRIMARY KEY, -- row id
  function_id INTEGER NOT NULL REFERENCES function, -- what runs there
  image_id INTEGER NOT NULL REFERENCES image, -- whose code
  rel_addr INTEGER, -- the recorded pc as an ELF virtual address of its image (a return address itself, not minus one); kernel: from _text; module: from its start; NULL: no image
  file_id INTEGER REFERENCES source_file, -- the source of this very address (of the call, for an outer frame)
  line INTEGER, -- there
  inlined INTEGER NOT NULL DEFAULT 0 -- 1: inlined into its parent frame
) STRICT;
CREATE TABLE stack( -- a node of the stack trie; the stack is the path from here (leaf) to the root
  id INTEGER PRIMARY KEY, -- ids say nothing about order: use depth
  parent_id INTEGER REFERENCES stack, -- towards the root; NULL: this is the root
  frame_id INTEGER NOT NULL REFERENCES frame, -- what is there
  depth INTEGER NOT NULL, -- 0 at the root
  end_id INTEGER NOT NULL DEFAULT 0 REFERENCES stack_end, -- how the stack ended at its root side
  truncated INTEGER NOT NULL DEFAULT 0 -- 1: deeper than --max-stack
) STRICT;
CREATE TABLE stack_end( -- how a stack can end at its root side
  id INTEGER PRIMARY KEY, -- number
  name TEXT NOT NULL -- "complete", "truncated", …
) STRICT;
CREATE TABLE sample( -- one stack taken at one instant on a CPU
  ts INTEGER NOT NULL, -- when
  cpu INTEGER NOT NULL, -- where
  utid INTEGER NOT NULL, -- who
  stack_id INTEGER, -- NULL: no stack could be taken
  weight_ns INTEGER NOT NULL, -- CPU time it stands for
  PRIMARY KEY(ts,cpu,utid)
) STRICT, WITHOUT ROWID;
CREATE TABLE offcpu( -- one wait: off the CPU from ts to ts + dur_ns; blocked for dur_ns - runq_ns, then runnable for runq_ns
  ts INTEGER NOT NULL, -- switched out
  utid INTEGER NOT NULL, -- who
  dur_ns INTEGER NOT NULL, -- the whole wait
  runq_ns INTEGER, -- its last part, runnable; NULL: no wakeup seen
  state TEXT NOT NULL, -- S sleeping, D uninterruptible, I idle, T stopped, R preempted
  stack_id INTEGER, -- where it waited
  waker_utid INTEGER, -- who woke it; NULL: unknown, or an interrupt
  waker_stack_id INTEGER, -- what the waker (or the interrupt) was doing
  cpu_out INTEGER, -- left this CPU
  cpu_in INTEGER, -- came back on this one
  iowait INTEGER NOT NULL DEFAULT 0, -- 1: waiting for a disk
  waker_irq INTEGER NOT NULL DEFAULT 0, -- 1: woken from an interrupt
  PRIMARY KEY(ts,utid)
) STRICT, WITHOUT ROWID;
CREATE TABLE sched_slice( -- one turn of a thread on a CPU (-e sched); the idle task's are left out
  ts INTEGER NOT NULL, -- switched in
  cpu INTEGER NOT NULL, -- where
  dur_ns INTEGER NOT NULL, -- for how long
  utid INTEGER NOT NULL, -- who
  end_state TEXT, -- state it left in: R preempted, S, D, … ; NULL: still running at the end
  prio INTEGER, -- kernel priority (120: nice 0)
  runq_ns INTEGER, -- runnable before this slice; NULL: unknown
  waker_utid INTEGER, -- who woke it for this slice; NULL: preempted before, or unknown
  PRIMARY KEY(ts,cpu,utid)
) STRICT, WITHOUT ROWID;
CREATE TABLE migration( -- a thread moved to another CPU (-e sched)
  ts INTEGER NOT NULL, -- when
  utid INTEGER NOT NULL, -- who
  from_cpu INTEGER NOT NULL, -- from
  to_cpu INTEGER NOT NULL, -- to
  PRIMARY KEY(ts,utid)
) STRICT, WITHOUT ROWID;
CREATE TABLE exec_event( -- every exec
  id INTEGER PRIMARY KEY, -- row id
  ts INTEGER NOT NULL, -- when
  upid INTEGER NOT NULL, -- who
  filename TEXT, -- what
  args TEXT, -- only with --cmdline
  parent_upid INTEGER -- its creator
) STRICT;
CREATE TABLE oom( -- one OOM kill
  id INTEGER PRIMARY KEY, -- row id
  ts INTEGER NOT NULL, -- when
  victim_upid INTEGER, -- who was killed
  trigger_utid INTEGER, -- whose allocation ran out
  victim_pid INTEGER, -- the victim's pid
  victim_comm TEXT, -- its name
  scope TEXT, -- global, memcg, cpuset
  cgroup_id INTEGER, -- the cgroup whose limit was hit
  total_vm_kb INTEGER, -- the victim's address space
  anon_rss_kb INTEGER, -- its anonymous memory
  file_rss_kb INTEGER, -- its file pages
  shmem_rss_kb INTEGER, -- its shared memory
  pgtables_kb INTEGER, -- its page tables
  swap_kb INTEGER, -- its swap
  oom_score_adj INTEGER, -- -1000 … 1000
  uid INTEGER, -- its user
  limit_bytes INTEGER, -- the cgroup's limit
  usage_bytes INTEGER, -- and usage
  snapshot_ts INTEGER, -- when oom_task was taken
  stack_id INTEGER -- the allocation's stack
) STRICT;
CREATE TABLE oom_task( -- the largest tasks in the last memory snapshot before an OOM kill
  oom_id INTEGER NOT NULL REFERENCES oom, -- which kill
  pid INTEGER NOT NULL, -- process
  comm TEXT, -- its name
  uid INTEGER, -- its user
  rss_kb INTEGER, -- resident
  anon_kb INTEGER, -- of it anonymous
  swap_kb INTEGER, -- swapped out
  oom_score_adj INTEGER, -- -1000 … 1000
  PRIMARY KEY(oom_id,pid)
) STRICT, WITHOUT ROWID;
CREATE TABLE counter( -- a number over time
  id INTEGER PRIMARY KEY, -- row id
  recording_id INTEGER NOT NULL, -- recording.id
  ts INTEGER NOT NULL, -- when
  name TEXT NOT NULL, -- "psi.memory.some_us", …: the unit is in the name
  scope TEXT, -- host, cgroup, process, varve
  scope_id INTEGER, -- kernfs id, pid, …
  value REAL NOT NULL -- the number
) STRICT;
CREATE TABLE clock( -- one instant on three clocks, every 10 s, and within a second where the wall clock was set
  ts INTEGER PRIMARY KEY, -- when
  realtime_ns INTEGER NOT NULL, -- wall clock
  boottime_ns INTEGER NOT NULL -- time since boot, suspend included
) STRICT;
CREATE TABLE mark( -- notes by the user or a trigger
  id INTEGER PRIMARY KEY, -- row id
  ts INTEGER NOT NULL, -- when
  text TEXT NOT NULL -- what
) STRICT;
CREATE TABLE loss( -- everything that is not in this database and should be
  id INTEGER PRIMARY KEY, -- row id
  recording_id INTEGER NOT NULL, -- recording.id
  ts INTEGER NOT NULL, -- from when
  dur_ns INTEGER, -- for how long
  stream TEXT NOT NULL, -- sample, offcpu, … ; "recording": a stretch of the file
  cpu INTEGER, -- where
  lost INTEGER, -- events; NULL: unknown number
  reason TEXT NOT NULL, -- ring full, damage: payload checksum differs, …
  bytes INTEGER -- of the file, for damage
) STRICT;
CREATE TABLE stream_total( -- the recorder's own count: seen = written + ring_full + map_full + user_dropped
  recording_id INTEGER NOT NULL, -- recording.id
  stream TEXT NOT NULL, -- sample, offcpu, …
  seen INTEGER NOT NULL, -- happened
  written INTEGER NOT NULL, -- went into the file
  ring_full INTEGER NOT NULL, -- lost: no room in the ring
  map_full INTEGER NOT NULL, -- lost: no room in a map
  stack_error INTEGER NOT NULL, -- written, but without a stack
  user_dropped INTEGER NOT NULL, -- lost in the recorder
  imported INTEGER, -- found in the file
  PRIMARY KEY(recording_id,stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE function_total( -- self and total of each function, computed on import; equal to oncpu_function and its off-CPU twin
  kind TEXT NOT NULL, -- on-cpu, off-cpu
  function_id INTEGER NOT NULL REFERENCES function, -- whose
  self_ns INTEGER NOT NULL, -- as the leaf
  total_ns INTEGER NOT NULL, -- anywhere in the stack, counted once a stack
  self_n INTEGER NOT NULL, -- samples or waits as the leaf
  total_n INTEGER NOT NULL, -- and anywhere
  PRIMARY KEY(kind,function_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE stack_total( -- what each stack sums up to, over the whole recording
  kind TEXT NOT NULL, -- on-cpu, off-cpu
  stack_id INTEGER NOT NULL, -- which; 0: no stack was taken
  ns INTEGER NOT NULL, -- CPU time, or time waited
  n INTEGER NOT NULL, -- samples, or waits
  PRIMARY KEY(kind,stack_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE thread_total( -- what each thread sums up to, over the whole recording
  kind TEXT NOT NULL, -- on-cpu, off-cpu
  utid INTEGER NOT NULL REFERENCES thread, -- whose
  ns INTEGER NOT NULL, -- CPU time, or time waited
  n INTEGER NOT NULL, -- samples, or waits
  PRIMARY KEY(kind,utid)
) STRICT, WITHOUT ROWID;
CREATE TABLE sample_stack( -- what the samples of each thread in each stack sum up to, over the whole recording; sums up sample
  utid INTEGER NOT NULL REFERENCES thread, -- whose
  stack_id INTEGER NOT NULL, -- which; 0: no stack was taken
  ns INTEGER NOT NULL, -- CPU time
  n INTEGER NOT NULL, -- samples
  PRIMARY KEY(utid,stack_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE thread_cpu( -- how long each thread was on each CPU, over the whole recording
  kind TEXT NOT NULL, -- by what: sample, or slice (-e sched)
  utid INTEGER NOT NULL REFERENCES thread, -- whose
  cpu INTEGER NOT NULL, -- where
  ns INTEGER NOT NULL, -- time on it
  n INTEGER NOT NULL, -- samples, or slices
  PRIMARY KEY(kind,utid,cpu)
) STRICT, WITHOUT ROWID;
CREATE TABLE runq_second( -- how long each thread waited for a CPU, second by second, in steps of an eighth of an octave; sums up runq_latency
  sec INTEGER NOT NULL, -- ts / 1e9, rounded down, of when it began to wait
  utid INTEGER NOT NULL REFERENCES thread, -- who
  from_ns INTEGER NOT NULL, -- at least that long
  part INTEGER NOT NULL, -- 0, 1, …: an import may write the sums of one second, thread and step as several rows
  to_ns INTEGER NOT NULL, -- shorter than that
  count INTEGER NOT NULL, -- times
  sum_ns INTEGER NOT NULL, -- together
  max_ns INTEGER NOT NULL, -- the longest
  PRIMARY KEY(sec,utid,from_ns,part)
) STRICT, WITHOUT ROWID;
CREATE TABLE runq_longest( -- the 100 longest waits for a CPU: the first rows of runq_latency by latency_ns
  rank INTEGER PRIMARY KEY, -- 1: the longest
  ts INTEGER NOT NULL, -- runnable from
  latency_ns INTEGER NOT NULL, -- for how long
  utid INTEGER NOT NULL REFERENCES thread, -- who
  cpu INTEGER NOT NULL -- which CPU it got
) STRICT;
CREATE TABLE wait_waker( -- what the waits of each thread that a thread ended sum up to, over the whole recording; sums up offcpu
  utid INTEGER NOT NULL REFERENCES thread, -- who waited
  state TEXT NOT NULL, -- as offcpu.state
  waker_utid INTEGER NOT NULL, -- who woke it; 0: unknown, or an interrupt
  waker_irq INTEGER NOT NULL, -- 1: an interrupt
  n INTEGER NOT NULL, -- waits
  ns INTEGER NOT NULL, -- together
  blocked_ns INTEGER NOT NULL, -- of it blocked, not runnable
  max_ns INTEGER NOT NULL, -- the longest
  PRIMARY KEY(utid,state,waker_utid,waker_irq)
) STRICT, WITHOUT ROWID;
CREATE TABLE wait_stack( -- what the waits of each thread in each stack sum up to, over the whole recording; sums up offcpu
  utid INTEGER NOT NULL REFERENCES thread, -- who waited
  state TEXT NOT NULL, -- as offcpu.state
  stack_id INTEGER NOT NULL, -- where; 0: no stack was taken
  woken INTEGER NOT NULL, -- 1: a thread or an interrupt ended them; 0: nobody known did
  n INTEGER NOT NULL, -- waits
  ns INTEGER NOT NULL, -- together
  blocked_ns INTEGER NOT NULL, -- of it blocked, not runnable
  max_ns INTEGER NOT NULL, -- the longest
  io_n INTEGER NOT NULL, -- how many were for a disk
  PRIMARY KEY(utid,state,stack_id,woken)
) STRICT, WITHOUT ROWID;
CREATE TABLE wait_length( -- how long the waits of each thread were, by powers of two, over the whole recording; sums up offcpu
  utid INTEGER NOT NULL REFERENCES thread, -- who waited
  state TEXT NOT NULL, -- as offcpu.state
  from_us INTEGER NOT NULL, -- at least that long (but 1 holds all that are shorter)
  to_us INTEGER NOT NULL, -- and shorter than that
  n INTEGER NOT NULL, -- waits
  PRIMARY KEY(utid,state,from_us)
) STRICT, WITHOUT ROWID;
CREATE TABLE question( -- the named questions: `SELECT name, title FROM question`
  name TEXT PRIMARY KEY, -- for `varve-report sql -q`
  title TEXT NOT NULL, -- what it answers
  sql TEXT NOT NULL -- how
) STRICT, WITHOUT ROWID;
-- after load
-- None on sched_slice: what SQL asks of one thread there is a scan, 0.4 s with 10 million slices (1.0 s through thread_timeline); an index would be 130 MB of 830, and 3.4 s of the import.
CREATE INDEX sample_thread ON sample(utid);
CREATE INDEX offcpu_thread ON offcpu(utid);
CREATE INDEX stack_parent ON stack(parent_id);
CREATE INDEX thread_tid ON thread(tid);
CREATE INDEX thread_process ON thread(upid);
CREATE INDEX process_pid ON process(pid);
CREATE INDEX process_parent ON process(parent_upid);
CREATE INDEX function_name ON function(name);
CREATE VIEW thread_v AS -- a thread with its process and cgroup. e.g. SELECT thread, process, cgroup FROM thread_v WHERE tid > 0 LIMIT 3
  SELECT t.utid, t.tid, t.comm AS thread, p.upid, p.pid, p.comm AS process, p.exe, p.uid, g.id AS cgroup_id, g.path AS cgroup, g.container_id, p.recording_id, t.is_kernel, r.host
  FROM thread t JOIN process p USING(upid) LEFT JOIN cgroup g ON g.id=p.cgroup_id LEFT JOIN recording r ON r.id=p.recording_id;
CREATE VIEW frame_v AS -- a frame with its names; label is what folded stacks show. e.g. SELECT function, image, line FROM frame_v LIMIT 3
  SELECT f.id AS frame_id, fn.id AS function_id, fn.name AS function, i.path AS image, i.kind, f.rel_addr, coalesce(sf.path,df.path) AS file, f.line, f.inlined,
    replace(fn.name,';',':')||CASE WHEN i.kind IN('kernel','module','bpf') THEN '_[k]' WHEN i.kind='jit' THEN '_[j]' WHEN f.inlined THEN '_[i]' ELSE '' END AS label
  FROM frame f JOIN function fn ON fn.id=f.function_id JOIN image i ON i.id=f.image_id LEFT JOIN source_file sf ON sf.id=f.file_id LEFT JOIN source_file df ON df.id=fn.file_id;
CREATE VIEW stack_text AS -- each stack as folded text, root first. e.g. SELECT folded FROM stack_text ORDER BY length(folded) DESC LIMIT 1
  WITH RECURSIVE p(id,txt) AS (SELECT s.id, f.label FROM stack s JOIN frame_v f USING(frame_id) WHERE s.parent_id IS NULL
    UNION ALL SELECT s.id, p.txt||';'||f.label FROM p JOIN stack s ON s.parent_id=p.id JOIN frame_v f USING(frame_id))
  SELECT id AS stack_id, txt AS folded FROM p;
CREATE VIEW stack_place AS -- where a stack stands, in a few words: the innermost telling kernel function, and the program's functions, leaf first (without the insides of its lock). e.g. SELECT kernel, program FROM stack_place WHERE stack_id = (SELECT max(stack_id) FROM stack_total)
  SELECT s.id AS stack_id,
    (WITH RECURSIVE up(node,frame_id,n) AS (SELECT k.parent_id, k.frame_id, 0 FROM stack k WHERE k.id=s.id UNION ALL SELECT k.parent_id, k.frame_id, n+1 FROM up JOIN stack k ON k.id=up.node WHERE n<15)
      SELECT fn.name FROM up JOIN frame f ON f.id=up.frame_id JOIN function fn ON fn.id=f.function_id JOIN image i ON i.id=f.image_id WHERE i.kind IN('kernel','module')
        AND fn.name NOT IN('__schedule','schedule','schedule_timeout','io_schedule','io_schedule_timeout','schedule_preempt_disabled','schedule_hrtimeout_range','schedule_hrtimeout_range_clock','__switch_to','preempt_schedule','preempt_schedule_common') ORDER BY n LIMIT 1) AS kernel,
    (WITH RECURSIVE up(node,frame_id,n) AS (SELECT k.parent_id, k.frame_id, 0 FROM stack k WHERE k.id=s.id UNION ALL SELECT k.parent_id, k.frame_id, n+1 FROM up JOIN stack k ON k.id=up.node WHERE n<40)
      SELECT group_concat(name,' < ') FROM (SELECT fn.name FROM up JOIN frame f ON f.id=up.frame_id JOIN function fn ON fn.id=f.function_id JOIN image i ON i.id=f.image_id WHERE i.kind NOT IN('kernel','module','bpf') AND fn.name NOT GLOB '*lll_*' AND fn.name NOT GLOB 'futex_wait*' ORDER BY n LIMIT 6)) AS program
  FROM stack s;
CREATE VIEW stack_function AS -- every function in every stack, once. e.g. SELECT count(*) FROM stack_function
  WITH RECURSIVE up(stack_id,node,frame_id) AS (SELECT id,parent_id,frame_id FROM stack UNION ALL SELECT up.stack_id,s.parent_id,s.frame_id FROM up JOIN stack s ON s.id=up.node)
  SELECT up.stack_id, f.function_id FROM up JOIN frame f ON f.id=up.frame_id GROUP BY 1,2;
CREATE VIEW oncpu_function AS -- CPU time by function: self as the leaf, total anywhere in the stack. e.g. SELECT function, self_pct FROM oncpu_function ORDER BY self_ns DESC LIMIT 5
  WITH tot AS MATERIALIZED (SELECT total(ns) t FROM stack_total WHERE kind='on-cpu')
  SELECT fn.id AS function_id, fn.name AS function, i.path AS image, self_ns, total_ns, round(100.0*self_ns/t,2) AS self_pct, round(100.0*total_ns/t,2) AS total_pct, self_n AS self_samples, total_n AS total_samples
  FROM function_total JOIN function fn ON fn.id=function_id JOIN image i ON i.id=fn.image_id, tot WHERE function_total.kind='on-cpu';
CREATE VIEW offcpu_function AS -- waiting time by function. e.g. SELECT function, total_ns FROM offcpu_function ORDER BY total_ns DESC LIMIT 5
  WITH tot AS MATERIALIZED (SELECT total(ns) t FROM stack_total WHERE kind='off-cpu')
  SELECT fn.id AS function_id, fn.name AS function, i.path AS image, self_ns, total_ns, round(100.0*self_ns/t,2) AS self_pct, round(100.0*total_ns/t,2) AS total_pct, self_n AS self_waits, total_n AS total_waits
  FROM function_total JOIN function fn ON fn.id=function_id JOIN image i ON i.id=fn.image_id, tot WHERE function_total.kind='off-cpu';
CREATE VIEW function_total_def AS -- what function_total must equal (slow: use the table). e.g. SELECT count(*) FROM function_total_def
  WITH leaf AS MATERIALIZED (SELECT 'on-cpu' kind, stack_id, sum(weight_ns) ns, count(*) n FROM sample WHERE stack_id IS NOT NULL GROUP BY 2
      UNION ALL SELECT 'off-cpu', stack_id, sum(dur_ns), count(*) FROM offcpu WHERE stack_id IS NOT NULL GROUP BY 2),
    seen(stack_id) AS MATERIALIZED (SELECT DISTINCT stack_id FROM leaf),
    up(stack_id,node) AS (SELECT stack_id,stack_id FROM seen UNION ALL SELECT up.stack_id,s.parent_id FROM up JOIN stack s ON s.id=up.node WHERE s.parent_id IS NOT NULL),
    inc AS MATERIALIZED (SELECT DISTINCT up.stack_id, f.function_id FROM up JOIN stack s ON s.id=up.node JOIN frame f ON f.id=s.frame_id),
    total AS (SELECT kind, function_id, sum(ns) total_ns, sum(n) total_n FROM inc JOIN leaf USING(stack_id) GROUP BY 1,2),
    self AS (SELECT kind, f.function_id, sum(ns) self_ns, sum(n) self_n FROM leaf JOIN stack s ON s.id=leaf.stack_id JOIN frame f ON f.id=s.frame_id GROUP BY 1,2)
  SELECT kind, function_id, coalesce(self_ns,0) AS self_ns, total_ns, coalesce(self_n,0) AS self_n, total_n FROM total LEFT JOIN self USING(kind,function_id);
CREATE VIEW oncpu_folded AS -- on-CPU folded stacks, the same lines as `varve-report folded`. e.g. SELECT folded||' '||samples FROM oncpu_folded ORDER BY folded LIMIT 3
  SELECT replace(t.thread,';',':')||coalesce(';'||st.folded,'') AS folded, sum(a.ns) AS ns, sum(a.n) AS samples
  FROM (SELECT utid, stack_id, sum(weight_ns) ns, count(*) n FROM sample GROUP BY 1,2) a JOIN thread_v t USING(utid) LEFT JOIN stack_text st USING(stack_id) GROUP BY 1;
CREATE VIEW offcpu_folded AS -- off-CPU folded stacks, the same lines as `folded --event off-cpu`. e.g. SELECT folded||' '||ns FROM offcpu_folded ORDER BY ns DESC LIMIT 3
  SELECT replace(t.thread,';',':')||coalesce(';'||st.folded,'') AS folded, sum(a.ns) AS ns, sum(a.n) AS events, sum(a.blocked_ns) AS blocked_ns
  FROM (SELECT utid, stack_id, sum(dur_ns) ns, count(*) n, sum(dur_ns-coalesce(runq_ns,0)) blocked_ns FROM offcpu GROUP BY 1,2) a JOIN thread_v t USING(utid) LEFT JOIN stack_text st USING(stack_id) GROUP BY 1;
CREATE VIEW offcpu_stack AS -- waits by process, state and stack. e.g. SELECT process, state, events, off_ns FROM offcpu_stack ORDER BY off_ns DESC LIMIT 5
  SELECT t.process, o.state, o.stack_id, count(*) AS events, sum(o.dur_ns) AS off_ns, sum(o.runq_ns) AS runq_ns, sum(o.dur_ns-coalesce(o.runq_ns,0)) AS blocked_ns, max(o.dur_ns) AS max_ns
  FROM offcpu o JOIN thread_v t USING(utid) GROUP BY 1,2,3;
CREATE VIEW runq_latency AS -- each time a thread waited for a CPU: every one with -e sched, else those of the recorded waits. e.g. SELECT max(latency_ns) FROM runq_latency
  SELECT s.ts-s.runq_ns AS ts, s.runq_ns AS latency_ns, s.utid, s.cpu FROM sched_slice s WHERE s.runq_ns IS NOT NULL
  UNION ALL SELECT o.ts+o.dur_ns-o.runq_ns, o.runq_ns, o.utid, o.cpu_in FROM offcpu o WHERE o.runq_ns IS NOT NULL AND NOT EXISTS(SELECT 1 FROM sched_slice);
CREATE VIEW runq_histogram AS -- run-queue latency by powers of two. e.g. SELECT from_us, to_us, count, bar FROM runq_histogram
  WITH b AS (SELECT CASE WHEN latency_ns<1000 THEN 0 ELSE CAST(floor(log2(latency_ns/1000)) AS INT)+1 END AS slot, count(*) n FROM runq_latency GROUP BY 1)
  SELECT slot, CASE slot WHEN 0 THEN 0 ELSE 1<<(slot-1) END AS from_us, 1<<slot AS to_us, n AS count, printf('%.*c',1+40*n/(SELECT max(n) FROM b),'*') AS bar FROM b ORDER BY slot;
CREATE VIEW wakeup_edge AS -- who wakes whom. e.g. SELECT waker, wakee, wakeups FROM wakeup_edge ORDER BY blocked_ns DESC LIMIT 5
  SELECT CASE WHEN o.waker_irq THEN '[interrupt]' ELSE wk.process END AS waker, CASE WHEN o.waker_irq THEN '[interrupt]' ELSE wk.thread END AS waker_thread, t.process AS wakee, t.thread AS wakee_thread, count(*) AS wakeups, sum(o.dur_ns-coalesce(o.runq_ns,0)) AS blocked_ns
  FROM offcpu o JOIN thread_v t USING(utid) LEFT JOIN thread_v wk ON wk.utid=o.waker_utid WHERE o.state<>'R' GROUP BY 1,2,3,4;
CREATE VIEW thread_timeline AS -- what each thread was doing when: exact with -e sched, else the recorded waits. e.g. SELECT state, sum(dur_ns) FROM thread_timeline GROUP BY 1
  SELECT utid, ts, dur_ns, 'Running' AS state, cpu, NULL AS stack_id, NULL AS waker_utid FROM sched_slice
  UNION ALL SELECT utid, ts-runq_ns, runq_ns, 'Runnable', cpu, NULL, waker_utid FROM sched_slice WHERE runq_ns>0
  UNION ALL SELECT utid, ts, dur_ns-coalesce(runq_ns,0), CASE state WHEN 'R' THEN 'Preempted' WHEN 'D' THEN 'Blocked (D)' ELSE 'Sleeping ('||state||')' END, NULL, stack_id, waker_utid FROM offcpu WHERE dur_ns>coalesce(runq_ns,0)
  UNION ALL SELECT utid, ts+dur_ns-runq_ns, runq_ns, 'Runnable', cpu_in, NULL, waker_utid FROM offcpu WHERE runq_ns>0 AND NOT EXISTS(SELECT 1 FROM sched_slice);
CREATE VIEW process_cpu AS -- CPU time by process. e.g. SELECT process, cpu_ns FROM process_cpu ORDER BY cpu_ns DESC LIMIT 5
  SELECT t.upid, t.pid, t.process, t.cgroup, t.container_id, sum(s.n) AS samples, sum(s.ns) AS cpu_ns FROM thread_total s JOIN thread_v t USING(utid) WHERE s.kind='on-cpu' GROUP BY t.upid;
CREATE VIEW cgroup_cpu AS -- CPU time by cgroup. e.g. SELECT cgroup, cpu_ns FROM cgroup_cpu ORDER BY cpu_ns DESC LIMIT 5
  SELECT t.cgroup_id, t.cgroup, t.container_id, sum(s.n) AS samples, sum(s.ns) AS cpu_ns FROM thread_total s JOIN thread_v t USING(utid) WHERE s.kind='on-cpu' GROUP BY t.cgroup_id;
CREATE VIEW oom_report AS -- OOM kills with the wall clock and the cgroup's path. e.g. SELECT wall, victim_comm, cgroup FROM oom_report
  SELECT o.id, o.ts, strftime('%Y-%m-%dT%H:%M:%SZ',(coalesce((SELECT c.realtime_ns-c.ts FROM clock c WHERE c.ts<=o.ts ORDER BY c.ts DESC LIMIT 1),(SELECT t0_unix_ns FROM recording WHERE id=1))+o.ts)/1000000000,'unixepoch') AS wall, o.victim_pid, o.victim_comm, o.scope, g.path AS cgroup, o.limit_bytes, o.usage_bytes, o.anon_rss_kb, o.file_rss_kb, o.shmem_rss_kb, o.swap_kb, o.oom_score_adj, o.stack_id
  FROM oom o LEFT JOIN cgroup g ON g.id=o.cgroup_id;
CREATE VIEW quality AS -- can this recording be trusted. e.g. SELECT what, n, detail FROM quality
  SELECT CASE reason WHEN 'stack error' THEN 'stack could not be taken: ' ELSE 'lost: ' END||stream AS what, sum(lost) AS n, nullif(group_concat(DISTINCT reason),'stack error') AS detail FROM loss GROUP BY stream, reason='stack error'
  UNION ALL SELECT 'samples without stack', coalesce(sum(n),0), NULL FROM stack_total WHERE kind='on-cpu' AND stack_id=0
  UNION ALL SELECT 'samples with stack end: '||e.name, sum(s.n), NULL FROM stack_total s JOIN stack k ON k.id=s.stack_id JOIN stack_end e ON e.id=k.end_id WHERE s.kind='on-cpu' GROUP BY e.name
  UNION ALL SELECT 'functions without a name', count(*), NULL FROM function WHERE named=0
  UNION ALL SELECT 'threads with a guessed identity', count(*), NULL FROM thread WHERE uncertain=1;
