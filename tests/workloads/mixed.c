/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A little of everything for SECONDS (5), as a small server might do it, for the demo and the benchmarks: "parser" and "hasher"
 * burn CPU, "worker-N" fight for one lock, "producer" and "consumer" share a pipe, "journal" writes and syncs a file in DIR (.),
 * "spawner" starts short processes.
 *   mixed [SECONDS [DIR]]
 */
/* CFLAGS: -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls */
#include <sys/wait.h>

#include "workload.h"

#define WORKERS 3

static uint64_t deadline;
static const char *dir = ".";
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static int queue[2];
static uint64_t counts[5]; /* parsed, locked, piped, synced, spawned: printed at the end */

static bool is_time(void)
{
	return now_ns() < deadline;
}

static void count(int what)
{
	__atomic_add_fetch(&counts[what], 1, __ATOMIC_RELAXED);
}

/* ---- CPU ---- */

struct node {
	struct node *left, *right;
	uint32_t key;
};

NOINLINE int lex_token(const char *text, size_t len)
{
	int words = 0;

	for (size_t i = 1; i < len; i++)
		words += text[i - 1] == ' ' && text[i] != ' ';
	return words;
}

NOINLINE struct node *tree_insert(struct node *at, struct node *n)
{
	if (!at)
		return n;
	if (n->key < at->key)
		at->left = tree_insert(at->left, n);
	else
		at->right = tree_insert(at->right, n);
	return at;
}

NOINLINE struct node *parse_tree(struct node *pool, int nodes, uint64_t seed)
{
	struct node *root = NULL;

	for (int i = 0; i < nodes; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		pool[i] = (struct node){ .key = (uint32_t)(seed >> 32) };
		root = tree_insert(root, &pool[i]);
	}
	return root;
}

NOINLINE int parse_document(struct node *pool, const char *text, size_t len, uint64_t seed)
{
	return lex_token(text, len) + (parse_tree(pool, 400, seed) != NULL);
}

static void *parser_run(void *arg)
{
	static struct node pool[400];
	static char text[65536];

	(void)arg;
	set_name("parser");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 7 ? 'x' : ' ';
	for (uint64_t i = 0; is_time(); i++) {
		if (parse_document(pool, text, sizeof(text), i))
			count(0);
	}
	return NULL;
}

NOINLINE uint64_t hash_block(uint64_t h)
{
	return BURN(h, 20000);
}

NOINLINE uint64_t hash_file(uint64_t h)
{
	for (int i = 0; i < 20; i++)
		h ^= hash_block(h);
	return h;
}

/* Half busy, so that one CPU is not taken for good. */
static void *hasher_run(void *arg)
{
	uint64_t h = 1;

	(void)arg;
	set_name("hasher");
	while (is_time()) {
		h = hash_file(h);
		sleep_ns(1000000);
	}
	return NULL;
}

/* ---- locks ---- */

NOINLINE void table_update(void)
{
	pthread_mutex_lock(&table_lock);
	sleep_ns(2000000); /* the mistake: I/O under the lock */
	pthread_mutex_unlock(&table_lock);
}

NOINLINE void handle_request(void)
{
	table_update();
	count(1);
	(void)hash_block(1);
}

static void *worker_run(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "worker-%d", (int)(intptr_t)arg);
	set_name(name);
	while (is_time())
		handle_request();
	return NULL;
}

/* ---- pipes ---- */

NOINLINE void produce_batch(const char *block, size_t sz)
{
	for (int i = 0; i < 16; i++)
		if (write(queue[1], block, sz) < 0)
			err(1, "write to the pipe");
}

static void *producer_run(void *arg)
{
	char block[4096] = { 0 };

	(void)arg;
	set_name("producer");
	while (is_time()) {
		produce_batch(block, sizeof(block));
		sleep_ns(5000000);
	}
	close(queue[1]);
	return NULL;
}

NOINLINE ssize_t consume_block(char *block, size_t sz)
{
	ssize_t n = read(queue[0], block, sz);

	if (n > 0)
		(void)hash_block((uint64_t)block[0]);
	return n;
}

static void *consumer_run(void *arg)
{
	char block[4096];

	(void)arg;
	set_name("consumer");
	while (consume_block(block, sizeof(block)) > 0)
		count(2);
	return NULL;
}

/* ---- disk ---- */

NOINLINE void journal_commit(int fd, const char *block, size_t sz)
{
	if (pwrite(fd, block, sz, 0) != (ssize_t)sz || fsync(fd))
		err(1, "write or sync the journal");
	count(3);
}

static void *journal_run(void *arg)
{
	static char block[65536];
	char path[4096];
	int fd;

	(void)arg;
	set_name("journal");
	snprintf(path, sizeof(path), "%s/varve-mixed-journal.%d", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		err(1, "open '%s'", path);
	unlink(path);
	while (is_time()) {
		journal_commit(fd, block, sizeof(block));
		sleep_ns(10000000);
	}
	close(fd);
	return NULL;
}

/* ---- processes ---- */

NOINLINE void spawn_helper(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/proc/self/exe", "mixed-helper", "--helper", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		err(1, "vfork");
}

static void *spawner_run(void *arg)
{
	(void)arg;
	set_name("spawner");
	while (is_time()) {
		spawn_helper();
		count(4);
		sleep_ns(20000000);
	}
	return NULL;
}

NOINLINE int helper_main(void)
{
	uint64_t h = 1, end = now_ns() + 2000000;

	set_name("helper");
	while (now_ns() < end)
		h = hash_block(h);
	return h == 0;
}

int main(int argc, char **argv)
{
	void *(*const others[])(void *) = { parser_run, hasher_run, producer_run, consumer_run, journal_run, spawner_run };
	const int n = sizeof(others) / sizeof(others[0]);
	pthread_t threads[WORKERS + 6];

	if (argc > 1 && !strcmp(argv[1], "--helper"))
		return helper_main();
	deadline = now_ns() + (uint64_t)(arg_number(argc, argv, 1, 5) * 1e9);
	if (argc > 2)
		dir = argv[2];
	if (pipe(queue))
		err(1, "pipe");
	for (intptr_t i = 0; i < n + WORKERS; i++)
		if (pthread_create(&threads[i], NULL, i < n ? others[i] : worker_run, i < n ? NULL : (void *)(i - n + 1)))
			errx(1, "pthread_create");
	for (int i = 0; i < n + WORKERS; i++)
		pthread_join(threads[i], NULL);
	printf("pid=%d\nparsed=%" PRIu64 "\nlocked=%" PRIu64 "\npiped=%" PRIu64 "\nsynced=%" PRIu64 "\nspawned=%" PRIu64 "\n", getpid(),
	       counts[0], counts[1], counts[2], counts[3], counts[4]);
	return 0;
}
