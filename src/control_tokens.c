/*
 * Operations on registration tokens, `parlour token`. Relies on core/registration.
 * Run by control, on the running server or beside its database.
 */
#include "base/clock.h"
#include "control_inside.h"
#include "core/registration.h"

/* expires_in_ms, counted from now; 0 or none: never. */
static enum mx_err
token_add(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct registration_token_row row = { .token = json_get_str(args, "token"),
		.uses_allowed = -1 };
	int64_t life_ms = 0;
	enum mx_err err;

	if (row.token == NULL)
		row.token = registration_token_random(arena);
	if (json_get_int(args, "uses", &row.uses_allowed) && row.uses_allowed < 1)
		return ctx_fail(ctx, M_INVALID_PARAM, "A token is used at least once");
	if (json_get_int(args, "expires_in_ms", &life_ms)) {
		if (life_ms < 1 || life_ms > INT64_C(1) << 50)
			return ctx_fail(ctx, M_INVALID_PARAM,
			    "A token lives some time, not for ever");
		row.expires_ts = clock_now_ms() + life_ms;
	}
	err = registration_token_add(ctx, &row);
	if (err == M_USER_IN_USE)
		return ctx_fail(ctx, err, "There is such a token already");
	if (err == M_OK)
		json_set_str(arena, answer, "token", row.token);
	return err;
}

static enum mx_err
token_list(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct json *list = json_array(arena);
	struct registration_token_row *rows;
	int count;
	enum mx_err err = registration_token_list(ctx, arena, &rows, &count);

	for (int i = 0; err == M_OK && i < count; i++) {
		struct json *token = json_object(arena);

		json_set_str(arena, token, "token", rows[i].token);
		json_set_int(arena, token, "completed", rows[i].completed);
		if (rows[i].uses_allowed >= 0)
			json_set_int(
			    arena, token, "uses_allowed", rows[i].uses_allowed);
		if (rows[i].expires_ts != 0)
			json_set_int(arena, token, "expires_ts", rows[i].expires_ts);
		json_push(arena, list, token);
	}
	json_set(arena, answer, "tokens", list);
	return err;
}

static enum mx_err
token_delete(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	enum mx_err err = registration_token_delete(ctx, json_get_str(args, "token"));

	return err == M_NOT_FOUND ? ctx_fail(ctx, err, "There is no such token") : err;
}

const struct operation control_tokens[] = {
	{ "token add",
	    { { "token", JSON_STR, false }, { "uses", JSON_INT, false },
		{ "expires_in_ms", JSON_INT, false } },
	    token_add },
	{ "token list", { { NULL, JSON_NULL, false } }, token_list },
	{ "token delete", { { "token", JSON_STR, true } }, token_delete },
};
const int control_tokens_count = sizeof control_tokens / sizeof *control_tokens;
