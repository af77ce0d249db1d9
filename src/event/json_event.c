/*
 * Events as clients see them: the shared head, then the asker's own ending.
 * Stands between core (parsed events) and whoever writes answers: stream/ and api/.
 */
#include "event/json_event.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/thread.h"

static _Atomic uint64_t encoded_count, delivered_count;

struct live_event *
live_event_ref(struct live_event *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

static void
shared_json_unref(struct shared_json *s)
{
	if (s != NULL &&
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		free(s);
}

void
live_event_unref(struct live_event *e)
{
	if (e == NULL ||
	    atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1)
		return;
	pdu_unref(e->pdu);
	pdu_unref(e->redacted_because);
	free(e->replaced_id);
	free(e->replaced_content);
	free(e->device_id);
	free(e->txn_id);
	free(e->thread);
	for (int i = 0; i < FORMAT_COUNT; i++)
		shared_json_unref(atomic_load(&e->shared[i]));
	free(e);
}

static void
field(struct buf *out, const char *name, const char *value)
{
	buf_char(out, ',');
	buf_json_str(out, name);
	buf_char(out, ':');
	buf_json_str(out, value);
}

/* Redactions carry `redacts` in both places, whatever the room version says.
 * Spec:
 * rooms/v11/#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property
 */
static void
content(struct buf *out, const struct event *e)
{
	struct arena *arena;
	struct json *both;

	if (e->redacts == NULL || json_get(e->content, "redacts") != NULL ||
	    strcmp(e->type, "m.room.redaction") != 0) {
		json_write(out, e->content);
		return;
	}
	arena = arena_new();
	both = json_shallow(arena, e->content);
	json_set_str(arena, both, "redacts", e->redacts);
	json_write(out, both);
	arena_free(arena);
}

/* Everything that does not depend on who asks, up to where `age` and `unsigned` go. */
static void
head(struct buf *out, const struct event *e, enum event_format format)
{
	buf_lit(out, "{\"content\":");
	content(out, e);
	field(out, "event_id", e->event_id);
	buf_lit(out, ",\"origin_server_ts\":");
	buf_int(out, e->origin_server_ts);
	if (e->redacts != NULL && strcmp(e->type, "m.room.redaction") == 0)
		field(out, "redacts", e->redacts);
	if (format != FORMAT_SYNC)
		field(out, "room_id", e->room_id);
	field(out, "sender", e->sender);
	if (e->state_key != NULL)
		field(out, "state_key", e->state_key);
	field(out, "type", e->type);
	/* 2015's examples have it outside of the content as well. */
	if (format == FORMAT_V1 && e->membership != NULL && e->state_key != NULL)
		field(out, "membership", e->membership);
	if (format == FORMAT_V1)
		field(out, "user_id", e->sender);
	atomic_fetch_add_explicit(&encoded_count, 1, memory_order_relaxed);
}

/* What follows the head. prev_content is JSON text. */
struct ending {
	int64_t age_ms;
	const char *txn_id, *replaced_id, *prev_content;
	const struct event *redacted_because;
};

static void
redacted_because(struct buf *out, const struct event *e, const struct event_view *view)
{
	head(out, e, view->format == FORMAT_SYNC ? FORMAT_SYNC : FORMAT_CLIENT);
	buf_char(out, '}');
}

/* The fields of unsigned that 2015's clients look for at the top level. */
static void
common(struct buf *out, const struct ending *end, const struct event_view *view)
{
	buf_lit(out, "\"age\":");
	buf_int(out, end->age_ms);
	if (view->invite_room_state != NULL) {
		buf_lit(out, ",\"invite_room_state\":");
		buf_str(out, view->invite_room_state);
	}
	if (end->prev_content != NULL) {
		buf_lit(out, ",\"prev_content\":");
		buf_str(out, end->prev_content);
	}
	if (end->redacted_because != NULL) {
		buf_lit(out, ",\"redacted_because\":");
		redacted_because(out, end->redacted_because, view);
	}
	if (end->replaced_id != NULL)
		field(out, "replaces_state", end->replaced_id);
}

static void
ending(struct buf *out, const struct ending *end, const struct event_view *view)
{
	if (view->format == FORMAT_V1) {
		buf_char(out, ',');
		common(out, end, view);
	}
	buf_lit(out, ",\"unsigned\":{");
	common(out, end, view);
	if (view->relations != NULL) {
		buf_lit(out, ",\"m.relations\":");
		buf_str(out, view->relations);
	}
	field(out, "membership", membership_name(view->membership));
	if (end->txn_id != NULL)
		field(out, "transaction_id", end->txn_id);
	buf_lit(out, "}}");
}

/* Of an event that nothing but its age and the asker's membership belongs to. */
static void
plain_ending(struct buf *out, int64_t age_ms, const struct event_view *view)
{
	buf_lit(out, ",\"unsigned\":{\"age\":");
	buf_int(out, age_ms);
	buf_lit(out, ",\"membership\":\"");
	buf_str(out, membership_name(view->membership));
	buf_lit(out, "\"}}");
}

/* Stands where somebody is making what comes there. */
static struct shared_json being_made;

static struct shared_json *
make_head(const struct event *event, enum event_format format)
{
	struct shared_json *made;
	struct buf b = { 0 };

	head(&b, event, format);
	made = xmalloc(sizeof *made + b.n);
	atomic_init(&made->refs, 1);
	made->n = b.n;
	memcpy(made->bytes, b.p, b.n);
	buf_free(&b);
	return made;
}

/* Whoever comes first makes it; &being_made: another is about to. */
static struct shared_json *
shared_head(struct live_event *e, enum event_format format)
{
	struct shared_json *there = atomic_load(&e->shared[format]);

	if (there == NULL &&
	    atomic_compare_exchange_strong(&e->shared[format], &there, &being_made)) {
		there = make_head(e->pdu->event, format);
		atomic_store(&e->shared[format], there);
	}
	return there;
}

void
json_event_prepare(struct live_event *e, enum event_format format)
{
	shared_head(e, format);
}

/* Workers of many members are told of an event at the same moment: they wait for the
 * microsecond that it takes, rather than make it as well. Io threads find it made, but
 * of an event that came as the first of them began to follow the room. */
static void
add_head(struct buf *out, struct live_event *e, enum event_format format)
{
	struct shared_json *shared = shared_head(e, format);

	while (shared == &being_made && thread_role() != ROLE_IO) {
		sched_yield();
		shared = atomic_load(&e->shared[format]);
	}
	if (shared == &being_made)
		head(out, e->pdu->event, format);
	else
		buf_add(out, shared->bytes, shared->n);
}

static int64_t
age(const struct event *e, const struct event_view *view)
{
	int64_t age_ms = view->now_ms - e->origin_server_ts;

	return age_ms < 0 ? 0 : age_ms;
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

void
json_event_live(struct buf *out, struct live_event *e, const struct event_view *view)
{
	const struct event *event = e->pdu->event;
	struct ending end = { .age_ms = age(event, view),
		.replaced_id = e->replaced_id };

	if (view->may_see_replaced)
		end.prev_content = e->replaced_content;
	if (e->redacted_because != NULL)
		end.redacted_because = e->redacted_because->event;
	if (same(e->device_id, view->device_id) && same(event->sender, view->user_id))
		end.txn_id = e->txn_id;
	add_head(out, e, view->format);
	ending(out, &end, view);
}

static void
slice(struct buf *out, const char *before, struct str value)
{
	if (value.p == NULL)
		return;
	buf_str(out, before);
	buf_add(out, value.p, value.n);
}

#define MEMBER_TYPE "\"m.room.member\""

/* As head() has it, of a member. */
static void
sliced_membership(struct buf *out, struct str content)
{
	struct str key = STR("membership"), there;

	if (json_slices(content, &key, 1, &there) && there.p != NULL &&
	    there.p[0] == '"')
		slice(out, ",\"membership\":", there);
}

/* As content(), from the bytes. */
static void
sliced_content(struct buf *out, const struct stored_view *e)
{
	struct str key = STR("redacts"), there, content = e->raw->content;

	buf_lit(out, "{\"content\":");
	if (e->redacts.p == NULL || !json_slices(content, &key, 1, &there) ||
	    there.p != NULL) {
		buf_add(out, content.p, content.n);
		return;
	}
	slice(out, "{\"redacts\":", e->redacts);
	if (content.n > 2)
		buf_char(out, ',');
	buf_add(out, content.p + 1, content.n - 1);
}

/* What stands before the room's id, and behind it. */
static void
before_room(struct buf *out, const struct stored_view *e)
{
	sliced_content(out, e);
	field(out, "event_id", e->event_id);
	slice(out, ",\"origin_server_ts\":", e->raw->origin_server_ts);
	slice(out, ",\"redacts\":", e->redacts);
}

static void
behind_room(struct buf *out, const struct event_slices *raw)
{
	slice(out, ",\"sender\":", raw->sender);
	slice(out, ",\"state_key\":", raw->state_key);
	slice(out, ",\"type\":", raw->type);
	atomic_fetch_add_explicit(&encoded_count, 1, memory_order_relaxed);
}

static int64_t
age_since(int64_t ts, const struct event_view *view)
{
	return ts < view->now_ms ? view->now_ms - ts : 0;
}

void
json_event_stored(
    struct buf *out, const struct stored_view *e, const struct event_view *view)
{
	const struct event_slices *raw = e->raw;
	struct ending end = { .replaced_id = e->replaced_id,
		.prev_content = e->prev_content,
		.redacted_because = e->redacted_because,
		.txn_id = e->txn_id };
	int64_t ts = 0;

	if (str_int(raw->origin_server_ts, &ts))
		end.age_ms = age_since(ts, view);
	before_room(out, e);
	if (view->format != FORMAT_SYNC)
		field(out, "room_id", e->room_id);
	behind_room(out, raw);
	if (view->format == FORMAT_V1 && str_is(raw->type, MEMBER_TYPE) &&
	    raw->state_key.p != NULL)
		sliced_membership(out, raw->content);
	if (view->format == FORMAT_V1)
		slice(out, ",\"user_id\":", raw->sender);
	ending(out, &end, view);
}

/* --- heads that are kept --- */

#define MEMBER_ENDS ",\"type\":" MEMBER_TYPE

#define CONTENT_AT (sizeof "{\"content\":" - 1)
#define SENDER_BEHIND (sizeof ",\"sender\":" - 1)

void
json_event_head(struct buf *out, const struct stored_view *e, struct event_head *head)
{
	size_t first = out->n;

	*head = (struct event_head){ .ts = INT64_MAX };
	if (!str_int(e->raw->origin_server_ts, &head->ts))
		head->ts = INT64_MAX; /* of no age */
	before_room(out, e);
	head->content_n = (uint32_t)e->raw->content.n;
	head->room_at = (uint32_t)(out->n - first);
	behind_room(out, e->raw);
	head->sender_n = (uint32_t)e->raw->sender.n;
	head->n = (uint32_t)(out->n - first);
}

struct str
event_head_content(const struct event_head *head, const char *bytes)
{
	return (struct str){ bytes + CONTENT_AT, head->content_n };
}

struct str
event_head_sender(const struct event_head *head, const char *bytes)
{
	return (struct str){ bytes + head->room_at + SENDER_BEHIND, head->sender_n };
}

/* A head's type stands last. */
static bool
is_member(const struct event_head *head, const char *bytes)
{
	size_t n = sizeof MEMBER_ENDS - 1;

	return head->n > n && memcmp(bytes + head->n - n, MEMBER_ENDS, n) == 0;
}

void
json_event_of_head(struct buf *out, const struct event_head *head, const char *bytes,
    const char *room_id, const struct event_view *view)
{
	struct ending end = { .age_ms = age_since(head->ts, view) };

	if (view->format == FORMAT_SYNC) {
		buf_add(out, bytes, head->n);
	} else {
		buf_add(out, bytes, head->room_at);
		field(out, "room_id", room_id);
		buf_add(out, bytes + head->room_at, head->n - head->room_at);
	}
	if (view->format == FORMAT_V1 && is_member(head, bytes))
		sliced_membership(out, event_head_content(head, bytes));
	if (view->format == FORMAT_V1) {
		slice(out, ",\"user_id\":", event_head_sender(head, bytes));
		ending(out, &end, view);
	} else {
		plain_ending(out, end.age_ms, view);
	}
}

void
json_event_stats(struct json_event_stats *out)
{
	out->encoded = atomic_load_explicit(&encoded_count, memory_order_relaxed);
	out->delivered = atomic_load_explicit(&delivered_count, memory_order_relaxed);
}

void
json_event_count_delivered(uint64_t n)
{
	atomic_fetch_add_explicit(&delivered_count, n, memory_order_relaxed);
}
