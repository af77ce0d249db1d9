/*
 * Parked listeners, one hub per io thread: no thread, no buffer, no query while they
 * wait. A hub reads the queue of changes from its own place and either answers from
 * shared bytes (strangers or members listening to one room: one body for all of a class
 * that stand at the same position) or has a worker look again (everybody else). A
 * listener is registered before anybody looks; what wakes it meanwhile is remembered.
 * Who watches a room's page has no token: a stranger to an open room, whose events are
 * made to HTML by a worker, once for all who watch in one language.
 */
#ifndef STREAM_HUB_H
#define STREAM_HUB_H

#include "http/server.h"
#include "room/ctx.h"
#include "stream/events.h"
#include "stream/sync_filter.h"
#include "stream/sync_members.h"
#include "stream/token.h"

struct hubs;

#define PAGE_LANGUAGES 6

/*
 * What those who watch a room's page in one language have not seen behind `from`.
 * Server-sent events, such that whoever comes back with one's id goes on behind it.
 * Where a block has several ids, who stands between two of them is given the rest of
 * it; else all of it, of which it may know a part.
 */
struct page_news {
	const char *room_id;
	int language;
	int64_t from;
	/* Filled in; the block is the asker's, to be freed. */
	struct buf block; /* empty: nothing to see */
	/* Up to where it tells: with neither `more` nor `is_last` not less than what
	 * was visible when it was asked for. */
	int64_t end;
	bool more;    /* there is more behind `end`, which is behind `from` */
	bool is_last; /* the page is open no more: the stream ends behind the block */
};

struct page_task; /* one making of them */

/*
 * One poll, from its request to its answer. malloc'ed as one block by waiting_new; goes
 * back and forth between its io thread and the workers, owned by whoever has it.
 */
struct waiting {
	struct exchange exchange;
	uint32_t tag; /* the hub's */
	const char *user_id, *device_id;
	const char **room_ids;
	int room_count;	   /* 0: all rooms that the user is joined to */
	const char *start; /* the `from` as it was given; NULL: none */
	struct stream_token from;
	bool has_from;
	int limit;
	bool is_stranger; /* a guest without rows: a stranger in every room */
	bool accepts_gzip;
	bool sse;		   /* server-sent events, not one answer */
	bool has_chat;		   /* by a path of 2015, which has free_for_chat */
	int page;		   /* a room's page in language page - 1; 0: none */
	struct waiting_sync *sync; /* NULL: a poll of /events */
	int64_t deadline_ms;	   /* clock_mono_ms */
	int64_t expires_ms;	   /* the token's end in clock_mono_ms; 0: none */
	uint64_t address;	   /* a hash of where it comes from */
	uint64_t tokens_gone;	   /* changes_tokens_gone before it was identified */

	/* The look's result. */
	bool answered; /* reply is the answer; else there is nothing yet */
	struct http_reply reply;
	struct stream_token looked; /* up to where nothing was found */
	bool more;		    /* the answer is a full page */
	bool is_last;		    /* the stream ends behind it */
	enum listener_class as;

	struct hub *hub;
};

/* What a parked /sync has beside: the user hears all that is its own. */
struct waiting_sync {
	struct sync_filters *filters;
	struct sync_filter *filter; /* counted in filters */
	struct sync_members *members;
	bool full_state, use_state_after;
};

/* sync: copied, and its filter's reference with it; NULL: a poll of /events. */
struct waiting *waiting_new(const char *user_id, const char *device_id,
    const char *const *room_ids, int room_count, const char *start,
    const struct waiting_sync *sync);
/* Who watches a room's page, and has seen what is up to `from`. */
struct waiting *waiting_new_page(const char *room_id, int language, int64_t from);
void waiting_free(struct waiting *w);
/* On a worker: fills in the look's result. An error is for the caller to answer. */
enum mx_err waiting_look(struct waiting *w, struct ctx *ctx, struct arena *arena);
/* Appends the answer that tells nothing but where to go on. */
void waiting_write_empty(
    const struct waiting *w, struct buf *out, const struct stream_token *end);
/* Its user is still there, as long as the stream is. Any thread. */
void waiting_stays(const struct waiting *w, struct core *core);
/* The answer is this body, which it takes; packed if its client likes that. */
void waiting_answer(struct waiting *w, int status, struct buf *body);

/* Events of a room kept for shared answers: a page, and more of them in a burst, so
 * that who lags behind has no need of the store. */
#define HUB_RING 100
#define HUB_RING_BURST 1000

struct hub_options {
	/* Have a worker look for w; it ends with hub_looked. From an io thread. */
	void (*look)(void *arg, struct waiting *w);
	/* There are too many from its address or with its token: answers w, which stays
	 * the hub's. On its io thread. */
	void (*refuse)(void *arg, struct waiting *w);
	/* Have a worker run hub_page_run, then hub_page_made. From an io thread. */
	void (*make)(void *arg, struct page_task *task);
	void *arg;
	/* On a worker. M_NOT_FOUND: the room has no page. NULL: none has; make is not
	 * called then. */
	enum mx_err (*page_news)(void *page_arg, struct ctx *ctx, struct arena *arena,
	    struct page_news *news);
	void *page_arg;
	uint32_t parked_per_address;
	uint32_t parked_per_token; /* of those who have one; both 0: no limit */
	int ring_max;		   /* not fewer than HUB_RING; 0: HUB_RING_BURST */
	size_t bytes_max;	   /* of what is sent at one time; 0: EVENTS_BYTES */
	/* The whole 401 answer for tokens that end while their listener is parked; its
	 * reference passes to the hubs. */
	struct http_shared *token_gone;
};

struct hubs *hubs_new(
    struct core *core, struct http_server *http, const struct hub_options *options);
void hubs_free(struct hubs *hubs);

/* Takes over w. On w's io thread, inside hooks.request or posted. Answers, parks, or
 * has a worker look. */
void hub_enter(struct hubs *hubs, struct waiting *w);
/* The same from a worker. */
void hub_enter_later(struct hubs *hubs, struct waiting *w);
/* A worker has looked: takes w back. From any thread. */
void hub_looked(struct hubs *hubs, struct waiting *w);

/* What options.make is to do, on a worker: asks the hook; then gives the task back,
 * which ends with that. */
void hub_page_run(struct page_task *task, struct ctx *ctx, struct arena *arena);
void hub_page_made(struct hubs *hubs, struct page_task *task);
/* What a room's page may show has changed without an event: all who watch are told, or
 * their streams end. room_id NULL: of every room. Any thread. */
void hubs_stir_pages(struct hubs *hubs, const char *room_id);
/* How many listen to each of these rooms and to nothing else, and watch its pages, by
 * what each hub says. From any thread but those of io, for whose answers it waits 200
 * ms at most: false, and those that came. */
bool hubs_listeners(
    struct hubs *hubs, const char *const *room_ids, int n, uint32_t *counts_out);

/* The server's hooks. */
void hub_gone(struct hubs *hubs, struct http_io *io, uint32_t tag);
void hub_drained(struct hubs *hubs, struct http_io *io, uint32_t tag);
void hub_tick(struct hubs *hubs, struct http_io *io, int64_t mono_ms);
bool hub_work(struct hubs *hubs, struct http_io *io);
void hub_stopping(struct hubs *hubs, struct http_io *io);

struct hub_stats {
	/* parked: all listeners, those looked for and those who watch among them. */
	uint64_t parked, looking, rooms, answers_shared, bodies_made, looks, timeouts;
	uint64_t watchers, pages_made;
	uint64_t memory_bytes;
};
void hubs_stats(struct hubs *hubs, struct hub_stats *out);

#endif
