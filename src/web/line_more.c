/*
 * What other events add to a line: what it answers, earlier versions, reactions, its
 * thread, the votes of a poll. Relies on room/relations and store/relations.
 * Spec: client-server-api/#forming-relationships-between-events
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "event/power.h"
#include "room/bundle.h"
#include "room/relations.h"
#include "store/relations.h"
#include "web/line_inside.h"

#define EXCERPT_MAX 160 /* bytes */
#define EDITS_SHOWN 20
#define VERSION_MAX 1000 /* bytes */
#define REACTIONS_SHOWN 20
#define REACTIONS_READ 2000
#define KEY_BYTES 200 /* of a reaction; those alike so far are one */
#define VOTES_READ 2000
#define BALLOTS_EACH 200
#define OPTIONS_MAX 20
#define QUESTION_BYTES 1000

/* --- what it answers --- */

static void
fill_quoted(struct making *m, struct filling *f, struct sliced *quoted)
{
	struct person person = scene_person(m->scene, quoted->sender);
	struct buf text = { 0 };

	fill(f, SLOT_name, arena_strdup(m->arena, person.name));
	if (line_is_redacted(quoted))
		buf_str(&text, making_word(m, WORD_deleted));
	else
		line_summary(&text, quoted->type, scene_content(m->scene, quoted),
		    m->scene->language, EXCERPT_MAX);
	if (text.n > 0)
		f->slots[SLOT_text] =
		    (struct str){ arena_strndup(m->arena, text.p, text.n), text.n };
	buf_free(&text);
}

static bool
find_seen(struct scene *scene, const char *id, struct sliced *out)
{
	struct seer *seer = &scene->shown->seer;
	struct stored_event stored;
	struct event *event;

	return scene_has(scene, seer_find(seer, id, &stored, &event)) &&
	       !seer_ignores(seer, event->sender) &&
	       scene_has(scene, seer_get(seer, stored.event, out));
}

/* Of an edit what it is of. False: there is no such event that everybody may see. */
static bool
find_quoted(struct making *m, const char *id, struct sliced *out)
{
	struct seer *seer = &m->scene->shown->seer;
	struct relation_to to;

	if (!find_seen(m->scene, id, out))
		return false;
	if (!relation_of(seer->room->version, sliced_content(seer, out), &to) ||
	    strcmp(to.rel_type, "m.replace") != 0)
		return true;
	return find_seen(m->scene, to.parent, out);
}

void
line_quote(struct making *m)
{
	const struct json *own = sliced_content(&m->scene->shown->seer, m->e);
	const struct json *relates = json_get_object(own, "m.relates_to");
	const char *id =
	    json_get_str(json_get_object(relates, "m.in_reply_to"), "event_id");
	struct filling f = { .language = m->f.language };
	struct sliced quoted;

	/* In a thread most answers name the one before only for old clients' sake.
	 * Spec: #fallback-for-unthreaded-clients */
	if (id == NULL || json_get_bool(relates, "is_falling_back", false))
		return;
	m->about.quotes = map_hash(id, strlen(id));
	if (!find_quoted(m, id, &quoted))
		return;
	id = quoted.stored.event_id;
	m->about.quotes = map_hash(id, strlen(id));
	fill_quoted(m, &f, &quoted);
	fill(&f, SLOT_href,
	    page_link(m->scene->web, m->arena, m->scene->shown->room->room_id, "event",
		id, NULL));
	fill(&f, SLOT_id, id);
	template_write(&m->quote, TEMPLATE_quote, &f);
}

/* --- earlier versions --- */

static void
add_version(struct making *m, struct buf *out, int64_t ts, const struct json *content)
{
	struct filling f = { .language = m->f.language };
	struct buf text = { 0 };

	line_summary(&text, m->e->type, content, m->scene->language, VERSION_MAX);
	fill(&f, SLOT_at, page_time(m->arena, ts, TIME_WHOLE));
	fill(&f, SLOT_clock, page_time(m->arena, ts, TIME_DAY " " TIME_CLOCK));
	fill_buf(&f, SLOT_text, &text);
	template_write(out, TEMPLATE_version, &f);
	buf_free(&text);
}

/* The newest is what is shown; below it those before, down to the original. */
static void
add_versions(struct making *m, struct buf *out)
{
	struct seer *seer = &m->scene->shown->seer;
	struct relation_ask ask = { .room = seer->room->id,
		.upto = m->scene->upto,
		.parent = m->e->stored.event_id,
		.rel_type = "m.replace" };
	struct relation *edits;
	int n;

	if (!scene_has(
		m->scene, store_relations_by(seer->ctx->db, m->arena, &ask,
			      m->e->sender, m->e->type, EDITS_SHOWN + 1, &edits, &n)))
		n = 0;
	for (int i = 0; i < n; i++) {
		const struct json *content;
		struct sliced e;

		if (!bundle_takes(seer, edits[i].event, m->e->sender) ||
		    !scene_has(m->scene, seer_get(seer, edits[i].event, &e)) ||
		    strcmp(e.stored.event_id, m->shown_id) == 0)
			continue;
		content = json_get_object(sliced_content(seer, &e), "m.new_content");
		if (content != NULL)
			add_version(m, out, e.stored.ts, content);
	}
	add_version(m, out, m->e->stored.ts, sliced_content(seer, m->e));
}

static void
add_edits(struct making *m)
{
	struct filling f = { .language = m->f.language };
	struct buf versions = { 0 };

	if (json_get_object(m->relations, "m.replace") == NULL)
		return;
	m->about.has_children = true;
	if (strcmp(m->e->type, "m.room.message") == 0)
		add_versions(m, &versions);
	fill_buf(&f, SLOT_text, &versions);
	template_write(&m->more, TEMPLATE_edits, &f);
	buf_free(&versions);
}

/* --- reactions --- */

/* In the making's arena. */
struct reaction {
	const char *key;
	int count, place; /* as they came */
};

struct reactions {
	struct making *m;
	struct map by_key;
	VEC(struct reaction *) found;
};

static void
count_reaction(int64_t event, const char *sender, const char *key, void *arg)
{
	struct reactions *r = arg;
	struct seer *seer = &r->m->scene->shown->seer;
	struct reaction *reaction;

	if (!bundle_takes(seer, event, sender))
		return;
	key = page_cut(r->m->arena, key, KEY_BYTES);
	reaction = map_get_str(&r->by_key, key);
	if (reaction == NULL) {
		reaction = ARENA_NEW(r->m->arena, struct reaction);
		*reaction = (struct reaction){ .key = arena_strdup(r->m->arena, key),
			.place = (int)r->found.n };
		map_put_str(&r->by_key, reaction->key, reaction);
		vec_push(&r->found, reaction);
	}
	reaction->count++;
}

/* Most first; those as many in the order in which they came. */
static int
compare_reactions(const void *left, const void *right)
{
	const struct reaction *a = *(struct reaction *const *)left;
	const struct reaction *b = *(struct reaction *const *)right;

	return a->count != b->count ? b->count - a->count : a->place - b->place;
}

static void
add_reactions(struct making *m)
{
	struct relation_ask ask = { .room = m->scene->shown->room->id,
		.upto = m->scene->upto,
		.parent = m->e->stored.event_id };
	struct filling f = { .language = m->f.language };
	struct reactions r = { .m = m };
	struct buf chips = { 0 };

	if (!scene_has(
		m->scene, store_annotations_each(m->scene->shown->seer.ctx->db, &ask,
			      "m.reaction", REACTIONS_READ, count_reaction, &r)))
		r.found.n = 0;
	if (r.found.n > 0)
		qsort(r.found.v, r.found.n, sizeof *r.found.v, compare_reactions);
	for (size_t i = 0; i < r.found.n && i < REACTIONS_SHOWN; i++) {
		struct filling chip = { .language = m->f.language };
		const char *key = r.found.v[i]->key;

		/* A picture instead of a letter is named by its mxc: none is loaded. */
		fill(&chip, SLOT_name, starts_with(key, "mxc://") ? "🖼" : key);
		fill(&chip, SLOT_count,
		    arena_printf(m->arena, "%d", r.found.v[i]->count));
		template_write(&chips, TEMPLATE_reaction, &chip);
	}
	if (chips.n > 0) {
		m->about.has_children = true;
		fill_buf(&f, SLOT_text, &chips);
		template_write(&m->more, TEMPLATE_reactions, &f);
	}
	buf_free(&chips);
	map_fini(&r.by_key);
	vec_free(&r.found);
}

/* --- the thread --- */

static void
add_thread(struct making *m)
{
	const struct json *thread = json_get_object(m->relations, "m.thread");
	const struct json *latest = json_get_object(thread, "latest_event");
	struct filling f = { .language = m->f.language };
	const char *sender = json_get_str(latest, "sender");
	struct buf text = { 0 };
	int64_t count = 0;

	if (thread == NULL || m->scene->in_thread)
		return;
	m->about.has_children = true;
	json_get_int(thread, "count", &count);
	fill(&f, SLOT_count, arena_printf(m->arena, "%lld", (long long)count));
	fill(&f, SLOT_href,
	    page_link(m->scene->web, m->arena, m->scene->shown->room->room_id, "thread",
		m->e->stored.event_id, NULL));
	if (sender != NULL) {
		struct person person = scene_person(m->scene, sender);

		fill(&f, SLOT_name, person.name);
		line_summary(&text, json_get_str(latest, "type"),
		    event_content_now(latest), m->scene->language, EXCERPT_MAX);
		fill_buf(&f, SLOT_text, &text);
	}
	template_write(&m->more, TEMPLATE_thread_of, &f);
	buf_free(&text);
}

/* An answer in a thread that is shown among others leads there. */
static void
add_way_to_thread(struct making *m)
{
	struct seer *seer = &m->scene->shown->seer;
	struct filling f = { .language = m->f.language };
	struct relation_to to;

	if (m->scene->in_thread ||
	    !relation_of(seer->room->version, sliced_content(seer, m->e), &to) ||
	    strcmp(to.rel_type, "m.thread") != 0)
		return;
	fill(&f, SLOT_href,
	    page_link(m->scene->web, m->arena, m->scene->shown->room->room_id, "thread",
		to.parent, NULL));
	fill(&f, SLOT_id, m->e->stored.event_id);
	template_write(&m->more, TEMPLATE_in_thread, &f);
}

void
line_more(struct making *m)
{
	add_way_to_thread(m);
	/* Nothing speaks of what has come just now. */
	if (m->e->stored.event >= m->scene->upto)
		return;
	add_edits(m);
	add_reactions(m);
	add_thread(m);
}

/* --- polls (MSC3381) --- */

struct poll_option {
	const char *id, *text;
	int votes;
};

struct poll {
	const char *question;
	struct poll_option options[OPTIONS_MAX];
	int option_count;
	int64_t choices; /* that one person may make */
	bool is_hidden;	 /* until it ends */
	bool has_ended;
};

/* Stable names, then those of before. */
static const struct json *
either(const struct json *content, const char *stable, const char *before)
{
	const struct json *found = json_get(content, stable);

	return found != NULL ? found : json_get(content, before);
}

/* Text of an extensible event: a string, or a list of bodies. */
static const char *
text_of(const struct json *content)
{
	const struct json *text = either(content, "m.text", "org.matrix.msc1767.text");
	const char *body = json_as_str(text);

	if (body == NULL && json_is(text, JSON_ARRAY) && text->n > 0)
		body = json_get_str(&text->items[0], "body");
	if (body == NULL)
		body = json_get_str(content, "body");
	return body == NULL ? "" : body;
}

static bool
read_poll(const struct json *content, struct poll *out)
{
	const struct json *poll =
	    either(content, "m.poll", "org.matrix.msc3381.poll.start");
	const struct json *answers = json_get_array(poll, "answers");
	const char *kind = json_get_str(poll, "kind");

	*out = (struct poll){ .choices = 1 };
	if (poll == NULL || answers == NULL)
		return false;
	out->question = text_of(json_get_object(poll, "question"));
	out->is_hidden = kind == NULL || strstr(kind, "undisclosed") != NULL;
	for (uint32_t i = 0; i < answers->n && out->option_count < OPTIONS_MAX; i++) {
		const struct json *answer = &answers->items[i];
		const char *id = json_get_str(answer, "m.id");

		if (id == NULL)
			id = json_get_str(answer, "id");
		if (id != NULL)
			out->options[out->option_count++] =
			    (struct poll_option){ id, text_of(answer), 0 };
	}
	json_get_int(poll, "max_selections", &out->choices);
	if (out->choices > out->option_count)
		out->choices = out->option_count;
	return true;
}

static bool
is_type(const char *type, const char *stable, const char *before)
{
	return strcmp(type, stable) == 0 || strcmp(type, before) == 0;
}

/* Its sender may end it, and who may redact what others say. */
static bool
may_end(struct making *m, const char *sender)
{
	struct power power = snapshot_power(m->scene->shown->s);

	return strcmp(sender, m->e->sender) == 0 ||
	       power_user(&power, sender) >= power_to(&power, POWER_REDACT);
}

/* False: it has chosen nothing that there is. */
static bool
count_vote(struct poll *poll, const struct json *content)
{
	const struct json *chosen = json_get_array(content, "m.selections");
	bool has[OPTIONS_MAX] = { false }, any = false;

	if (chosen == NULL)
		chosen = json_get_array(
		    json_get_object(content, "org.matrix.msc3381.poll.response"),
		    "answers");
	for (uint32_t i = 0; chosen != NULL && i < chosen->n && i < poll->choices;
	     i++) {
		const char *id = json_as_str(&chosen->items[i]);

		for (int o = 0; id != NULL && o < poll->option_count; o++)
			has[o] = has[o] || strcmp(poll->options[o].id, id) == 0;
	}
	for (int o = 0; o < poll->option_count; o++) {
		poll->options[o].votes += has[o];
		any = any || has[o];
	}
	return any;
}

/* Children of a poll on their way: newest first, in portions with an arena of their
 * own, since there may be many, and each as large as an event can be. The first end
 * that counts ends it, so whatever stood before one in this order came too late. */
struct ballots {
	struct making *m;
	struct poll *poll;
	struct map voted; /* user id, in the making's arena */
	int voters;
};

static void
take_ballot(struct ballots *b, struct seer *seer, const struct sliced *e)
{
	char *sender;

	if (map_get_str(&b->voted, e->sender) != NULL)
		return;
	sender = arena_strdup(b->m->arena, e->sender);
	map_put_str(&b->voted, sender, sender);
	b->voters += count_vote(b->poll, sliced_content(seer, e));
}

static void
take_end(struct ballots *b, const struct sliced *e)
{
	if (!may_end(b->m, e->sender))
		return;
	b->poll->has_ended = true;
	b->voters = 0;
	map_fini(&b->voted);
	for (int o = 0; o < b->poll->option_count; o++)
		b->poll->options[o].votes = 0;
}

static void
take(struct ballots *b, struct seer *seer, const struct sliced *e)
{
	if (is_type(e->type, "m.poll.end", "org.matrix.msc3381.poll.end"))
		take_end(b, e);
	else if (is_type(
		     e->type, "m.poll.response", "org.matrix.msc3381.poll.response"))
		take_ballot(b, seer, e);
}

static void
count_ballots(struct ballots *b)
{
	struct arena *scratch = arena_new();
	struct relations_query query = { .parent = b->m->e->stored.event_id,
		.rel_type = "m.reference",
		.depth = 1 };
	struct page page = { .from = { INT64_MAX, 0 },
		.backwards = true,
		.limit = BALLOTS_EACH,
		.more = true };

	for (int read = 0; page.more && read < VOTES_READ; read += BALLOTS_EACH) {
		struct seer seer = b->m->scene->shown->seer;

		seer.arena = scratch;
		if (!scene_has(b->m->scene, relations_page(&seer, &query, &page)))
			break;
		for (int i = 0; i < page.count; i++)
			take(b, &seer, &page.events[i]);
		page.from = page.end;
		arena_reset(scratch);
	}
	arena_free(scratch);
	map_fini(&b->voted);
}

static void
write_options(struct making *m, const struct poll *poll, int voters, struct buf *out)
{
	bool shows = !poll->is_hidden || poll->has_ended;

	for (int i = 0; i < poll->option_count; i++) {
		struct filling f = { .language = m->f.language };
		const struct poll_option *option = &poll->options[i];
		int tenths =
		    voters == 0 ? 0 : (option->votes * 10 + voters / 2) / voters;

		fill(&f, SLOT_name, page_cut(m->arena, option->text, NAME_BYTES));
		if (shows) {
			fill(&f, SLOT_count,
			    arena_printf(m->arena, "%d", option->votes));
			fill(&f, SLOT_share, arena_printf(m->arena, "%d", tenths));
		}
		template_write(out, TEMPLATE_option, &f);
	}
}

const char *
poll_question(const struct json *content)
{
	struct poll poll;

	return read_poll(content, &poll) ? poll.question : NULL;
}

void
line_poll(struct making *m)
{
	struct filling f = { .language = m->f.language };
	struct buf options = { 0 };
	struct poll poll;
	struct ballots ballots = { .m = m, .poll = &poll };

	if (!read_poll(m->content, &poll)) {
		line_summary(
		    &m->text, m->e->type, m->content, m->scene->language, VERSION_MAX);
		return;
	}
	m->about.has_children = true;
	count_ballots(&ballots);
	write_options(m, &poll, ballots.voters, &options);
	fill(&f, SLOT_name, page_cut(m->arena, poll.question, QUESTION_BYTES));
	fill(&f, SLOT_count, arena_printf(m->arena, "%d", ballots.voters));
	fill(&f, SLOT_ended, poll.has_ended ? "" : NULL);
	fill(&f, SLOT_hidden, poll.is_hidden && !poll.has_ended ? "" : NULL);
	fill_buf(&f, SLOT_text, &options);
	template_write(&m->text, TEMPLATE_poll, &f);
	buf_free(&options);
}
