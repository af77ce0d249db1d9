/*
 * Lines: whose they are, and when. Relies on room/timeline for what may be seen.
 * Between an event and the list of a page.
 */
#include "web/line_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "room/bundle.h"
#include "room/relations.h"
#include "store/relations.h"
#include "web/lines.h"
#include "web/sheet.h"

#define HUES 8

struct line *
line_ref(struct line *line)
{
	atomic_fetch_add_explicit(&line->refs, 1, memory_order_relaxed);
	return line;
}

void
line_unref(struct line *line)
{
	if (line != NULL &&
	    atomic_fetch_sub_explicit(&line->refs, 1, memory_order_acq_rel) == 1)
		free(line);
}

/* --- which events are lines --- */

/* What changes other lines, or is told of beside them. */
static bool
is_addition(const char *type)
{
	static const char *const types[] = { "m.reaction", "m.room.redaction",
		"m.poll.response", "m.poll.end", "org.matrix.msc3381.poll.response",
		"org.matrix.msc3381.poll.end" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* m.relates_to.rel_type, as JSON with its quotes; p NULL: none. */
static struct str
rel_type_of(const struct sliced *e)
{
	static const struct str relates = { "m.relates_to", 12 };
	static const struct str rel_type = { "rel_type", 8 };
	struct str object, value = { NULL, 0 };

	if (e->live != NULL) {
		const char *text = json_as_str(json_at(
		    e->live->pdu->event->content, "m.relates_to", "rel_type", NULL));

		return text == NULL ? value : str_of(text);
	}
	if (!json_slices(e->raw.content, &relates, 1, &object) || object.p == NULL ||
	    !json_slices(object, &rel_type, 1, &value) || value.n < 2)
		return (struct str){ NULL, 0 };
	return (struct str){ value.p + 1, value.n - 2 };
}

bool
line_is_redacted(const struct sliced *e)
{
	return e->live != NULL ? e->live->redacted_because != NULL
			       : e->stored.redacted_by != 0;
}

/* What a redacted event was, since it says so no more: an edit, or in a thread. */
static bool
was_other(struct seer *seer, const struct sliced *e, bool in_thread)
{
	struct relation_up was;

	return seer != NULL && line_is_redacted(e) &&
	       store_relation_was(
		   seer->ctx->db, seer->arena, e->stored.event, false, &was) == M_OK &&
	       (strcmp(was.rel_type, "m.replace") == 0 ||
		   (!in_thread && strcmp(was.rel_type, "m.thread") == 0));
}

static bool
is_line(struct seer *seer, const struct sliced *e, bool in_thread)
{
	struct str rel_type;

	if (is_addition(e->type))
		return false;
	if (e->state_key != NULL)
		return !in_thread;
	rel_type = rel_type_of(e);
	return !str_is(rel_type, "m.replace") &&
	       (in_thread || !str_is(rel_type, "m.thread")) &&
	       !was_other(seer, e, in_thread);
}

static bool
is_heard(struct seer *seer, const struct sliced *e)
{
	return seer == NULL || !seer_ignores(seer, e->sender);
}

bool
line_is_one(const struct sliced *e, const void *arg)
{
	return is_line((struct seer *)arg, e, false) && is_heard((struct seer *)arg, e);
}

bool
line_is_one_of_thread(const struct sliced *e, const void *arg)
{
	return is_line((struct seer *)arg, e, true) && is_heard((struct seer *)arg, e);
}

/* --- people --- */

const struct json *
sliced_unsigned(struct seer *seer, const struct sliced *e)
{
	struct buf text = { 0 };
	const struct json *event;

	seer_write_sliced(seer, &text, e, FORMAT_CLIENT);
	event = json_parse_copy(seer->arena, text.p, text.n, JSON_LENIENT, NULL);
	buf_free(&text);
	return json_get_object(event, "unsigned");
}

const struct json *
sliced_before(struct seer *seer, const struct sliced *e)
{
	return json_get_object(sliced_unsigned(seer, e), "prev_content");
}

const char *
member_name(const struct json *content, const struct json *before)
{
	const char *name = json_get_str(content, "displayname");
	enum membership membership = membership_of(json_get_str(content, "membership"));

	if (name != NULL && name[strspn(name, " \t\n")] != '\0')
		return name;
	if (before == NULL ||
	    (membership != MEMBERSHIP_LEAVE && membership != MEMBERSHIP_BAN))
		return NULL;
	return member_name(before, NULL);
}

bool
scene_has(struct scene *scene, enum mx_err err)
{
	scene->is_partial |= err != M_OK && err != M_NOT_FOUND;
	return err == M_OK;
}

static struct person
read_person(struct scene *scene, const char *user_id)
{
	struct arena *arena = scene->shown->seer.arena;
	struct person person = { .user_id = user_id, .name = user_id };
	const struct json *content;
	const char *name, *face;
	struct sliced e;

	if (!scene_has(scene, shown_state(scene->shown, "m.room.member", user_id, &e)))
		return person;
	content = sliced_content(&scene->shown->seer, &e);
	name = member_name(content, NULL);
	if (name == NULL)
		name = member_name(content, sliced_before(&scene->shown->seer, &e));
	if (name != NULL)
		person.name = page_cut(arena, name, NAME_BYTES);
	face = json_get_str(content, "avatar_url");
	if (face != NULL && starts_with(face, "mxc://"))
		person.face = page_link(scene->web, arena, scene->shown->room->room_id,
		    "media", e.stored.event_id, "face", NULL);
	return person;
}

/* Of those who speak most a look is enough. Whom the server ignores has no name. */
struct person
scene_person(struct scene *scene, const char *user_id)
{
	struct seer *seer = &scene->shown->seer;
	struct person person = { .user_id = user_id, .name = user_id };

	if (seer_ignores(seer, user_id) ||
	    (scene->people != NULL &&
		people_find(scene->people, seer->arena, user_id, &person)))
		return person;
	person = read_person(scene, user_id);
	if (scene->people != NULL && !scene->is_partial)
		people_add(scene->people, scene->upto, &person);
	return person;
}

void
person_write(struct buf *out, const struct person *person)
{
	buf_lit(out, "<bdi>");
	markup_escape(out, person->name, strlen(person->name));
	buf_lit(out, "</bdi>");
}

/* The first letter of a name, or of an id behind its '@'. */
static const char *
initial_of(struct arena *arena, const char *name)
{
	size_t n = 1;

	name += strspn(name, "@#!+ ");
	while ((name[n] & 0xc0) == 0x80)
		n++;
	return name[0] == '\0' ? "?" : arena_strndup(arena, name, n);
}

/* The same for everybody and for good: not map_hash, whose key is this process's. */
static int
hue_of(const char *user_id)
{
	unsigned sum = 0;

	for (const char *p = user_id; *p != '\0'; p++)
		sum = sum * 31 + (unsigned char)*p;
	return (int)(sum % HUES);
}

void
face_fill(struct filling *f, struct arena *arena, const char *id, const char *name,
    const char *face)
{
	fill(f, SLOT_face, face);
	fill(f, SLOT_initial, initial_of(arena, name));
	fill(f, SLOT_hue, arena_printf(arena, "%d", hue_of(id)));
}

void
person_fill(struct filling *f, struct arena *arena, const struct person *person)
{
	fill(f, SLOT_who, person->user_id);
	fill(f, SLOT_name, person->name);
	face_fill(f, arena, person->user_id, person->name, person->face);
}

/* --- making one --- */

const char *
making_word(const struct making *m, enum word which)
{
	return word(which, m->scene->language);
}

const char *
making_media(const struct making *m, const char *event_id, const char *what)
{
	return page_link(m->scene->web, m->arena, m->scene->shown->room->room_id,
	    "media", event_id, what, NULL);
}

/* What an edit says instead; NULL: there is none. */
static const struct json *
edited(const struct json *relations, const char **edit_id_out)
{
	const struct json *edit = json_get_object(relations, "m.replace");
	const struct json *content =
	    json_get_object(json_get_object(edit, "content"), "m.new_content");

	if (content != NULL && edit_id_out != NULL)
		*edit_id_out = json_get_str(edit, "event_id");
	return content;
}

static const struct json *
relations_of(struct scene *scene, const struct sliced *e)
{
	return e->relations == NULL
		   ? NULL
		   : json_parse_copy(scene->shown->seer.arena, e->relations,
			 strlen(e->relations), JSON_LENIENT, NULL);
}

const struct json *
scene_content(struct scene *scene, struct sliced *e)
{
	struct seer *seer = &scene->shown->seer;
	const struct json *content = NULL;

	if (scene_has(scene,
		bundle_events(seer, e, 1, scene->shown->s->position, FORMAT_CLIENT)))
		content = edited(relations_of(scene, e), NULL);
	return content != NULL ? content : sliced_content(seer, e);
}

const struct json *
event_content_now(const struct json *event)
{
	const struct json *content =
	    edited(json_at(event, "unsigned", "m.relations", NULL), NULL);

	return content != NULL ? content : json_get_object(event, "content");
}

static void
find_content(struct making *m)
{
	const struct json *content;

	m->shown_id = m->e->stored.event_id;
	m->relations = relations_of(m->scene, m->e);
	content = edited(m->relations, &m->shown_id);
	m->content =
	    content != NULL ? content : sliced_content(&m->scene->shown->seer, m->e);
}

static void
fill_common(struct making *m)
{
	struct filling *f = &m->f;
	const char *id = m->e->stored.event_id;
	int64_t ts = m->e->stored.ts;

	fill(f, SLOT_id, id);
	fill(f, SLOT_at, page_time(m->arena, ts, TIME_WHOLE));
	fill(f, SLOT_clock, page_time(m->arena, ts, TIME_CLOCK));
	fill(f, SLOT_permalink,
	    page_link(m->scene->web, m->arena, m->scene->shown->room->room_id, "event",
		id, NULL));
}

static const char *
keep(char **at, const char *text)
{
	const char *kept = *at;

	if (text == NULL)
		return NULL;
	*at = stpcpy(*at, text) + 1;
	return kept;
}

/* One allocation for all of it. */
static struct line *
line_of(const struct making *m, const struct person *person, const struct buf *html)
{
	const char *id = m->e->stored.event_id;
	size_t n = html->n + strlen(id) + strlen(person->user_id) +
		   strlen(person->name) +
		   (person->face == NULL ? 0 : strlen(person->face)) + 4;
	struct line *line = xmalloc(sizeof *line + n);
	char *at = (char *)(line + 1);

	*line = m->about;
	atomic_init(&line->refs, 1);
	line->event = m->e->stored.event;
	line->ts = m->e->stored.ts;
	line->sender = map_hash(m->e->sender, strlen(m->e->sender));
	line->event_id = keep(&at, id);
	line->user_id = keep(&at, person->user_id);
	line->name = keep(&at, person->name);
	line->face = keep(&at, person->face);
	memcpy(at, html->p, html->n);
	line->html = (struct str){ at, html->n };
	return line;
}

struct line *
line_new(struct scene *scene, const struct sliced *e)
{
	struct making m = { .scene = scene,
		.arena = scene->shown->seer.arena,
		.e = e,
		.f.language = scene->language };
	struct person person = scene_person(scene, e->sender);
	struct buf html = { 0 };
	struct line *line;

	atomic_fetch_add_explicit(&scene->web->lines_made, 1, memory_order_relaxed);
	find_content(&m);
	fill_common(&m);
	person_fill(&m.f, m.arena, &person);
	if (e->state_key == NULL && line_body(&m)) {
		m.about.kind = LINE_SAID;
		line_quote(&m);
		line_more(&m);
	} else {
		m.about.kind = LINE_QUIET;
		line_quiet(&m);
	}
	fill_buf(&m.f, SLOT_text, &m.text);
	fill_buf(&m.f, SLOT_quote, &m.quote);
	fill_buf(&m.f, SLOT_more, &m.more);
	template_write(
	    &html, m.about.kind == LINE_SAID ? TEMPLATE_said : TEMPLATE_quiet, &m.f);
	line = line_of(&m, &person, &html);
	buf_free(&html);
	buf_free(&m.text);
	buf_free(&m.quote);
	buf_free(&m.more);
	return line;
}

void
line_write(struct buf *out, const struct line *line, const char *more)
{
	static const char *const classes[] = { [LINE_SAID] = "said",
		[LINE_MOVED] = "quiet moved",
		[LINE_QUIET] = "quiet" };

	buf_lit(out, "<li class=\"line ");
	buf_str(out, classes[line->kind]);
	if (more != NULL)
		buf_str(out, more);
	buf_lit(out, "\" ");
	buf_add(out, line->html.p, line->html.n);
}
