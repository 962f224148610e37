// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include "record/anonymize.h"

static struct anonymize *knowing(void)
{
	struct anonymize *a = NULL;

	CHECK_EQ(anonymize_create(&a, NULL), 0);
	CHECK_EQ(anonymize_add_host(a, "Web-7.example.org"), 0);
	CHECK_EQ(anonymize_add_user(a, "alice", 1000), 0);
	CHECK_EQ(anonymize_add_user(a, "alice-b.smith", 1001), 0);
	CHECK_EQ(anonymize_add_user(a, "root", 0), 0);
	CHECK_EQ(anonymize_add_user(a, "nobody", 65534), 0);
	return a;
}

/* A path goes the same way in modules and events; this is the shortest. */
static const char *path(struct anonymize *a, const char *text)
{
	struct module m = { .kind = MODULE_ELF, .path = text };

	CHECK_EQ(anonymize_module(a, &m), 0);
	return m.path;
}

TEST(anonymize_replaces_names_that_are_words)
{
	struct anonymize *a = knowing();

	CHECK_STR(path(a, "/srv/web-7/x"), "/srv/host/x");
	CHECK_STR(path(a, "web-7.example.org"), "host.domain");
	CHECK_STR(path(a, "WEB-7_WEB-7"), "host_host");
	CHECK_STR(path(a, "/data/alice.db:/data/Alice"), "/data/user1.db:/data/user1");
	CHECK_STR(path(a, "/data/alice-b.smith/a"), "/data/user2/a");
	CHECK_STR(path(a, "/data/alice-b/a"), "/data/user1-b/a");
	anonymize_destroy(a);
}

TEST(anonymize_leaves_parts_of_words_and_system_users)
{
	static const char *const same[] = { "/opt/malice/alices/web-70", "/root/nobody/x", "", "/usr/lib/libc.so.6", "/home/", "/user-0.slice", "/user-65534.slice",
					    "/user-99999999999999999999.slice", "user-1000x", "/proc/1000/x" };
	struct anonymize *a = knowing();

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		CHECK(path(a, same[i]) == same[i]); /* the very text: nothing was copied */
	anonymize_destroy(a);
}

TEST(anonymize_replaces_what_is_below_home)
{
	struct anonymize *a = knowing();

	CHECK_STR(path(a, "/home/alice/bin/x"), "/home/user1/bin/x");
	CHECK_STR(path(a, "/var/lib/c/merged/home/bob/x"), "/var/lib/c/merged/home/user3/x");
	CHECK_STR(path(a, "/home/_carol"), "/home/user4");
	CHECK_STR(path(a, "/home/bob:/home/bob2 /opt/bob"), "/home/user3:/home/user5 /opt/bob");
	anonymize_destroy(a);
}

TEST(anonymize_replaces_ids_in_paths)
{
	struct anonymize *a = knowing();

	CHECK_STR(path(a, "/user.slice/user-1000.slice/user@1000.service/app.slice"), "/user.slice/user-user1.slice/user@user1.service/app.slice");
	CHECK_STR(path(a, "/user.slice/user-4242.slice"), "/user.slice/user-user3.slice");
	CHECK_STR(path(a, "/run/user/4242/x"), "/run/user/user3/x");
	CHECK_STR(path(a, "/system.slice/user-runtime-dir@1001.service"), "/system.slice/user-runtime-dir@user2.service");
	anonymize_destroy(a);
}

TEST(anonymize_changes_each_text_of_an_event)
{
	struct anonymize *a = knowing();
	struct event ev = { .kind = EVENT_EXEC, .task.comm = "alice", .other.comm = "web-7" };

	ev.proc.uid = 1000;
	ev.proc.exe = "/home/alice/x";
	ev.proc.cmdline = "x --user alice";
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_STR(ev.task.comm, "user1");
	CHECK_STR(ev.other.comm, "host");
	CHECK_STR(ev.proc.exe, "/home/user1/x");
	CHECK_STR(ev.proc.cmdline, "x --user user1");
	CHECK_EQ(ev.proc.uid, UINT32_MAX);

	ev = (struct event){ .kind = EVENT_TASK, .task.comm = "", .proc = { .uid = 0 } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_EQ(ev.proc.uid, UINT32_MAX);
	CHECK(!ev.proc.exe); /* NULL stays */
	ev = (struct event){ .kind = EVENT_OOM, .oom = { .uid = 1000 } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_EQ(ev.oom.uid, UINT32_MAX);
	ev = (struct event){ .kind = EVENT_OOM_TASK, .oom_task = { .uid = 1000 } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_EQ(ev.oom_task.uid, UINT32_MAX);
	ev = (struct event){ .kind = EVENT_CGROUP, .cgroup = { .path = "/alice" } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_STR(ev.cgroup.path, "/user1");
	ev = (struct event){ .kind = EVENT_MARK, .mark = { "alice waits" } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_STR(ev.mark.text, "user1 waits");
	ev = (struct event){ .kind = EVENT_META, .meta = { "command", "/home/alice/x" } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_STR(ev.meta.value, "/home/user1/x");
	ev = (struct event){ .kind = EVENT_SYMBOL, .symbol = { .source = SYMBOL_PERFMAP, .name = "f /home/alice/a.js" } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_STR(ev.symbol.name, "f /home/user1/a.js");
	ev = (struct event){ .kind = EVENT_SYMBOL, .symbol = { .source = SYMBOL_SYMTAB, .name = "alice" } };
	CHECK_EQ(anonymize_event(a, &ev), 0);
	CHECK_STR(ev.symbol.name, "alice"); /* of the program, whoever wrote it */
	anonymize_destroy(a);
}

TEST(anonymize_takes_thousands_of_names)
{
	struct anonymize *a = knowing();
	char name[32];

	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "person%u", i);
		CHECK_EQ(anonymize_add_user(a, name, 2000 + i), 0);
	}
	CHECK_STR(path(a, "/x/person19999/user-2007.slice"), "/x/user20002/user-user10.slice");
	anonymize_destroy(a);
}

TEST(anonymize_gives_up_telling_homes_apart_where_there_are_too_many)
{
	struct anonymize *a = knowing();
	char name[32];

	for (uint32_t i = 0; i < 65600; i++) {
		snprintf(name, sizeof(name), "/home/x%u", i);
		CHECK_HAS(path(a, name), "/home/user");
	}
	CHECK_STR(path(a, "/home/x65599"), "/home/user");
	CHECK_STR(path(a, "/home/x0"), "/home/user3");
	anonymize_destroy(a);
}

TEST(anonymize_learns_this_host)
{
	struct anonymize *a = NULL;
	struct err err = { 0 };
	char host[256] = "";
	FILE *f = fopen("/proc/sys/kernel/hostname", "r");

	CHECK(f && fscanf(f, "%255s", host) == 1);
	fclose(f);
	CHECK_EQ(anonymize_create(&a, &err), 0);
	CHECK_EQ(anonymize_learn(a, &err), 0);
	if (strcmp(host, "localhost"))
		CHECK_HAS(path(a, host), "host");
	anonymize_destroy(a);
}

TEST_MAIN()
