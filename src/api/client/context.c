/*
 * What happened around one event.
 * Spec: client-server-api/#get_matrixclientv3roomsroomidcontexteventid
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"
#include "room/state_list.h"
#include "stream/token.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 1000

struct around {
	struct reading reading;
	struct filter filter;
	struct stored_event stored;
	struct event *event;
	struct page pages[2]; /* before it, behind it */
};

static enum mx_err
read_pages(struct around *a, int limit)
{
	struct page *before = &a->pages[0], *behind = &a->pages[1];
	enum mx_err err;

	*before = (struct page){ .from = { a->stored.line, a->stored.sub },
		.backwards = true,
		.limit = limit / 2,
		.keep = filter_keeps,
		.keep_arg = &a->filter };
	*behind = (struct page){ .from = { a->stored.line, a->stored.sub + 1 },
		.limit = limit - limit / 2,
		.keep = filter_keeps,
		.keep_arg = &a->filter };
	err = timeline_page(&a->reading.seer, before);
	if (err == M_OK)
		err = timeline_page(&a->reading.seer, behind);
	return err;
}

static enum mx_err
bundle(struct req *req, struct around *a)
{
	enum mx_err err = reading_bundle(req, &a->reading, &a->pages[0]);

	return err == M_OK ? reading_bundle(req, &a->reading, &a->pages[1]) : err;
}

/* What is left out of the state. */
struct lazily {
	const struct filter *filter;
	struct map senders;
};

static bool
is_wanted(const struct state_ref *ref, const void *arg)
{
	const struct lazily *lazily = arg;

	return !lazily->filter->lazy_load_members ||
	       strcmp(ref->type, "m.room.member") != 0 ||
	       map_get_str(&lazily->senders, ref->state_key) != NULL;
}

static bool
is_kept(const struct sliced *event, const void *arg)
{
	const struct lazily *lazily = arg;

	return filter_keeps(event, lazily->filter);
}

/* The state as the last of the events shown left it. */
static enum mx_err
write_state(struct req *req, struct around *a, struct buf *out)
{
	struct lazily lazily = { .filter = &a->filter };
	struct state_pick pick = { .want = is_wanted, .keep = is_kept, .arg = &lazily };
	const struct page *behind = &a->pages[1];
	int64_t last = a->stored.event;
	enum mx_err err;

	if (behind->count > 0)
		last = behind->events[behind->count - 1].stored.event;
	reading_senders(&lazily.senders, &a->pages[0]);
	reading_senders(&lazily.senders, behind);
	map_put_str(&lazily.senders, a->event->sender, (void *)a->event->sender);
	err = state_list_write(
	    &a->reading.seer, out, last + 1, &pick, reading_format(req));
	map_fini(&lazily.senders);
	return err;
}

static enum mx_err
write_answer(struct req *req, struct around *a)
{
	struct buf *out = &req->out;
	enum mx_err err;

	buf_lit(out, "{\"end\":\"");
	token_write_place(out, a->pages[1].end);
	buf_lit(out, "\",\"event\":");
	err = reading_write_event(req, &a->reading, out, &a->stored);
	if (err != M_OK)
		return err;
	buf_lit(out, ",\"events_after\":");
	reading_write_page(req, &a->reading, out, &a->pages[1], false);
	buf_lit(out, ",\"events_before\":");
	reading_write_page(req, &a->reading, out, &a->pages[0], false);
	buf_lit(out, ",\"start\":\"");
	token_write_place(out, a->pages[0].end);
	buf_lit(out, "\",\"state\":");
	err = write_state(req, a, out);
	buf_char(out, '}');
	return err;
}

enum mx_err
client_context(struct req *req)
{
	struct around a = { .stored.event = 0 };
	int limit;
	enum mx_err err = reading_open(req, req_path(req, "roomId"), &a.reading);

	if (err != M_OK)
		return err;
	err = reading_limit(req, LIMIT_DEFAULT, LIMIT_MAX, &limit);
	if (err == M_OK)
		err = reading_filter(req, &a.reading, &a.filter, &limit);
	if (err == M_OK)
		err = seer_find(
		    &a.reading.seer, req_path(req, "eventId"), &a.stored, &a.event);
	if (err == M_NOT_FOUND)
		err = reading_no_event(req);
	if (err == M_OK)
		err = read_pages(&a, limit);
	if (err == M_OK)
		err = bundle(req, &a);
	if (err == M_OK)
		err = write_answer(req, &a);
	reading_close(&a.reading);
	return err;
}
