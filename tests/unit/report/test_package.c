// SPDX-License-Identifier: BSD-2-Clause
#include "report/package.h"

#include "tests/scratch.h"

static void put_list(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "var/lib/dpkg/info/%s", name);
	scratch_put(path, text);
}

/* The one owner of a path, "-" none. */
static const char *owner(const char *path)
{
	static char name[128];
	char *got = NULL;

	package_find_owners(scratch_dir, &path, 1, &got);
	snprintf(name, sizeof(name), "%s", got ?: "-");
	free(got);
	return name;
}

TEST(package_is_found_by_the_whole_path_only)
{
	scratch_begin("package");
	put_list("tools.list", "/.\n/usr/bin/tool\n/usr/bin/tool-extra");
	put_list("libc6:amd64.list", "/usr/lib/x86_64-linux-gnu/libc.so.6\n");
	CHECK_STR(owner("/usr/bin/tool"), "tools");
	CHECK_STR(owner("/usr/bin/tool-extra"), "tools"); /* the last line, without its end */
	CHECK_STR(owner("/usr/bin/too"), "-");
	CHECK_STR(owner("/bin/tool-"), "-");
	CHECK_STR(owner("/usr/lib/x86_64-linux-gnu/libc.so.6"), "libc6");
	CHECK_STR(owner("usr/bin/tool"), "-");
	CHECK_STR(owner(""), "-");
	CHECK_STR(owner("/usr/bin/tool\n/usr/bin/tool-extra"), "-");
	scratch_end();
}

TEST(package_is_found_by_either_name_of_a_merged_usr)
{
	scratch_begin("package");
	put_list("old.list", "/lib/x.so\n");
	put_list("new.list", "/usr/bin/y\n");
	CHECK_STR(owner("/usr/lib/x.so"), "old");
	CHECK_STR(owner("/bin/y"), "new");
	CHECK_STR(owner("/usr/usr/bin/y"), "-");
	scratch_end();
}

TEST(package_owners_of_many_paths_are_found_and_known_ones_kept)
{
	const char *paths[] = { "/a", NULL, "/b", "/c" };
	char *owners[4] = { NULL, NULL, NULL, strdup("mine") };

	scratch_begin("package");
	put_list("p.list", "/b\n/c\n");
	put_list("q.list", "/a\n");
	put_list("notalist", "/a\n");
	put_list(".list", "/a\n");
	package_find_owners(scratch_dir, paths, 4, owners);
	CHECK_STR(owners[0], "q");
	CHECK(!owners[1]);
	CHECK_STR(owners[2], "p");
	CHECK_STR(owners[3], "mine");
	for (int i = 0; i < 4; i++)
		free(owners[i]);
	scratch_end();
}

TEST(package_database_that_is_missing_empty_or_odd_owns_nothing)
{
	scratch_begin("package");
	put_list("empty.list", "");
	CHECK_EQ(mkfifo(scratch_path("var/lib/dpkg/info/pipe.list"), 0600), 0); /* must not be waited for */
	CHECK_STR(owner("/a"), "-");
	scratch_end();
	CHECK_STR(owner("/a"), "-");
}

TEST_MAIN()
