/*
 * What happened besides what was said: comings and goings, changes of the room, and
 * events of types that nobody here knows, each as one quiet sentence.
 * Spec: client-server-api/#room-events
 */
#include <string.h>

#include "web/line_inside.h"

#define TEXT_BYTES 1000 /* of what is said in a sentence: a topic */

/* One sentence: a word with the sender, and something else, put in. */
static void
say(struct making *m, enum word which, struct str other)
{
	struct person sender = scene_person(m->scene, m->e->sender);
	struct buf name = { 0 };

	person_write(&name, &sender);
	word_put(
	    &m->text, which, m->scene->language, (struct str){ name.p, name.n }, other);
	buf_free(&name);
}

static void
say_text(struct making *m, enum word which, const char *text)
{
	struct buf other = { 0 };

	text = page_cut(m->arena, text, TEXT_BYTES);
	buf_lit(&other, "<bdi>");
	markup_escape(&other, text, strlen(text));
	buf_lit(&other, "</bdi>");
	say(m, which, (struct str){ other.p, other.n });
	buf_free(&other);
}

static void
say_person(struct making *m, enum word which, const char *user_id)
{
	struct person person = scene_person(m->scene, user_id);
	struct buf other = { 0 };

	person_write(&other, &person);
	say(m, which, (struct str){ other.p, other.n });
	buf_free(&other);
}

static void
say_type(struct making *m, enum word which)
{
	struct buf other = { 0 };

	buf_lit(&other, "<code>");
	markup_escape(&other, m->e->type, strlen(m->e->type));
	buf_lit(&other, "</code>");
	say(m, which, (struct str){ other.p, other.n });
	buf_free(&other);
}

/* --- members --- */

static bool
is_same(const struct json *a, const struct json *b, const char *field)
{
	const char *x = json_get_str(a, field), *y = json_get_str(b, field);

	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

static void
say_profile(struct making *m, const struct json *before)
{
	const char *name = json_get_str(m->content, "displayname");
	const char *old = json_get_str(before, "displayname");
	struct person was = { .name = old == NULL
					  ? m->e->state_key
					  : page_cut(m->arena, old, NAME_BYTES) };
	struct buf one = { 0 }, two = { 0 };

	if (is_same(before, m->content, "displayname") || name == NULL) {
		say(m, WORD_profile_changed, str_of(""));
		return;
	}
	person_write(&one, &was);
	was.name = page_cut(m->arena, name, NAME_BYTES);
	person_write(&two, &was);
	word_put(&m->text, WORD_name_changed, m->scene->language,
	    (struct str){ one.p, one.n }, (struct str){ two.p, two.n });
	buf_free(&one);
	buf_free(&two);
}

static void
say_left(struct making *m, enum membership was)
{
	const char *whom = m->e->state_key;
	bool is_own = strcmp(m->e->sender, whom) == 0;

	if (is_own)
		say(m, was == MEMBERSHIP_INVITE ? WORD_declined : WORD_left,
		    str_of(""));
	else
		say_person(m,
		    was == MEMBERSHIP_BAN      ? WORD_unbanned
		    : was == MEMBERSHIP_INVITE ? WORD_withdrew
					       : WORD_kicked,
		    whom);
}

static void
say_member(struct making *m)
{
	const struct json *before = sliced_before(&m->scene->shown->seer, m->e);
	enum membership was = membership_of(json_get_str(before, "membership"));
	enum membership is = membership_of(json_get_str(m->content, "membership"));

	m->about.kind = LINE_MOVED;
	switch (is) {
	case MEMBERSHIP_JOIN:
		if (was == MEMBERSHIP_JOIN)
			say_profile(m, before);
		else
			say(m, WORD_joined, str_of(""));
		break;
	case MEMBERSHIP_INVITE:
		say_person(m, WORD_invited, m->e->state_key);
		break;
	case MEMBERSHIP_KNOCK:
		say(m, WORD_knocked, str_of(""));
		break;
	case MEMBERSHIP_BAN:
		say_person(m, WORD_banned, m->e->state_key);
		break;
	case MEMBERSHIP_LEAVE:
	case MEMBERSHIP_NONE:
		say_left(m, was);
		break;
	}
}

/* --- the room --- */

static void
say_visibility(struct making *m)
{
	const char *value = json_get_str(m->content, "history_visibility");
	bool is_open = value != NULL && strcmp(value, "world_readable") == 0;

	say(m, is_open ? WORD_now_open : WORD_now_closed, str_of(""));
}

void
line_quiet(struct making *m)
{
	static const struct {
		const char *type;
		enum word word;
		const char *field; /* whose text is put in; NULL: none */
		enum word without; /* what is said where it is empty */
	} plain[] = {
		{ "m.room.create", WORD_created, NULL, 0 },
		{ "m.room.name", WORD_named_room, "name", WORD_unnamed_room },
		{ "m.room.topic", WORD_set_topic, "topic", WORD_removed_topic },
		{ "m.room.avatar", WORD_set_avatar, NULL, 0 },
		{ "m.room.tombstone", WORD_upgraded, NULL, 0 },
		{ "m.room.power_levels", WORD_changed_powers, NULL, 0 },
		{ "m.room.join_rules", WORD_changed_joining, NULL, 0 },
		{ "m.room.guest_access", WORD_changed_joining, NULL, 0 },
		{ "m.room.pinned_events", WORD_changed_pins, NULL, 0 },
		{ "m.room.canonical_alias", WORD_changed_address, NULL, 0 },
		{ "m.room.encryption", WORD_encrypts_now, NULL, 0 },
	};
	const struct sliced *e = m->e;

	if (e->state_key == NULL) {
		say_type(m, WORD_unknown_event);
		return;
	}
	if (strcmp(e->type, "m.room.member") == 0) {
		say_member(m);
		return;
	}
	if (strcmp(e->type, "m.room.history_visibility") == 0) {
		say_visibility(m);
		return;
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		const char *text = plain[i].field == NULL
				       ? ""
				       : json_get_str(m->content, plain[i].field);

		if (strcmp(e->type, plain[i].type) != 0)
			continue;
		if (plain[i].field != NULL && (text == NULL || text[0] == '\0'))
			say(m, plain[i].without, str_of(""));
		else
			say_text(m, plain[i].word, text);
		return;
	}
	say_type(m, WORD_changed_state);
}
