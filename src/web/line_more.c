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
#define REACTIONS_SHOWN 20
#define REACTIONS_READ 2000
#define VOTES_READ 10000
#define OPTIONS_MAX 20

/* --- what it answers --- */

static void
fill_quoted(struct making *m, struct filling *f, struct sliced *quoted)
{
	struct person person = scene_person(m->scene, quoted->sender);
	struct buf text = { 0 };

	fill(f, SLOT_name, arena_strdup(m->arena, person.name));
	if (line_is_redacted(quoted))
		buf_str(&text, making_word(m, WORD_deleted));
	else if (strcmp(quoted->type, "m.room.encrypted") == 0)
		buf_str(&text, making_word(m, WORD_encrypted));
	else
		line_excerpt(&text, scene_content(m->scene, quoted), EXCERPT_MAX);
	if (text.n > 0)
		f->slots[SLOT_text] =
		    (struct str){ arena_strndup(m->arena, text.p, text.n), text.n };
	buf_free(&text);
}

/* False: there is no such event that everybody may see. */
static bool
find_quoted(struct making *m, const char *id, struct sliced *out)
{
	struct seer *seer = &m->scene->shown->seer;
	struct stored_event stored;
	struct event *event;

	return seer_find(seer, id, &stored, &event) == M_OK &&
	       !seer_ignores(seer, event->sender) &&
	       seer_get(seer, stored.event, out) == M_OK;
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
	fill_quoted(m, &f, &quoted);
	fill(&f, SLOT_href,
	    page_link(
		m->scene->web, m->arena, m->scene->shown->address, "event", id, NULL));
	fill(&f, SLOT_id, id);
	template_write(&m->quote, TEMPLATE_quote, &f);
}

/* --- earlier versions --- */

static void
add_version(struct making *m, struct buf *out, int64_t ts, const struct json *content)
{
	struct filling f = { .language = m->f.language };
	struct making version = *m;
	struct buf text = { 0 };

	/* As it was; its pictures and files are those of today's version. */
	version.shown_id = m->e->stored.event_id;
	line_message(&version, &text, content);
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
	struct relations_query query = { .parent = m->e->stored.event_id,
		.rel_type = "m.replace",
		.type = m->e->type,
		.depth = 1 };
	struct page page = {
		.from = { INT64_MAX, 0 }, .backwards = true, .limit = EDITS_SHOWN + 1
	};

	if (relations_page(seer, &query, &page) != M_OK)
		return;
	for (int i = 0; i < page.count; i++) {
		const struct sliced *e = &page.events[i];
		const struct json *content =
		    json_get_object(sliced_content(seer, e), "m.new_content");

		if (content != NULL && strcmp(e->sender, m->e->sender) == 0 &&
		    strcmp(e->stored.event_id, m->shown_id) != 0)
			add_version(m, out, e->stored.ts, content);
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

struct reaction {
	const char *key;
	int count;
};

struct reactions {
	struct making *m;
	VEC(struct reaction) found;
};

static void
count_reaction(int64_t event, const char *sender, const char *key, void *arg)
{
	struct reactions *r = arg;
	struct seer *seer = &r->m->scene->shown->seer;
	size_t i = 0;

	if (!bundle_takes(seer, event, sender))
		return;
	while (i < r->found.n && strcmp(r->found.v[i].key, key) != 0)
		i++;
	if (i == r->found.n) {
		struct reaction fresh = { arena_strdup(r->m->arena, key), 0 };

		vec_push(&r->found, fresh);
	}
	r->found.v[i].count++;
}

/* Most first; those as many in the order in which they came. */
static void
sort_reactions(struct reactions *r)
{
	for (size_t i = 1; i < r->found.n; i++)
		for (size_t at = i;
		     at > 0 && r->found.v[at - 1].count < r->found.v[at].count; at--) {
			struct reaction swapped = r->found.v[at];

			r->found.v[at] = r->found.v[at - 1];
			r->found.v[at - 1] = swapped;
		}
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

	if (store_annotations_each(m->scene->shown->seer.ctx->db, &ask, "m.reaction",
		REACTIONS_READ, count_reaction, &r) != M_OK)
		r.found.n = 0;
	sort_reactions(&r);
	for (size_t i = 0; i < r.found.n && i < REACTIONS_SHOWN; i++) {
		struct filling chip = { .language = m->f.language };
		const char *key = r.found.v[i].key;

		/* A picture instead of a letter is named by its mxc: none is loaded. */
		fill(&chip, SLOT_name, starts_with(key, "mxc://") ? "🖼" : key);
		fill(&chip, SLOT_count,
		    arena_printf(m->arena, "%d", r.found.v[i].count));
		template_write(&chips, TEMPLATE_reaction, &chip);
	}
	if (chips.n > 0) {
		m->about.has_children = true;
		fill_buf(&f, SLOT_text, &chips);
		template_write(&m->more, TEMPLATE_reactions, &f);
	}
	buf_free(&chips);
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
	    page_link(m->scene->web, m->arena, m->scene->shown->address, "thread",
		m->e->stored.event_id, NULL));
	if (sender != NULL) {
		struct person person = scene_person(m->scene, sender);

		fill(&f, SLOT_name, person.name);
		line_excerpt(&text, event_content_now(latest), EXCERPT_MAX);
		fill_buf(&f, SLOT_text, &text);
	}
	template_write(&m->more, TEMPLATE_thread_of, &f);
	buf_free(&text);
}

void
line_more(struct making *m)
{
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
	int64_t ended;	 /* the event that ended it; 0: it goes on */
	int64_t ended_ts;
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
	json_get_int(poll, "max_selections", &out->choices);
	for (uint32_t i = 0; i < answers->n && out->option_count < OPTIONS_MAX; i++) {
		const struct json *answer = &answers->items[i];
		const char *id = json_get_str(answer, "m.id");

		if (id == NULL)
			id = json_get_str(answer, "id");
		if (id != NULL)
			out->options[out->option_count++] =
			    (struct poll_option){ id, text_of(answer), 0 };
	}
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

static void
find_end(struct making *m, const struct page *page, struct poll *poll)
{
	for (int i = page->count - 1; i >= 0 && poll->ended == 0; i--) {
		const struct sliced *e = &page->events[i];

		if (!is_type(e->type, "m.poll.end", "org.matrix.msc3381.poll.end") ||
		    !may_end(m, e->sender))
			continue;
		poll->ended = e->stored.event;
		poll->ended_ts = e->stored.ts;
	}
}

static void
count_vote(struct poll *poll, const struct json *content)
{
	const struct json *chosen = json_get_array(content, "m.selections");

	if (chosen == NULL)
		chosen = json_get_array(
		    json_get_object(content, "org.matrix.msc3381.poll.response"),
		    "answers");
	for (uint32_t i = 0; chosen != NULL && i < chosen->n && i < poll->choices;
	     i++) {
		const char *id = json_as_str(&chosen->items[i]);
		bool again = false;

		for (uint32_t j = 0; j < i && id != NULL; j++)
			again |= json_equal(&chosen->items[i], &chosen->items[j]);
		for (int o = 0; id != NULL && !again && o < poll->option_count; o++)
			if (strcmp(poll->options[o].id, id) == 0)
				poll->options[o].votes++;
	}
}

/* Of everybody the last vote before the end counts; the page is newest first. */
static int
count_votes(struct making *m, const struct page *page, struct poll *poll)
{
	struct map voted = { 0 };
	int voters = 0;

	for (int i = 0; i < page->count; i++) {
		const struct sliced *e = &page->events[i];

		if (!is_type(e->type, "m.poll.response",
			"org.matrix.msc3381.poll.response") ||
		    (poll->ended != 0 && e->stored.event > poll->ended) ||
		    map_get_str(&voted, e->sender) != NULL)
			continue;
		map_put_str(&voted, e->sender, (void *)e->sender);
		count_vote(poll, sliced_content(&m->scene->shown->seer, e));
		voters++;
	}
	map_fini(&voted);
	return voters;
}

static void
write_options(struct making *m, const struct poll *poll, int voters, struct buf *out)
{
	bool shows = !poll->is_hidden || poll->ended != 0;

	for (int i = 0; i < poll->option_count; i++) {
		struct filling f = { .language = m->f.language };
		const struct poll_option *option = &poll->options[i];
		int tenths =
		    voters == 0 ? 0 : (option->votes * 10 + voters / 2) / voters;

		fill(&f, SLOT_name, option->text);
		if (shows) {
			fill(&f, SLOT_count,
			    arena_printf(m->arena, "%d", option->votes));
			fill(&f, SLOT_share, arena_printf(m->arena, "%d", tenths));
		}
		template_write(out, TEMPLATE_option, &f);
	}
}

void
line_poll(struct making *m)
{
	struct filling f = { .language = m->f.language };
	struct relations_query query = {
		.parent = m->e->stored.event_id, .rel_type = "m.reference", .depth = 1
	};
	struct page page = {
		.from = { INT64_MAX, 0 }, .backwards = true, .limit = VOTES_READ
	};
	struct buf options = { 0 };
	struct poll poll;
	int voters;

	if (!read_poll(m->content, &poll))
		return;
	m->about.has_children = true;
	if (relations_page(&m->scene->shown->seer, &query, &page) != M_OK)
		page.count = 0;
	find_end(m, &page, &poll);
	voters = count_votes(m, &page, &poll);
	write_options(m, &poll, voters, &options);
	fill(&f, SLOT_name, poll.question);
	fill(&f, SLOT_count, arena_printf(m->arena, "%d", voters));
	fill(&f, SLOT_ended, poll.ended != 0 ? "" : NULL);
	fill(&f, SLOT_hidden, poll.is_hidden && poll.ended == 0 ? "" : NULL);
	fill_buf(&f, SLOT_text, &options);
	template_write(&m->text, TEMPLATE_poll, &f);
	buf_free(&options);
}
