/*
 * The load programs' side of HTTP: connections to one server, one question at a time on
 * each, all on one thread. Relies on epoll and src/base.
 */
#ifndef BENCH_LOAD_CONN_H
#define BENCH_LOAD_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "answer_read.h"
#include "base/str.h"

/* A line of the list of requests; empty texts: no token, no body. */
struct load_request {
	const char *method, *target, *token, *body;
};

/* Owned by the one thread of its load. */
struct load_conn {
	int fd, index;
	bool is_waiting; /* asked, not yet answered */
	struct buf out, in;
	size_t sent;
	int64_t asked_us, answered_us; /* clock_mono_us */
	int64_t line;		       /* the caller's: which request it waits for */
	char *from; /* the caller's: a listener's place in the stream */
};

struct load {
	struct sockaddr_in at;
	char host[64]; /* of the Host header */
	bool gzip;     /* answers may come packed */
	int epoll_fd, n;
	struct load_conn *conns;
	/* The body has a NUL behind it, and lasts as long as the call. */
	void (*on_answer)(struct load *, struct load_conn *, const struct answer *);
	void *arg; /* the caller's */
};

/* Of ADDRESS:PORT (IPv4). */
struct sockaddr_in load_address(const char *text);
/* Connects n times to ADDRESS:PORT (IPv4). */
void load_open(struct load *load, const char *server, int n);
void load_close(struct load *load);
/* Asks; the connection must not be waiting. {from} in the target is conn->from. */
void load_ask(
    struct load *load, struct load_conn *conn, const struct load_request *request);
/* Hands each answer that is there within timeout_ms to on_answer. */
void load_turn(struct load *load, int timeout_ms);
/* Turns until no connection waits for an answer. */
void load_await(struct load *load);

#endif
