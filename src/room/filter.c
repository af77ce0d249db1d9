/*
 * Reading filters out of JSON, with a sentence for each mistake, and judging events by
 * them. Between the handlers of api/client, which are given filters, and room/timeline.
 */
#include "room/filter.h"

#include <string.h>

#include "room/relations.h"

#define LIST_MAX 1000 /* entries of one list */

/* Each piece between stars at its first place behind the one before: that leaves the
 * most room for what follows. Linear, whatever the pattern. */
bool
filter_matches(const char *pattern, const char *text)
{
	const char *end = text + strlen(text), *star = strchr(pattern, '*');
	size_t n;

	if (star == NULL)
		return strcmp(pattern, text) == 0;
	n = (size_t)(star - pattern);
	if ((size_t)(end - text) < n || memcmp(text, pattern, n) != 0)
		return false;
	for (text += n; (pattern = star + 1, star = strchr(pattern, '*')) != NULL;) {
		n = (size_t)(star - pattern);
		text = memmem(text, (size_t)(end - text), pattern, n);
		if (text == NULL)
			return false;
		text += n;
	}
	n = strlen(pattern);
	return (size_t)(end - text) >= n && memcmp(end - n, pattern, n) == 0;
}

/* --- reading --- */

struct reading {
	struct arena *arena; /* NULL: only checked */
	const struct json *json;
	const char **why_out;
};

static enum mx_err
wrong(struct reading *r, const char *why)
{
	*r->why_out = why;
	return M_BAD_JSON;
}

/* The value behind key; null counts as absent. */
static const struct json *
value_of(const struct json *json, const char *key)
{
	const struct json *v = json_get(json, key);

	return json_is(v, JSON_NULL) ? NULL : v;
}

static enum mx_err
read_list(struct reading *r, const char *key, struct filter_list *out)
{
	const struct json *list = value_of(r->json, key);

	*out = (struct filter_list){ NULL, 0 };
	if (list == NULL)
		return M_OK;
	if (!json_is(list, JSON_ARRAY))
		return wrong(r, "a filter's types, senders and rooms are lists");
	if (list->n > LIST_MAX)
		return wrong(r, "a filter's lists are too long");
	out->v = arena_raw(r->arena, sizeof *out->v * (list->n + 1));
	for (uint32_t i = 0; i < list->n; i++) {
		out->v[i] = json_as_str(&list->items[i]);
		if (out->v[i] == NULL)
			return wrong(r, "a filter's lists hold strings");
		out->n++;
	}
	return M_OK;
}

static bool
all_begin(const struct filter_list *list, char sigil)
{
	for (int i = 0; i < list->n; i++)
		if (list->v[i][0] != sigil)
			return false;
	return true;
}

static enum mx_err
check_rooms(
    struct reading *r, const struct filter_list *rooms, const struct filter_list * not )
{
	if (!all_begin(rooms, '!') || !all_begin(not, '!'))
		return wrong(r, "a filter's rooms are room ids");
	return M_OK;
}

static enum mx_err
read_lists(struct reading *r, struct filter *out)
{
	const struct {
		const char *key;
		struct filter_list *list;
	} lists[] = { { "types", &out->types }, { "not_types", &out->not_types },
		{ "senders", &out->senders }, { "not_senders", &out->not_senders },
		{ "rooms", &out->rooms }, { "not_rooms", &out->not_rooms },
		{ "related_by_senders", &out->related_by_senders },
		{ "related_by_rel_types", &out->related_by_rel_types } };

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		enum mx_err err = read_list(r, lists[i].key, lists[i].list);

		if (err != M_OK)
			return err;
	}
	if (!all_begin(&out->senders, '@') || !all_begin(&out->not_senders, '@') ||
	    !all_begin(&out->related_by_senders, '@'))
		return wrong(r, "a filter's senders are user ids");
	return check_rooms(r, &out->rooms, &out->not_rooms);
}

static enum mx_err
read_flag(struct reading *r, const char *key, bool *is_there, bool *out)
{
	const struct json *v = value_of(r->json, key);

	*is_there = v != NULL;
	*out = v != NULL && json_is(v, JSON_BOOL) && v->b;
	if (v != NULL && !json_is(v, JSON_BOOL))
		return wrong(r, "a filter's switches are true or false");
	return M_OK;
}

enum mx_err
filter_of(struct arena *arena, const struct json *json, struct filter *out,
    const char **why_out)
{
	struct reading r = { arena, json, why_out };
	const struct json *limit;
	bool is_there;
	enum mx_err err;

	*out = (struct filter){ .limit = 0 };
	if (!json_is(json, JSON_OBJECT))
		return wrong(&r, "a filter is an object");
	err = read_lists(&r, out);
	if (err == M_OK)
		err = read_flag(
		    &r, "contains_url", &out->has_contains_url, &out->contains_url);
	if (err == M_OK)
		err = read_flag(
		    &r, "lazy_load_members", &is_there, &out->lazy_load_members);
	if (err == M_OK)
		err = read_flag(&r, "include_redundant_members", &is_there,
		    &out->include_redundant_members);
	if (err == M_OK)
		err = read_flag(&r, "unread_thread_notifications", &is_there,
		    &out->unread_thread_notifications);
	limit = value_of(json, "limit");
	if (err != M_OK || limit == NULL)
		return err;
	if (!json_is(limit, JSON_INT) || limit->i < 1)
		return wrong(&r, "a filter's limit is an integer greater than 0");
	out->limit = limit->i;
	return M_OK;
}

enum mx_err
filter_read(
    struct arena *arena, const char *text, struct filter *out, const char **why_out)
{
	struct json_error error;
	struct json *json;

	*out = (struct filter){ .limit = 0 };
	if (text == NULL)
		return M_OK;
	json = json_parse_copy(
	    arena, text, strlen(text), JSON_FLOATS | JSON_LAST_WINS, &error);
	if (json == NULL) {
		*why_out = "filter is no JSON";
		return M_INVALID_PARAM;
	}
	return filter_of(arena, json, out, why_out) == M_OK ? M_OK : M_INVALID_PARAM;
}

/* --- a whole Filter --- */

static enum mx_err
read_part(struct reading *r, const char *key, struct filter *out)
{
	const struct json *part = value_of(r->json, key);

	return part == NULL ? M_OK : filter_of(r->arena, part, out, r->why_out);
}

static enum mx_err
read_room(struct reading *r, struct filter_whole *out)
{
	const struct {
		const char *key;
		struct filter *part;
	} parts[] = { { "account_data", &out->room_account_data },
		{ "ephemeral", &out->ephemeral }, { "state", &out->state },
		{ "timeline", &out->timeline } };
	bool is_there;
	enum mx_err err;

	if (!json_is(r->json, JSON_OBJECT))
		return wrong(r, "room is an object");
	err = read_list(r, "rooms", &out->rooms);
	if (err == M_OK)
		err = read_list(r, "not_rooms", &out->not_rooms);
	if (err == M_OK)
		err = check_rooms(r, &out->rooms, &out->not_rooms);
	if (err == M_OK)
		err = read_flag(r, "include_leave", &is_there, &out->include_leave);
	for (size_t i = 0; err == M_OK && i < sizeof parts / sizeof parts[0]; i++)
		err = read_part(r, parts[i].key, parts[i].part);
	return err;
}

static enum mx_err
read_format(struct reading *r, struct filter_whole *out)
{
	const struct json *format = value_of(r->json, "event_format");
	const char *text = json_as_str(format);

	if (format == NULL)
		return M_OK;
	if (text == NULL ||
	    (strcmp(text, "client") != 0 && strcmp(text, "federation") != 0))
		return wrong(r, "event_format is client or federation");
	out->is_federation = strcmp(text, "federation") == 0;
	return M_OK;
}

enum mx_err
filter_whole_of(struct arena *arena, const struct json *json, struct filter_whole *out,
    const char **why_out)
{
	struct reading r = { arena, json, why_out };
	const struct json *room;
	enum mx_err err;

	*out = (struct filter_whole){ .is_federation = false };
	if (!json_is(json, JSON_OBJECT))
		return wrong(&r, "a filter is an object");
	room = value_of(json, "room");
	err = read_list(&r, "event_fields", &out->event_fields);
	if (err == M_OK)
		err = read_format(&r, out);
	if (err == M_OK)
		err = read_part(&r, "presence", &out->presence);
	if (err == M_OK)
		err = read_part(&r, "account_data", &out->account_data);
	if (err != M_OK || room == NULL)
		return err;
	return read_room(&(struct reading){ arena, room, why_out }, out);
}

enum mx_err
filter_check(const struct json *filter, const char **why_out)
{
	struct arena *arena = arena_new();
	struct filter_whole unused;
	enum mx_err err = filter_whole_of(arena, filter, &unused, why_out);

	arena_free(arena);
	return err;
}

/* --- judging --- */

static bool
has(const struct filter_list *list, const char *text)
{
	for (int i = 0; i < list->n; i++)
		if (strcmp(list->v[i], text) == 0)
			return true;
	return false;
}

static bool
has_match(const struct filter_list *list, const char *text)
{
	for (int i = 0; i < list->n; i++)
		if (filter_matches(list->v[i], text))
			return true;
	return false;
}

/* Asks the store, so last. */
static bool
has_wanted_child(const struct filter *f, const struct sliced *event)
{
	const struct filter_list *senders = &f->related_by_senders;
	const struct filter_list *rel_types = &f->related_by_rel_types;

	return f->seer == NULL || (senders->v == NULL && rel_types->v == NULL) ||
	       relations_has_child(f->seer, event->stored.event_id, senders->v,
		   senders->n, rel_types->v, rel_types->n);
}

/* What is excluded stays so even if it is included as well. */
bool
filter_may_keep(const struct filter *f, const char *type)
{
	return !has_match(&f->not_types, type) &&
	       (f->types.v == NULL || has_match(&f->types, type));
}

bool
filter_looks_inside(const struct filter *f)
{
	const struct filter_list *lists[] = { &f->senders, &f->not_senders, &f->rooms,
		&f->not_rooms, &f->related_by_senders, &f->related_by_rel_types };

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (lists[i]->v != NULL)
			return true;
	return f->has_contains_url;
}

bool
filter_keeps_sender(const struct filter *f, const char *sender)
{
	return !has(&f->not_senders, sender) &&
	       (f->senders.v == NULL || has(&f->senders, sender));
}

bool
filter_keeps_type(const struct filter *f, const char *type, const char *sender)
{
	return filter_may_keep(f, type) &&
	       (sender == NULL ? f->senders.v == NULL : filter_keeps_sender(f, sender));
}

static bool
is_empty(const struct filter_list *list)
{
	return list->v != NULL && list->n == 0;
}

bool
filter_keeps_nothing(const struct filter *f)
{
	return is_empty(&f->types) || is_empty(&f->senders) ||
	       (f->room_id != NULL &&
		   !filter_keeps_room(&f->rooms, &f->not_rooms, f->room_id));
}

bool
filter_keeps_room(const struct filter_list *rooms, const struct filter_list *not_rooms,
    const char *room_id)
{
	return !has(not_rooms, room_id) && (rooms->v == NULL || has(rooms, room_id));
}

bool
filter_keeps(const struct sliced *event, const void *arg)
{
	const struct filter *f = arg;

	if (!filter_keeps_type(f, event->type, event->sender))
		return false;
	if (event->state_key == NULL && ignored_has(f->ignored, event->sender))
		return false;
	if (f->room_id != NULL &&
	    !filter_keeps_room(&f->rooms, &f->not_rooms, f->room_id))
		return false;
	if (f->has_contains_url && sliced_has(event, "url") != f->contains_url)
		return false;
	return has_wanted_child(f, event);
}
