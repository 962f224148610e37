-- SPDX-License-Identifier: BSD-2-Clause
-- Rows with a known answer, for the tests of pictures and exports (tests/consumers/fixture.sh makes a database of them, the unit
-- tests load them themselves): two processes, three threads, 105 samples on five stacks (with an inlined frame, a kernel frame, a
-- C++ name and a hostile one), waits with wakers, the same waits as slices, an OOM kill, five lost samples.
-- Self/total in samples: __x64_sys_recvfrom 50/50, parse:json 30/43, strlen 13/13, gc 7/7, evil 4/4, recv 0/50, handle 0/100, main 0/104.
INSERT INTO meta VALUES('hostname','fixture'),('kernel','6.1.0'),('duration_ns',2000000000),('t0_unix_ns',1700000000000000000),('freq','99');
INSERT INTO recording(id,uuid,host,t0_unix_ns,t0_mono_ns,start_ts,duration_ns,ended)
  VALUES(1,'00000000-0000-0000-0000-000000000001','fixture',1700000000000000000,5000000000,0,2000000000,'duration');
INSERT INTO cgroup(id,recording_id,kernfs_id,path,container_id) VALUES(1,1,77,'/system.slice/app.service',NULL),(2,1,78,'/docker/0123456789ab','0123456789ab');
INSERT INTO process(upid,recording_id,pid,ppid,comm,exe,cgroup_id) VALUES(1,1,100,1,'app','/usr/bin/app',1),(2,1,200,1,'db</script>','/usr/bin/db',2);
INSERT INTO thread(utid,upid,tid,comm,is_main) VALUES(1,1,100,'app',1),(2,1,101,'pool 1',0),(3,2,200,'db</script>',1);
INSERT INTO image(id,kind,path,build_id) VALUES(1,'elf','/usr/bin/app','0011223344556677'),(2,'kernel','[kernel]',NULL),(3,'elf','/usr/lib/libc.so.6','8899aabb'),(4,'jit','//anon',NULL);
INSERT INTO source_file(id,path) VALUES(1,'/src/app.cc'),(2,'/src/json.h');
INSERT INTO function(id,name,raw_name,image_id,file_id,line) VALUES
  (1,'main',NULL,1,1,10),(2,'handle(std::vector<int, std::allocator<int> > const&)','_Z6handleRKSt6vectorIiSaIiEE',1,1,20),
  (3,'parse:json',NULL,1,2,5),(4,'strlen',NULL,3,NULL,NULL),(5,'gc',NULL,4,NULL,NULL),
  (6,'recv',NULL,3,NULL,NULL),(7,'__x64_sys_recvfrom',NULL,2,NULL,NULL),(8,'evil;"></script><b>&'||char(27)||'[31m',NULL,1,NULL,NULL),
  (9,'futex_wait',NULL,2,NULL,NULL),(10,'try_to_wake_up',NULL,2,NULL,NULL),(11,'notify',NULL,1,1,90);
INSERT INTO frame(id,function_id,image_id,rel_addr,file_id,line,inlined) VALUES
  (1,1,1,4112,1,12,0),(2,2,1,8208,1,25,0),(3,3,1,12304,2,7,1),(4,4,3,256,NULL,NULL,0),(5,5,4,140000000000000,NULL,NULL,0),
  (6,6,3,512,NULL,NULL,0),(7,7,2,1048576,NULL,NULL,0),(8,8,1,16400,NULL,NULL,0),(9,2,1,12304,1,31,0),
  (10,9,2,2097152,NULL,NULL,0),(11,10,2,3145728,NULL,NULL,0),(12,11,1,20496,1,91,0);
-- main > handle@25 > recv > [k]recvfrom ; main > handle@31 > parse:json (inlined) > strlen ; main > gc ; main > evil
INSERT INTO stack(id,parent_id,frame_id,depth) VALUES
  (1,NULL,1,0),(2,1,2,1),(3,2,6,2),(4,3,7,3),(5,1,9,1),(6,5,3,2),(7,6,4,3),(8,2,5,2),(9,1,8,1),(10,2,10,2),(11,1,12,1),(12,11,11,2);
-- 50 recvfrom, 30 parse:json, 13 strlen, 7 gc, mixed up over a second on two CPUs and two threads
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<99)
  INSERT INTO sample(ts,cpu,utid,stack_id,weight_ns) SELECT i*10000000+5000000, i%2, CASE WHEN i%4 THEN 1 ELSE 2 END,
    CASE WHEN i*37%100<50 THEN 4 WHEN i*37%100<80 THEN 6 WHEN i*37%100<93 THEN 7 ELSE 8 END, 10000000 FROM n;
-- 4 evil and 1 without a stack, of the other process
INSERT INTO sample(ts,cpu,utid,stack_id,weight_ns) VALUES(1100000000,0,3,9,10000000),(1110000000,0,3,9,10000000),(1120000000,0,3,9,10000000),(1130000000,0,3,9,10000000),(1150000000,1,3,NULL,10000000);
-- thread 2 waits on a futex until thread 1 notifies it: 10 waits of 40 ms, the last 1 ms of each runnable, then 10 ms on CPU 1
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<9)
  INSERT INTO offcpu(ts,utid,dur_ns,runq_ns,state,stack_id,waker_utid,waker_stack_id,cpu_out,cpu_in)
  SELECT 1200000000+i*50000000,2,40000000,1000000,'S',10,1,12,1,1 FROM n;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<9)
  INSERT INTO sched_slice(ts,cpu,dur_ns,utid,end_state,prio,runq_ns,waker_utid)
  SELECT 1240000000+i*50000000,1,10000000,2,'S',120,1000000,1 FROM n;
INSERT INTO offcpu(ts,utid,dur_ns,runq_ns,state,stack_id,cpu_out,cpu_in) VALUES(1210000000,3,5000000,5000000,'R',9,0,0);
INSERT INTO offcpu(ts,utid,dur_ns,runq_ns,state,stack_id,cpu_out,cpu_in,waker_irq,iowait) VALUES(1300000000,3,200000000,0,'D',9,0,0,1,1);
INSERT INTO oom(id,ts,victim_upid,trigger_utid,victim_pid,victim_comm,scope,cgroup_id,anon_rss_kb,limit_bytes,stack_id) VALUES(1,1900000000,2,3,200,'db</script>','memcg',2,65536,67108864,9);
INSERT INTO loss(recording_id,ts,dur_ns,stream,lost,reason) VALUES(1,400000000,100000000,'sample',5,'ring full');
INSERT INTO counter(recording_id,ts,name,scope,value) VALUES(1,100000000,'mem.free_kb','host',1234567);
