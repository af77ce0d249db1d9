/*
 * Counting what is unread. Stands on store/unread alone: what an event is to whom was
 * worked out when it was appended (room/push_append).
 */
#include "room/unread.h"

#include <string.h>

#include "base/map.h"

#define MAIN "main"

/* One member's count in one room. thread below: NULL is everything. */
struct counting {
	struct ctx *ctx;
	struct arena *arena;
	const struct room *room;
	const struct snapshot *s;
	const char *user_id;
	int64_t now; /* the newest event that is counted */
	struct unread_read read;
	struct map further;	 /* thread -> its mark, if that is behind read.whole */
	struct unread_row *rows; /* behind read.whole, as is gone */
	struct unread_gone *gone;
	struct unread_mode *modes;
	int row_count, gone_count, mode_count;
};

/* The room's newest event at or before a position that its tail reaches back to. */
static int64_t
event_at(const struct snapshot *s, int64_t position)
{
	for (int i = s->tail_count - 1; i >= 0; i--)
		if (s->tail[i]->event <= position)
			return s->tail[i]->event;
	return s->tail_from;
}

static struct counting
counting_of(struct ctx *ctx, struct arena *arena, const struct room *room,
    const struct snapshot *s, const char *user_id, int64_t until)
{
	return (struct counting){ .ctx = ctx,
		.arena = arena,
		.room = room,
		.s = s,
		.user_id = user_id,
		.now = until < s->position ? event_at(s, until) : s->position };
}

/* --- how far it has been read --- */

enum mx_err
unread_read_of(struct ctx *ctx, struct arena *arena, int64_t room, const char *user_id,
    struct unread_read *out)
{
	enum mx_err err =
	    store_unread_marks(ctx->db, arena, room, user_id, &out->marks, &out->count);

	out->whole = 0;
	for (int i = 0; err == M_OK && i < out->count; i++)
		if (out->marks[i].thread[0] == '\0' && out->marks[i].event > out->whole)
			out->whole = out->marks[i].event;
	return err;
}

/* Public and private receipts and what the user has said: the furthest counts. */
int64_t
unread_read_up_to(const struct unread_read *read, const char *thread)
{
	int64_t event = read->whole;

	for (int i = 0; i < read->count; i++)
		if (read->marks[i].event > event &&
		    strcmp(read->marks[i].thread, thread) == 0)
			event = read->marks[i].event;
	return event;
}

/* Of each thread that was read further than the whole room the furthest mark. */
static void
note_further(struct counting *c)
{
	for (int i = 0; i < c->read.count; i++) {
		struct unread_mark *mark = &c->read.marks[i];
		const struct unread_mark *known;

		if (mark->event <= c->read.whole)
			continue;
		known = map_get_str(&c->further, mark->thread);
		if (known == NULL || known->event < mark->event)
			map_put_str(&c->further, mark->thread, mark);
	}
}

/* unread_read_up_to, of however many threads. */
static int64_t
read_in(const struct counting *c, const char *thread)
{
	const struct unread_mark *mark = map_get_str(&c->further, thread);

	return mark == NULL ? c->read.whole : mark->event;
}

/* --- what is behind that --- */

static bool
is_in(const char *thread, const char *of_event)
{
	return thread == NULL || strcmp(thread, of_event) == 0;
}

static enum mx_err
sums_of_all(const struct counting *c, int64_t event, struct unread_sums *out)
{
	if (event != c->s->position)
		return store_unread_sums(c->ctx->db, event, out);
	*out = (struct unread_sums){ c->s->notified, c->s->loud };
	return M_OK;
}

/* The room's running count at an event. */
static enum mx_err
sums_at(const struct counting *c, const char *thread, int64_t event,
    struct unread_sums *out)
{
	struct unread_sums threads;
	enum mx_err err;

	if (thread != NULL && strcmp(thread, MAIN) != 0)
		return store_unread_thread_sums(
		    c->ctx->db, c->room->id, thread, event, out);
	err = sums_of_all(c, event, out);
	if (err != M_OK || thread == NULL)
		return err;
	err = store_unread_thread_sums(c->ctx->db, c->room->id, NULL, event, &threads);
	out->notifies -= threads.notifies;
	out->highlights -= threads.highlights;
	return err;
}

/* What the room's count says of (from, to], without what was redacted since. */
static enum mx_err
add_counted(const struct counting *c, const char *thread, int64_t from, int64_t to,
    struct unread *out)
{
	struct unread_sums before, after;
	enum mx_err err = sums_at(c, thread, from, &before);

	if (err == M_OK)
		err = sums_at(c, thread, to, &after);
	if (err != M_OK)
		return err;
	out->notifications += after.notifies - before.notifies;
	out->highlights += after.highlights - before.highlights;
	for (int i = 0; i < c->gone_count; i++) {
		const struct unread_gone *gone = &c->gone[i];

		if (gone->event <= from || gone->event > to ||
		    !is_in(thread, gone->thread))
			continue;
		out->notifications--;
		out->highlights -= gone->loud;
	}
	return M_OK;
}

/* The same where the room's count is the member's. */
static enum mx_err
add_followed(const struct counting *c, const char *thread, int64_t from, int64_t to,
    struct unread *out)
{
	bool is_quiet = false;
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i <= c->mode_count && from < to; i++) {
		int64_t end = i < c->mode_count ? c->modes[i].event : to;

		if (end > to)
			end = to;
		if (end > from) {
			if (!is_quiet)
				err = add_counted(c, thread, from, end, out);
			from = end;
		}
		if (i < c->mode_count)
			is_quiet = c->modes[i].is_quiet;
	}
	return err;
}

static enum mx_err
count(const struct counting *c, const char *thread, int64_t from, int64_t to,
    struct unread *out)
{
	*out = (struct unread){ 0, 0 };
	for (int i = 0; i < c->row_count; i++) {
		const struct unread_row *row = &c->rows[i];

		if (row->event <= from || row->event > to ||
		    !is_in(thread, row->thread))
			continue;
		out->notifications += row->add_notifies;
		out->highlights += row->add_highlights;
	}
	return add_followed(c, thread, from, to, out);
}

/* --- totals --- */

static enum mx_err
count_one(const struct counting *c, const char *thread, struct unread *out)
{
	return count(c, thread, read_in(c, thread), c->now, out);
}

/* Threads but main that may have something: of the room's count, then of the member's
 * rows. Of those that are read to their end nothing is looked up. */
static enum mx_err
find_threads(const struct counting *c, const char ***threads_out, int *count_out)
{
	struct map seen = { 0 };
	struct unread_mark *ends;
	const char **threads;
	int n, out = 0;
	enum mx_err err = store_unread_threads_since(
	    c->ctx->db, c->arena, c->room->id, c->read.whole, &ends, &n);

	if (err != M_OK)
		return err;
	threads = ARENA_ARRAY(c->arena, const char *, n + c->row_count);
	for (int i = 0; i < n + c->row_count; i++) {
		const struct unread_row *row = i < n ? NULL : &c->rows[i - n];
		const char *thread = row == NULL ? ends[i].thread : row->thread;
		int64_t event = row == NULL ? ends[i].event : row->event;

		if (strcmp(thread, MAIN) != 0 && event > read_in(c, thread) &&
		    map_put_str(&seen, thread, (void *)thread) == NULL)
			threads[out++] = thread;
	}
	map_fini(&seen);
	*threads_out = threads;
	*count_out = out;
	return M_OK;
}

/* Everything behind read.whole, without what single threads were read further. */
static enum mx_err
count_but_further(const struct counting *c, struct unread *out)
{
	int64_t whole = c->read.whole, now = c->now;
	enum mx_err err = count(c, NULL, whole, now, out);
	const struct unread_mark *mark;
	struct unread part;

	for (size_t at = 0;
	     err == M_OK && (mark = map_next(&c->further, &at)) != NULL;) {
		err = count(c, mark->thread, whole,
		    mark->event < now ? mark->event : now, &part);
		out->notifications -= part.notifications;
		out->highlights -= part.highlights;
	}
	return err;
}

/* The same: what each thread has behind its own mark. */
static enum mx_err
count_each(const struct counting *c, const char **threads, int n, struct unread *out)
{
	enum mx_err err = count_one(c, MAIN, out);
	struct unread part;

	for (int i = 0; err == M_OK && i < n; i++) {
		err = count_one(c, threads[i], &part);
		out->notifications += part.notifications;
		out->highlights += part.highlights;
	}
	return err;
}

#define FURTHER_FEW 4

/* Threads that were read further may be many, as may those that were not: the fewer
 * are counted. */
static enum mx_err
count_all(const struct counting *c, struct unread *out)
{
	const char **threads;
	int n;
	enum mx_err err;

	if (c->further.count <= FURTHER_FEW)
		return count_but_further(c, out);
	err = find_threads(c, &threads, &n);
	if (err != M_OK)
		return err;
	return (size_t)n < c->further.count ? count_each(c, threads, n, out)
					    : count_but_further(c, out);
}

static enum mx_err
count_threads(
    const struct counting *c, struct unread_thread **threads_out, int *count_out)
{
	const char **threads;
	int n;
	enum mx_err err = find_threads(c, &threads, &n);

	if (err != M_OK)
		return err;
	*threads_out = ARENA_ARRAY(c->arena, struct unread_thread, n);
	for (int i = 0; err == M_OK && i < n; i++) {
		struct unread_thread *t = &(*threads_out)[*count_out];

		t->thread = threads[i];
		err = count_one(c, threads[i], &t->unread);
		*count_out += t->unread.notifications > 0;
	}
	return err;
}

/* What is behind the whole room's mark. */
static enum mx_err
read_rows(struct counting *c)
{
	struct db *db = c->ctx->db;
	int64_t from = c->read.whole, to = c->now;
	enum mx_err err = store_unread_rows(
	    db, c->arena, c->user_id, c->room->id, from, to, &c->rows, &c->row_count);

	if (err == M_OK)
		err = store_unread_redacted(
		    db, c->arena, c->room->id, from, to, &c->gone, &c->gone_count);
	if (err == M_OK)
		err = store_unread_modes(
		    db, c->arena, c->user_id, c->room->id, &c->modes, &c->mode_count);
	return err;
}

/* The furthest event that the user has read something up to. */
static int64_t
newest_mark(const struct unread_read *read)
{
	int64_t event = read->whole;

	for (int i = 0; i < read->count; i++)
		if (read->marks[i].event > event)
			event = read->marks[i].event;
	return event;
}

/* What was redacted counts no more. */
static bool
has_redactions(const struct snapshot *s, int64_t since, int64_t until)
{
	for (int i = s->tail_count - 1; i >= 0 && s->tail[i]->event > since; i--)
		if (s->tail[i]->event <= until &&
		    strcmp(s->tail[i]->pdu->event->type, "m.room.redaction") == 0)
			return true;
	return false;
}

enum mx_err
unread_moved(struct ctx *ctx, struct arena *arena, struct room *room,
    const struct snapshot *s, const char *user_id, int64_t since, int64_t until,
    bool *moved_out)
{
	struct counting c = counting_of(ctx, arena, room, s, user_id, until);
	struct unread unread;
	enum mx_err err = M_OK;

	/* In a long gap something will have moved. */
	*moved_out = since < s->tail_from || has_redactions(s, since, c.now);
	if (!*moved_out && since < c.now)
		err = unread_read_of(ctx, arena, room->id, user_id, &c.read);
	if (err != M_OK || *moved_out || since >= c.now)
		return err;
	*moved_out = newest_mark(&c.read) > since;
	if (*moved_out)
		return M_OK;
	c.read.whole = event_at(s, since);
	err = read_rows(&c);
	if (err == M_OK)
		err = count_all(&c, &unread);
	*moved_out = err == M_OK && unread.notifications > 0;
	return err;
}

enum mx_err
unread_of(struct ctx *ctx, struct arena *arena, struct room *room,
    const struct snapshot *s, const char *user_id, int64_t until,
    struct unread *main_out, struct unread_thread **threads_out, int *thread_count_out)
{
	struct counting c = counting_of(ctx, arena, room, s, user_id, until);
	enum mx_err err;

	*main_out = (struct unread){ 0, 0 };
	if (threads_out != NULL) {
		*threads_out = NULL;
		*thread_count_out = 0;
	}
	if (snapshot_membership(s, user_id) != MEMBERSHIP_JOIN)
		return M_OK;
	err = unread_read_of(ctx, arena, room->id, user_id, &c.read);
	if (err != M_OK || c.read.whole >= c.now)
		return err;
	note_further(&c);
	err = read_rows(&c);
	if (err == M_OK && threads_out == NULL)
		err = count_all(&c, main_out);
	else if (err == M_OK)
		err = count_one(&c, MAIN, main_out);
	if (err == M_OK && threads_out != NULL)
		err = count_threads(&c, threads_out, thread_count_out);
	map_fini(&c.further);
	return err;
}
