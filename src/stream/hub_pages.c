/*
 * Those who watch a room's page: what there is to see is made by a worker, once for all
 * who watch in one language, and handed out in slices as other answers are. Stands
 * between hub_room, which tells of events, and hub_sse's streams. While a making is
 * under way or handed out there is no other of the page: bursts come together.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/gzip.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

enum { PLAIN, PACKED, FORMS };

/* Goes from its io thread to a worker and back, owned by whoever has it but for its
 * link. Its page may be gone by then. */
struct page_task {
	struct link link; /* in hub->tasks */
	struct hub *hub;
	bool packs; /* some of them take gzip */
	/* Made by the worker. */
	struct page_news news;
	enum mx_err err;
	struct http_shared *forms[FORMS]; /* NULL: nothing to see, or not asked for */
	/* Back again. */
	bool is_made;
	int64_t end; /* whoever has it has seen what is up to here */
	/* What is behind another place than its own, for those who stand there. */
	bool has_part;
	int64_t part_from;
	size_t part_at; /* where it begins; 0: it is all of it */
	struct http_shared *part[FORMS];
	char room_id[];
};

#define OF_ROOM(l) LINK_OF(struct listener, room, l)
#define OF_LINK(l) LINK_OF(struct page_task, link, l)

/* --- pages and who watches --- */

static struct hub_page *
page_of(const struct hub_room *room, int language)
{
	struct hub_page *page = room->pages;

	while (page != NULL && page->language != language)
		page = page->next;
	return page;
}

static struct hub_page *
page_get(struct hub *hub, struct hub_room *room, int language)
{
	struct hub_page *page = page_of(room, language);

	if (page != NULL)
		return page;
	page = xcalloc(1, sizeof *page);
	link_init(&page->watching);
	link_init(&page->come);
	link_init(&page->told);
	page->heard = room->last;
	page->language = (uint8_t)language;
	page->next = room->pages;
	room->pages = page;
	atomic_fetch_add(&hub->memory, sizeof *page);
	return page;
}

/* What is under way for it comes back to nobody. */
static void
page_free(struct hub *hub, struct hub_room *room, struct hub_page *page)
{
	struct hub_page **at = &room->pages;

	while (*at != page)
		at = &(*at)->next;
	*at = page->next;
	free(page);
	atomic_fetch_sub(&hub->memory, sizeof *page);
}

void
hub_pages_free(struct hub *hub, struct hub_room *room)
{
	while (room->pages != NULL)
		page_free(hub, room, room->pages);
}

/* Whoever stands at the live end has seen what is up to the room's newest event. */
void
hub_pages_watch(
    struct hub *hub, struct listener *l, struct hub_room *room, const struct waiting *w)
{
	struct hub_page *page = page_get(hub, room, w->page - 1);

	l->state = LISTENER_WATCHING;
	l->class = page->language;
	l->in = room;
	l->heard = room->last;
	l->gzip = w->accepts_gzip;
	l->sse = true;
	link_before(page->task == NULL ? &page->watching : &page->come, &l->room);
	hub_set_deadline(hub, l, w->deadline_ms, 0);
	page->count++;
	page->packed += l->gzip;
	page->admits = true;
	/* Others may have been told more than has come here. */
	if (l->heard < page->heard)
		page->heard = l->heard;
	room->listeners++;
	hub_room_used(room);
	atomic_fetch_add_explicit(&hub->watchers, 1, memory_order_relaxed);
}

static bool
is_handed_out(const struct hub_page *page)
{
	return page->task != NULL && page->task->is_made;
}

void
hub_pages_leave(struct hub *hub, struct listener *l)
{
	struct hub_page *page = page_of(l->in, l->class);

	page->count--;
	page->packed -= l->gzip;
	atomic_fetch_sub_explicit(&hub->watchers, 1, memory_order_relaxed);
	/* Whoever hands out is told by the end of the lists. */
	if (page->count == 0 && !is_handed_out(page))
		page_free(hub, l->in, page);
}

bool
hub_pages_cover(
    const struct hub *hub, const struct hub_room *room, int language, int64_t from)
{
	const struct hub_page *page = page_of(room, language);

	return page != NULL && page->admits && from >= room->ring_from &&
	       from <= hub->processed && !hub_room_has(room, CLASS_STRANGERS, from);
}

bool
hub_pages_owe(const struct listener *l)
{
	return page_of(l->in, l->class)->task != NULL;
}

/* --- making --- */

static void
task_free(struct page_task *task)
{
	link_out(&task->link);
	buf_free(&task->news.block);
	for (int i = 0; i < FORMS; i++) {
		http_shared_unref(task->forms[i]);
		http_shared_unref(task->part[i]);
	}
	free(task);
}

void
hub_pages_fini(struct hub *hub)
{
	while (link_has(&hub->tasks))
		task_free(OF_LINK(hub->tasks.next));
}

static void
begin(struct hub *hub, const struct hub_room *room, struct hub_page *page)
{
	size_t id_size = strlen(room->room_id) + 1;
	struct page_task *task = xcalloc(1, sizeof *task + id_size);

	memcpy(task->room_id, room->room_id, id_size);
	task->hub = hub;
	task->packs = page->packed > 0;
	task->news.room_id = task->room_id;
	task->news.language = page->language;
	task->news.from = page->heard;
	link_before(&hub->tasks, &task->link);
	page->task = task;
	page->is_stirred = false;
	hub->hubs->options.make(hub->hubs->options.arg, task);
}

static bool
is_due(const struct hub_room *room, const struct hub_page *page)
{
	return page->is_stirred || page->heard < room->ring_from ||
	       hub_room_has(room, CLASS_STRANGERS, page->heard);
}

static void
begin_if_due(struct hub *hub, const struct hub_room *room, struct hub_page *page)
{
	if (page->task == NULL && is_due(room, page))
		begin(hub, room, page);
}

void
hub_pages_event(struct hub *hub, struct hub_room *room)
{
	for (struct hub_page *page = room->pages; page != NULL; page = page->next) {
		if (!room->world_readable)
			page->admits = false;
		begin_if_due(hub, room, page);
	}
}

/* Who stands alone looks again. */
void
hub_pages_stir(struct hub *hub, struct hub_room *room)
{
	for (struct hub_page *page = room->pages; page != NULL; page = page->next) {
		page->is_stirred = true;
		page->admits = false;
		begin_if_due(hub, room, page);
	}
	for (struct link *l = room->watches.next, *next; l != &room->watches;
	     l = next) {
		next = l->next;
		hub_wake_page(hub, ((struct watch *)l)->tag);
	}
}

enum mx_err
hub_pages_news(
    struct hub *hub, struct ctx *ctx, struct arena *arena, struct page_news *news)
{
	const struct hub_options *options = &hub->hubs->options;
	int64_t visible = atomic_load(&ctx->core->visible);
	enum mx_err err;

	if (options->page_news == NULL)
		return M_NOT_FOUND;
	err = options->page_news(options->page_arg, ctx, arena, news);
	/* Else who watches would miss something, or be told of it for ever. */
	assert(err != M_OK || news->is_last ||
	       (news->more ? news->end > news->from : news->end >= visible));
	return err;
}

void
hub_page_run(struct page_task *task, struct ctx *ctx, struct arena *arena)
{
	struct buf packed = { 0 }, *block = &task->news.block;

	task->err = hub_pages_news(task->hub, ctx, arena, &task->news);
	if (task->err != M_OK || block->n == 0)
		return;
	task->forms[PLAIN] = http_block_new(block->p, block->n);
	if (task->packs) {
		gzip_block(&packed, block->p, block->n);
		task->forms[PACKED] = http_block_new(packed.p, packed.n);
		buf_free(&packed);
	}
	buf_free(block);
}

/* Of places that are the same for this room its newest event is the one by which those
 * who come are counted in. */
static int64_t
end_of(const struct hub *hub, const struct hub_room *room, const struct page_news *news)
{
	bool is_same = news->end >= room->last && news->end <= hub->processed;

	return is_same ? room->last : news->end;
}

static void
made(struct http_io *io, void *arg)
{
	struct page_task *task = arg;
	struct hub *hub = http_io_data(io);
	struct hub_room *room;
	struct hub_page *page;

	hub_read_changes(hub); /* up to where the worker has looked, as a rule */
	atomic_fetch_add_explicit(&hub->pages_made, 1, memory_order_relaxed);
	room = hub_rooms_find(hub, task->room_id);
	page = room == NULL ? NULL : page_of(room, task->news.language);
	if (page == NULL || page->task != task) {
		task_free(task);
		return;
	}
	task->is_made = true;
	task->end =
	    task->err == M_OK ? end_of(hub, room, &task->news) : task->news.from;
	if (task->err != M_OK || task->news.is_last)
		page->admits = false;
	if (!link_has(&room->dirty))
		link_before(&hub->dirty, &room->dirty);
}

void
hub_page_made(struct hubs *hubs, struct page_task *task)
{
	http_post(task->hub->io, made, task);
}

/* --- handing out --- */

static void
make_part(struct page_task *task, int64_t from)
{
	const struct http_shared *whole = task->forms[PLAIN];
	const char *text = whole->bytes + whole->head_n;
	size_t n = whole->n - whole->head_n - whole->tail_n, at;

	for (int i = 0; i < FORMS; i++) {
		http_shared_unref(task->part[i]);
		task->part[i] = NULL;
	}
	at = sse_behind(text, n, from);
	if (at > 0 && at < n)
		task->part[PLAIN] = http_block_new(text + at, n - at);
	task->part_at = at;
	task->part_from = from;
	task->has_part = true;
}

/* What is behind `from`, in its forms. */
static struct http_shared **
forms_behind(struct page_task *task, int64_t from)
{
	if (from <= task->news.from)
		return task->forms;
	if (!task->has_part || task->part_from != from)
		make_part(task, from);
	return task->part_at == 0 ? task->forms : task->part;
}

/* What one who stands there has not seen of it; NULL: nothing. */
static struct http_shared *
block_for(struct page_task *task, const struct listener *l)
{
	int form = l->gzip ? PACKED : PLAIN;
	struct http_shared **forms;

	if (task->forms[PLAIN] == NULL)
		return NULL;
	forms = forms_behind(task, l->heard);
	if (forms[form] == NULL && forms[PLAIN] != NULL)
		forms[form] = hub_sse_pack(forms[PLAIN]);
	return forms[form];
}

/* Is what was made for this one? Who has come since it was asked for may stand before
 * it or behind it; and whoever has seen more than others, the page open again. */
static bool
is_for(const struct page_task *task, const struct listener *l, bool is_new)
{
	bool is_behind = l->heard < task->end;

	if (is_new)
		return l->heard >= task->news.from && is_behind;
	return !task->news.is_last || l->heard <= task->news.from || is_behind;
}

/* True: it watches on. */
static bool
tell(struct hub *hub, struct page_task *task, struct listener *l)
{
	struct http_shared *block;

	if (task->err != M_OK) {
		hub_sse_end(hub, l, true);
		return false;
	}
	block = block_for(task, l);
	if (block != NULL) {
		atomic_fetch_add_explicit(
		    &hub->answers_shared, 1, memory_order_relaxed);
		if (!http_stream_block(hub_exchange(hub, l), block))
			return false;
		hub_sse_wait_on(hub, l);
	}
	if (task->news.is_last) {
		hub_sse_end(hub, l, false);
		return false;
	}
	if (l->heard < task->end)
		l->heard = task->end;
	return true;
}

static void
move_to_told(struct hub_page *page, struct listener *l)
{
	if (!link_has(&page->told) || l->heard < page->told_heard)
		page->told_heard = l->heard;
	link_used(&page->told, &l->room);
}

/* Whether the page is open to one for whom its end was not is asked anew. */
static void
pass_over(struct hub_page *page, struct listener *l)
{
	if (page->task->err != M_OK || page->task->news.is_last)
		page->is_stirred = true;
	move_to_told(page, l);
}

static int
tell_some(struct hub *hub, struct hub_page *page, int most)
{
	int n;

	for (n = 0; n < most; n++) {
		bool is_new = !link_has(&page->watching);
		struct listener *l;

		if (is_new && !link_has(&page->come))
			break;
		l = OF_ROOM(is_new ? page->come.next : page->watching.next);
		if (!is_for(page->task, l, is_new))
			pass_over(page, l);
		else if (tell(hub, page->task, l))
			move_to_told(page, l);
	}
	return n;
}

static bool
have_all_been_told(const struct hub_page *page)
{
	return is_handed_out(page) && !link_has(&page->watching) &&
	       !link_has(&page->come);
}

/* All of one list go behind those of another. */
static void
append(struct link *to, struct link *from)
{
	if (!link_has(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	link_init(from);
}

/* Nobody waits on. */
static void
end_told(struct hub *hub, struct hub_page *page)
{
	while (link_has(&page->told))
		hub_sse_end(hub, OF_ROOM(page->told.next), false);
}

/* What has come meanwhile is next. */
static void
finish(struct hub *hub, struct hub_room *room, struct hub_page *page)
{
	struct page_task *task = page->task;

	append(&page->watching, &page->told);
	page->heard = page->told_heard;
	page->task = NULL;
	task_free(task);
	if (page->count == 0)
		page_free(hub, room, page);
	else
		begin_if_due(hub, room, page);
}

int
hub_pages_tell(struct hub *hub, struct hub_room *room, int most)
{
	struct hub_page *page = room->pages, *next;
	int n = 0;

	for (; page != NULL; page = next) {
		if (is_handed_out(page))
			n += tell_some(hub, page, most - n);
		if (hub->stopping && have_all_been_told(page))
			end_told(hub, page);
		next = page->next; /* who goes meanwhile may take theirs along */
		if (have_all_been_told(page))
			finish(hub, room, page);
	}
	return n;
}
