/*
 * The HTTP server: io threads, each with its own listening socket (SO_REUSEPORT),
 * epoll, connections and read buffer. It turns bytes into requests and answers into
 * bytes, and knows nothing of Matrix. Whoever answers (a hub on the io thread, a
 * worker, the writer) does so by an `exchange`, which may outlive its connection
 * safely.
 *
 * A connection serves one request at a time; what is pipelined behind it waits. While a
 * request is parked its connection holds no buffer: one 64-byte record is all.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "http/parse.h"
#include "http/tls.h"

struct http_server;
struct http_io; /* one io thread */

/* Names one request that awaits its answer. By value; stale ones are ignored. */
struct exchange {
	struct http_io *io;
	uint32_t conn; /* the connection's slot */
	uint32_t gen;  /* its generation: another request or client makes it stale */
};

/*
 * One request. On the io thread, inside hooks.request, it borrows the read buffer; what
 * wants to keep it calls http_request_detach, which returns one malloc'ed block that
 * may go to another thread and ends with http_request_free.
 */
struct http_request {
	struct exchange exchange;
	struct http_head head;
	char *body; /* body_n bytes and one writable byte behind them; may be changed */
	size_t body_n;
	bool comes_in_portions; /* none of its body is here: http_body_next */
	struct in6_addr peer;	/* IPv4 as ::ffff:a.b.c.d */
	int listener;		/* index into http_config.listeners */
	int64_t received_us;	/* clock_mono_us */
};

struct http_request *http_request_detach(const struct http_request *request);
void http_request_free(struct http_request *request);

/*
 * Bytes that many answers share: a whole HTTP answer, head included. Counted by atomic
 * references; any thread may hold and drop them.
 */
struct http_shared {
	_Atomic uint32_t refs;
	uint32_t n;
	uint32_t head_n; /* where the body begins */
	uint32_t tail_n; /* bytes behind it */
	char bytes[];
};

struct http_shared *http_shared_ref(struct http_shared *shared);
void http_shared_unref(struct http_shared *shared);
/* A 200 (or other) answer as it goes on the wire of a keep-alive connection. */
struct http_shared *http_shared_new(
    int status, const char *content_type, const void *body, size_t n);
/* The same of a body that gzip_body has packed. */
struct http_shared *http_shared_new_gzip(
    int status, const char *content_type, const void *body, size_t n);

/* A block of an answer that goes on: one chunk of it (RFC 9112 7.1). */
struct http_shared *http_block_new(const void *bytes, size_t n);

/* Bytes alone, without a head, of which answers are made by http_answer_from. */
struct http_shared *http_bytes_new(const void *bytes, size_t n);

struct http_reply {
	int status;
	const char
	    *content_type;   /* static or valid until the call returns; NULL: JSON */
	const char *headers; /* more header lines, each ending in \r\n; NULL: none */
	char *body;	     /* malloc'ed; ownership passes to the server */
	size_t body_n;
	bool gzip;    /* body is compressed: say so */
	bool close;   /* close the connection after it */
	bool goes_on; /* its length is not known: blocks follow */
};

/* What became of a body that comes in portions. */
enum http_portion { HTTP_PORTION, HTTP_PORTION_LAST, HTTP_PORTION_GONE };

/*
 * The next portion of a body that comes in portions (hooks.in_portions), of a few
 * kilobytes up to HTTP_PORTION_MAX. From any thread; take is called once, on the io
 * thread: with bytes that pass to it (malloc'ed; NULL if n is 0), and whether they were
 * the last. GONE: the client went, was too slow or sent what is no body; nothing needs
 * to be answered. Until it is asked for nothing is read, so that nobody holds more than
 * one portion. An answer before the last portion closes the connection behind it.
 */
#define HTTP_PORTION_MAX (128 << 10)
typedef void (*http_taker)(void *arg, enum http_portion what, char *bytes, size_t n);
void http_body_next(struct exchange exchange, http_taker take, void *arg);

/*
 * An answer that is sent in parts, each when the one before is taken, so that a large
 * one holds no more than one part. From any thread; bytes pass to the server.
 */
struct http_part {
	const struct http_reply *head; /* with the first part; its body_n is the length
					* of all parts together, its body NULL */
	char *bytes;		       /* malloc'ed; NULL if n is 0 */
	size_t n;
	bool is_last;
	/* Not of the last: called once, on the io thread, when the client has taken it
	 * (the next may come), or wants no more (is_gone). */
	void (*sent)(void *arg, bool is_gone);
	void *arg;
};
void http_send_part(struct exchange exchange, const struct http_part *part);
/* What was begun cannot go on: the connection, or the stream, is closed. */
void http_send_cut(struct exchange exchange);

/* From any thread. HEAD requests get no body. Stale exchanges: body freed, no more. */
void http_answer(struct exchange exchange, struct http_reply *reply);
/* On the exchange's own io thread only; takes a reference of its own. */
void http_answer_shared(struct exchange exchange, struct http_shared *shared);

/* The same, with a head of its own: its body is reply->body_n of these bytes, behind
 * the first `from`. reply->body is NULL. */
void http_answer_from(struct exchange exchange, const struct http_reply *reply,
    struct http_shared *bytes, size_t from);

/*
 * On the io thread: shared answers, and blocks of answers that go on, leave together
 * from begin to end, in one system call where the kernel can.
 */
void http_batch_begin(struct http_io *io);
void http_batch_end(struct http_io *io);

/*
 * An answer that goes on: its head, blocks for as long as it lasts, its end. On the own
 * io thread of an exchange that is parked; hooks.gone tells when the client goes, also
 * from inside these calls. False: it is gone, and hooks.gone has been called.
 */
bool http_stream_begin(struct exchange exchange, const struct http_reply *head);
/* Refused, and the stream closed, where blocks wait already and are too many with it.
 */
bool http_stream_block(struct exchange exchange, struct http_shared *block);
/* The same of what is for this client alone: of any size, as long as it moves. */
bool http_stream_own(struct exchange exchange, struct http_shared *block);
/* Has the client taken all of it? If not, hooks.drained tells when it has. */
bool http_stream_is_drained(struct exchange exchange);
/* The last block was sent; hooks.gone is not called. cut: the connection is closed
 * without the end of chunked coding, as one that was lost. */
void http_stream_end(struct exchange exchange, bool cut);

/*
 * On the io thread, inside hooks.request: this request will be answered later from this
 * io thread. tag is handed to hooks.gone when the client goes first. The connection
 * drops its buffers.
 */
void http_park(struct exchange exchange, uint32_t tag);
/* Is it still waiting for its answer? Own io thread only. */
bool http_waiting(struct exchange exchange);

struct http_listener {
	const char *host;     /* "127.0.0.1", "::", "[::1]" without brackets */
	uint16_t port;	      /* 0: any; read back by http_server_port */
	struct http_tls *tls; /* borrowed for the server's life; NULL: none */
	const char *path;     /* of a Unix socket, instead of host and port; NULL */
	int fd;		      /* a listening socket that is handed over; 0: none */
	bool proxied; /* each connection begins with PROXY, from proxies alone */
};

struct http_config {
	int io_threads;
	bool no_batches; /* no io_uring: answers are sent one by one */
	struct http_listener *listeners;
	int listener_count;
	uint32_t
	    connections_max; /* all together; above: accept, 503 + Retry-After, close */
	uint32_t
	    connections_per_address; /* IPv6 by /64; 0: no limit; above: the same */
	size_t body_max;	     /* bytes; more is 413 M_TOO_LARGE */
	int head_timeout_ms, body_timeout_ms, idle_timeout_ms;
	size_t write_max;  /* unsent bytes of a shared answer before its reader is
			    * closed, of a stream with those of the block behind them;
			    * other answers go as long as they move (body_timeout) */
	size_t pinned_max; /* unsent bytes of all connections together: beyond it who
			    * cannot take an answer at once is closed; 0: no bound */
};

/* All run on an io thread. */
struct http_hooks {
	/* A whole request is there. Must answer, park, or detach it to answer later. */
	void (*request)(struct http_io *io, struct http_request *request, void *arg);
	/* Shall the body of such a request come in portions, of any length, and not be
	 * gathered first? path: raw, without the query. NULL: never. */
	bool (*in_portions)(struct str method, struct str path, void *arg);
	/* A parked request's client has gone (or the server closes it). */
	void (*gone)(struct http_io *io, uint32_t tag, void *arg);
	/* A stream's client has taken all that it was slow to take; may be NULL. */
	void (*drained)(struct http_io *io, uint32_t tag, void *arg);
	/* About once a second, and at least once a wake-up after that long. */
	void (*tick)(struct http_io *io, int64_t mono_ms, void *arg);
	/* Sliced work: called between rounds of sockets while it returns true. */
	bool (*work)(struct http_io *io, void *arg);
	/* Once per io thread, when the server begins to stop: answer what is parked. */
	void (*stopping)(struct http_io *io, void *arg);
	/* Is it a proxy, which may have any number of connections and says for whom?
	 * NULL: nobody is. */
	bool (*is_proxy)(const struct in6_addr *peer, void *arg);
	/* The JSON body for an error the server itself answers (400, 408, 413, ...). */
	size_t (*error_body)(int status, char *out, size_t cap, void *arg);
	void *arg;
};

/* Binds and listens (a port in use is an error, also against our own SO_REUSEPORT);
 * NULL with a sentence in *error_out (malloc'ed). Starts no thread. */
struct http_server *http_server_new(
    const struct http_config *config, const struct http_hooks *hooks, char **error_out);
void http_server_start(struct http_server *server);
uint16_t http_server_port(const struct http_server *server, int listener);
/* Stops accepting, calls hooks.stopping, finishes writes and requests for at most
 * grace_ms, closes the rest, joins the threads. */
void http_server_stop(struct http_server *server, int grace_ms);
void http_server_free(struct http_server *server);

int http_io_count(const struct http_server *server);
struct http_io *http_io_at(const struct http_server *server, int index);
int http_io_index(const struct http_io *io);
/* What the upper layer keeps per io thread (the hub). */
void http_io_set_data(struct http_io *io, void *data);
void *http_io_data(const struct http_io *io);

/* Runs fn(io, arg) on the io thread soon, in the order posted. From any thread. One
 * eventfd write wakes the thread however many are posted before it looks. */
void http_post(
    struct http_io *io, void (*fn)(struct http_io *io, void *arg), void *arg);

/* For a thread that is about to answer many: from http_hold on its answers and letters
 * wake no io thread, until http_ring wakes each of them once. */
void http_hold(void);
void http_ring(void);

/* Counters for /metrics, added up over the io threads. */
struct http_stats {
	uint64_t accepted, requests, answered, closed, bad_requests, bytes_in,
	    bytes_out;
	uint64_t connections, parked, memory_bytes, pinned_bytes;
};
void http_server_stats(const struct http_server *server, struct http_stats *out);

#endif
