/*
 * Listing and changing one set of push rules, as JSON. Stands on event/push_predefined;
 * room/push_rules reads and stores what it makes.
 */
#include "event/push_ruleset.h"

#include <string.h>

#include "event/push_predefined.h"

const char *const push_kinds[PUSH_KINDS] = { "override", "content", "room", "sender",
	"underride" };

bool
push_kind_valid(const char *kind)
{
	for (int i = 0; i < PUSH_KINDS; i++)
		if (strcmp(push_kinds[i], kind) == 0)
			return true;
	return false;
}

static bool
has_conditions(const char *kind)
{
	return strcmp(kind, "override") == 0 || strcmp(kind, "underride") == 0;
}

/* --- listing --- */

static bool
is_rule(const struct json *rule, const char *rule_id)
{
	const char *id = json_get_str(rule, "rule_id");

	return id != NULL && strcmp(id, rule_id) == 0;
}

/* Clients of 2015 take a condition that they do not know for met. */
static bool
is_known_in_2015(const struct json *rule)
{
	static const char *const known[] = { "event_match", "profile_tag",
		"contains_display_name", "room_member_count" };
	const struct json *conditions = json_get_array(rule, "conditions");

	for (uint32_t i = 0; conditions != NULL && i < conditions->n; i++) {
		const char *kind = json_get_str(&conditions->items[i], "kind");
		bool is_known = false;

		for (size_t k = 0; kind != NULL && k < sizeof known / sizeof known[0];
		     k++)
			is_known = is_known || strcmp(kind, known[k]) == 0;
		if (!is_known)
			return false;
	}
	return true;
}

/* 2015's word for no action at all. */
static void
say_dont_notify(struct arena *arena, struct json *rule)
{
	struct json *actions, word;

	if (json_get_array(rule, "actions")->n > 0)
		return;
	actions = json_array(arena);
	word = *json_str(arena, "dont_notify");
	json_push(arena, actions, &word);
	json_set(arena, rule, "actions", actions);
}

/* rule may be changed at its top level. */
static void
add_rule(struct arena *arena, const struct push_ruleset *set, struct json *list,
    struct json *rule)
{
	if (json_get_array(rule, "actions") == NULL)
		return;
	if (set->legacy) {
		if (!is_known_in_2015(rule))
			return;
		say_dont_notify(arena, rule);
	}
	json_push(arena, list, rule);
}

static void
add_own(struct arena *arena, const struct push_ruleset *set, struct json *list,
    const char *kind)
{
	const struct json *own = json_get_array(set->own, kind);

	for (uint32_t i = 0; own != NULL && i < own->n; i++) {
		struct json *rule = json_shallow(arena, &own->items[i]);

		json_set_bool(arena, rule, "default", false);
		add_rule(arena, set, list, rule);
	}
}

/* A predefined rule with what the user has changed of it. */
static void
add_predefined(struct arena *arena, const struct push_ruleset *set, struct json *list,
    struct json *rule)
{
	const struct json *changed =
	    json_get(json_get(set->own, "changed"), json_get_str(rule, "rule_id"));
	const struct json *actions = json_get_array(changed, "actions"),
			  *enabled = json_get(changed, "enabled");

	if (actions != NULL)
		json_set(arena, rule, "actions", actions);
	if (json_is(enabled, JSON_BOOL))
		json_set(arena, rule, "enabled", enabled);
	add_rule(arena, set, list, rule);
}

/* "Unlike other server-default rules, this one has always a higher priority than other
 * rules, even user defined ones." */
struct json *
push_ruleset_list(struct arena *arena, const struct push_ruleset *set, const char *kind)
{
	struct json *list = json_array(arena), *predefined;
	uint32_t i = 0;

	if (set->is_device) {
		add_own(arena, set, list, kind);
		return list;
	}
	predefined = push_predefined(arena, set->user_id, set->legacy, kind);
	if (predefined->n > 0 && is_rule(&predefined->items[0], ".m.rule.master"))
		add_predefined(arena, set, list, &predefined->items[i++]);
	add_own(arena, set, list, kind);
	for (; i < predefined->n; i++)
		add_predefined(arena, set, list, &predefined->items[i]);
	return list;
}

const struct json *
push_ruleset_find(struct arena *arena, const struct push_ruleset *set, const char *kind,
    const char *rule_id)
{
	const struct json *list = push_ruleset_list(arena, set, kind);

	for (uint32_t i = 0; i < list->n; i++)
		if (is_rule(&list->items[i], rule_id))
			return &list->items[i];
	return NULL;
}

struct json *
push_ruleset_all(struct arena *arena, const struct push_ruleset *set)
{
	struct json *all = json_object(arena);

	for (int i = 0; i < PUSH_KINDS; i++)
		json_set(arena, all, push_kinds[i],
		    push_ruleset_list(arena, set, push_kinds[i]));
	return all;
}

/* --- what a client gives --- */

static bool
is_word(const struct json *action, const char *word)
{
	const char *text = json_as_str(action);

	return text != NULL && strcmp(text, word) == 0;
}

/* "Clients and homeservers MUST ignore these actions." In 2015 coalesce was a notify
 * for servers that cannot. */
static enum mx_err
add_action(struct arena *arena, struct json *list, const struct json *action,
    bool legacy, const char **why_out)
{
	if (is_word(action, "dont_notify"))
		return M_OK;
	if (is_word(action, "coalesce")) {
		if (legacy)
			json_push(arena, list, json_str(arena, "notify"));
		return M_OK;
	}
	if (!is_word(action, "notify") && !json_is(action, JSON_OBJECT)) {
		*why_out = "An action is \"notify\" or an object";
		return M_INVALID_PARAM;
	}
	if (json_get(action, "set_tweak") != NULL &&
	    json_get_str(action, "set_tweak") == NULL) {
		*why_out = "set_tweak must be a string";
		return M_BAD_JSON;
	}
	json_push(arena, list, action);
	return M_OK;
}

enum mx_err
push_actions_read(struct arena *arena, const struct json *body, bool legacy,
    struct json **actions_out, const char **why_out)
{
	const struct json *given = json_get(body, "actions");
	struct json *list = json_array(arena);
	enum mx_err err = M_OK;

	*why_out = "actions is missing";
	if (given == NULL)
		return M_MISSING_PARAM;
	*why_out = "actions must be an array";
	if (!json_is(given, JSON_ARRAY))
		return M_BAD_JSON;
	for (uint32_t i = 0; err == M_OK && i < given->n; i++)
		err = add_action(arena, list, &given->items[i], legacy, why_out);
	*actions_out = list;
	return err;
}

/* What the value behind a key of a condition must be. */
static enum mx_err
check_text(const struct json *condition, const char *key, const char **why_out)
{
	const struct json *value = json_get(condition, key);

	*why_out = "A condition's key, pattern and is must be strings";
	return value == NULL || json_is(value, JSON_STR) ? M_OK : M_BAD_JSON;
}

static enum mx_err
check_condition(const struct json *condition, const char **why_out)
{
	enum mx_err err;

	*why_out = "A condition is an object with a kind";
	if (!json_is(condition, JSON_OBJECT))
		return M_BAD_JSON;
	if (json_get(condition, "kind") == NULL)
		return M_MISSING_PARAM;
	if (json_get_str(condition, "kind") == NULL)
		return M_BAD_JSON;
	err = check_text(condition, "key", why_out);
	if (err == M_OK)
		err = check_text(condition, "pattern", why_out);
	return err == M_OK ? check_text(condition, "is", why_out) : err;
}

static enum mx_err
read_conditions(struct arena *arena, const struct json *body, struct json *rule,
    const char **why_out)
{
	const struct json *conditions = json_get(body, "conditions");
	enum mx_err err = M_OK;

	*why_out = "conditions must be an array";
	if (conditions == NULL)
		conditions = json_array(arena);
	if (!json_is(conditions, JSON_ARRAY))
		return M_BAD_JSON;
	for (uint32_t i = 0; err == M_OK && i < conditions->n; i++)
		err = check_condition(&conditions->items[i], why_out);
	json_set(arena, rule, "conditions", conditions);
	return err;
}

static enum mx_err
read_pattern(struct arena *arena, const struct json *body, struct json *rule,
    const char **why_out)
{
	const struct json *pattern = json_get(body, "pattern");

	*why_out = "A rule of content needs a pattern";
	if (pattern == NULL)
		return M_MISSING_PARAM;
	*why_out = "pattern must be a string";
	if (!json_is(pattern, JSON_STR))
		return M_BAD_JSON;
	json_set(arena, rule, "pattern", pattern);
	return M_OK;
}

enum mx_err
push_rule_read(struct arena *arena, const char *kind, const struct json *body,
    bool legacy, struct json **rule_out, const char **why_out)
{
	struct json *rule = json_object(arena), *actions;
	enum mx_err err = push_actions_read(arena, body, legacy, &actions, why_out);

	if (err != M_OK)
		return err;
	json_set(arena, rule, "actions", actions);
	if (has_conditions(kind))
		err = read_conditions(arena, body, rule, why_out);
	else if (strcmp(kind, "content") == 0)
		err = read_pattern(arena, body, rule, why_out);
	*rule_out = rule;
	return err;
}

/* --- changing --- */

static int
place_of(const struct json *list, const char *rule_id)
{
	for (uint32_t i = 0; list != NULL && i < list->n; i++)
		if (is_rule(&list->items[i], rule_id))
			return (int)i;
	return -1;
}

/* The list with rule (NULL: none) in front of what stands at `at`, and without `drop`
 * (-1: none). */
static const struct json *
relist(struct arena *arena, const struct json *list, int drop, int at,
    const struct json *rule)
{
	struct json *out = json_array(arena);
	int n = list == NULL ? 0 : (int)list->n;

	for (int i = 0; i <= n; i++) {
		if (i == at && rule != NULL)
			json_push(arena, out, rule);
		if (i < n && i != drop)
			json_push(arena, out, &list->items[i]);
	}
	return out;
}

static enum mx_err
place_wanted(struct arena *arena, const struct json *list,
    const struct push_change *change, int present, int *at_out, const char **why_out)
{
	const char *const wanted[] = { change->after, change->before };

	*at_out = present < 0 ? 0 : present;
	for (int i = 0; i < 2; i++) {
		int place;

		if (wanted[i] == NULL)
			continue;
		place = place_of(list, wanted[i]);
		if (place < 0 || place == present) {
			*why_out = arena_printf(
			    arena, "before/after rule not found: %.255s", wanted[i]);
			return M_BAD_STATE;
		}
		/* `before` comes last, and so has the last word. */
		*at_out = i == 0 ? place + 1 : place;
	}
	return M_OK;
}

static enum mx_err
put(struct arena *arena, struct json *own, const struct push_change *change,
    const char **why_out)
{
	const struct json *list = json_get_array(own, change->kind);
	int present = place_of(list, change->rule_id), at;
	struct json *rule = json_shallow(arena, change->rule);
	enum mx_err err = place_wanted(arena, list, change, present, &at, why_out);

	if (err != M_OK)
		return err;
	json_set_str(arena, rule, "rule_id", change->rule_id);
	json_set_bool(arena, rule, "enabled",
	    present < 0 || json_get_bool(&list->items[present], "enabled", true));
	json_set(arena, own, change->kind, relist(arena, list, present, at, rule));
	return M_OK;
}

static enum mx_err
drop(struct arena *arena, struct json *own, const struct push_change *change,
    const char **why_out)
{
	const struct json *list = json_get_array(own, change->kind), *left;
	int present = place_of(list, change->rule_id);

	if (change->rule_id[0] == '.')
		*why_out = "A predefined rule can be switched off, but stays";
	if (present < 0)
		return M_NOT_FOUND;
	left = relist(arena, list, present, -1, NULL);
	if (left->n > 0)
		json_set(arena, own, change->kind, left);
	else
		json_del(own, change->kind);
	return M_OK;
}

/* enabled or actions of one rule. */
static void
set_one(struct arena *arena, struct json *rule, const struct push_change *change)
{
	if (change->what == PUSH_ENABLE)
		json_set_bool(arena, rule, "enabled", change->enabled);
	else
		json_set(arena, rule, "actions", change->actions);
}

/* What is again as it was predefined deviates no more. */
static void
forget_equal(const struct json *predefined, struct json *changed)
{
	static const char *const keys[] = { "enabled", "actions" };

	for (int i = 0; i < 2; i++)
		if (json_equal(
			json_get(changed, keys[i]), json_get(predefined, keys[i])))
			json_del(changed, keys[i]);
}

static enum mx_err
set_predefined(struct arena *arena, struct json *own, const struct push_ruleset *set,
    const struct push_change *change)
{
	const struct json *all = json_get_object(own, "changed"), *one;
	struct push_ruleset plain = { .user_id = set->user_id, .legacy = set->legacy };
	const struct json *predefined =
	    push_ruleset_find(arena, &plain, change->kind, change->rule_id);
	struct json *changed, *changes;

	if (predefined == NULL || set->is_device)
		return M_NOT_FOUND;
	one = json_get_object(all, change->rule_id);
	changed = one == NULL ? json_object(arena) : json_shallow(arena, one);
	changes = all == NULL ? json_object(arena) : json_shallow(arena, all);
	set_one(arena, changed, change);
	if (!set->legacy)
		forget_equal(predefined, changed);
	if (changed->n > 0)
		json_set(arena, changes, change->rule_id, changed);
	else
		json_del(changes, change->rule_id);
	if (changes->n > 0)
		json_set(arena, own, "changed", changes);
	else
		json_del(own, "changed");
	return M_OK;
}

static enum mx_err
set_some(struct arena *arena, struct json *own, const struct push_ruleset *set,
    const struct push_change *change)
{
	const struct json *list = json_get_array(own, change->kind);
	int present = place_of(list, change->rule_id);
	struct json *rule;

	if (present < 0)
		return set_predefined(arena, own, set, change);
	rule = json_shallow(arena, &list->items[present]);
	set_one(arena, rule, change);
	json_set(arena, own, change->kind, relist(arena, list, present, present, rule));
	return M_OK;
}

/* --- from a room to the one that replaces it --- */

/* Where a condition that holds in this room alone has the room's id; NULL: it is none.
 */
static const char *
room_key(const struct json *condition, const char *room_id)
{
	const char *kind = json_get_str(condition, "kind"),
		   *key = json_get_str(condition, "key"), *at, *value;

	if (kind == NULL || key == NULL || strcmp(key, "room_id") != 0)
		return NULL;
	if (strcmp(kind, "event_match") == 0)
		at = "pattern";
	else if (strcmp(kind, "event_property_is") == 0)
		at = "value";
	else
		return NULL;
	value = json_get_str(condition, at);
	return value != NULL && strcmp(value, room_id) == 0 ? at : NULL;
}

/* The conditions with the other room in them; NULL: they do not name the one. */
static const struct json *
carried_conditions(struct arena *arena, const struct json *conditions,
    const struct push_change *change)
{
	struct json *out = json_array(arena);
	bool names = false;

	for (uint32_t i = 0; conditions != NULL && i < conditions->n; i++) {
		struct json *condition = json_shallow(arena, &conditions->items[i]);
		const char *key = room_key(condition, change->from);

		names = names || key != NULL;
		if (key != NULL)
			json_set_str(arena, condition, key, change->to);
		json_push(arena, out, condition);
	}
	return names ? out : NULL;
}

/* With the other room in the one's place, or behind it all: ids are each rule's own. */
static const char *
carried_id(struct arena *arena, const char *id, const struct push_change *change)
{
	const char *at = strstr(id, change->from);

	if (at == NULL)
		return arena_printf(arena, "%s %s", id, change->to);
	return arena_printf(arena, "%.*s%s%s", (int)(at - id), id, change->to,
	    at + strlen(change->from));
}

/* A rule's twin; NULL: it has none. */
static struct json *
carried_rule(struct arena *arena, const char *kind, const struct json *rule,
    const struct push_change *change)
{
	const char *id = json_get_str(rule, "rule_id");
	const struct json *conditions = NULL;
	struct json *twin;

	if (id == NULL)
		return NULL;
	if (has_conditions(kind))
		conditions = carried_conditions(
		    arena, json_get_array(rule, "conditions"), change);
	else if (strcmp(kind, "room") != 0 || strcmp(id, change->from) != 0)
		return NULL;
	if (has_conditions(kind) && conditions == NULL)
		return NULL;
	id = carried_id(arena, id, change);
	if (strlen(id) > PUSH_RULE_ID_MAX)
		return NULL;
	twin = json_shallow(arena, rule);
	json_set_str(arena, twin, "rule_id", id);
	if (conditions != NULL)
		json_set(arena, twin, "conditions", conditions);
	return twin;
}

static void
carry(struct arena *arena, struct json *own, const char *kind,
    const struct push_change *change)
{
	const struct json *list = json_get_array(own, kind);
	struct json *out = json_array(arena);

	for (uint32_t i = 0; list != NULL && i < list->n; i++) {
		struct json *twin = carried_rule(arena, kind, &list->items[i], change);
		const char *id = json_get_str(twin, "rule_id");

		json_push(arena, out, &list->items[i]);
		if (id != NULL && place_of(list, id) < 0 && place_of(out, id) < 0)
			json_push(arena, out, twin);
	}
	if (list != NULL && out->n > list->n)
		json_set(arena, own, kind, out);
}

enum mx_err
push_ruleset_change(struct arena *arena, const struct push_ruleset *set,
    const struct push_change *change, struct json **own_out, const char **why_out)
{
	struct json *own =
	    set->own == NULL ? json_object(arena) : json_shallow(arena, set->own);

	*own_out = own;
	*why_out = "The push rule was not found";
	switch (change->what) {
	case PUSH_PUT:
		return put(arena, own, change, why_out);
	case PUSH_DELETE:
		return drop(arena, own, change, why_out);
	case PUSH_CARRY:
		for (int i = 0; i < PUSH_KINDS; i++)
			carry(arena, own, push_kinds[i], change);
		return M_OK;
	case PUSH_ENABLE:
	case PUSH_ACTIONS:
		break;
	}
	return set_some(arena, own, set, change);
}
