/*
 * Who else comes while listeners wait: a probe that sends to a quiet room, newcomers
 * who connect, ask and leave, and people of no use who hold connections. Relies on
 * load_conn; each runs in a process of its own that bench/listen.c starts and ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "listen.h"

#define PAUSE_US 2000 /* of a probe, between an answer and the next question */
#define NEWCOMER_US 10000
#define DRIP_US 1000000
#define QUESTIONS 64 /* that a deaf one asks at once */
#define DEAF_RCVBUF 4096

/* ---- probes ---- */

static void
probe_note(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	struct probe *probe = load->arg;
	uint32_t n = atomic_load(&probe->n);

	if (answer->status != 200)
		load_die(
		    "a probe was answered %d %.200s", answer->status, answer->body);
	if (n < PROBES_MAX) {
		probe->us[n] = conn->answered_us - conn->asked_us;
		atomic_store(&probe->n, n + 1);
	}
}

_Noreturn void
probe_sends(struct crowd *crowd)
{
	struct load load = { .on_answer = probe_note, .arg = &crowd->sends };
	struct load_request request = { .method = "PUT",
		.token = crowd->sender,
		.body = "{\"msgtype\":\"m.text\",\"body\":\"Is it quiet here?\"}" };
	char target[512];

	snprintf(target, sizeof target,
	    "/_matrix/client/v3/rooms/%s/send/m.room.message/q{n}", crowd->quiet);
	request.target = target;
	load_open(&load, crowd->server, 1);
	for (;;) {
		load_ask(&load, &load.conns[0], &request);
		load_await(&load);
		usleep(PAUSE_US);
	}
}

/* The time counts from before the connection. */
_Noreturn void
probe_newcomers(struct crowd *crowd)
{
	static const struct load_request request = { "GET", "/_matrix/client/versions",
		"", "" };

	for (;;) {
		struct load load = { .on_answer = probe_note,
			.arg = &crowd->newcomers };
		int64_t from_us = clock_mono_us();

		load_open(&load, crowd->server, 1);
		load_ask(&load, &load.conns[0], &request);
		load.conns[0].asked_us = from_us;
		load_await(&load);
		load_close(&load);
		usleep(NEWCOMER_US);
	}
}

/* ---- those who are of no use ---- */

enum kind { MUTE, DEAF, DRIP };

struct slow {
	struct crowd *crowd;
	uint32_t addresses;
	int n, epoll_fd;
	int *fds;
	uint32_t *dripped; /* bytes of its head */
};

static char head[1024]; /* that somebody sends, a byte a second */

static void
ask_without_reading(int fd)
{
	static const char question[] =
	    "GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n";
	static char all[QUESTIONS * sizeof question];
	size_t n = 0;

	for (int i = 0; i < QUESTIONS; i++, n += sizeof question - 1)
		memcpy(all + n, question, sizeof question - 1);
	if (send(fd, all, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* told by the next look at it */
}

static void
slow_open(struct slow *slow, int i)
{
	static const struct linger at_once = { .l_onoff = 1 };
	struct epoll_event event = { .events = EPOLLRDHUP, .data.u32 = (uint32_t)i };
	enum kind kind = (enum kind)(i % 3);
	int fd = crowd_connect(
	    slow->crowd, slow->addresses, i, kind == DEAF ? DEAF_RCVBUF : 0);

	slow->fds[i] = fd;
	slow->dripped[i] = 0;
	if (fd < 0) {
		atomic_fetch_add(&slow->crowd->slow.refused, 1);
		return;
	}
	atomic_fetch_add(&slow->crowd->slow.open, 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	epoll_ctl(slow->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	if (kind == DEAF)
		ask_without_reading(fd);
}

/* The server had enough of it: it comes back. */
static void
slow_again(struct slow *slow, int i)
{
	close(slow->fds[i]);
	atomic_fetch_sub(&slow->crowd->slow.open, 1);
	atomic_fetch_add(&slow->crowd->slow.reopened, 1);
	slow_open(slow, i);
}

static void
drip(struct slow *slow)
{
	for (int i = DRIP; i < slow->n; i += 3)
		if (slow->fds[i] >= 0)
			send(slow->fds[i],
			    &head[slow->dripped[i]++ % (sizeof head - 1)], 1,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		else
			slow_open(slow, i);
}

static void
slow_turn(struct slow *slow, int timeout_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(slow->epoll_fd, events, 256, timeout_ms);

	for (int i = 0; i < n; i++)
		slow_again(slow, (int)events[i].data.u32);
}

_Noreturn void
slow_run(struct crowd *crowd, int n, int fd)
{
	struct slow slow = { .crowd = crowd,
		.addresses = crowd_addresses(crowd, n),
		.n = n,
		.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
		.fds = xcalloc((size_t)n, sizeof *slow.fds),
		.dripped = xcalloc((size_t)n, sizeof *slow.dripped) };
	int64_t next_us;

	memset(head, 'x', sizeof head);
	memcpy(head, "GET /", 5);
	for (int i = 0; i < n; i++)
		slow_open(&slow, i);
	if (write(fd, "", 1) != 1)
		exit(0);
	next_us = clock_mono_us();
	for (;;) {
		int64_t left_us = next_us - clock_mono_us();

		if (left_us <= 0) {
			drip(&slow);
			next_us += DRIP_US;
		} else {
			slow_turn(&slow, (int)(left_us / 1000) + 1);
		}
	}
}
