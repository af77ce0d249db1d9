/*
 * Registration tokens. Relies on store/tokens.
 * Behind the stage m.login.registration_token, its validity, and `parlour token`.
 */
#include "core/registration.h"

#include <string.h>

#include "base/clock.h"

#define RANDOM_LETTERS 16

bool
registration_token_fit(const char *token)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789-._~";
	size_t n = strspn(token, allowed);

	return n > 0 && n <= REGISTRATION_TOKEN_MAX && token[n] == '\0';
}

const char *
registration_token_random(struct arena *arena)
{
	char *token = arena_raw(arena, RANDOM_LETTERS + 1);

	random_letters(token, RANDOM_LETTERS);
	return token;
}

enum mx_err
registration_token_valid(struct ctx *ctx, const char *token, bool *valid_out)
{
	*valid_out = false;
	if (!registration_token_fit(token))
		return M_OK;
	return store_registration_token_valid(
	    ctx->db, token, clock_now_ms(), valid_out);
}

static enum mx_err
add(void *arg, struct db *db)
{
	return store_registration_token_add(db, arg);
}

enum mx_err
registration_token_add(struct ctx *ctx, const struct registration_token_row *row)
{
	if (!registration_token_fit(row->token))
		return ctx_fail(ctx, M_INVALID_PARAM,
		    "A token is made of 1 to 64 of A-Z a-z 0-9 . _ ~ -");
	return ctx_write(ctx, add, (void *)row);
}

static enum mx_err delete (void *arg, struct db *db) {
	return store_registration_token_remove(db, arg);
}

enum mx_err
registration_token_delete(struct ctx *ctx, const char *token)
{
	return ctx_write(ctx, delete, (void *)token);
}

enum mx_err
registration_token_list(struct ctx *ctx, struct arena *arena,
    struct registration_token_row **rows_out, int *count_out)
{
	return store_registration_tokens_list(ctx->db, arena, rows_out, count_out);
}
