/*
 * The memory of lines. A room's lines are as of one position of the room; whoever comes
 * with a newer one first drops what has changed since. Who comes with an older one
 * shares them as long as nothing between the two has changed any.
 * Between web/line, which makes them, and the pages and streams that show them.
 */
#include "web/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/link.h"
#include "base/map.h"
#include "base/thread.h"
#include "room/bundle.h"
#include "room/relations.h"
#include "store/relations.h"
#include "web/line_inside.h"

#define BYTES_MAX (32 << 20)
#define ROOM_LINES_MAX 400 /* of one language */
#define ROOM_BYTES_MAX (4 << 20)

#define PEOPLE_MAX 1000 /* of one room */

/* Names and faces of a room's people, by user id. */
struct people {
	struct room_lines *of; /* whose lock guards it */
	struct map by_id;
};

/* A room's lines. Counted; lock guards what stands below it. */
struct room_lines {
	int refs; /* guarded by lines->lock */
	int64_t room;
	struct link used;      /* in lines->used */
	struct lock making;    /* RANK_MAKING; while some are made: none is twice */
	struct lock lock;      /* RANK_CACHE */
	int64_t position;      /* of the room's snapshot as of which they are */
	int64_t changed;       /* the latest event that changed lines or people */
	int64_t ignored_since; /* shown.ignored_since */
	struct map by_id[LANGUAGE_COUNT]; /* event id -> struct line */
	struct people people;
	size_t bytes;
};

/* Shared; lock guards rooms and used. */
struct lines {
	struct lock lock; /* RANK_CACHE */
	struct map rooms; /* room -> struct room_lines */
	struct link used;
	_Atomic uint64_t bytes;
};

struct lines *
lines_new(void)
{
	struct lines *lines = xcalloc(1, sizeof *lines);

	lock_init(&lines->lock, RANK_CACHE);
	link_init(&lines->used);
	return lines;
}

static size_t
bytes_of(const struct line *line)
{
	return sizeof *line + line->html.n + 200;
}

static void
drop(struct lines *lines, struct room_lines *room, int language, struct line *line)
{
	map_del_str(&room->by_id[language], line->event_id);
	room->bytes -= bytes_of(line);
	atomic_fetch_sub(&lines->bytes, bytes_of(line));
	line_unref(line);
}

/* Those for which is() says so; NULL: all. */
static void
drop_which(struct lines *lines, struct room_lines *room,
    bool (*is)(const struct line *line, const void *arg), const void *arg)
{
	for (int i = 0; i < LANGUAGE_COUNT; i++) {
		struct line *line;

		for (size_t at = 0; (line = map_next(&room->by_id[i], &at)) != NULL;)
			if (is == NULL || is(line, arg))
				drop(lines, room, i, line);
	}
}

/* Are the lines of that position those of now? */
static bool
is_as_now(const struct room_lines *room, int64_t position)
{
	return room->changed <= position && position <= room->position;
}

/* --- people --- */

/* NULL: all. */
static void
people_drop_locked(struct people *people, const char *user_id)
{
	struct person *person;

	if (user_id != NULL) {
		free(map_del_str(&people->by_id, user_id));
		return;
	}
	for (size_t at = 0; (person = map_next(&people->by_id, &at)) != NULL;) {
		map_del_str(&people->by_id, person->user_id);
		free(person);
	}
}

static struct person *
person_new(const struct person *from)
{
	size_t id_n = strlen(from->user_id) + 1, name_n = strlen(from->name) + 1;
	size_t face_n = from->face == NULL ? 0 : strlen(from->face) + 1;
	struct person *person = xmalloc(sizeof *person + id_n + name_n + face_n);
	char *at = (char *)(person + 1);

	person->user_id = memcpy(at, from->user_id, id_n);
	person->name = memcpy(at + id_n, from->name, name_n);
	person->face =
	    face_n == 0 ? NULL : memcpy(at + id_n + name_n, from->face, face_n);
	return person;
}

bool
people_find(
    struct people *people, struct arena *arena, const char *user_id, struct person *out)
{
	const struct person *known;

	lock_take(&people->of->lock);
	known = map_get_str(&people->by_id, user_id);
	if (known != NULL) {
		out->user_id = user_id;
		out->name = arena_strdup(arena, known->name);
		out->face =
		    known->face == NULL ? NULL : arena_strdup(arena, known->face);
	}
	lock_give(&people->of->lock);
	return known != NULL;
}

void
people_add(struct people *people, int64_t position, const struct person *from)
{
	struct person *person = person_new(from);

	lock_take(&people->of->lock);
	if (people->by_id.count >= PEOPLE_MAX)
		people_drop_locked(people, NULL);
	if (is_as_now(people->of, position))
		person = map_put_str(&people->by_id, person->user_id, person);
	lock_give(&people->of->lock);
	free(person);
}

/* --- rooms --- */

static void
room_lines_unref_locked(struct lines *lines, struct room_lines *room)
{
	if (--room->refs > 0)
		return;
	drop_which(lines, room, NULL, NULL);
	for (int i = 0; i < LANGUAGE_COUNT; i++)
		map_fini(&room->by_id[i]);
	people_drop_locked(&room->people, NULL);
	map_fini(&room->people.by_id);
	lock_fini(&room->making);
	lock_fini(&room->lock);
	free(room);
}

static void
forget_locked(struct lines *lines, struct room_lines *room)
{
	map_del(&lines->rooms, &room->room, sizeof room->room);
	link_out(&room->used);
	room_lines_unref_locked(lines, room);
}

void
lines_free(struct lines *lines)
{
	while (link_has(&lines->used))
		forget_locked(
		    lines, LINK_OF(struct room_lines, used, lines->used.next));
	map_fini(&lines->rooms);
	lock_fini(&lines->lock);
	free(lines);
}

uint64_t
lines_bytes(const struct lines *lines)
{
	return atomic_load(&lines->bytes);
}

/* A room's entry, counted; those used least make room. */
static struct room_lines *
room_lines_get(struct lines *lines, int64_t room_number)
{
	struct room_lines *room;

	lock_take(&lines->lock);
	while (atomic_load(&lines->bytes) > BYTES_MAX &&
	       lines->used.next != lines->used.prev)
		forget_locked(
		    lines, LINK_OF(struct room_lines, used, lines->used.next));
	room = map_get(&lines->rooms, &room_number, sizeof room_number);
	if (room == NULL) {
		room = xcalloc(1, sizeof *room);
		room->refs = 1;
		room->room = room_number;
		room->people.of = room;
		lock_init(&room->making, RANK_MAKING);
		lock_init(&room->lock, RANK_CACHE);
		link_init(&room->used);
		map_put(&lines->rooms, &room->room, sizeof room->room, room);
	}
	room->refs++;
	link_used(&lines->used, &room->used);
	lock_give(&lines->lock);
	return room;
}

static void
room_lines_put(struct lines *lines, struct room_lines *room)
{
	lock_take(&lines->lock);
	room_lines_unref_locked(lines, room);
	lock_give(&lines->lock);
}

/* --- what changes lines --- */

static void
add_touched(struct touched *touched, const char *id)
{
	if (id != NULL && touched->n < TOUCHED_MAX)
		touched->ids[touched->n++] = id;
}

/* What the last of them is a child of, or was before it was redacted, and so on: an
 * edit of an answer changes what the root of its thread shows. */
static void
follow_up(struct seer *seer, struct touched *touched)
{
	bool standard64 = seer->room->version->event_id_format == EVENT_ID_BASE64;
	struct db *db = seer->ctx->db;

	while (touched->n > 0 && touched->n < TOUCHED_MAX) {
		const char *id = touched->ids[touched->n - 1];
		struct relation_up up;
		int64_t event, room;
		enum mx_err err = store_event_find(db, id, &event, &room);

		if (err == M_OK && room != seer->room->id)
			return;
		if (err == M_OK) {
			err =
			    store_relation_get(db, seer->arena, event, standard64, &up);
			if (err == M_NOT_FOUND)
				err = store_relation_was(
				    db, seer->arena, event, standard64, &up);
		}
		touched->all |= err != M_OK && err != M_NOT_FOUND;
		if (err != M_OK)
			return;
		add_touched(touched, up.parent_id);
	}
}

static const char *
redacts_of(struct seer *seer, const struct sliced *e)
{
	if (e->live != NULL)
		return e->live->pdu->event->redacts;
	return seer->room->version->redacts_in_content
		   ? json_get_str(sliced_content(seer, e), "redacts")
		   : slice_text(seer->arena, e->raw.redacts);
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What a member event replaced; false: nothing. *out NULL: it may not be seen. */
static bool
find_before(struct seer *seer, const struct sliced *e, const struct json **out)
{
	const struct json *unsigned_part;

	if (e->live != NULL) {
		const char *text = e->live->replaced_content;

		*out = text == NULL ? NULL
				    : json_parse_copy(seer->arena, text, strlen(text),
					  JSON_LENIENT, NULL);
		return text != NULL;
	}
	unsigned_part = sliced_unsigned(seer, e);
	*out = json_get_object(unsigned_part, "prev_content");
	return json_get(unsigned_part, "replaces_state") != NULL;
}

/* NULL: the member is called, and looks, as before. */
static const char *
changed_profile(struct seer *seer, const struct sliced *e)
{
	const struct json *content = sliced_content(seer, e), *before;

	if (!find_before(seer, e, &before))
		return NULL; /* nothing spoke of them */
	return before != NULL &&
		       is_same(
			   member_name(content, before), member_name(before, NULL)) &&
		       is_same(json_get_str(content, "avatar_url"),
			   json_get_str(before, "avatar_url"))
		   ? NULL
		   : e->state_key;
}

/* Whose name and face a redaction has taken away; *out NULL: nobody's. */
static enum mx_err
redacted_member(struct seer *seer, const char *event_id, const char **out)
{
	struct sliced target;
	int64_t event, room;
	enum mx_err err =
	    event_id == NULL ? M_NOT_FOUND
			     : store_event_find(seer->ctx->db, event_id, &event, &room);

	*out = NULL;
	if (err == M_OK && room == seer->room->id)
		err = seer_get(seer, event, &target);
	else if (err == M_OK)
		err = M_NOT_FOUND;
	if (err == M_OK && target.state_key != NULL &&
	    strcmp(target.type, "m.room.member") == 0)
		*out = target.state_key;
	return err == M_NOT_FOUND ? M_OK : err;
}

struct touched
lines_touched(struct seer *seer, const struct sliced *e)
{
	struct touched touched = { .n = 0 };
	struct relation_to to;

	if (e->state_key != NULL && strcmp(e->type, "m.room.member") == 0)
		touched.profile = changed_profile(seer, e);
	if (e->state_key == NULL && strcmp(e->type, "m.room.redaction") == 0) {
		const char *id = redacts_of(seer, e);

		add_touched(&touched, id);
		touched.all = redacted_member(seer, id, &touched.profile) != M_OK;
	} else if (relation_of(seer->room->version, sliced_content(seer, e), &to)) {
		add_touched(&touched, to.parent);
	}
	follow_up(seer, &touched);
	return touched;
}

/* In sentences, quotes and summaries. */
static bool
may_name_others(const struct line *line)
{
	return line->kind != LINE_SAID || line->quotes != 0 || line->has_children;
}

bool
line_is_touched(const struct line *line, const struct touched *touched)
{
	if (touched->all)
		return true;
	for (int i = 0; i < touched->n; i++) {
		const char *id = touched->ids[i];

		if (strcmp(line->event_id, id) == 0 ||
		    (line->quotes != 0 && line->quotes == map_hash(id, strlen(id))))
			return true;
	}
	return touched->profile != NULL &&
	       (strcmp(line->user_id, touched->profile) == 0 || may_name_others(line));
}

static bool
is_touched(const struct line *line, const void *arg)
{
	return line_is_touched(line, arg);
}

/* What one event changes. */
struct change {
	int64_t event;
	struct touched touched;
	const char *member; /* whose membership; NULL: nobody's */
};

struct changes {
	struct change *v; /* in the arena */
	int n;
};

/* By the events of the tail behind a position. It reads the database. */
static struct changes
changes_since(struct shown *shown, int64_t position)
{
	const struct snapshot *s = shown->s;
	struct changes changes = {
		ARENA_ARRAY(shown->seer.arena, struct change, (size_t)s->tail_count), 0
	};

	for (int i = 0; i < s->tail_count; i++) {
		const struct event *event = s->tail[i]->pdu->event;
		struct sliced e = { .type = event->type,
			.sender = event->sender,
			.state_key = event->state_key,
			.live = s->tail[i] };
		bool is_member =
		    e.state_key != NULL && strcmp(e.type, "m.room.member") == 0;

		if (s->tail[i]->event > position)
			changes.v[changes.n++] = (struct change){ s->tail[i]->event,
				lines_touched(&shown->seer, &e),
				is_member ? e.state_key : NULL };
	}
	return changes;
}

static void
apply_locked(struct lines *lines, struct room_lines *room, const struct change *change)
{
	const struct touched *touched = &change->touched;

	if (touched->n == 0 && touched->profile == NULL && !touched->all &&
	    change->member == NULL)
		return;
	room->changed = change->event;
	drop_which(lines, room, is_touched, touched);
	if (change->member != NULL)
		people_drop_locked(&room->people, change->member);
	if (touched->all || touched->profile != NULL)
		people_drop_locked(
		    &room->people, touched->all ? NULL : touched->profile);
}

/* False: the memory is ahead of this snapshot, where something was another. */
static bool
catch_up_locked(struct lines *lines, struct room_lines *room, const struct shown *shown,
    const struct changes *changes)
{
	const struct snapshot *s = shown->s;

	if (room->position > s->position)
		return is_as_now(room, s->position) &&
		       room->ignored_since == shown->ignored_since;
	if (room->ignored_since > shown->ignored_since)
		return false;
	for (int i = 0; i < changes->n; i++)
		if (changes->v[i].event > room->position)
			apply_locked(lines, room, &changes->v[i]);
	if (room->position < s->tail_from)
		people_drop_locked(&room->people, NULL);
	if (room->position < s->tail_from ||
	    room->ignored_since < shown->ignored_since) {
		drop_which(lines, room, NULL, NULL);
		room->changed = s->position;
	}
	room->ignored_since = shown->ignored_since;
	room->position = s->position;
	return true;
}

/* --- making them --- */

/* Those that are missing, without any lock: it reads the database. */
static enum mx_err
make_missing(struct scene *scene, struct sliced *events, int n, struct line **out)
{
	struct seer *seer = &scene->shown->seer;
	struct sliced *missing = ARENA_ARRAY(seer->arena, struct sliced, (size_t)n);
	int *places = ARENA_ARRAY(seer->arena, int, (size_t)n), count = 0;
	enum mx_err err;

	for (int i = 0; i < n; i++)
		if (out[i] == NULL) {
			places[count] = i;
			missing[count++] = events[i];
		}
	err = count == 0
		  ? M_OK
		  : bundle_events(seer, missing, count, scene->upto, FORMAT_CLIENT);
	for (int i = 0; err == M_OK && i < count; i++)
		out[places[i]] = line_new(scene, &missing[i]);
	return err;
}

static void
find_kept_locked(struct scene *scene, struct room_lines *room, struct sliced *events,
    int n, struct line **out)
{
	struct map *by_id = &room->by_id[scene->language];

	for (int i = 0; i < n; i++) {
		struct line *line = map_get_str(by_id, events[i].stored.event_id);

		out[i] = line == NULL ? NULL : line_ref(line);
	}
}

static void
keep_locked(struct scene *scene, struct room_lines *room, struct line *line)
{
	struct lines *lines = scene->web->lines;
	struct map *by_id = &room->by_id[scene->language];

	if (map_get_str(by_id, line->event_id) != NULL)
		return;
	map_put_str(by_id, line->event_id, line_ref(line));
	room->bytes += bytes_of(line);
	atomic_fetch_add(&lines->bytes, bytes_of(line));
}

/* Unless something has changed them while they were made. */
static void
keep_all(struct scene *scene, struct room_lines *room, struct line **made, int n)
{
	lock_take(&room->lock);
	if (room->by_id[scene->language].count > ROOM_LINES_MAX ||
	    room->bytes > ROOM_BYTES_MAX)
		drop_which(scene->web->lines, room, NULL, NULL);
	if (is_as_now(room, scene->shown->s->position) &&
	    room->ignored_since == scene->shown->ignored_since)
		for (int i = 0; i < n; i++)
			keep_locked(scene, room, made[i]);
	lock_give(&room->lock);
}

/* What a thread shows of its root, and what is shown whole, is not what the room shows.
 */
static bool
is_apart(const struct scene *scene)
{
	return scene->in_thread || scene->is_whole;
}

/* Those that are there; true: all are. */
static bool
find_all(struct scene *scene, struct room_lines *room, struct sliced *events, int n,
    struct line **out, bool *is_ahead_out)
{
	bool has_all = true;
	struct changes changes = { .n = 0 };
	int64_t position;

	lock_take(&room->lock);
	position = room->position;
	if (position < scene->shown->s->position) {
		lock_give(&room->lock);
		changes = changes_since(scene->shown, position);
		lock_take(&room->lock);
	}
	*is_ahead_out =
	    !catch_up_locked(scene->web->lines, room, scene->shown, &changes);
	if (!*is_ahead_out && !is_apart(scene))
		find_kept_locked(scene, room, events, n, out);
	lock_give(&room->lock);
	for (int i = 0; i < n; i++)
		has_all = has_all && out[i] != NULL;
	return has_all;
}

static enum mx_err
make_and_keep(struct scene *scene, struct room_lines *room, struct sliced *events,
    int n, struct line **out, bool is_ahead)
{
	enum mx_err err;

	scene->people = is_ahead ? NULL : &room->people;
	err = make_missing(scene, events, n, out);
	scene->people = NULL;
	if (err == M_OK && !is_ahead && !is_apart(scene) && !scene->is_partial)
		keep_all(scene, room, out, n);
	return err;
}

enum mx_err
lines_get(struct scene *scene, struct sliced *events, int n, struct line **out)
{
	struct room_lines *room =
	    room_lines_get(scene->web->lines, scene->shown->room->id);
	enum mx_err err = M_OK;
	bool is_ahead;

	memset(out, 0, sizeof *out * (size_t)n);
	scene->upto = scene->shown->s->position;
	if (!find_all(scene, room, events, n, out, &is_ahead)) {
		/* Whoever makes them takes a while; another worker goes on meanwhile.
		 */
		thread_waits(true);
		lock_take(&room->making);
		thread_waits(false);
		lines_put(out, n);
		if (!find_all(scene, room, events, n, out, &is_ahead))
			err = make_and_keep(scene, room, events, n, out, is_ahead);
		lock_give(&room->making);
	}
	room_lines_put(scene->web->lines, room);
	if (err != M_OK)
		lines_put(out, n);
	return err;
}

void
lines_put(struct line **lines, int n)
{
	for (int i = 0; i < n; i++) {
		line_unref(lines[i]);
		lines[i] = NULL;
	}
}
