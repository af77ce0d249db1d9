/*
 * Compiling push rules and evaluating them. Stands on event/push_glob for patterns;
 * called for each event of a room under its lock, so that conditions are taken apart
 * beforehand.
 */
#include "event/push_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "event/push_glob.h"

#define ARENA_SPARE 8192 /* that an arena may have reserved beyond what is used */
/* What a user's patterns may cost for one event: a millisecond or two. */
#define WORK_MAX 1000000

enum what {
	NEVER, /* "unrecognised conditions MUST NOT match any events" */
	MATCH, /* event_match */
	WORDS, /* event_match of content.body */
	IS,
	CONTAINS,
	NAME,
	MEMBERS,
	LEVEL,
	ROOM,	/* of room rules */
	SENDER, /* of sender rules */
};

enum comparison { EQUAL, LESS, GREATER, AT_LEAST, AT_MOST };

struct condition {
	enum what what;
	bool is_own; /* MATCH, CONTAINS: the value is the user's id */
	struct str *path;
	int path_count;
	struct push_glob glob;
	const struct json *value;
	enum comparison comparison;
	int64_t count;
	const char *text; /* LEVEL: the key; ROOM, SENDER: the id */
};

/* Of a predefined rule all but what the user has changed is that of the shared set. */
struct rule {
	const char *rule_id;
	int kind; /* in push_kinds */
	bool is_enabled;
	struct condition *conditions;
	int count;
	const struct json *actions;
	bool notifies, highlights;
};

struct push_set {
	_Atomic uint32_t refs;
	struct arena *arena;
	struct rule *rules;
	int count;
	bool asks_name;
	struct map ignored; /* user ids */
};

/* --- compiling --- */

/* "Other escape sequences are left as-is."
 * Spec: appendices/#dot-separated-property-paths */
static void
compile_path(struct arena *arena, struct condition *c, const struct json *key)
{
	char *text = arena_strndup(arena, key->s, key->n), *to = text;
	struct str *path = ARENA_ARRAY(arena, struct str, key->n + 1);
	int n = 0;

	path[0].p = to;
	for (uint32_t i = 0; i < key->n; i++) {
		char ch = key->s[i], next = i + 1 < key->n ? key->s[i + 1] : '\0';

		if (ch == '.') {
			path[n].n = (size_t)(to - path[n].p);
			path[++n].p = to;
			continue;
		}
		if (ch == '\\' && (next == '.' || next == '\\')) {
			ch = next;
			i++;
		}
		*to++ = ch;
	}
	path[n].n = (size_t)(to - path[n].p);
	c->path = path;
	c->path_count = n + 1;
}

static bool
is_body(const struct condition *c)
{
	return c->path_count == 2 && str_is(c->path[0], "content") &&
	       str_is(c->path[1], "body");
}

/* The id for which the shared set of predefined rules was written out. */
#define SOMEBODY "@\x01"

static bool
is_somebody(const struct push_ruleset *set, const struct json *value)
{
	const char *text = json_as_str(value);

	return text != NULL && strcmp(set->user_id, SOMEBODY) == 0 &&
	       strcmp(text, SOMEBODY) == 0;
}

static void
compile_match(struct arena *arena, const struct push_ruleset *set,
    const struct json *json, struct condition *c)
{
	const struct json *key = json_get(json, "key"),
			  *pattern = json_get(json, "pattern");

	if (!json_is(key, JSON_STR) || !json_is(pattern, JSON_STR))
		return;
	compile_path(arena, c, key);
	c->what = is_body(c) ? WORDS : MATCH;
	c->is_own = is_somebody(set, pattern);
	c->glob = push_glob_compile(arena, pattern->s, pattern->n);
}

static bool
is_simple(const struct json *v)
{
	return json_is(v, JSON_STR) || json_is(v, JSON_INT) || json_is(v, JSON_BOOL) ||
	       json_is(v, JSON_NULL);
}

static void
compile_value(struct arena *arena, const struct push_ruleset *set,
    const struct json *json, struct condition *c, enum what what)
{
	const struct json *key = json_get(json, "key"),
			  *value = json_get(json, "value");

	if (!json_is(key, JSON_STR) || !is_simple(value))
		return;
	compile_path(arena, c, key);
	c->what = what;
	c->is_own = is_somebody(set, value);
	c->value = json_copy(arena, value);
}

static void
compile_members(const struct json *json, struct condition *c)
{
	static const struct {
		const char *text;
		enum comparison comparison;
	} table[] = { { "==", EQUAL }, { "<=", AT_MOST }, { ">=", AT_LEAST },
		{ "<", LESS }, { ">", GREATER }, { "", EQUAL } };
	const char *is = json_get_str(json, "is");

	for (size_t i = 0; is != NULL && i < sizeof table / sizeof table[0]; i++) {
		if (!starts_with(is, table[i].text))
			continue;
		c->comparison = table[i].comparison;
		if (str_int(str_of(is + strlen(table[i].text)), &c->count))
			c->what = MEMBERS;
		return;
	}
}

static void
compile_condition(struct push_set *out, const struct push_ruleset *set,
    const struct json *json, struct condition *c)
{
	const char *kind = json_get_str(json, "kind");

	if (kind == NULL)
		return;
	if (strcmp(kind, "event_match") == 0) {
		compile_match(out->arena, set, json, c);
	} else if (strcmp(kind, "event_property_is") == 0) {
		compile_value(out->arena, set, json, c, IS);
	} else if (strcmp(kind, "event_property_contains") == 0) {
		compile_value(out->arena, set, json, c, CONTAINS);
	} else if (strcmp(kind, "room_member_count") == 0) {
		compile_members(json, c);
	} else if (strcmp(kind, "contains_display_name") == 0) {
		c->what = NAME;
		out->asks_name = true;
	} else if (strcmp(kind, "sender_notification_permission") == 0) {
		const char *key = json_get_str(json, "key");

		c->text = key == NULL ? NULL : arena_strdup(out->arena, key);
		c->what = key == NULL ? NEVER : LEVEL;
	}
}

/* "predefined conditions" of room, sender and content rules. */
static void
compile_implied(
    struct arena *arena, const char *kind, const struct json *json, struct rule *rule)
{
	const struct json *pattern = json_get(json, "pattern");
	struct condition *c = ARENA_NEW(arena, struct condition);

	rule->conditions = c;
	rule->count = 1;
	c->text = rule->rule_id;
	if (strcmp(kind, "room") == 0) {
		c->what = ROOM;
	} else if (strcmp(kind, "sender") == 0) {
		c->what = SENDER;
	} else if (json_is(pattern, JSON_STR)) {
		c->what = WORDS;
		c->glob = push_glob_compile(arena, pattern->s, pattern->n);
	}
}

/* actions lie in the set's arena. */
static void
compile_actions(struct rule *rule, const struct json *actions)
{
	rule->actions = actions;
	rule->notifies = rule->highlights = false;
	for (uint32_t i = 0; i < actions->n; i++) {
		const struct json *action = &actions->items[i];
		const char *word = json_as_str(action),
			   *tweak = json_get_str(action, "set_tweak");

		if (word != NULL && strcmp(word, "notify") == 0)
			rule->notifies = true;
		/* "If a highlight tweak is given with no value, its value is defined
		 * to be true." */
		if (tweak != NULL && strcmp(tweak, "highlight") == 0)
			rule->highlights = json_get(action, "value") == NULL ||
					   json_get_bool(action, "value", false);
	}
	rule->highlights = rule->highlights && rule->notifies;
}

static void
compile_rule(struct push_set *out, const struct push_ruleset *set, int kind,
    const struct json *json)
{
	const struct json *conditions = json_get_array(json, "conditions"),
			  *actions = json_get_array(json, "actions");
	const char *rule_id = json_get_str(json, "rule_id"), *word = push_kinds[kind];
	struct rule *rule = &out->rules[out->count];

	if (rule_id == NULL || actions == NULL)
		return;
	out->count++;
	rule->rule_id = arena_strdup(out->arena, rule_id);
	rule->kind = kind;
	rule->is_enabled = json_get_bool(json, "enabled", true);
	compile_actions(rule, json_copy(out->arena, actions));
	if (strcmp(word, "override") != 0 && strcmp(word, "underride") != 0) {
		compile_implied(out->arena, word, json, rule);
		return;
	}
	rule->count = conditions == NULL ? 0 : (int)conditions->n;
	rule->conditions = ARENA_ARRAY(out->arena, struct condition, rule->count);
	for (int i = 0; i < rule->count; i++)
		compile_condition(
		    out, set, &conditions->items[i], &rule->conditions[i]);
}

static void
compile_list(struct push_set *out, const struct push_ruleset *set, int kind,
    const struct json *list)
{
	for (uint32_t i = 0; list != NULL && i < list->n; i++)
		compile_rule(out, set, kind, &list->items[i]);
}

/* A predefined rule with what the user has changed of it. */
static void
take_over(
    struct push_set *out, const struct push_ruleset *set, const struct rule *predefined)
{
	const struct json *changed =
	    json_get(json_get(set->own, "changed"), predefined->rule_id);
	const struct json *actions = json_get_array(changed, "actions");
	struct rule *rule = &out->rules[out->count++];

	*rule = *predefined;
	rule->is_enabled = json_get_bool(changed, "enabled", predefined->is_enabled);
	if (actions != NULL)
		compile_actions(rule, json_copy(out->arena, actions));
}

static void
compile_ignored(struct push_set *out, const struct json *ignored)
{
	const struct json *users = json_get_object(ignored, "ignored_users");

	for (uint32_t i = 0; users != NULL && i < users->n; i++) {
		char *user_id = arena_strndup(
		    out->arena, users->members[i].key, users->members[i].key_n);

		map_put_str(&out->ignored, user_id, user_id);
	}
}

static struct push_set *
set_new(uint32_t count)
{
	struct push_set *set = xcalloc(1, sizeof *set);

	atomic_init(&set->refs, 1);
	set->arena = arena_new();
	set->rules = ARENA_ARRAY(set->arena, struct rule, count);
	return set;
}

/* In the order of push_ruleset_list: the master rule, the user's own, the others. */
struct push_set *
push_set_new(const struct push_ruleset *set, const struct push_set *predefined,
    const struct json *ignored)
{
	uint32_t count = (uint32_t)predefined->count;
	const struct rule *next = predefined->rules, *end = next + count;
	struct push_set *out;

	for (int kind = 0; kind < PUSH_KINDS; kind++) {
		const struct json *own = json_get_array(set->own, push_kinds[kind]);

		count += own == NULL ? 0 : own->n;
	}
	out = set_new(count);
	for (int kind = 0; kind < PUSH_KINDS; kind++) {
		if (kind == 0)
			take_over(out, set, next++);
		compile_list(
		    out, set, kind, json_get_array(set->own, push_kinds[kind]));
		for (; next < end && next->kind == kind; next++)
			take_over(out, set, next);
	}
	compile_ignored(out, ignored);
	return out;
}

struct push_set *
push_set_predefined(void)
{
	struct push_ruleset set = { .user_id = SOMEBODY };
	struct arena *arena = arena_new();
	const struct json *all = push_ruleset_all(arena, &set);
	uint32_t count = 0;
	struct push_set *out;

	for (int kind = 0; kind < PUSH_KINDS; kind++)
		count += json_get(all, push_kinds[kind])->n;
	out = set_new(count);
	for (int kind = 0; kind < PUSH_KINDS; kind++)
		compile_list(out, &set, kind, json_get(all, push_kinds[kind]));
	assert(strcmp(out->rules[0].rule_id, ".m.rule.master") == 0);
	arena_free(arena);
	return out;
}

struct push_set *
push_set_ref(struct push_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void
push_set_unref(struct push_set *set)
{
	if (set == NULL ||
	    atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	map_fini(&set->ignored);
	arena_free(set->arena);
	free(set);
}

size_t
push_set_bytes(const struct push_set *set)
{
	return sizeof *set + arena_used(set->arena) + ARENA_SPARE +
	       set->ignored.count * 64;
}

bool
push_set_asks_name(const struct push_set *set)
{
	return set->asks_name;
}

/* --- evaluating --- */

struct judging {
	struct push_event *event;
	const struct push_facts *facts;
	int64_t work;
};

static const struct json *
text_node(struct json *scratch, const char *text)
{
	if (text == NULL)
		return NULL;
	*scratch = (struct json){ .type = JSON_STR };
	scratch->s = text;
	scratch->n = (uint32_t)strlen(text);
	return scratch;
}

/* A property of the event as clients are shown it: what servers alone have (hashes,
 * signatures, the graph) is not there. */
static const struct json *
top_level(const struct push_event *e, struct str key, struct json *scratch)
{
	const struct event *event = e->event;

	if (str_is(key, "content"))
		return event->content;
	if (str_is(key, "type"))
		return text_node(scratch, event->type);
	if (str_is(key, "sender"))
		return text_node(scratch, event->sender);
	if (str_is(key, "room_id"))
		return text_node(scratch, e->room_id);
	if (str_is(key, "event_id"))
		return text_node(scratch, event->event_id);
	if (str_is(key, "state_key"))
		return text_node(scratch, event->state_key);
	if (str_is(key, "origin_server_ts") || str_is(key, "redacts"))
		return json_get_n(event->json, key.p, key.n);
	return NULL;
}

static const struct json *
property(const struct push_event *e, const struct condition *c, struct json *scratch)
{
	const struct json *v = top_level(e, c->path[0], scratch);

	for (int i = 1; v != NULL && i < c->path_count; i++)
		v = json_get_n(v, c->path[i].p, c->path[i].n);
	return v;
}

static struct str
folded(struct push_event *e)
{
	const struct json *body;

	if (e->body.p != NULL)
		return e->body;
	e->body = STR("");
	body = json_get(e->event->content, "body");
	if (json_is(body, JSON_STR)) {
		char *text = arena_strndup(e->arena, body->s, body->n);

		push_fold(text, body->n);
		e->body = (struct str){ text, body->n };
	}
	return e->body;
}

static bool
has_body(const struct push_event *e)
{
	return json_is(json_get(e->event->content, "body"), JSON_STR);
}

static bool
is_user(const struct judging *j, const struct json *v)
{
	const char *text = json_as_str(v);

	return text != NULL && j->facts->user_id != NULL &&
	       strcmp(text, j->facts->user_id) == 0;
}

#define SMALL 256 /* bytes of a value that is folded on the stack */

static bool
matches(struct judging *j, const struct condition *c)
{
	struct json scratch;
	const struct json *v = property(j->event, c, &scratch);
	char small[SMALL], *text = small;
	bool is_match;

	if (!json_is(v, JSON_STR))
		return false;
	if (c->is_own)
		return is_user(j, v);
	if (v->n > SMALL)
		text = xmalloc(v->n);
	memcpy(text, v->s, v->n);
	push_fold(text, v->n);
	is_match = push_glob_is(&c->glob, (struct str){ text, v->n }, &j->work);
	if (text != small)
		free(text);
	return is_match;
}

static bool
contains(const struct judging *j, const struct condition *c, const struct json *list)
{
	if (!json_is(list, JSON_ARRAY))
		return false;
	for (uint32_t i = 0; i < list->n; i++)
		if (c->is_own ? is_user(j, &list->items[i])
			      : json_equal(&list->items[i], c->value))
			return true;
	return false;
}

/* No pattern: a name may hold stars. */
static bool
has_name(struct judging *j)
{
	const char *name = j->facts->display_name;
	struct push_glob_part part = { .is_literal = true };
	struct push_glob glob = { .parts = &part, .count = 1 };
	char *text;
	bool is_there;

	if (name == NULL || name[0] == '\0' || !has_body(j->event))
		return false;
	text = xstrdup(name);
	part.text = str_of(text);
	push_fold(text, part.text.n);
	is_there = push_glob_within(&glob, folded(j->event), &j->work);
	free(text);
	return is_there;
}

static bool
has_members(const struct judging *j, const struct condition *c)
{
	int64_t joined = j->facts->joined;

	switch (c->comparison) {
	case EQUAL:
		return joined == c->count;
	case LESS:
		return joined < c->count;
	case GREATER:
		return joined > c->count;
	case AT_LEAST:
		return joined >= c->count;
	case AT_MOST:
		break;
	}
	return joined <= c->count;
}

static bool
sender_may(const struct judging *j, const char *key)
{
	const struct power *power = j->facts->power;

	return power_user(power, j->event->event->sender) >=
	       power_to_notify(power, key);
}

static bool
holds(struct judging *j, const struct condition *c)
{
	struct json scratch;

	switch (c->what) {
	case NEVER:
		return false;
	case MATCH:
		return matches(j, c);
	case WORDS:
		return has_body(j->event) &&
		       push_glob_within(&c->glob, folded(j->event), &j->work);
	case IS:
		return json_equal(property(j->event, c, &scratch), c->value);
	case CONTAINS:
		return contains(j, c, property(j->event, c, &scratch));
	case NAME:
		return has_name(j);
	case MEMBERS:
		return has_members(j, c);
	case LEVEL:
		return sender_may(j, c->text);
	case ROOM:
		return strcmp(j->event->room_id, c->text) == 0;
	case SENDER:
		break;
	}
	return strcmp(j->event->event->sender, c->text) == 0;
}

static bool
rule_holds(struct judging *j, const struct rule *rule)
{
	for (int i = 0; i < rule->count; i++)
		if (!holds(j, &rule->conditions[i]))
			return false;
	return true;
}

/* What an ignored user says, and invitations by them, are not sent to clients.
 * Spec: client-server-api/#ignoring-users */
static bool
is_ignored(const struct push_set *set, const struct event *e)
{
	bool is_invite = e->membership != NULL && strcmp(e->membership, "invite") == 0;

	return set->ignored.count > 0 && (e->state_key == NULL || is_invite) &&
	       map_get_str(&set->ignored, e->sender) != NULL;
}

void
push_evaluate(const struct push_set *set, struct push_event *event,
    const struct push_facts *facts, struct push_result *out)
{
	struct judging j = { event, facts, WORK_MAX };

	*out = (struct push_result){ .notifies = false };
	if (is_ignored(set, event->event))
		return;
	for (int i = 0; i < set->count; i++) {
		const struct rule *rule = &set->rules[i];

		if (!rule->is_enabled || !rule_holds(&j, rule))
			continue;
		*out = (struct push_result){ .notifies = rule->notifies,
			.highlights = rule->highlights,
			.rule_id = rule->rule_id,
			.actions = rule->actions };
		return;
	}
}
