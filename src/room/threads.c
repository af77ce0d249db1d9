/*
 * Lists of threads: the room's children by m.thread are walked backwards, and each
 * thread stands where its newest one is that the asker may see. Between the handler of
 * /threads and store/relations.
 */
#include "room/threads.h"

#include <string.h>

#include "base/map.h"
#include "event/redact.h"
#include "room/bundle.h"
#include "room/relations.h"
#include "store/relations.h"

#define RUN 250		    /* children read at once */
#define PAGE_SCAN_MAX 10000 /* and for one page at most */

struct walk {
	struct seer *seer;
	struct page *page;
	bool participated;
	struct map known; /* roots of this page and of those before it */
};

static struct relation_ask
children_of(const struct walk *w, const char *root)
{
	return (struct relation_ask){ .room = w->seer->room->id,
		.upto = w->seer->s->position,
		.parent = root,
		.rel_type = "m.thread" };
}

/* --- does a thread stand here? --- */

struct newer {
	struct walk *walk;
	bool found;
};

static bool
is_before(const struct place *a, const struct place *b)
{
	return a->line < b->line || (a->line == b->line && a->sub < b->sub);
}

static bool
note_newer(const struct relation *child, void *arg)
{
	struct newer *newer = arg;
	const struct walk *w = newer->walk;

	if (is_before(&child->place, &w->page->from))
		return false;
	newer->found = bundle_takes(w->seer, child->event, child->sender);
	return !newer->found;
}

/* Was the thread on a page before this one? */
static enum mx_err
was_before(struct walk *w, const char *root, bool *out)
{
	struct relation_ask ask = children_of(w, root);
	struct newer newer = { .walk = w };
	enum mx_err err =
	    store_relations_each(w->seer->ctx->db, &ask, note_newer, &newer);

	*out = newer.found;
	return err;
}

/* --- its root --- */

static void
note_part(const struct relation_family *family, void *arg)
{
	if (strcmp(family->rel_type, "m.thread") == 0)
		*(bool *)arg = family->has_mine;
}

static enum mx_err
takes_part(struct walk *w, const struct sliced *root, bool *out)
{
	const struct seer *seer = w->seer;

	*out = seer->user_id != NULL && strcmp(seer->user_id, root->sender) == 0;
	if (*out)
		return M_OK;
	return store_relation_families(seer->ctx->db, seer->room->id, seer->s->position,
	    &root->stored.event_id, 1, seer->user_id, note_part, out);
}

static bool
redact(struct seer *seer, struct sliced *root, const struct event *event)
{
	struct json *left = redact_event(seer->arena, seer->room->version, event->json);
	struct stored_event stored = root->stored;

	stored.json = json_text(seer->arena, left, &stored.json_n);
	return seer_slice(seer, &stored, root);
}

/* M_NOT_FOUND: there is none, it may not be seen, it is a child itself, or it is not
 * one of those that are asked for. */
static enum mx_err
find_root(struct walk *w, const char *root_id, struct sliced *out)
{
	struct seer *seer = w->seer;
	struct stored_event stored;
	struct relation_to up;
	struct event *event;
	bool wanted = true;
	enum mx_err err = seer_find(seer, root_id, &stored, &event);

	if (err == M_OK && (relation_of(seer->room->version, event->content, &up) ||
			       !seer_slice(seer, &stored, out)))
		err = M_NOT_FOUND;
	if (err == M_OK && w->participated)
		err = takes_part(w, out, &wanted);
	if (err != M_OK)
		return err;
	if (!wanted)
		return M_NOT_FOUND;
	if (seer_ignores(seer, out->sender) && !redact(seer, out, event))
		return M_NOT_FOUND;
	return M_OK;
}

/* --- the page --- */

/* *full_out: the page had its last thread before this child. */
static enum mx_err
look_at(struct walk *w, const struct relation *child, bool *full_out)
{
	struct page *page = w->page;
	bool before;
	enum mx_err err = M_OK;

	*full_out = false;
	if (child->event <= w->seer->s->position &&
	    map_get_str(&w->known, child->parent) == NULL &&
	    bundle_takes(w->seer, child->event, child->sender)) {
		err = was_before(w, child->parent, &before);
		if (err == M_OK && !before) {
			*full_out = page->count == page->limit;
			if (*full_out)
				return M_OK;
			err = find_root(w, child->parent, &page->events[page->count]);
			if (err == M_OK)
				page->count++;
		}
		map_put_str(&w->known, child->parent, (void *)child->parent);
	}
	page->end = child->place;
	return err == M_NOT_FOUND ? M_OK : err;
}

static enum mx_err
walk(struct walk *w)
{
	struct page *page = w->page;
	const struct room_version *version = w->seer->room->version;
	int scanned = 0, got = RUN;

	while (scanned < PAGE_SCAN_MAX) {
		struct relation *children;
		bool full = false;
		enum mx_err err = store_threads(w->seer->ctx->db, w->seer->arena,
		    w->seer->room->id, page->end, RUN,
		    version->event_id_format == EVENT_ID_BASE64, &children, &got);

		for (int i = 0; err == M_OK && i < got && !full; i++)
			err = look_at(w, &children[i], &full);
		if (err != M_OK || full)
			return err;
		if (got < RUN) {
			page->more = false;
			return M_OK;
		}
		scanned += got;
	}
	return M_OK;
}

enum mx_err
threads_page(struct seer *seer, bool participated, struct page *page)
{
	struct walk w = { .seer = seer, .page = page, .participated = participated };
	enum mx_err err;

	page->events = arena_raw(seer->arena, sizeof *page->events * (page->limit + 1));
	page->count = 0;
	page->more = true;
	page->end = page->from;
	err = walk(&w);
	map_fini(&w.known);
	return err;
}
