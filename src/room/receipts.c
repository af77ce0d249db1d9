/*
 * Receipts and read markers: which event is meant and whether it may be, then an update
 * (room/update). Relies on room/timeline for what the user may see, on room/relations
 * for what is in which thread. Below /receipt and
 * /read_markers; receipts_write is for whoever tells of them.
 */
#include "room/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"
#include "event/ids.h"
#include "room/account_data.h"
#include "room/relations.h"
#include "room/timeline.h"
#include "store/events.h"

static const char *const kind_names[] = { [MARK_READ] = "m.read",
	[MARK_PRIVATE] = "m.read.private",
	[MARK_FULLY_READ] = "m.fully_read" };

bool
mark_kind_of(const char *type, enum mark_kind *out)
{
	for (int i = MARK_READ; i <= MARK_FULLY_READ; i++)
		if (strcmp(type, kind_names[i]) == 0) {
			*out = (enum mark_kind)i;
			return true;
		}
	return false;
}

/* Spec: client-server-api/#threaded-read-receipts. Of what is not in a thread, the root
 * and what is related to it say something of that thread as well. */
static enum mx_err
check_thread(struct seer *seer, int64_t event, const char *event_id, const char *thread)
{
	const char *root;
	bool fits = strcmp(event_id, thread) == 0;
	enum mx_err err =
	    relations_thread_of(seer->ctx, seer->arena, seer->room, event, &root);

	if (err != M_OK || strcmp(root, thread) == 0)
		return err;
	if (strcmp(root, THREAD_MAIN) != 0)
		fits = false;
	else if (!fits)
		err = relations_lead_to(
		    seer->ctx, seer->arena, seer->room, event, thread, &fits);
	if (err != M_OK || fits)
		return err;
	return ctx_fail(
	    seer->ctx, M_INVALID_PARAM, "The event is not in the thread of thread_id");
}

/* --- what a mark means --- */

static enum mx_err
check_form(struct ctx *ctx, const struct mark *mark)
{
	if (!id_event_valid(NULL, mark->event_id))
		return ctx_fail(ctx, M_INVALID_PARAM, "This is no event id");
	if (mark->thread == NULL)
		return M_OK;
	if (mark->thread[0] == '\0')
		return ctx_fail(ctx, M_INVALID_PARAM,
		    "thread_id must be a string with something in it");
	if (mark->kind == MARK_FULLY_READ)
		return ctx_fail(ctx, M_INVALID_PARAM, "m.fully_read has no thread_id");
	return M_OK;
}

static enum mx_err
find_event(struct seer *seer, struct mark *mark)
{
	struct stored_event stored;
	struct event *event;
	enum mx_err err = check_form(seer->ctx, mark);

	if (err == M_OK)
		err = seer_find(seer, mark->event_id, &stored, &event);
	if (err == M_NOT_FOUND)
		return ctx_fail(seer->ctx, err, "There is no such event in this room");
	if (err == M_OK && mark->thread != NULL)
		err = check_thread(seer, stored.event, event->event_id, mark->thread);
	if (err == M_OK)
		mark->event = stored.event;
	return err;
}

static enum mx_err
find_events(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, struct mark *marks, int count)
{
	struct snapshot *s = room_snapshot(room);
	struct seer seer;
	enum mx_err err = M_OK;

	seer_init(&seer, ctx, arena, room, s, user_id, NULL);
	if (snapshot_membership(s, user_id) != MEMBERSHIP_JOIN)
		err = ctx_fail(ctx, M_FORBIDDEN, "You are not in this room");
	for (int i = 0; err == M_OK && i < count; i++)
		err = find_event(&seer, &marks[i]);
	snapshot_unref(s);
	return err;
}

/* --- setting one --- */

static enum mx_err
write_receipt(struct update *u, struct db *db, bool *changed_out)
{
	struct receipt_row *row = u->arg;

	row->position = u->position;
	return store_receipt_set(db, row, changed_out);
}

/* "Servers MUST NOT send the m.read.private receipt to any other user." */
static void
queue_receipt(
    struct ctx *ctx, struct room *room, const char *user_id, const struct mark *mark)
{
	static const struct update_kind public = { .tells = CHANGE_ROOM_DATA,
		.write = write_receipt };
	static const struct update_kind private = { .tells = CHANGE_USER_DATA,
		.write = write_receipt };
	struct update *u = update_new(
	    ctx->core, mark->kind == MARK_READ ? &public : &private, user_id, room);
	struct receipt_row *row = ARENA_NEW(u->arena, struct receipt_row);

	*row = (struct receipt_row){ .room = room->id,
		.user_id = u->user_id,
		.kind = (int)mark->kind,
		.thread =
		    arena_strdup(u->arena, mark->thread == NULL ? "" : mark->thread),
		.event = mark->event,
		.event_id = arena_strdup(u->arena, mark->event_id),
		.ts = clock_now_ms() };
	u->arg = row;
	update_queue(ctx, u);
}

/* The marker to be, in the update's arena. */
struct marker {
	int64_t event;
	const char *event_id;
};

static enum mx_err
move_marker(struct account_data_change *change, struct db *db,
    const struct json *before, const struct json **after_out)
{
	const struct marker *marker = change->arg;
	struct arena *arena = change->update->arena;
	const char *old_id = json_get_str(before, "event_id");
	int64_t old = 0, room;
	struct json *content;
	bool is_later;
	enum mx_err err =
	    old_id == NULL ? M_NOT_FOUND : store_event_find(db, old_id, &old, &room);

	if (err == M_OK || err == M_NOT_FOUND)
		err = store_event_is_later(db, marker->event, old, &is_later);
	if (err != M_OK || !is_later)
		return err;
	content = json_object(arena);
	json_set_str(arena, content, "event_id", marker->event_id);
	*after_out = content;
	return M_OK;
}

static void
queue_marker(
    struct ctx *ctx, struct room *room, const char *user_id, const struct mark *mark)
{
	struct account_data_change *change =
	    account_data_change_new(ctx, user_id, room, kind_names[MARK_FULLY_READ]);
	struct marker *marker = ARENA_NEW(change->update->arena, struct marker);

	marker->event = mark->event;
	marker->event_id = arena_strdup(change->update->arena, mark->event_id);
	change->fn = move_marker;
	change->arg = marker;
	account_data_change_queue(ctx, change);
}

enum mx_err
receipts_mark(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, struct mark *marks, int count)
{
	enum mx_err err = find_events(ctx, arena, room, user_id, marks, count);

	for (int i = 0; err == M_OK && i < count; i++) {
		if (marks[i].kind == MARK_FULLY_READ)
			queue_marker(ctx, room, user_id, &marks[i]);
		else
			queue_receipt(ctx, room, user_id, &marks[i]);
	}
	return err;
}

enum mx_err
receipts_set(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, enum receipt_kind kind, const char *event_id,
    const char *thread)
{
	struct mark mark = {
		.kind = (enum mark_kind)kind, .event_id = event_id, .thread = thread
	};

	return receipts_mark(ctx, arena, room, user_id, &mark, 1);
}

/* --- telling --- */

/* One's own say what one has read oneself: there are few enough to tell all of them. */
static enum mx_err
add_own(struct ctx *ctx, struct arena *arena, const struct room *room,
    const struct receipts_ask *ask, struct receipt_row **rows, int *count)
{
	int64_t oldest = (*rows)[0].position;
	struct receipt_row *own, *more;
	int n;
	enum mx_err err =
	    store_receipts_of_user(ctx->db, arena, room->id, ask->asker, &own, &n);

	if (err != M_OK || n == 0)
		return err;
	more = ARENA_ARRAY(arena, struct receipt_row, (size_t)(*count + n));
	memcpy(more, *rows, (size_t)*count * sizeof *more);
	for (int i = 0; i < n; i++)
		if (own[i].position > ask->since && own[i].position < oldest)
			more[(*count)++] = own[i];
	*rows = more;
	return M_OK;
}

enum mx_err
receipts_told(struct ctx *ctx, struct arena *arena, const struct room *room,
    const struct receipts_ask *ask, struct receipt_row **rows_out, int *count_out)
{
	struct receipt_row *rows;
	int n, told = 0;
	enum mx_err err = store_receipts_since(ctx->db, arena, room->id, ask->asker,
	    ask->since, ask->until, RECEIPTS_TOLD_MAX, &rows, &n);

	if (err == M_OK && n == RECEIPTS_TOLD_MAX)
		err = add_own(ctx, arena, room, ask, &rows, &n);
	for (int i = 0; err == M_OK && i < n; i++)
		if (!ignored_has(ask->ignored, rows[i].user_id))
			rows[told++] = rows[i];
	*rows_out = rows;
	*count_out = told;
	return err;
}

/* Two at the same event, of the same kind and user, have one key in an m.receipt. */
static int
compare_keys(const struct receipt_row *a, const struct receipt_row *b)
{
	int by = strcmp(a->event_id, b->event_id);

	if (by == 0)
		by = a->kind - b->kind;
	return by != 0 ? by : strcmp(a->user_id, b->user_id);
}

/* The unthreaded one, whose thread is "", stands first among those. */
static int
compare(const void *a, const void *b)
{
	const struct receipt_row *ra = *(const struct receipt_row *const *)a;
	const struct receipt_row *rb = *(const struct receipt_row *const *)b;
	int by = compare_keys(ra, rb);

	return by != 0 ? by : strcmp(ra->thread, rb->thread);
}

static void
write_row(struct buf *out, const struct receipt_row *row)
{
	buf_json_str(out, row->user_id);
	buf_char(out, ':');
	buf_char(out, '{');
	if (row->thread[0] != '\0') {
		buf_lit(out, "\"thread_id\":");
		buf_json_str(out, row->thread);
		buf_char(out, ',');
	}
	buf_lit(out, "\"ts\":");
	buf_int(out, row->ts);
	buf_char(out, '}');
}

/* Opens what stands between the row before (NULL: none) and this one. */
static void
write_between(
    struct buf *out, const struct receipt_row *before, const struct receipt_row *row)
{
	bool same_event =
	    before != NULL && strcmp(before->event_id, row->event_id) == 0;

	if (same_event && before->kind == row->kind) {
		buf_char(out, ',');
		return;
	}
	if (before != NULL)
		buf_str(out, same_event ? "}," : "}},");
	if (!same_event) {
		buf_json_str(out, row->event_id);
		buf_lit(out, ":{");
	}
	buf_json_str(out, kind_names[row->kind]);
	buf_lit(out, ":{");
}

/* The rows to be told, in the order in which they are written. */
static int
pick(const struct receipt_row *rows, int n, const char *asker, int nth,
    const struct receipt_row **picked)
{
	const struct receipt_row *before = NULL;
	int kept = 0, count = 0, run = 0;

	for (int i = 0; i < n; i++)
		if (rows[i].kind != RECEIPT_PRIVATE ||
		    strcmp(rows[i].user_id, asker) == 0)
			picked[kept++] = &rows[i];
	if (kept > 1)
		qsort(picked, kept, sizeof *picked, compare);
	for (int i = 0; i < kept; i++) {
		const struct receipt_row *row = picked[i];

		run = before != NULL && compare_keys(row, before) == 0 ? run + 1 : 0;
		if (run == nth)
			picked[count++] = row;
		before = row;
	}
	return count;
}

static bool
write_nth(
    struct buf *out, const struct receipt_row *rows, int n, const char *asker, int nth)
{
	const struct receipt_row **picked = xcalloc(n + 1, sizeof *picked);
	int count = pick(rows, n, asker, nth, picked);

	if (count > 0)
		buf_char(out, '{');
	for (int i = 0; i < count; i++) {
		write_between(out, i == 0 ? NULL : picked[i - 1], picked[i]);
		write_row(out, picked[i]);
	}
	if (count > 0)
		buf_lit(out, "}}}");
	free(picked);
	return count > 0;
}

bool
receipts_write(
    struct buf *out, const struct receipt_row *rows, int n, const char *asker)
{
	return write_nth(out, rows, n, asker, 0);
}

bool
receipts_write_event(struct buf *out, const char *room_id,
    const struct receipt_row *rows, int n, const char *asker, int nth)
{
	size_t before = out->n;

	buf_lit(out, "{\"content\":");
	if (!write_nth(out, rows, n, asker, nth)) {
		out->n = before;
		return false;
	}
	if (room_id != NULL) {
		buf_lit(out, ",\"room_id\":");
		buf_json_str(out, room_id);
	}
	buf_lit(out, ",\"type\":\"m.receipt\"}");
	return true;
}
