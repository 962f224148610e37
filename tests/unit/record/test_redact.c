// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <errno.h>

#include "record/redact.h"
#include "record/redact_pattern.h"

static char out[3 * REDACT_ARGUMENTS_MAX];

/* args: what ends with an additional NUL. */
static const char *redact_n(struct redact *r, const char *args, size_t len)
{
	memset(out, '#', sizeof(out));
	redact_arguments(r, args, len, out, sizeof(out));
	return out;
}

#define redact(r, args) redact_n(r, args, sizeof(args) - 1)

TEST(redact_leaves_what_is_no_secret)
{
	CHECK_STR(redact(NULL, "make\0-j8\0CC=gcc -O2\0all"), "make -j8 CC=gcc -O2 all");
	CHECK_STR(redact(NULL, "ls\0-p\0dir\0"), "ls -p dir");
	CHECK_STR(redact(NULL, "ssh\0-p\0" "22\0host:/a@b"), "ssh -p 22 host:/a@b");
	CHECK_STR(redact(NULL, "passwd\0bob\0"), "passwd bob");
	CHECK_STR(redact(NULL, "/usr/bin/ssh-keygen\0-t\0rsa"), "/usr/bin/ssh-keygen -t rsa");
	CHECK_STR(redact(NULL, "npm\0https://registry.example.org/@scope/pkg"), "npm https://registry.example.org/@scope/pkg");
	CHECK_STR(redact(NULL, "curl\0http://localhost:8080/x?y=z"), "curl http://localhost:8080/x?y=z");
	CHECK_STR(redact(NULL, ""), "");
	CHECK_STR(redact(NULL, "a\0\0b"), "a  b");
}

TEST(redact_hides_the_value_of_a_name)
{
	CHECK_STR(redact(NULL, "x\0--password=hunter2\0y"), "x --password=[redacted] y");
	CHECK_STR(redact(NULL, "env\0TOKEN=abc\0make"), "env TOKEN=[redacted] make");
	CHECK_STR(redact(NULL, "x\0AWS_SECRET_ACCESS_KEY=a b\0y"), "x AWS_SECRET_ACCESS_KEY=[redacted] y");
	CHECK_STR(redact(NULL, "java\0-Djavax.net.ssl.keyStorePassword=s3\0Main"), "java -Djavax.net.ssl.keyStorePassword=[redacted] Main");
	CHECK_STR(redact(NULL, "curl\0-H\0Authorization: Bearer abc\0u"), "curl -H Authorization: [redacted] u");
	CHECK_STR(redact(NULL, "curl\0-d\0{\"user\": \"bob\", \"Password\" : \"x y\"}"), "curl -d {\"user\": \"bob\", \"Password\" : [redacted]");
	CHECK_STR(redact(NULL, "curl\0https://h/p?user=b&api_key=xyz&a=b"), "curl https://h/p?user=b&api_key=[redacted]");
	CHECK_STR(redact(NULL, "php\0-r\0$c['secret']='x';"), "php -r $c['secret']=[redacted]");
	CHECK_STR(redact(NULL, "openssl\0-in\0f\0-passin\0pass:abc"), "openssl -in f -passin [redacted]");
	CHECK_STR(redact(NULL, "sudo\0varve-record\0--redact\0hunter[12]\0-a"), "sudo varve-record --redact [redacted] -a"); /* the pattern may tell it */
	CHECK_STR(redact(NULL, "x\0--password="), "x --password=");
}

TEST(redact_hides_the_argument_behind_a_flag)
{
	CHECK_STR(redact(NULL, "mysql\0--password\0hunter2\0db"), "mysql --password [redacted] db");
	CHECK_STR(redact(NULL, "x\0--API-Token\0a b\0y"), "x --API-Token [redacted] y");
	CHECK_STR(redact(NULL, "x\0--password\0-looks-like-a-flag\0y"), "x --password [redacted] y");
	CHECK_STR(redact(NULL, "x\0--password\0--token\0abc\0y"), "x --password [redacted] [redacted] y");
	CHECK_STR(redact(NULL, "x\0--password\0\0y"), "x --password  y");
	CHECK_STR(redact(NULL, "x\0--password"), "x --password");
	CHECK_STR(redact(NULL, "sh\0-c\0cd /x && mysql --password 'a b' -e x\0y"), "sh -c cd /x && mysql --password [redacted] y");
	CHECK_STR(redact(NULL, "sh\0-c\0PGPASSWORD=abc psql"), "sh -c PGPASSWORD=[redacted]");
	CHECK_STR(redact(NULL, "x\0[\"--password\", \"abc\"]"), "x [\"--password\", [redacted]");
}

TEST(redact_hides_who_logs_in)
{
	CHECK_STR(redact(NULL, "git\0clone\0https://user:pw@host/r"), "git clone https://[redacted]@host/r");
	CHECK_STR(redact(NULL, "git\0clone\0https://ghp_abc@host/r"), "git clone https://[redacted]@host/r");
	CHECK_STR(redact(NULL, "x\0pg://u:p/w@host/db"), "x pg://[redacted]@host/db");
	CHECK_STR(redact(NULL, "x\0pg://u:p@w@host/db"), "x pg://[redacted]@host/db");
	CHECK_STR(redact(NULL, "x\0pg://:pw@host/db y://a:b@c"), "x pg://[redacted]@host/db y://[redacted]@c");
	CHECK_STR(redact(NULL, "curl\0-x\0user:pw@proxy:3128\0u"), "curl -x [redacted]@proxy:3128 u");
	CHECK_STR(redact(NULL, "curl\0--proxy=user:pw@proxy"), "curl --proxy=[redacted]@proxy");
	CHECK_STR(redact(NULL, "x\0http://p/http://u:w@h/"), "x http://p/http://[redacted]@h/");
	CHECK_STR(redact(NULL, "://@\0@\0:@\0://"), "://@ @ [redacted]@ ://");
}

static struct redact *with(const char *regex)
{
	struct redact *r = NULL;
	struct err err = { 0 };

	CHECK_EQ(redact_add(&r, regex, &err), 0);
	return r;
}

TEST(redact_hides_what_a_regex_matches)
{
	struct redact *r = with("hunter[0-9]+");

	CHECK_STR(redact(r, "x\0ahunter22b hunter3\0HUNTER4"), "x a[redacted]b [redacted] [redacted]");
	CHECK_STR(redact(r, "x\0--password=y\0z"), "x --password=[redacted] z"); /* besides */
	CHECK_EQ(redact_add(&r, "^z.*y$", NULL), 0);
	CHECK_STR(redact(r, "x\0zzzy\0azy\0hunter1zy"), "x [redacted] azy [redacted]zy");
	redact_destroy(r);
}

TEST(redact_hides_the_value_of_a_name_that_a_regex_matches)
{
	struct redact *r = with("customer");

	CHECK_STR(redact(r, "x\0--customer\0ACME\0y"), "x --[redacted] [redacted] y");
	CHECK_STR(redact(r, "x\0CUSTOMER_ID=ACME\0y"), "x [redacted]_ID=[redacted] y");
	CHECK_STR(redact(r, "x\0of-a-customer\0y"), "x of-a-[redacted] y");
	redact_destroy(r);
}

TEST(redact_takes_a_regex_without_matches_of_any_length)
{
	struct redact *r = with("q*");

	CHECK_STR(redact(r, "x\0aqqb\0c"), "x a[redacted]b c");
	redact_destroy(r);
}

TEST(redact_names_the_place_of_an_error)
{
	static const struct {
		const char *regex, *where;
	} bad[] = {
		{ "ab(c", "at byte 3" }, { "a[bc", "at byte 2" }, { "(a[b)c", "at byte 3" }, { "a{3,1}", "at byte 6" },
		{ "a[[:no:]]", "--redact 'a[[:no:]]': " }, { "abc\\", "at byte 4" }, { "(a)\\1", "back-reference, which could take without end, at byte 4" },
		{ "[]\\1](x)\\2", "at byte 9" }, { "", "want a regular expression" },
	};
	struct redact *r = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = { 0 };

		CHECK_EQ(redact_add(&r, bad[i].regex, &err), -EINVAL);
		CHECK_HAS(err.text, bad[i].where);
	}
	CHECK(!r);
	CHECK_EQ(redact_add(&r, "[\\1][[:alpha:]\\2]", NULL), 0); /* in brackets it is a backslash and a digit */
	redact_destroy(r);
}

TEST(redact_refuses_a_regex_that_is_too_long)
{
	char regex[REDACT_REGEX_MAX + 2];
	struct redact *r = NULL;
	struct err err = { 0 };

	memset(regex, 'a', sizeof(regex));
	regex[sizeof(regex) - 1] = '\0';
	CHECK_EQ(redact_add(&r, regex, &err), -EINVAL);
	CHECK_HAS(err.text, "has 1001 bytes, want at most 1000");
	regex[REDACT_REGEX_MAX] = '\0';
	CHECK_EQ(redact_add(&r, regex, &err), 0);
	redact_destroy(r);
}

TEST(redact_hides_whole_what_is_too_long_to_search)
{
	static char args[REDACT_TEXT_MAX + 4] = "x";
	struct redact *r = with("nothing");

	memset(args + 2, 'a', REDACT_TEXT_MAX + 1);
	CHECK_STR(redact_n(r, args, REDACT_TEXT_MAX + 3), "x [redacted]");
	CHECK_EQ(strlen(redact_n(r, args, REDACT_TEXT_MAX + 2)), REDACT_TEXT_MAX + 2); /* one less */
	CHECK_EQ(strlen(redact_n(NULL, args, REDACT_TEXT_MAX + 3)), REDACT_TEXT_MAX + 3); /* no search */
	redact_destroy(r);
}

TEST(redact_hides_all_when_searching_has_taken_too_long)
{
	struct redact *r = with("nothing");

	redact_set_budget(r, 0);
	CHECK_STR(redact(r, "x\0--a\0b"), "[redacted] [redacted] [redacted]");
	redact_destroy(r);
}

/* The states it was led into are given back: as much text as would have made a thousand times more of them. */
TEST(redact_pattern_forgets)
{
	struct redact_pattern p;
	char text[REDACT_TEXT_MAX + 1] = "";
	unsigned seed = 1;

	CHECK_EQ(redact_pattern_init(&p, "(a|b)*a(a|b){12}c", NULL), 0);
	for (int n = 0; n < 40; n++) {
		size_t start, end;

		for (size_t i = 0; i < REDACT_TEXT_MAX; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = "ab"[seed >> 16 & 1];
		}
		CHECK_EQ(redact_pattern_find(&p, text, REDACT_TEXT_MAX, 0, &start, &end), 0);
		CHECK(p.searched <= 16384 + REDACT_TEXT_MAX);
	}
	redact_pattern_deinit(&p);
}

/* Any bytes, with the characters that mean something in plenty. For the sanitizers; and a secret behind any of it stays one. */
TEST(redact_takes_any_bytes)
{
	static const char often[] = "\0\0 :/@=-'\"pwd?#,\x80\xff\n";
	char args[REDACT_ARGUMENTS_MAX];
	struct redact *r = with("p[^w]*d");
	unsigned seed = 7;

	for (int n = 0; n < 2000; n++) {
		static const char tail[] = "\0--token=hunter2";
		size_t len = (size_t)(n * 37) % 400;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			args[i] = often[(seed >> 16) % (sizeof(often) - 1)];
		}
		memcpy(args + len, tail, sizeof(tail) - 1);
		redact_n(n % 2 ? r : NULL, args, len + sizeof(tail) - 1);
		CHECK(!strstr(out, "hunter2"));
		CHECK_EQ(out[strlen(out) + 1], '#'); /* ends where it says */
	}
	redact_destroy(r);
}

TEST(redact_stays_in_its_buffer)
{
	char small[12];

	memset(small, '#', sizeof(small));
	redact_arguments(NULL, "x\0TOKEN=a\0y", 11, small, 11);
	CHECK_STR(small, "x TOKEN=[r");
	CHECK_EQ(small[11], '#');
}

TEST_MAIN()
