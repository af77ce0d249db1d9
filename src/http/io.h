/*
 * What the files of the HTTP server share among themselves: the connection's record,
 * the io thread and the server. Private to http/; everybody else includes
 * http/server.h.
 */
#ifndef HTTP_IO_H
#define HTTP_IO_H

#include <stdatomic.h>
#include <stddef.h>
#include "base/thread.h"
#include "http/server.h"

#define SLOT_NONE UINT32_MAX
#define CHUNK_SLOTS 1024
#define WHEEL_SLOTS 64
#define WHEEL_TICK_MS 1000
#define READ_MAX 65536	     /* the io thread's read buffer */
#define READ_AHEAD 8192	     /* most that is read, and so kept, behind a request */
#define PROGRESS_BYTES 16384 /* so much must move within a body timeout */
#define LINGER_MS 2000	     /* a refused client may read its answer for so long */
#define LINGER_MAX_MS                                                                  \
	30000 /* and while it still sends, since it may read behind that */
#define ACCEPTS_A_ROUND 64
#define TURN_STEPS 16 /* reads and requests of one connection a turn */
#define ERROR_BODY_MAX 512
#define HANDSHAKES_A_ROUND 8

struct batch;
struct conn_side;
struct h2;
struct h2_stream;

enum conn_state {
	CONN_FREE,
	CONN_IDLE,    /* nothing of a next request is here */
	CONN_HEAD,    /* a part of a head is */
	CONN_BODY,    /* the head is, and a part of the body may be */
	CONN_PORTION, /* asked already; a portion of its body is wanted */
	CONN_ASKED,   /* the request was handed up and awaits its answer */
	CONN_PARKED,  /* the same, and whoever parked it hears when the client goes */
	CONN_CLOSING, /* the last answer is being written */
	CONN_LINGER,  /* it is written; what still comes in is thrown away */
	CONN_FRAMES,  /* HTTP/2: its requests are streams */
};

enum conn_flags {
	CONN_READABLE = 1, /* the socket may have bytes for us */
	CONN_EOF = 2,	   /* the client sends no more */
	CONN_BROKEN = 4,   /* the connection is dead both ways */
	CONN_READY = 8,	   /* stands in the ready list */
	CONN_TIMED = 16,   /* stands in the wheel */
	CONN_KEEP = 32,	   /* the client lets the connection live after this answer */
	CONN_HTTP10 = 64,
	CONN_NO_BODY = 128,  /* the request is a HEAD */
	CONN_REFUSED = 256,  /* the client may still be sending what nobody reads */
	CONN_STREAM = 512,   /* parked, its answer has begun and goes on in blocks */
	CONN_SIDE = 1024,    /* has a side record: TLS or HTTP/2 */
	CONN_PROXIED = 2048, /* who it is for is still to come */
	CONN_BATCHED = 4096, /* a batch will send for it: what it takes is not known */
	CONN_COMES = 8192,   /* the rest of its request's body is to come in portions */
	CONN_EXPECTS = 16384, /* and its client waits to be told to go on */
};

/*
 * Owned by one io thread. All there is of an idle or parked connection: one cache line.
 */
struct conn {
	struct conn_busy *busy; /* NULL while nothing is half read or half written */
	int fd;			/* -1: closed */
	uint32_t gen; /* raised by each answer and by the end: exchanges go stale */
	struct in6_addr peer;
	uint32_t tag; /* of the parked request; lingering: until which tick at most */
	uint32_t deadline; /* in ticks; 0: none */
	uint32_t wheel_prev, wheel_next;
	uint32_t next; /* in the ready, dead or free list */
	uint32_t slot; /* its own index */
	uint16_t flags;
	uint8_t state, wheel_at, listener;
};
_Static_assert(sizeof(struct conn) <= 64, "a connection is one cache line");

/* Bytes on their way out: ours to free, or a reference. */
struct out {
	struct out *next;
	char *owned;
	struct http_shared *shared;
	const char *p; /* not yet sent */
	size_t n;
};

/* In the order in which they go. */
struct out_list {
	struct out *first, *last;
};

/* What a connection holds only while something is half read or half written. */
struct conn_busy {
	char *in;	       /* read and not yet looked at, or a part of a head */
	size_t in_n, seen;     /* seen: as in struct http_io */
	struct buf head, body; /* of the request whose body is coming in */
	int64_t body_left;     /* by Content-Length; -1: chunked */
	http_taker take;       /* of the next portion; NULL: nobody */
	void *take_arg;
	void (*sent)(void *arg, bool is_gone); /* of the part in out; NULL: nobody */
	void *sent_arg;
	struct http_chunks chunks;
	struct out_list out;
	size_t unsent;
	size_t progress; /* bytes moved since the deadline was set */
	size_t counted;	 /* in io->memory_bytes for this */
};

static inline bool
has_unsent(const struct conn *c)
{
	return c->busy != NULL && c->busy->out.first != NULL;
}

struct mail {
	struct mail *next;
	void (*fn)(struct http_io *io, void *arg);
	void *arg;
};

/* Written by the io thread alone, read by anyone. */
struct io_stats {
	_Atomic uint64_t accepted, requests, answered, closed, bad_requests, bytes_in,
	    bytes_out, connections, parked, memory_bytes, pinned_bytes;
};

#define STAT_ADD(io, name, n)                                                          \
	atomic_store_explicit(&(io)->stats.name,                                       \
	    atomic_load_explicit(&(io)->stats.name, memory_order_relaxed) +            \
		(uint64_t)(n),                                                         \
	    memory_order_relaxed)
#define STAT_SUB(io, name, n)                                                          \
	atomic_store_explicit(&(io)->stats.name,                                       \
	    atomic_load_explicit(&(io)->stats.name, memory_order_relaxed) -            \
		(uint64_t)(n),                                                         \
	    memory_order_relaxed)

/* Owned by its thread once that runs, but for `mailbox` and `stats`. */
struct http_io {
	struct http_server *server;
	int index, epoll_fd, event_fd;
	int *listen_fds;    /* one per listener; -1: closed */
	bool accept_paused; /* out of descriptors: the listeners are not watched */
	int64_t accept_logged_ms;
	pthread_t thread;
	void *data;

	struct conn **chunks;		 /* slot -> record; chunks never move */
	struct conn_side ***side_chunks; /* slot -> side record, where there are any */
	uint32_t side_chunk_count;
	int handshakes_left;		  /* of this round */
	struct batch *batch;		  /* NULL: answers are sent one by one */
	struct h2_stream **stream_chunks; /* HTTP/2: index -> record */
	uint32_t stream_count, stream_free;
	uint32_t slot_count, chunk_count;
	uint32_t free_first, dead_first, ready_first, ready_last;
	uint32_t wheel[WHEEL_SLOTS];
	uint32_t tick; /* the wheel has been turned so far */
	int64_t now_ms, hook_tick_ms;
	bool stopping;
	int64_t stop_at_ms;

	/* The turn of one connection: its unread input is read_buf[at..end). */
	uint32_t current;     /* its slot, or SLOT_NONE */
	size_t at, end, seen; /* seen: so much of it was looked at in vain */
	char *read_buf;	      /* READ_MAX + 1 bytes */

	struct io_stats stats;
	_Alignas(64) _Atomic(struct mail *) mailbox;
};

/* Shared; what changes after http_server_start is atomic. */
struct http_server {
	struct http_config config;
	struct http_hooks hooks;
	uint16_t *ports;
	struct http_io *ios;
	bool started, stopped;
	int grace_ms;
	_Atomic uint32_t connections;
	struct tally *addresses;   /* of connections; NULL: no limit */
	bool owns_path[UINT8_MAX]; /* of listeners: ours to remove */
};

/* server.c */
/* The calling thread is io's own from now on. */
void io_enter(struct http_io *io);
bool io_is_here(const struct http_io *io); /* are we on its thread? */

/* Of exchange.conn: the rest of it is the index of an HTTP/2 stream. */
#define EXCHANGE_STREAM UINT32_C(0x80000000)

/* listen.c */
/* Opens listener i; false with a sentence. */
bool listen_open(struct http_server *server, int i, char **error_out);
void listen_close(struct http_server *server, int i); /* removes its path */

/* server.c */
/* Counts a connection of peer; false, and not counted: there are too many. */
bool server_count(struct http_server *server, const struct in6_addr *peer);
void server_uncount(struct http_server *server, const struct in6_addr *peer);

/* io.c */
void *io_thread(void *arg);
void io_post_mail(struct http_io *io, struct mail *mail);
void io_begin_stop(struct http_io *io, void *arg);
void io_fd_freed(struct http_io *io);

/* slots.c: records, lists of them, and the wheel */
struct conn *slot_take(struct http_io *io);
void slot_give(struct http_io *io, struct conn *c);
void slots_reclaim(struct http_io *io);
void slots_free(struct http_io *io);
struct conn *slot_at(const struct http_io *io, uint32_t slot);
void ready_push(struct http_io *io, struct conn *c);
struct conn *ready_pop(struct http_io *io, uint32_t *list);
uint32_t ready_take_all(struct http_io *io);
void wheel_set(struct http_io *io, struct conn *c, int timeout_ms); /* 0: none */
void wheel_unlink(struct http_io *io, struct conn *c);
struct conn *wheel_pop_expired(struct http_io *io, uint32_t now_tick);

/* conn.c: reading, parsing, asking, ending */
void conn_open(struct http_io *io, int fd, int listener, const struct in6_addr *peer);
void conn_event(struct http_io *io, uint32_t slot, uint32_t events);
void conn_run(struct http_io *io, struct conn *c);
void conn_expire(struct http_io *io, struct conn *c);
void conn_close(struct http_io *io, struct conn *c);
void conn_written(struct http_io *io, struct conn *c);
void conn_settle(struct http_io *io, struct conn *c);
struct conn_busy *conn_busy(struct conn *c);	     /* made if there is none */
struct conn *conn_waiting(struct exchange exchange); /* NULL: stale */

/* The server's own answer to what is no request, or one too large or too slow. */
void conn_refuse(struct http_io *io, struct conn *c, int status);
int conn_status_of(enum http_parse result);
/* Reads up to room bytes; 0: there are none, or the connection is closed. */
size_t conn_read_to(struct http_io *io, struct conn *c, char *to, size_t room);
/* So much of a body has come: its client has a body timeout from now on. */
void conn_moved(struct http_io *io, struct conn *c, size_t n);

/* portions.c: bodies that are not gathered */
/* The head is here and asked for. */
void portions_begin(struct http_io *io, struct conn *c, const struct http_head *head);
/* Takes what is read; true: look again. */
bool portions_take(struct http_io *io, struct conn *c);
/* Reads on where the length is known; false: nothing came (or it was the end). */
bool portions_read(struct http_io *io, struct conn *c);
/* Nothing more comes of it. */
void portions_end(struct conn *c);
/* Of http_body_next: what its letter runs, and where nobody is left to run it. */
void portions_deliver(struct http_io *io, void *arg);
void portions_drop(struct mail *mail);

/* parts.c: answers in parts */
/* All of a part is written; is_gone: it never will be. */
void parts_sent(struct conn *c, bool is_gone);
/* What a letter of it runs, and where nobody is left to run it. */
void parts_deliver(struct http_io *io, void *arg);
void parts_drop(struct mail *mail);

/* answer.c: writing */
void answer_send(struct http_io *io, struct conn *c, struct http_reply *reply);
void answer_deliver(struct http_io *io, void *arg); /* what a posted answer runs */
void answer_drop(struct mail *mail);		    /* and all other mail */
void out_list_add(struct out_list *list, struct out piece);
void out_list_pop(struct out_list *list);
void out_copy(struct http_io *io, struct conn *c, const char *p, size_t n);
/* Keeps malloc'ed bytes, which pass over. */
void out_owned(struct http_io *io, struct conn *c, char *bytes, size_t n);
/* The last line of a head, and the empty one. */
const char *head_end(const struct conn *c, bool close);
/* Sends a piece of shared bytes at once if nothing stands before it, and keeps what the
 * socket leaves; false: the connection is dead. */
bool out_shared(
    struct http_io *io, struct conn *c, struct http_shared *shared, struct str piece);
/* What was sent or kept of a stream: may it stay so, or is it more than max? False: the
 * connection is closed. */
bool stream_settle(struct http_io *io, struct conn *c, size_t max);
/* Of a shared answer, or a stream's block, that a batch has sent: how many bytes the
 * socket took, or -errno. */
void answer_sent(
    struct http_io *io, struct conn *c, struct http_shared *shared, int result);
/* The request has its answer, sent or kept: its exchange is stale from here on. */
void exchange_end(struct http_io *io, struct conn *c, bool close);
/* From now on a failing write ends the connection without calling hooks.gone. */
void unpark(struct http_io *io, struct conn *c);
bool must_close(const struct http_io *io, const struct conn *c);
/* Do all connections together? A thread has its own share. */
bool pins_too_much(const struct http_io *io);
/* Who cannot take this much must not pin it for long, nor may all of them together. */
void bound_unsent(struct http_io *io, struct conn *c, size_t max);
bool out_flush(struct http_io *io, struct conn *c); /* true: all is written */
void out_free(struct http_io *io, struct conn_busy *busy);

/* reply.c: heads, shared bytes */
bool reply_is_bodiless(int status);
size_t reply_head_bound(const struct http_reply *reply);
/* Everything but the Connection line and the empty one; returns its length. */
size_t reply_head(const struct http_reply *reply, char *out, size_t cap);

#endif
