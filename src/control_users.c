/*
 * Operations on accounts, `parlour user`. Relies on core/users.
 * Run by control, on the running server or beside its database.
 */
#include <string.h>

#include "control_inside.h"
#include "core/hide.h"
#include "core/users.h"
#include "event/ids.h"

static enum mx_err
no_account(struct ctx *ctx, struct arena *arena, const char *name)
{
	return ctx_fail(ctx, M_NOT_FOUND,
	    arena_printf(arena, "There is no account '%s' here", name));
}

/* A name, or the whole user id of this server that it would become. */
static enum mx_err
free_id(
    struct ctx *ctx, struct arena *arena, const char *name, const char **user_id_out)
{
	if (name[0] == '@') {
		if (!id_is_of(name, ctx->core->set.server_name))
			return ctx_fail(ctx, M_INVALID_USERNAME,
			    arena_printf(arena, "%s is no user id of this server, %s",
				name, ctx->core->set.server_name));
		name = id_localpart(arena, name);
	}
	return users_name_free(ctx, arena, name, user_id_out);
}

static enum mx_err
user_add(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	const char *name = json_get_str(args, "name");
	struct new_account account = { .password = json_get_str(args, "password"),
		.is_admin = json_get_bool(args, "admin", false) };
	enum mx_err err = free_id(ctx, arena, name, &account.user_id);

	if (err == M_OK)
		err = users_password_fit(ctx, account.password);
	if (err == M_OK)
		err = users_create(ctx, arena, &account);
	if (err == M_OK)
		json_set_str(arena, answer, "user_id", account.user_id);
	return err;
}

static enum mx_err
user_password(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	const char *name = json_get_str(args, "name");
	const char *password = json_get_str(args, "password");
	const char *user_id = users_login_id(ctx->core, arena, name);
	enum mx_err err = users_password_fit(ctx, password);

	if (err != M_OK)
		return err;
	if (user_id == NULL)
		return no_account(ctx, arena, name);
	err = users_set_password(ctx, arena, user_id, password, true, NULL);
	if (err == M_NOT_FOUND)
		return no_account(ctx, arena, name);
	json_set_str(arena, answer, "user_id", user_id);
	return err;
}

static enum mx_err
user_deactivate(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	const char *name = json_get_str(args, "name");
	const char *user_id = users_login_id(ctx->core, arena, name);
	enum mx_err err;

	if (user_id == NULL)
		return no_account(ctx, arena, name);
	err =
	    users_deactivate(ctx, arena, user_id, json_get_bool(args, "erase", false));
	if (err == M_NOT_FOUND)
		return no_account(ctx, arena, name);
	json_set_str(arena, answer, "user_id", user_id);
	return err;
}

static enum mx_err
user_list(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct json *list = json_array(arena);
	struct user_row *rows;
	int count;
	enum mx_err err = users_list(ctx, arena, &rows, &count);

	for (int i = 0; err == M_OK && i < count; i++) {
		struct json *user = json_object(arena);

		json_set_str(arena, user, "user_id", rows[i].user_id);
		json_set_bool(arena, user, "admin", rows[i].is_admin);
		json_set_bool(arena, user, "deactivated", rows[i].is_deactivated);
		json_set_int(arena, user, "created_ts", rows[i].created_ts);
		json_push(arena, list, user);
	}
	json_set(arena, answer, "users", list);
	return err;
}

/* ---- whom the server ignores ---- */

static enum mx_err
set_ignored(struct ctx *ctx, struct arena *arena, const struct json *args, bool ignored)
{
	const char *name = json_get_str(args, "name"), *user_id = name;

	if (name[0] != '@')
		user_id =
		    arena_printf(arena, "@%s:%s", name, ctx->core->set.server_name);
	if (!id_user_valid(user_id))
		return ctx_fail(ctx, M_INVALID_PARAM,
		    arena_printf(arena, "'%s' is no user id", name));
	return user_ignore(ctx, arena, user_id, ignored);
}

static enum mx_err
user_ignore_word(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	return set_ignored(ctx, arena, args, true);
}

static enum mx_err
user_unignore_word(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	return set_ignored(ctx, arena, args, false);
}

static enum mx_err
user_ignored_list(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct json *list = json_array(arena);
	const struct json *users;
	enum mx_err err = users_ignored(ctx, arena, &users);

	for (uint32_t i = 0; err == M_OK && users != NULL && i < users->n; i++) {
		struct json *user = json_object(arena);

		json_set_str(arena, user, "user_id", users->members[i].key);
		json_push(arena, list, user);
	}
	json_set(arena, answer, "users", list);
	return err;
}

const struct operation control_users[] = {
	{ "user ignore", { { "name", JSON_STR, true } }, user_ignore_word },
	{ "user unignore", { { "name", JSON_STR, true } }, user_unignore_word },
	{ "user ignored", { { NULL, JSON_NULL, false } }, user_ignored_list },
	{ "user add",
	    { { "name", JSON_STR, true }, { "password", JSON_STR, true },
		{ "admin", JSON_BOOL, false } },
	    user_add },
	{ "user password",
	    { { "name", JSON_STR, true }, { "password", JSON_STR, true } },
	    user_password },
	{ "user deactivate",
	    { { "name", JSON_STR, true }, { "erase", JSON_BOOL, false } },
	    user_deactivate },
	{ "user list", { { NULL, JSON_NULL, false } }, user_list },
};
const int control_users_count = sizeof control_users / sizeof *control_users;
