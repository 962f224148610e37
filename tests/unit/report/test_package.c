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
	struct package_owner got = { 0 };

	package_find_owners(scratch_dir, &path, 1, &got);
	snprintf(name, sizeof(name), "%s%s%s", got.name ?: "-", got.source ? " of " : "", got.source ?: "");
	package_owner_deinit(&got);
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
	struct package_owner owners[4] = { [3] = { .name = strdup("mine") } };

	scratch_begin("package");
	put_list("p.list", "/b\n/c\n");
	put_list("q.list", "/a\n");
	put_list("notalist", "/a\n");
	put_list(".list", "/a\n");
	package_find_owners(scratch_dir, paths, 4, owners);
	CHECK_STR(owners[0].name, "q");
	CHECK(!owners[1].name);
	CHECK_STR(owners[2].name, "p");
	CHECK_STR(owners[3].name, "mine");
	for (int i = 0; i < 4; i++)
		package_owner_deinit(&owners[i]);
	scratch_end();
}

TEST(package_source_is_told_where_it_has_another_name)
{
	scratch_begin("package");
	put_list("tool.list", "/a\n");
	put_list("tool-bin.list", "/b\n");
	put_list("tool-lib.list", "/c\n");
	put_list("last.list", "/d\n");
	scratch_put("var/lib/dpkg/status", "Package: tool-bin\nStatus: install ok installed\nSource: tool (1.2-3)\nVersion: 1\n\n"
					   "Package: tool\nVersion: 1\n\nPackage: tool-lib\nSource: tool-lib\n\nPackage: last\nSource: of-it");
	CHECK_STR(owner("/a"), "tool"); /* not that of the next paragraph, or the one before */
	CHECK_STR(owner("/b"), "tool-bin of tool");
	CHECK_STR(owner("/c"), "tool-lib");
	CHECK_STR(owner("/d"), "last of of-it");
	scratch_put("var/lib/dpkg/status", "Package: tool-bin\n");
	CHECK_STR(owner("/b"), "tool-bin");
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
