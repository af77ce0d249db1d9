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

/* One list, of one user. *since_out: where it was changed last; 0: it is not there. */
static enum mx_err
load(struct ctx *ctx, struct arena *arena, const char *user_id, const char *type,
    const struct ignored **ignored_out, int64_t *since_out)
{
	struct account_data_row row;
	const struct json *content, *users;
	struct ignored *ignored;
	enum mx_err err =
	    store_account_data_get(ctx->db, arena, user_id, 0, type, &row);

	*ignored_out = NULL;
	*since_out = 0;
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	*since_out = row.position;
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

enum mx_err
ignored_load(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct ignored **ignored_out)
{
	int64_t since;

	return load(ctx, arena, user_id, "m.ignored_user_list", ignored_out, &since);
}

const char *
ignored_server_user(const struct ctx *ctx, struct arena *arena)
{
	return arena_printf(arena, "@:%s", ctx->core->set.server_name);
}

enum mx_err
ignored_by_server(struct ctx *ctx, struct arena *arena,
    const struct ignored **ignored_out, int64_t *since_out)
{
	return load(ctx, arena, ignored_server_user(ctx, arena), SERVER_IGNORED,
	    ignored_out, since_out);
}

bool
ignored_has(const struct ignored *ignored, const char *user_id)
{
	return ignored != NULL && strcmp(user_id, ignored->user_id) != 0 &&
	       json_get(ignored->users, user_id) != NULL;
}
