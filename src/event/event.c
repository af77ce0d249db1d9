/*
 * From JSON to struct event: the event format of each room version. Relies on event/ids
 * and event/event_sign (for ids that are hashes); every event that enters, and every
 * one read back from the store, comes through here.
 */
#include "event/event.h"

#include <string.h>
#include "event/event_sign.h"
#include "event/ids.h"

/* What is taken apart, and where the sentence goes if it cannot be. */
struct parse {
	struct arena *arena;
	const struct json *json;
	const char **why_out;
};

static bool
fail(struct parse *p, const char *why)
{
	*p->why_out = why;
	return false;
}

/* The string behind key if it is one of at most ID_MAX bytes without a NUL. */
static const char *
short_string(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);

	return v != NULL && v->n <= ID_MAX ? json_as_str(v) : NULL;
}

/* One entry of prev_events or auth_events: an id, or in versions 1 and 2 a pair. */
static const char *
ref_id(const struct room_version *version, const struct json *ref)
{
	const char *id;

	if (version->refs_with_hashes) {
		if (!json_is(ref, JSON_ARRAY) || ref->n != 2 ||
		    !json_is(&ref->items[1], JSON_OBJECT))
			return NULL;
		ref = &ref->items[0];
	}
	id = json_as_str(ref);
	return id != NULL && id_event_valid(NULL, id) ? id : NULL;
}

static bool
parse_refs(struct parse *p, const struct room_version *version, const char *key,
    uint32_t max, const char ***ids_out, int *count_out)
{
	const struct json *refs = json_get_array(p->json, key);

	if (refs == NULL || refs->n > max)
		return false;
	*ids_out = arena_raw(p->arena, refs->n * sizeof **ids_out);
	for (uint32_t i = 0; i < refs->n; i++) {
		(*ids_out)[i] = ref_id(version, &refs->items[i]);
		if ((*ids_out)[i] == NULL)
			return false;
	}
	*count_out = (int)refs->n;
	return true;
}

/* What every event has, in every version. Spec: server-server-api "pdu_base" */
static bool
parse_common(struct parse *p, struct event *e)
{
	const struct json *json = p->json;

	e->type = short_string(json, "type");
	if (e->type == NULL)
		return fail(p, "type is missing, no string or too long");
	e->sender = short_string(json, "sender");
	if (e->sender == NULL || !id_user_valid(e->sender))
		return fail(p, "sender is no user id");
	e->state_key = short_string(json, "state_key");
	if (e->state_key == NULL && json_get(json, "state_key") != NULL)
		return fail(p, "state_key is no string or too long");
	e->content = json_get_object(json, "content");
	if (e->content == NULL)
		return fail(p, "content is no object");
	if (!json_get_int(json, "origin_server_ts", &e->origin_server_ts))
		return fail(p, "origin_server_ts is no integer");
	if (!json_get_int(json, "depth", &e->depth) || e->depth < 0 ||
	    e->depth > e->version->depth_max)
		return fail(p, "depth is no integer or out of range");
	if (json_get_object(json, "hashes") == NULL)
		return fail(p, "hashes is no object");
	if (json_get_object(json, "signatures") == NULL)
		return fail(p, "signatures is no object");
	if (json_get(json, "unsigned") != NULL &&
	    json_get_object(json, "unsigned") == NULL)
		return fail(p, "unsigned is no object");
	return true;
}

static bool
parse_edges(struct parse *p, struct event *e)
{
	if (!parse_refs(p, e->version, "prev_events", EVENT_PREV_MAX, &e->prev_events,
		&e->prev_count))
		return fail(p, "prev_events is no list of up to 20 events");
	if (!parse_refs(p, e->version, "auth_events", EVENT_AUTH_MAX, &e->auth_events,
		&e->auth_count))
		return fail(p, "auth_events is no list of up to 10 events");
	return true;
}

static bool
parse_event_id(struct parse *p, struct event *e, const char *event_id)
{
	e->event_id =
	    event_id != NULL ? event_id : event_id_of(p->arena, e->version, p->json);
	if (e->event_id == NULL || !id_event_valid(e->version, e->event_id))
		return fail(p, "event_id is missing or malformed");
	return true;
}

/* From version 12 on the room's id is its create event's, which itself has none. */
static bool
parse_room_id(struct parse *p, struct event *e)
{
	if (e->version->create_is_room_id && event_is(e, "m.room.create", "")) {
		char *room_id = arena_strdup(p->arena, e->event_id);

		room_id[0] = '!';
		e->room_id = room_id;
		return true;
	}
	e->room_id = short_string(p->json, "room_id");
	if (e->room_id == NULL || !id_room_valid_in(e->version, e->room_id))
		return fail(p, "room_id is missing or malformed");
	return true;
}

/* What the rules want to know of some types of event. */
static void
parse_by_type(struct event *e)
{
	if (strcmp(e->type, "m.room.member") == 0)
		e->membership = json_get_str(e->content, "membership");
	if (strcmp(e->type, "m.room.redaction") == 0)
		e->redacts = json_get_str(
		    e->version->redacts_in_content ? e->content : e->json, "redacts");
}

enum mx_err
event_parse(struct arena *arena, const struct room_version *version,
    const struct json *json, const char *event_id, const char **why_out,
    struct event **out)
{
	struct parse p = { arena, json, why_out };
	struct event *e = ARENA_NEW(arena, struct event);

	e->version = version;
	e->json = json;
	if (!json_is(json, JSON_OBJECT)) {
		*why_out = "an event is an object";
		return M_BAD_JSON;
	}
	if (!parse_common(&p, e) || !parse_edges(&p, e) ||
	    !parse_event_id(&p, e, event_id) || !parse_room_id(&p, e))
		return M_BAD_JSON;
	parse_by_type(e);
	*out = e;
	return M_OK;
}

bool
event_is(const struct event *e, const char *type, const char *state_key)
{
	if (strcmp(e->type, type) != 0)
		return false;
	return state_key == NULL ||
	       (e->state_key != NULL && strcmp(e->state_key, state_key) == 0);
}
