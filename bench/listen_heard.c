/*
 * What the listeners of a worker heard, held against each other and against what was
 * sent: every event once, in order, none missing. The first to hear an event puts it
 * into its room's log; of everybody there is only kept how far into the log they have
 * come.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "listen_worker.h"

#define SEARCHED_BACK 1024 /* of the sent: whose answer may still be under way */

void
worker_wrong(struct worker *worker, const struct listener *who, const char *fmt, ...)
{
	struct tally *tally = worker->tally;
	va_list ap;
	int n;

	if (atomic_fetch_add(&tally->wrong, 1) > 0)
		return;
	n = snprintf(tally->first_wrong, TEXT_MAX,
	    "listener %td at %s: ", who - worker->crowd->listeners, who->from);
	va_start(ap, fmt);
	vsnprintf(tally->first_wrong + n, TEXT_MAX - (size_t)n, fmt, ap);
	va_end(ap);
}

bool
heard_end(const char *text, size_t n, const char *name, const char *stops,
    char end_out[FROM_MAX])
{
	const char *p = memmem(text, n, name, strlen(name)), *next = p, *stop;
	size_t end_n;

	while (next != NULL) { /* the last one counts */
		p = next + strlen(name);
		next = memmem(p, n - (size_t)(p - text), name, strlen(name));
	}
	if (p == NULL)
		return false;
	for (stop = p; stop < text + n && strchr(stops, *stop) == NULL; stop++)
		continue;
	end_n = (size_t)(stop - p);
	if (end_n == 0 || end_n >= FROM_MAX)
		return false;
	memcpy(end_out, p, end_n);
	end_out[end_n] = '\0';
	return true;
}

/* The next event's id behind *at, behind such a name; false: there is none. */
static bool
next_id(const char **at, const char *end, const char *name, char id_out[ID_MAX])
{
	struct str id;

	if (!answer_find_member(*at, (size_t)(end - *at), name, &id) || id.n >= ID_MAX)
		return false;
	memset(id_out, 0, ID_MAX);
	memcpy(id_out, id.p, id.n);
	*at = id.p + id.n;
	return true;
}

/* ---- how long after the sender's answer ---- */

static void
search_answer(const struct crowd *crowd, struct heard *event)
{
	uint32_t n = atomic_load_explicit(&crowd->sent_n, memory_order_acquire), i;
	uint32_t stop = n > SEARCHED_BACK ? n - SEARCHED_BACK : 0;

	if (stop < event->searched_to)
		stop = event->searched_to;
	for (i = n; i > stop; i--)
		if (memcmp(crowd->sent[i - 1].id, event->id, ID_MAX) == 0) {
			event->acked_us = crowd->sent[i - 1].acked_us;
			return;
		}
	event->searched_to = n;
}

static void
note_wake(struct worker *worker, struct heard *event, int64_t now_us)
{
	int64_t us = 0; /* before the sender itself knew */

	if (event->acked_us == 0)
		search_answer(worker->crowd, event);
	if (event->acked_us != 0 && now_us > event->acked_us)
		us = now_us - event->acked_us;
	atomic_fetch_add_explicit(
	    &worker->tally->wake[wake_bucket(us)], 1, memory_order_relaxed);
}

/* ---- one answer ---- */

/* The events of a page, the first being the log's event from; how many there are. */
static uint32_t
hold_against_log(
    struct worker *worker, const struct listener *who, const char *text, size_t n)
{
	struct room_log *log = &worker->logs[who->room];
	const char *at = text;
	uint32_t count = 0;
	struct heard event = { .id = "" };

	for (; next_id(&at, text + n, worker->way->id_name, event.id); count++) {
		if (who->heard + count == log->n)
			vec_push(log, event);
		else if (strcmp(log->v[who->heard + count].id, event.id) != 0)
			worker_wrong(worker, who, "heard %s where %s stands", event.id,
			    log->v[who->heard + count].id);
	}
	return count;
}

static bool
is_same_page(
    const struct page *page, const struct listener *who, const char *text, size_t n)
{
	return page->bytes.n == n && n > 0 && page->room == who->room &&
	       page->from == who->heard && memcmp(page->bytes.p, text, n) == 0;
}

static void
read_page(struct worker *worker, const struct listener *who, const char *text, size_t n)
{
	struct page *page = &worker->page;

	buf_reset(&page->bytes);
	buf_add(&page->bytes, text, n);
	page->room = who->room;
	page->from = who->heard;
	page->count = hold_against_log(worker, who, text, n);
	if (!heard_end(text, n, "\"end\":\"", "\"", page->end) &&
	    !heard_end(text, n, "\nid: ", "\n", page->end) &&
	    !heard_end(text, n, "id: ", "\n", page->end)) {
		worker_wrong(
		    worker, who, "no end in %.*s", (int)(n < 200 ? n : 200), text);
		memcpy(page->end, who->from, FROM_MAX);
	}
}

void
heard_page(struct worker *worker, struct listener *who, const char *text, size_t n)
{
	struct room *room = &worker->crowd->rooms[who->room];
	uint32_t target = atomic_load(&room->target), before = who->heard;
	int64_t now_us = clock_mono_us();
	struct page *page = &worker->page;

	if (!is_same_page(page, who, text, n))
		read_page(worker, who, text, n);
	memcpy(who->from, page->end, FROM_MAX);
	if (page->count == 0) {
		atomic_fetch_add(&worker->tally->empty, 1);
		return;
	}
	for (uint32_t i = 0; i < page->count; i++)
		note_wake(worker, &worker->logs[who->room].v[before + i], now_us);
	who->heard += page->count;
	who->heard_us = now_us;
	atomic_fetch_add(&worker->tally->events, page->count);
	if (before < target && who->heard >= target)
		atomic_fetch_add(&worker->crowd->arrived, 1);
}

void
heard_answer(
    struct worker *worker, struct listener *who, int status, const char *body, size_t n)
{
	if (!who->is_waiting)
		worker_wrong(worker, who, "an answer to no question");
	else if (status != 200)
		worker_wrong(
		    worker, who, "%d %.*s", status, (int)(n < 200 ? n : 200), body);
	else
		heard_page(worker, who, body, n);
}

/* ---- against what was sent ---- */

static int
by_id(const void *a, const void *b)
{
	return strcmp(
	    (*(const struct sent *const *)a)->id, (*(const struct sent *const *)b)->id);
}

static uint64_t
log_hash(const struct room_log *log)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < log->n; i++)
		for (const char *p = log->v[i].id; *p != '\0'; p++)
			hash = (hash ^ (uint8_t)*p) * 1099511628211u;
	return hash | 1;
}

/* All workers heard a room in the same order; each sender's own events are in theirs.
 */
static void
check_order(struct worker *worker, const struct listener *who,
    const struct sent **by_name, size_t n)
{
	struct room *room = &worker->crowd->rooms[who->room];
	struct room_log *log = &worker->logs[who->room];
	const struct sent *last[256] = { NULL }, *pointer, **found;
	struct sent key;
	uint64_t mine = log_hash(log), other = 0;

	for (size_t i = 0; i < log->n; i++) {
		memcpy(key.id, log->v[i].id, ID_MAX);
		pointer = &key;
		found = bsearch(&pointer, by_name, n, sizeof *by_name, by_id);
		if (found == NULL || (*found)->room != who->room) {
			worker_wrong(worker, who, "%s was not sent here", key.id);
			continue;
		}
		if (last[(*found)->by & 255] >= *found)
			worker_wrong(worker, who, "%s came out of order", key.id);
		last[(*found)->by & 255] = *found;
	}
	if (!atomic_compare_exchange_strong(&room->order, &other, mine) &&
	    other != mine)
		worker_wrong(worker, who, "another heard the same in another order");
}

void
heard_check(struct worker *worker, struct listener *from, int n)
{
	struct crowd *crowd = worker->crowd;
	uint32_t sent_n = atomic_load(&crowd->sent_n);
	const struct sent **by_name = xcalloc(sent_n + 1, sizeof *by_name);
	bool *is_checked = xcalloc((size_t)crowd->room_count, sizeof *is_checked);

	for (uint32_t i = 0; i < sent_n; i++)
		by_name[i] = &crowd->sent[i];
	qsort(by_name, sent_n, sizeof *by_name, by_id);
	for (struct listener *who = from; who < from + n; who++) {
		if (who->heard != crowd->rooms[who->room].sent)
			worker_wrong(worker, who, "heard %u events of %u", who->heard,
			    crowd->rooms[who->room].sent);
		if (!is_checked[who->room])
			check_order(worker, who, by_name, sent_n);
		is_checked[who->room] = true;
	}
	free(by_name);
	free(is_checked);
}
