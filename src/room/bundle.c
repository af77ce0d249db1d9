/*
 * Bundled aggregations. Between the handlers that show events (a page at a time) and
 * store/relations; what is made here lies in the request's arena alone, never in the
 * shared bytes of event/json_event.
 */
#include "room/bundle.h"

#include <string.h>

#include "room/relations.h"
#include "store/relations.h"

/* An edit that is none hides no good one behind it, up to so many. */
#define EDITS_MAX 100

/* An event's children of each kind; count 0: it has none. rel_type is not filled in. */
struct families {
	bool has_any;
	struct relation_family references, edits, thread;
};

/* One event's bundle on its way. */
struct bundling {
	struct seer *seer;
	int64_t upto;
	struct sliced *e;
	const struct families *families;
	enum event_format format;
	bool is_child; /* of what relation */
	struct relation_to up;
	struct buf *out;
};

static enum mx_err bundle(struct seer *seer, struct sliced **events, int n,
    int64_t upto, enum event_format format);

bool
bundle_takes(struct seer *seer, int64_t event, const char *sender)
{
	return !seer_ignores(seer, sender) && seer_sees(seer, event, "", NULL);
}

static struct relation_ask
children_of(const struct bundling *b, const char *rel_type)
{
	return (struct relation_ask){ .room = b->seer->room->id,
		.upto = b->upto,
		.parent = b->e->stored.event_id,
		.rel_type = rel_type };
}

static void
begin_part(struct buf *out, const char *begin)
{
	if (out->n > 1)
		buf_char(out, ',');
	buf_str(out, begin);
}

/* --- m.reference --- */

struct chunk {
	struct bundling *b;
	bool has_any;
};

static void
add_reference(const struct relation *child, const char *event_id, void *arg)
{
	struct chunk *chunk = arg;
	struct buf *out = chunk->b->out;

	if (!bundle_takes(chunk->b->seer, child->event, child->sender))
		return;
	if (chunk->has_any)
		buf_char(out, ',');
	else
		begin_part(out, "\"m.reference\":{\"chunk\":[");
	chunk->has_any = true;
	buf_lit(out, "{\"event_id\":");
	buf_json_str(out, event_id);
	buf_char(out, '}');
}

/* Spec: #server-side-aggregation-of-mreference */
static enum mx_err
write_references(struct bundling *b)
{
	struct relation_ask ask = children_of(b, "m.reference");
	struct chunk chunk = { .b = b };
	enum mx_err err;

	if (b->families->references.count == 0)
		return M_OK;
	err = store_relation_ids(b->seer->ctx->db, b->seer->arena, &ask,
	    BUNDLE_REFERENCES_MAX,
	    b->seer->room->version->event_id_format == EVENT_ID_BASE64, add_reference,
	    &chunk);
	if (chunk.has_any)
		buf_lit(b->out, "]}");
	return err;
}

/* --- m.replace --- */

static bool
is_redacted(const struct sliced *e)
{
	return e->live != NULL ? e->live->redacted_because != NULL
			       : e->stored.redacted_by != 0;
}

/* The same room, sender and type have been asked for; the rest of what makes an edit.
 * Of an encrypted one the server does not see the new content.
 * Spec: #validity-of-replacement-events */
static bool
is_edit(struct seer *seer, const struct sliced *e)
{
	struct str key = STR("m.new_content"), value;

	if (e->state_key != NULL || e->stored.redacted_by != 0 ||
	    !seer_sees(seer, e->stored.event, e->type, e->state_key))
		return false;
	return strcmp(e->type, "m.room.encrypted") == 0 ||
	       (json_slices(e->raw.content, &key, 1, &value) && value.p != NULL &&
		   value.p[0] == '{');
}

/* The most recent one: by origin_server_ts, then by event id. */
static bool
newest_edit(struct seer *seer, const struct relation *edits, int n, struct sliced *out)
{
	bool found = false;

	for (int i = 0; i < n; i++) {
		struct sliced e;

		if (found && edits[i].ts < out->stored.ts)
			break;
		if (seer_get(seer, edits[i].event, &e) != M_OK || !is_edit(seer, &e))
			continue;
		if (!found || strcmp(e.stored.event_id, out->stored.event_id) > 0)
			*out = e;
		found = true;
	}
	return found;
}

/* Spec: #server-side-aggregation-of-mreplace-relationships */
static enum mx_err
write_edit(struct bundling *b)
{
	struct relation_ask ask = children_of(b, "m.replace");
	struct seer *seer = b->seer;
	struct relation *edits;
	struct sliced edit;
	enum mx_err err;
	int n;

	if (b->families->edits.count == 0 || is_redacted(b->e) ||
	    (b->is_child && strcmp(b->up.rel_type, "m.replace") == 0) ||
	    seer_ignores(seer, b->e->sender))
		return M_OK;
	err = store_relations_by(seer->ctx->db, seer->arena, &ask, b->e->sender,
	    b->e->type, EDITS_MAX, &edits, &n);
	if (err == M_OK && newest_edit(seer, edits, n, &edit)) {
		begin_part(b->out, "\"m.replace\":");
		seer_write_sliced(seer, b->out, &edit, b->format);
	}
	return err;
}

/* --- m.thread --- */

struct thread {
	struct seer *seer;
	int64_t count;
	int64_t latest; /* 0: nobody has found it yet */
	bool count_all; /* else the latest is enough */
};

static bool
add_to_thread(const struct relation *child, void *arg)
{
	struct thread *thread = arg;

	if (!bundle_takes(thread->seer, child->event, child->sender))
		return true;
	if (thread->latest == 0)
		thread->latest = child->event;
	thread->count++;
	return thread->count_all;
}

/* Most may see all of a thread: then they are counted without a look at each. */
static enum mx_err
sum_up(struct bundling *b, struct thread *thread)
{
	struct relation_ask ask = children_of(b, "m.thread");
	const struct relation_family *family = &b->families->thread;
	enum mx_err err;

	thread->count_all =
	    seer_ignores_any(b->seer) || !seer_sees_all_since(b->seer, family->first);
	err = store_relations_each(b->seer->ctx->db, &ask, add_to_thread, thread);
	if (!thread->count_all && thread->count > 0)
		thread->count = family->count;
	return err;
}

/* The newest of the thread, with what its own children come to. It is a child, so it
 * has no thread, and this ends. */
static enum mx_err
write_latest(struct bundling *b, int64_t event)
{
	struct sliced latest, *one = &latest;
	enum mx_err err = seer_get(b->seer, event, &latest);

	if (err == M_OK)
		err = bundle(b->seer, &one, 1, b->upto, b->format);
	if (err == M_OK)
		seer_write_sliced(b->seer, b->out, &latest, b->format);
	return err;
}

static bool
is_users(const struct seer *seer, const char *sender)
{
	return seer->user_id != NULL && strcmp(seer->user_id, sender) == 0;
}

/* Spec: #server-side-aggregation-of-mthread-relationships */
static enum mx_err
write_thread(struct bundling *b)
{
	struct thread thread = { .seer = b->seer };
	bool takes_part =
	    b->families->thread.has_mine || is_users(b->seer, b->e->sender);
	size_t start = b->out->n;
	enum mx_err err;

	if (b->families->thread.count == 0 || b->is_child)
		return M_OK;
	err = sum_up(b, &thread);
	if (err != M_OK || thread.count == 0)
		return err;
	begin_part(b->out, "\"m.thread\":{\"count\":");
	buf_int(b->out, thread.count);
	buf_printf(b->out, ",\"current_user_participated\":%s,\"latest_event\":",
	    takes_part ? "true" : "false");
	err = write_latest(b, thread.latest);
	if (err != M_OK) {
		b->out->n = start; /* no half of it */
		return err;
	}
	buf_char(b->out, '}');
	return M_OK;
}

/* --- events --- */

/* b: all but what it finds out itself. */
static enum mx_err
bundle_one(struct bundling b)
{
	struct seer *seer = b.seer;
	struct buf out = { 0 };
	enum mx_err err;

	b.out = &out;
	b.is_child = relation_of(seer->room->version, sliced_content(seer, b.e), &b.up);
	buf_char(&out, '{');
	err = write_references(&b);
	if (err == M_OK)
		err = write_edit(&b);
	if (err == M_OK)
		err = write_thread(&b);
	buf_char(&out, '}');
	if (out.n > 2)
		b.e->relations = arena_strndup(seer->arena, out.p, out.n);
	buf_free(&out);
	return err;
}

static void
note_family(const struct relation_family *family, void *arg)
{
	struct families *families = (struct families *)arg + family->index;

	families->has_any = true;
	if (strcmp(family->rel_type, "m.reference") == 0)
		families->references = *family;
	else if (strcmp(family->rel_type, "m.replace") == 0)
		families->edits = *family;
	else
		families->thread = *family;
}

/* At most RELATION_PARENTS_MAX of them. */
static enum mx_err
bundle(struct seer *seer, struct sliced **events, int n, int64_t upto,
    enum event_format format)
{
	struct families families[RELATION_PARENTS_MAX] = { 0 };
	const char *ids[RELATION_PARENTS_MAX] = { NULL };
	enum mx_err err;

	for (int i = 0; i < n; i++)
		ids[i] = events[i]->stored.event_id;
	err = store_relation_families(seer->ctx->db, seer->room->id, upto, ids, n,
	    seer->user_id, note_family, families);
	for (int i = 0; err == M_OK && i < n; i++)
		if (families[i].has_any)
			err = bundle_one((struct bundling){ .seer = seer,
			    .upto = upto,
			    .e = events[i],
			    .families = &families[i],
			    .format = format });
	return err;
}

enum mx_err
bundle_events(struct seer *seer, struct sliced *events, int n, int64_t upto,
    enum event_format format)
{
	struct sliced *some[RELATION_PARENTS_MAX];
	enum mx_err err = M_OK;
	int count = 0;

	for (int i = 0; err == M_OK && i < n; i++) {
		if (events[i].state_key == NULL)
			some[count++] = &events[i];
		if (count == RELATION_PARENTS_MAX || (i == n - 1 && count > 0)) {
			err = bundle(seer, some, count, upto, format);
			count = 0;
		}
	}
	return err;
}
