/*
 * Searching users. Relies on core/user_directory.
 * Spec: client-server-api/#user-directory
 */
#include "core/user_directory.h"

#include "api/client/handlers.h"

#define LIMIT_DEFAULT 10

static enum mx_err
read_query(struct req *req, struct user_query *query)
{
	const struct json *term = json_get(req->body, "search_term");
	int64_t limit = LIMIT_DEFAULT;

	if (term == NULL)
		return req_fail(req, M_MISSING_PARAM, "search_term is missing");
	query->user_id = req->who.user_id;
	query->term = json_as_str(term);
	if (query->term == NULL)
		return req_fail(req, M_BAD_JSON, "search_term must be a string");
	if (req_body_wrong(req, "limit", JSON_INT))
		return req_fail(req, M_BAD_JSON, "limit must be a number");
	json_get_int(req->body, "limit", &limit);
	if (limit < 0)
		return req_fail(req, M_INVALID_PARAM, "limit must not be negative");
	query->limit =
	    limit > USER_DIRECTORY_LIMIT_MAX ? USER_DIRECTORY_LIMIT_MAX : (int)limit;
	return M_OK;
}

/* client-server-api/#post_matrixclientv3user_directorysearch */
enum mx_err
client_user_directory_search(struct req *req)
{
	struct json *answer = json_object(req->arena), *list = json_array(req->arena);
	struct user_query query = { 0 };
	enum mx_err err = read_query(req, &query);

	if (err == M_OK)
		err = user_directory_search(req->ctx, req->arena, &query);
	if (err != M_OK)
		return err;
	for (int i = 0; i < query.count; i++) {
		const struct found_user *user = &query.users[i];
		struct json *one = json_object(req->arena);

		json_set_str(req->arena, one, "user_id", user->user_id);
		if (user->display_name != NULL)
			json_set_str(
			    req->arena, one, "display_name", user->display_name);
		if (user->avatar_url != NULL)
			json_set_str(req->arena, one, "avatar_url", user->avatar_url);
		json_push(req->arena, list, one);
	}
	json_set(req->arena, answer, "results", list);
	json_set_bool(req->arena, answer, "limited", query.limited);
	return reply_json(req, answer);
}
