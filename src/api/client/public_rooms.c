/*
 * The published room directory. Spec: client-server-api/#published-room-directory
 */
#include "core/public_rooms.h"

#include <string.h>

#include "api/client/handlers.h"
#include "api/client/room_args.h"
#include "store/rooms.h"

#define LIMIT_DEFAULT 100

/* client-server-api/#get_matrixclientv3directorylistroomroomid */
enum mx_err
client_room_published(struct req *req)
{
	struct json *answer = json_object(req->arena);
	bool published;
	enum mx_err err =
	    public_rooms_is_published(req->ctx, req_path(req, "roomId"), &published);

	if (err != M_OK)
		return err;
	json_set_str(
	    req->arena, answer, "visibility", published ? "public" : "private");
	return reply_json(req, answer);
}

/* client-server-api/#put_matrixclientv3directorylistroomroomid */
enum mx_err
client_room_publish(struct req *req)
{
	const char *visibility;
	bool published;
	struct room *room;
	enum mx_err err = arg_str(req, "visibility", &visibility);

	if (err != M_OK)
		return err;
	published = visibility == NULL || strcmp(visibility, "public") == 0;
	if (!published && strcmp(visibility, "private") != 0)
		return req_fail(
		    req, M_INVALID_PARAM, "visibility must be public or private");
	err = arg_room(req, &room);
	if (err != M_OK)
		return err;
	err = public_rooms_set(req->ctx, &req->who, room, published);
	room_put(room);
	return err;
}

/* --- the list --- */

static void
set_str(struct arena *arena, struct json *o, const char *key, const char *value)
{
	if (value != NULL)
		json_set_str(arena, o, key, value);
}

/* 2015 shows a room's aliases, all of them. */
static void
add_aliases(struct req *req, struct json *o, const struct public_room *r)
{
	struct json *list = json_array(req->arena);
	const char **aliases;
	int n;

	if (store_aliases_of(req->ctx->db, req->arena, r->room, &aliases, &n) != M_OK)
		n = 0;
	for (int i = 0; i < n; i++)
		json_push(req->arena, list, json_str(req->arena, aliases[i]));
	json_set(req->arena, o, "aliases", list);
}

static struct json *
show(struct req *req, const struct public_room *r)
{
	struct json *o = json_object(req->arena);

	json_set_str(req->arena, o, "room_id", r->room_id);
	json_set_int(req->arena, o, "num_joined_members", r->joined);
	json_set_bool(req->arena, o, "world_readable", r->world_readable);
	json_set_bool(req->arena, o, "guest_can_join", r->guests_may_join);
	set_str(req->arena, o, "name", r->name);
	set_str(req->arena, o, "topic", r->topic);
	set_str(req->arena, o, "canonical_alias", r->canonical_alias);
	set_str(req->arena, o, "avatar_url", r->avatar_url);
	set_str(req->arena, o, "join_rule", r->join_rule);
	set_str(req->arena, o, "room_type", r->room_type);
	if (req_is_legacy(req))
		add_aliases(req, o, r);
	return o;
}

static enum mx_err
answer(struct req *req, struct public_query *q)
{
	struct json *out = json_object(req->arena), *chunk = json_array(req->arena);
	bool is_old = req_is_legacy(req);
	enum mx_err err = public_rooms_page(req->ctx, req->arena, q);

	if (err != M_OK)
		return err;
	for (int i = 0; i < q->count; i++)
		json_push(req->arena, chunk, show(req, &q->rooms[i]));
	json_set(req->arena, out, "chunk", chunk);
	set_str(req->arena, out, is_old ? "end" : "next_batch", q->next);
	set_str(req->arena, out, is_old ? "start" : "prev_batch", q->prev);
	json_set_int(req->arena, out, "total_room_count_estimate", q->total);
	return reply_json(req, out);
}

/* Who may ask, and whom: other servers' lists are theirs to show. */
static enum mx_err
check(struct req *req)
{
	const char *server = req_query(req, "server");

	if (req->who.user_id == NULL && !req->core->set.public_list_without_token)
		return M_MISSING_TOKEN;
	if (server != NULL && strcmp(server, req->core->set.server_name) != 0)
		return req_fail(
		    req, M_NOT_FOUND, "this server does not ask other servers");
	return M_OK;
}

static enum mx_err
bad_limit(struct req *req, enum mx_err err)
{
	return req_fail(req, err, "limit must be a number, 0 or more");
}

/* client-server-api/#get_matrixclientv3publicrooms. 2015's goes on by `from`, and has
 * no limit unless one is given (legacy-v1, "Pagination"). */
enum mx_err
client_public_rooms(struct req *req)
{
	bool is_old = req_is_legacy(req);
	struct public_query q = { .since = req_query(req, is_old ? "from" : "since") };
	enum mx_err err = check(req);

	if (err != M_OK)
		return err;
	if (!req_query_int(req, "limit",
		is_old ? PUBLIC_ROOMS_LIMIT_MAX : LIMIT_DEFAULT, -1,
		PUBLIC_ROOMS_LIMIT_MAX, &q.limit) ||
	    q.limit < 0)
		return bad_limit(req, M_INVALID_PARAM);
	return answer(req, &q);
}

static enum mx_err
read_types(struct req *req, const struct json *types, struct public_query *q)
{
	if (types == NULL || json_is(types, JSON_NULL))
		return M_OK;
	if (!json_is(types, JSON_ARRAY))
		return req_fail(req, M_BAD_JSON, "room_types must be a list");
	q->has_types = true;
	q->types = ARENA_ARRAY(req->arena, const char *, types->n + 1);
	for (uint32_t i = 0; i < types->n; i++) {
		const struct json *type = &types->items[i];

		if (!json_is(type, JSON_NULL) && json_as_str(type) == NULL)
			return req_fail(
			    req, M_BAD_JSON, "room_types are strings or null");
		q->types[q->type_count++] = json_as_str(type);
	}
	return M_OK;
}

static enum mx_err
read_filter(struct req *req, struct public_query *q)
{
	const struct json *filter = json_get(req->body, "filter");
	const struct json *term = json_get(filter, "generic_search_term");

	if (filter == NULL || json_is(filter, JSON_NULL))
		return M_OK;
	if (!json_is(filter, JSON_OBJECT))
		return req_fail(req, M_BAD_JSON, "filter must be an object");
	q->term = json_as_str(term);
	if (term != NULL && !json_is(term, JSON_NULL) && q->term == NULL)
		return req_fail(
		    req, M_BAD_JSON, "generic_search_term must be a string");
	return read_types(req, json_get(filter, "room_types"), q);
}

static enum mx_err
read_limit(struct req *req, struct public_query *q)
{
	q->limit = LIMIT_DEFAULT;
	if (req_body_wrong(req, "limit", JSON_INT))
		return bad_limit(req, M_BAD_JSON);
	json_get_int(req->body, "limit", &q->limit);
	if (q->limit < 0)
		return bad_limit(req, M_INVALID_PARAM);
	if (q->limit > PUBLIC_ROOMS_LIMIT_MAX)
		q->limit = PUBLIC_ROOMS_LIMIT_MAX;
	return M_OK;
}

/* Networks are what application services bridge to; there are none. */
static enum mx_err
read_network(struct req *req, bool *none_out)
{
	const char *network;
	enum mx_err err = arg_str(req, "third_party_instance_id", &network);

	*none_out = network != NULL && network[0] != '\0';
	if (err != M_OK)
		return err;
	if (req_body_wrong(req, "include_all_networks", JSON_BOOL))
		return req_fail(
		    req, M_BAD_JSON, "include_all_networks must be a boolean");
	if (*none_out && json_get_bool(req->body, "include_all_networks", false))
		return req_fail(req, M_INVALID_PARAM,
		    "third_party_instance_id goes without include_all_networks");
	return M_OK;
}

/* client-server-api/#post_matrixclientv3publicrooms */
enum mx_err
client_public_rooms_search(struct req *req)
{
	struct public_query q = { 0 };
	bool none;
	enum mx_err err = check(req);

	if (err == M_OK)
		err = arg_str(req, "since", &q.since);
	if (err == M_OK)
		err = read_limit(req, &q);
	if (err == M_OK)
		err = read_filter(req, &q);
	if (err == M_OK)
		err = read_network(req, &none);
	if (err != M_OK)
		return err;
	/* No room is of any type on a network that is not there. */
	if (none) {
		q.has_types = true;
		q.type_count = 0;
	}
	return answer(req, &q);
}
