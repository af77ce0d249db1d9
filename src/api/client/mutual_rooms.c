/*
 * The rooms that one shares with another. Relies on store/rooms.
 * Spec: client-server-api/#mutual-rooms
 */
#include <string.h>

#include "api/client/handlers.h"
#include "event/ids.h"
#include "store/rooms.h"

#define PAGE 100

/* The places in the list, as one version of the endpoint calls them. */
struct names {
	const char *from, *next;
};

/* "m1_17": what follows the room 17. Not given: the beginning. */
static bool
read_from(const struct req *req, const char *name, int64_t *after_out)
{
	const char *from = req_query(req, name);

	*after_out = 0;
	return from == NULL ||
	       (strncmp(from, "m1_", 3) == 0 && str_int(str_of(from + 3), after_out) &&
		   *after_out > 0);
}

static enum mx_err
answer(struct req *req, const struct room_row *rows, int n, int64_t total,
    const char *next)
{
	struct json *body = json_object(req->arena), *list = json_array(req->arena);
	int shown = n > PAGE ? PAGE : n;

	for (int i = 0; i < shown; i++)
		json_push(req->arena, list, json_str(req->arena, rows[i].room_id));
	json_set(req->arena, body, "joined", list);
	json_set_int(req->arena, body, "count", total);
	if (n > PAGE)
		json_set_str(req->arena, body, next,
		    arena_printf(
			req->arena, "m1_%lld", (long long)rows[PAGE - 1].room));
	return reply_json(req, body);
}

static enum mx_err
list(struct req *req, const struct names *names)
{
	const char *user_id = req_query(req, "user_id");
	struct room_row *rows;
	int64_t after, total;
	int n;
	enum mx_err err;

	if (user_id == NULL)
		return req_fail(req, M_MISSING_PARAM, "user_id is missing");
	if (!id_user_valid(user_id))
		return req_fail(req, M_INVALID_PARAM, "user_id is no user id");
	if (strcmp(user_id, req->who.user_id) == 0)
		return req_fail(req, M_INVALID_PARAM, "user_id is your own");
	if (!read_from(req, names->from, &after))
		return req_fail(req, M_INVALID_PARAM,
		    arena_printf(
			req->arena, "%s is no %s of ours", names->from, names->next));
	err = store_shared_rooms(req->ctx->db, req->arena, req->who.user_id, user_id,
	    after, PAGE + 1, &rows, &n, &total);
	return err != M_OK ? err : answer(req, rows, n, total, names->next);
}

/* client-server-api/#get_matrixclientv1mutual_rooms */
enum mx_err
client_mutual_rooms(struct req *req)
{
	return list(req, &(const struct names){ "from", "next_batch" });
}

/* As clients call it that know the proposal alone (matrix-js-sdk). */
enum mx_err
client_mutual_rooms_proposed(struct req *req)
{
	return list(req, &(const struct names){ "batch_token", "next_batch_token" });
}
