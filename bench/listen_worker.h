/*
 * One worker of `listen`: its connections, the ways in which they speak with the
 * server, and what it holds against what it hears. Owned by one process.
 */
#ifndef BENCH_LISTEN_WORKER_H
#define BENCH_LISTEN_WORKER_H

#include <openssl/types.h>

#include "base/vec.h"
#include "listen.h"

/* A connection and the listeners on it: one, but for ways that carry several. */
struct line {
	int fd;
	struct listener *who; /* the first of n */
	int n;
	SSL *ssl;	 /* NULL: plain */
	bool is_shaking; /* the handshake is not done */
	bool is_full;	 /* the socket takes no more of out */
	bool has_head;	 /* sse: the stream's head has come */
	struct buf out;	 /* what has not been sent yet */
	struct buf in;	 /* what has come of an answer that is not whole */
	struct buf text; /* sse: of an event that is not whole */
	struct nghttp2_session *session; /* h2, and a stream for each listener */
	struct stream *streams;
};

struct heard {
	char id[ID_MAX];
	int64_t acked_us;     /* 0: the sender has no answer yet, as far as we know */
	uint32_t searched_to; /* of the sent */
};

/* The events of a room in the order in which the first listener heard them. */
struct room_log {
	struct heard *v;
	size_t n, cap;
};

/* What the last answer said: most are the same, byte for byte. */
struct page {
	struct buf bytes;
	int room;
	uint32_t from, count;
	char end[FROM_MAX];
};

struct worker {
	struct crowd *crowd;
	struct tally *tally;
	const struct way *way;
	int index, n, order_fd, epoll_fd;
	uint32_t addresses; /* the first of those it connects from */
	int line_count;
	struct line *lines;
	struct room_log *logs;
	struct page page;
	struct unpacker *unpacker; /* NULL until it is needed */
	struct order order;	   /* the last one */
	bool again;
	int64_t timeout_ms;
	bool is_busy; /* not all lines have had their turn by the order */
	int due;      /* the next one */
	int64_t due_from_us;
	int shaking; /* lines */
};

#define JSON_ID_NAME "\"event_id\":\""

/* A way to listen. What a line needs for it hangs on the line. */
struct way {
	const char *name;
	int each;	     /* listeners on a line */
	bool goes_on;	     /* one question for all answers */
	bool is_secure;	     /* by TLS */
	const char *id_name; /* what an event's id stands behind, up to the next '"' */
	/* What a new connection needs, and its end; NULL: nothing. */
	void (*begin)(struct line *);
	void (*end)(struct line *);
	/* Asks for a listener of the line, from where it stands: what is to be sent
	 * goes to line->out. */
	void (*ask)(
	    struct worker *, struct line *, struct listener *, int64_t timeout_ms);
	/* Appends to line->out what else is to be sent by now; NULL: nothing. */
	void (*frames)(struct line *);
	/* Takes what has come; returns how much of it was used. The bytes may be moved
	 * about. */
	size_t (*take)(struct worker *, struct line *, char *bytes, size_t n);
};

extern const struct way way_poll, way_tls, way_h2, way_sse, way_page;

/* ---- listen_heard.c: what was said, once and in order ---- */

/* What a listener heard: the body of an answer, or a stream's events. end: where it
 * goes on. */
void heard_page(
    struct worker *worker, struct listener *who, const char *text, size_t n);
/* The same of a poll's answer, whatever its status. */
void heard_answer(struct worker *worker, struct listener *who, int status,
    const char *body, size_t n);
/* Where the text says to go on: after name, up to one of stops. */
bool heard_end(const char *text, size_t n, const char *name, const char *stops,
    char end_out[FROM_MAX]);
/* Compares with what was sent: nothing missing, nothing else. */
void heard_check(struct worker *worker, struct listener *from, int n);
/* Counts a mistake; the first one's words are kept. */
void worker_wrong(struct worker *worker, const struct listener *who, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* ---- listen_tls.c: a line's TLS, by calls that never block ---- */

/* On a socket that is connected, and does not block from then on. */
SSL *tls_begin(int fd);
/* A step of the handshake: 1: it is done; else as recv tells it. What is no TLS 1.3
 * ends the program. */
int tls_shake(SSL *ssl);
/* As recv and send. What tls_recv has room for, at least a record, it takes to the end:
 * nothing is left behind that epoll does not know of. */
ssize_t tls_recv(SSL *ssl, char *bytes, size_t n);
ssize_t tls_send(SSL *ssl, const char *bytes, size_t n);

/* ---- listen_gzip.c: streams that come packed ---- */

/* What a block says, whose bytes lie whole there; lasts until the next one. */
struct str unpack_block(
    struct worker *worker, const struct listener *who, struct str block);

/* ---- listen_worker.c ---- */

/* Appends the path of /events and its query for a listener; timeout_ms < 0: none. */
void worker_add_target(const struct worker *worker, const struct listener *who,
    int64_t timeout_ms, struct buf *out);
/* What stands in a request behind its target; headers are what its way adds. */
void worker_add_headers(const struct worker *worker, const struct listener *who,
    const char *headers, struct buf *out);
/* A request of /events. */
void worker_add_request(const struct worker *worker, const struct listener *who,
    int64_t timeout_ms, const char *headers, struct buf *out);
/* The first n bytes have been used; nothing left keeps no memory. */
void worker_cut(struct buf *bytes, size_t n);
/* The listener has its answer, whatever it was. */
void worker_answered(
    struct worker *worker, struct line *line, struct listener *who, size_t bytes);

#endif
