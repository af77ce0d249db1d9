/*
 * The list of ignored users, out of account data. Relies on store/account_data. Read by
 * whoever hands events of others to a user.
 */
#include "room/ignored.h"

#include <string.h>

#include "base/json.h"
#include "store/account_data.h"

/* Lives in a request's arena. */
struct ignored {
	const char *user_id;
	const struct json *users; /* an object; its keys are meant */
};

enum mx_err
ignored_load(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct ignored **ignored_out)
{
	struct account_data_row row;
	const struct json *content, *users;
	struct ignored *ignored;
	enum mx_err err = store_account_data_get(
	    ctx->db, arena, user_id, 0, "m.ignored_user_list", &row);

	*ignored_out = NULL;
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	content = json_parse_copy(arena, row.json, row.json_n, JSON_LENIENT, NULL);
	users = json_get_object(content, "ignored_users");
	if (users == NULL || users->n == 0)
		return M_OK;
	ignored = ARENA_NEW(arena, struct ignored);
	ignored->user_id = arena_strdup(arena, user_id);
	ignored->users = users;
	*ignored_out = ignored;
	return M_OK;
}

bool
ignored_has(const struct ignored *ignored, const char *user_id)
{
	return ignored != NULL && strcmp(user_id, ignored->user_id) != 0 &&
	       json_get(ignored->users, user_id) != NULL;
}
