/*
 * What all processes of `listen` need: a connection from one of many loopback
 * addresses, and the buckets that waking times are counted in.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

#define PORTS_AN_ADDRESS 16000
#define FIRST_ADDRESS 0x7f010001 /* 127.1.0.1 */
#define STEPS 24		 /* buckets for each doubling */

uint32_t
crowd_addresses(struct crowd *crowd, int connections)
{
	uint32_t n = (uint32_t)(connections / PORTS_AN_ADDRESS) + 1;

	return atomic_fetch_add(&crowd->addresses, n);
}

int
crowd_connect(const struct crowd *crowd, uint32_t address, int index, int rcvbuf)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, why;

	if (fd < 0)
		return -1;
	from.sin_addr.s_addr =
	    htonl(FIRST_ADDRESS + address + (uint32_t)index / PORTS_AN_ADDRESS);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (rcvbuf > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
	    connect(fd, (const struct sockaddr *)&crowd->at, sizeof crowd->at) == 0)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* Microseconds up to STEPS one by one, then STEPS buckets for each doubling. */
int
wake_bucket(int64_t us)
{
	int doublings = 0, bucket;

	if (us < 0)
		us = 0;
	while (us >> doublings >= 2 * STEPS)
		doublings++;
	bucket = doublings * STEPS + (int)(us >> doublings);
	return bucket < WAKE_BUCKETS ? bucket : WAKE_BUCKETS - 1;
}

int64_t
wake_bucket_us(int bucket)
{
	int doublings = bucket < 2 * STEPS ? 0 : bucket / STEPS - 1;

	return (int64_t)(bucket - doublings * STEPS) << doublings;
}

/* ---- the beginning ---- */

static void *
shared(size_t n, size_t size)
{
	void *p = mmap(NULL, n * size + 1, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		load_die("mmap: %s", strerror(errno));
	return p;
}

static void
read_languages(struct crowd *crowd, const char *list)
{
	size_t n;

	for (const char *p = list; *p != '\0'; p += n + (p[n] == ',')) {
		n = strcspn(p, ",");
		if (n == 0 || n >= LANGUAGE_SIZE ||
		    crowd->language_count == LANGUAGES_MAX)
			load_die("no list of languages: %s", list);
		memcpy(crowd->languages[crowd->language_count++], p, n);
	}
	if (crowd->language_count == 0)
		load_die("there is no language");
}

struct crowd *
crowd_new(const struct options *options, char **rooms, int room_count)
{
	struct crowd *crowd = shared(1, sizeof *crowd);
	int listened = options->listened > 0 ? options->listened : room_count;

	crowd->server = options->server;
	crowd->mode = options->mode;
	crowd->sender = options->sender;
	crowd->quiet = options->quiet;
	crowd->pid = options->pid;
	crowd->watches = strcmp(options->mode, "page") == 0;
	crowd->gzip = options->gzip;
	read_languages(crowd, options->languages);
	crowd->at = load_address(options->tls != NULL ? options->tls : options->server);
	crowd->n = options->listeners;
	crowd->room_count = room_count;
	crowd->listeners = shared((size_t)crowd->n, sizeof *crowd->listeners);
	crowd->rooms = shared((size_t)room_count, sizeof *crowd->rooms);
	crowd->tokens = shared((size_t)crowd->n, TOKEN_MAX);
	crowd->sent = shared(SENT_MAX, sizeof *crowd->sent);
	for (int i = 0; i < room_count; i++)
		crowd->rooms[i].id = rooms[i];
	for (int i = 0; i < crowd->n; i++) {
		crowd->listeners[i].room = i % listened;
		crowd->rooms[i % listened].listeners++;
	}
	return crowd;
}

static void
note_guest(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	struct crowd *crowd = load->arg;
	struct str token = answer_member_of(answer, "\"access_token\":\"");
	char *at = crowd->tokens + crowd->tokens_n;

	if (token.n >= TOKEN_MAX)
		load_die("a token of %zu bytes", token.n);
	crowd->listeners[conn->line].token = memcpy(at, token.p, token.n);
	crowd->tokens_n += token.n + 1; /* a NUL is there already */
}

void
crowd_register(struct crowd *crowd)
{
	static const struct load_request request = { "POST",
		"/_matrix/client/v3/register?kind=guest", "", "{}" };
	struct load load = { .on_answer = note_guest, .arg = crowd };
	int asked = 0;

	if (crowd->watches)
		return;
	load_open(&load, crowd->server, 16);
	while (asked < crowd->n) {
		for (int i = 0; i < load.n && asked < crowd->n; i++) {
			if (load.conns[i].is_waiting)
				continue;
			load.conns[i].line = asked++;
			load_ask(&load, &load.conns[i], &request);
		}
		load_turn(&load, -1);
	}
	load_await(&load);
	load_close(&load);
}

static void
note_end(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	struct crowd *crowd = load->arg;
	struct str end =
	    answer_member_of(answer, crowd->watches ? "data-from=\"" : "\"end\":\"");

	(void)conn;
	if (end.n >= FROM_MAX)
		load_die("%.*s is too long", (int)end.n, end.p);
	for (int i = 0; i < crowd->n; i++)
		snprintf(crowd->listeners[i].from, FROM_MAX, "%.*s", (int)end.n, end.p);
}

void
crowd_find_end(struct crowd *crowd)
{
	struct load load = { .on_answer = note_end, .arg = crowd };
	char target[512];
	struct load_request request = { "GET", target, "", "" };

	if (!crowd->watches)
		request.token = crowd->listeners[0].token;
	snprintf(target, sizeof target,
	    crowd->watches ? "/rooms/%s"
			   : "/_matrix/client/v3/events?timeout=0&room_id=%s",
	    crowd->rooms[0].id);
	load_open(&load, crowd->server, 1);
	load_ask(&load, &load.conns[0], &request);
	load_await(&load);
	load_close(&load);
}
