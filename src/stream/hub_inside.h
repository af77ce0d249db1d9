/*
 * A hub's own structures, shared by hub.c (the life of a listener), hub_room.c (rooms,
 * shared answers) and hub_pages.c (who watches a page). Everything here is owned by one
 * io thread.
 */
#ifndef STREAM_HUB_INSIDE_H
#define STREAM_HUB_INSIDE_H

#include "base/link.h"
#include "base/map.h"
#include "base/tally.h"
#include "base/thread.h"
#include "base/vec.h"
#include "room/changes.h"
#include "room/room.h"
#include "stream/hub.h"

enum listener_state {
	LISTENER_FREE,
	LISTENER_SHARING,  /* parked; its room's shared bodies are for it */
	LISTENER_PARKED,   /* parked; a wake-up means another look */
	LISTENER_LOOKING,  /* a worker has its struct waiting */
	LISTENER_WATCHING, /* a room's page: with those who do so in its language */
};

/* What stays of a guest who waits: this, and the connection's 64 bytes. */
struct listener {
	uint32_t tag;	    /* its own place; never changes */
	uint32_t conn, gen; /* of the exchange */
	uint8_t state;
	uint8_t class;	     /* sharing: with whom; watching: the language */
	bool dirty;	     /* woken while a worker looks, or while behind */
	bool gone;	     /* the client went while a worker looks */
	bool revoked;	     /* its token ended while a worker looks */
	bool gzip;	     /* sharing: takes packed answers */
	bool sse;	     /* stays after an answer: server-sent events */
	bool behind;	     /* its client is slow to take what goes on */
	uint32_t deadline_s; /* of clock_mono_ms / 1000 */
	int64_t expires_ms;  /* its token's end; 0: none */
	struct link wheel;   /* in its second; free ones: next is the free list */
	/* Sharing: in its room, in the order of parking; or among those behind.
	 * Watching: in a list of its page. */
	struct link room;
	struct hub_room *in; /* sharing, watching */
	int64_t from;	     /* sharing: the position asked from */
	int64_t heard;	     /* both: up to here nothing is left to hear */
	uint64_t user;	     /* map_hash of the user id */
	/* By which it is counted, where that is limited; token 0: by none. */
	uint64_t address, token;
	/* What to look for, as soon as it cannot share; LOOKING: the worker's. NULL of
	 * a guest who can be nothing but a stranger, and of who watches. */
	struct waiting *waiting;
	struct watch *watches; /* not sharing: one for each topic */
	int watch_count;
};

_Static_assert(sizeof(struct listener) <= 136, "a million of them wait");

#define HUB_OF_ROOM(l) LINK_OF(struct listener, room, l)

/* A listener at a topic that it shares with others: a room, or its user. */
struct watch {
	struct link link;
	uint32_t tag;
};

#define HUB_BODIES 4 /* answers made for one room's newest events */

/* What those who share are given: an answer to a poll, or a block of a stream. */
enum hub_form { HUB_ANSWER, HUB_ANSWER_GZIP, HUB_BLOCK, HUB_BLOCK_GZIP, HUB_FORMS };

/* One answer for all of a class who stand at `from`. */
struct hub_body {
	bool is_used;
	enum listener_class class;
	int64_t from;
	uint32_t events;
	bool has_joins; /* strangers */
	/* HUB_BLOCK: up to where it tells; is that the last that strangers hear? */
	int64_t end;
	bool is_last;
	/* Some of them may see more than stands in it; it suits all but these (map_hash
	 * of the id), of whom it speaks. */
	bool is_unlike;
	VEC(uint64_t) but;
	int64_t made_s; /* hub->wheel_s: it says how old events are */
	struct http_shared *forms[HUB_FORMS]; /* NULL: nobody has asked for it */
};

/*
 * Those who watch a room's page in one language. What there is for them is made by a
 * worker for all of them who are there when it is asked for, and for those who have
 * come since as far as they have not seen it: whoever comes may stand elsewhere.
 */
struct hub_page {
	struct hub_page *next; /* of the room's, in another language */
	/* struct listener.room. watching: those for whom it was asked, or will be;
	 * come: since it was asked for; told: who had it, until all of them have. */
	struct link watching, come, told;
	/* None of them, and of those told, has yet to see what is up to here. */
	int64_t heard, told_heard;
	struct page_task *task; /* under way, or made and handed out; NULL: none */
	uint32_t count, packed; /* all of them; those who take gzip */
	uint8_t language;
	bool is_stirred; /* the next is due, event or no event */
	/* Who stands at the live end needs no look: nothing has come since one that
	 * closes it. */
	bool admits;
};

/* One allocation: many rooms have one listener each. */
struct hub_room {
	struct hub_room *next;		  /* in hub->rooms */
	struct link sharing[CLASS_COUNT]; /* struct listener.room */
	struct link watches;		  /* struct watch.link */
	/* Sharing streams that have had a part of what there is: first those who can
	 * have the next one, newest first, then those who have yet to take theirs. */
	struct link behind;
	/* In hub->dirty while those who share have news, or who watch. */
	struct link dirty;
	/* The newest events, oldest first; every one above ring_from is there. */
	struct live_event **ring; /* grows to options.ring_max */
	int64_t ring_from, last;  /* last: the newest event's position */
	/* HUB_BODIES, all of which end at `last`; NULL while nobody asks for one. */
	struct hub_body *bodies;
	struct hub_page *pages; /* one for each language that is watched */
	uint32_t listeners;	/* who stand here: sharing, watching */
	uint32_t hash;
	uint32_t used_s; /* of clock_mono_ms / 1000 */
	uint16_t ring_count, ring_cap;
	uint8_t next_body;
	bool known; /* a worker has looked: last, world_readable may be relied on */
	bool world_readable; /* now */
	char room_id[];
};

/* With an id of version 12 and its part of the table less than 200 bytes. */
_Static_assert(
    offsetof(struct hub_room, room_id) <= 147, "many rooms have one listener");

/* By their ids. */
struct hub_rooms {
	struct hub_room **lists;
	size_t cap, count;
};

struct hub_user {
	char *user_id;
	struct link watches;
};

#define HUB_SECONDS 512 /* slots of the wheel; later deadlines come round again */
#define HUB_CHUNK 1024	/* listeners allocated at a time */

struct hub {
	struct hubs *hubs;
	struct http_io *io;
	struct change *cursor;
	int64_t processed;    /* `visible` up to which changes have been acted on */
	uint64_t tokens_gone; /* such changes read so far */
	struct hub_rooms rooms;
	struct map users;  /* user_id -> struct hub_user */
	struct link dirty; /* struct hub_room.dirty */
	struct link tasks; /* struct page_task.link, those under way and those made */
	struct link wheel[HUB_SECONDS];
	int64_t wheel_s; /* the second that was looked at last */
	VEC(struct listener *) chunks;
	struct link free;
	/* The last answer without events, by where who got it stood: many time out in
	 * the same second, most of them at the same place. */
	int64_t empty_from, empty_end;
	struct http_shared *empty_shared;
	struct http_shared *comments[2]; /* of streams: plain, packed */
	_Atomic uint64_t parked, looking, answers_shared, bodies_made, looks, timeouts;
	_Atomic uint64_t room_count, memory, watchers, pages_made;
	_Atomic bool woken; /* a wake-up is on its way */
	bool stopping;
};

struct hubs {
	struct core *core;
	struct http_server *http;
	struct hub_options options;
	struct hub *hubs;
	int count;
	struct tally *addresses, *tokens; /* of parked listeners; NULL: no limit */
	struct lock lock;		  /* RANK_LEAF; guards what stands below it */
	pthread_cond_t answered;
	struct link questions; /* struct question.link */
};

/* Packed on the io thread; more of it would keep the sockets waiting. */
#define GZIP_SHARED_MAX 65536

/* hub_rooms.c */
struct hub_room *hub_rooms_find(const struct hub *hub, const char *room_id);
void hub_rooms_add(struct hub *hub, struct hub_room *room); /* none with its id */
void hub_rooms_remove(struct hub *hub, struct hub_room *room);
/* In no order. room NULL: the first; NULL: there are no more. */
struct hub_room *hub_rooms_next(const struct hub *hub, const struct hub_room *room);

/* hub_room.c */
struct hub_room *hub_room_get(struct hub *hub, const char *room_id);
/* Somebody begins to listen: it is kept for a while. */
void hub_room_used(struct hub_room *room);
void hub_room_free(struct hub *hub, struct hub_room *room);
/* An event in a room that somebody listens to, or did lately. */
void hub_room_event(
    struct hub *hub, struct hub_room *room, const struct change *change);
/* Can a stranger who stands at `from` be answered or parked without looking? */
bool hub_room_covers(const struct hub_room *room, int64_t from);
/* Is there something for one of a class behind `from`? */
bool hub_room_has(const struct hub_room *room, enum listener_class class, int64_t from);
/* What all of its class who stand where it does are given, with this form of it. Until
 * the room changes. */
const struct hub_body *hub_room_body(
    struct hub *hub, const struct listener *l, enum hub_form form);
/* Is that right for this one? Else a look says what is. */
bool hub_room_suits(struct hub *hub, const struct listener *l);
/* All who waited for what there is have it: what was made for them goes. */
void hub_room_answered(struct hub *hub, struct hub_room *room);
/* Is the membership of this user (map_hash of the id) spoken of behind `from`? */
bool hub_room_is_about(const struct hub_room *room, int64_t from, uint64_t user);
/* Has this stranger joined behind where it stands? For many who stand there. */
bool hub_room_joined(struct hub *hub, const struct listener *l);
/* A stream has had a part of what there is: the next one is for when others have had
 * theirs, and its client has taken this one (l->behind until then). */
void hub_room_put_off(struct hub *hub, struct listener *l, bool is_drained);
/* Can any of them have the next one? */
bool hub_room_has_ready(const struct hub_room *room);
/* Takes some who can out of there, into a list of the caller's. */
void hub_room_take_ready(struct hub_room *room, int most, struct link *out);
/* Frees rooms that nobody has listened to for a while. */
void hub_rooms_tidy(struct hub *hub, int64_t now_ms);

/* hub_pages.c */
/* It stands at the live end: from now on it watches, in w's language. w stays the
 * caller's. */
void hub_pages_watch(struct hub *hub, struct listener *l, struct hub_room *room,
    const struct waiting *w);
/* Who watches goes. */
void hub_pages_leave(struct hub *hub, struct listener *l);
/* May one who has seen what is up to `from` watch without a look? */
bool hub_pages_cover(
    const struct hub *hub, const struct hub_room *room, int language, int64_t from);
/* An event has come: what there is to see is asked for. */
void hub_pages_event(struct hub *hub, struct hub_room *room);
/* Hands on what was made, to so many; returns how many it were. */
int hub_pages_tell(struct hub *hub, struct hub_room *room, int most);
/* Is something on its way to this one, who watches? */
bool hub_pages_owe(const struct listener *l);
/* For all who watch a page of the room, event or no event. */
void hub_pages_stir(struct hub *hub, struct hub_room *room);
/* On a worker: the hook, which keeps its word. */
enum mx_err hub_pages_news(struct hub *hub, struct ctx *ctx, struct arena *arena,
    struct page_news *news) MUST_USE;
/* At the end: whoever watches is not told. */
void hub_pages_free(struct hub *hub, struct hub_room *room);
void hub_pages_fini(struct hub *hub);

/* hub_questions.c */
/* Those that were asked when the io threads had ended. */
void hub_questions_fini(struct hubs *hubs);

/* hub_changes.c */
/* Acts on all that has become visible since the last time. */
void hub_read_changes(struct hub *hub);
/* On the thread that made a change: one wake-up for each io thread; arg: the hubs. */
void hub_wake_all(void *arg);

/* hub_sse.c */
/* The stream's head and opening; false: the client has gone, and the listener too. */
bool hub_sse_begin(
    struct hub *hub, struct listener *l, bool gzip, const struct stream_token *at);
/* A block of one: the same packed, for those who take it so. */
struct http_shared *hub_sse_pack(const struct http_shared *plain);
/* The same of the bytes that a look has found. */
bool hub_sse_send(struct hub *hub, struct listener *l, const char *bytes, size_t n);
/* What a stream has not heard of what is shared; it waits on afterwards, unless that
 * was the end. */
void hub_sse_answer(struct hub *hub, struct listener *l, bool has_expired);
/* The next 25 seconds of silence begin. */
void hub_sse_wait_on(struct hub *hub, struct listener *l);
/* They are over. */
void hub_sse_comment(struct hub *hub, struct listener *l);
/* Ends the stream, and the listener. cut: as if the line had broken. */
void hub_sse_end(struct hub *hub, struct listener *l, bool cut);

/* hub.c */
struct exchange hub_exchange(const struct hub *hub, const struct listener *l);
void hub_listener_free(struct hub *hub, struct listener *l);
void hub_set_deadline(
    struct hub *hub, struct listener *l, int64_t deadline_ms, int64_t expires_ms);
/* A burst has pushed out of the room's ring what this listener has yet to hear. */
bool hub_is_outrun(const struct listener *l);
/* The wheel comes round once a second: until then nothing more is heard. */
bool hub_has_expired(int64_t expires_ms);
/* The listener with this tag has something to look for. */
void hub_wake(struct hub *hub, uint32_t tag);
/* The same of one who is to watch a page; of others nothing. */
void hub_wake_page(struct hub *hub, uint32_t tag);
/* Shares with others no longer: a worker looks for what it has not heard. */
void hub_stand_alone(struct hub *hub, struct listener *l);
/* Its token is no longer valid: 401, and out. */
void hub_end_token(struct hub *hub, struct listener *l);
void hub_user_free(struct hub *hub, struct hub_user *user);

#endif
