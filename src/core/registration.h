/*
 * Registration tokens: who holds one may make an account where registration.mode is
 * token. Spec: client-server-api/#token-authenticated-registration
 */
#ifndef CORE_REGISTRATION_H
#define CORE_REGISTRATION_H

#include "room/ctx.h"
#include "store/tokens.h"

#define REGISTRATION_TOKEN_MAX 64

/* Opaque Identifier Grammar, 1 to 64 characters. Spec: appendices/#opaque-identifiers
 */
bool registration_token_fit(const char *token);
/* A fresh one of 16 letters. */
const char *registration_token_random(struct arena *arena);
/* Is it good now? That it still is when it is used, users_create sees to. */
enum mx_err registration_token_valid(
    struct ctx *ctx, const char *token, bool *valid_out) MUST_USE;

/* The operator's words. M_INVALID_PARAM: not of the grammar; M_USER_IN_USE: there is
 * one like it; M_NOT_FOUND. */
enum mx_err registration_token_add(
    struct ctx *ctx, const struct registration_token_row *row) MUST_USE;
enum mx_err registration_token_delete(struct ctx *ctx, const char *token) MUST_USE;
enum mx_err registration_token_list(struct ctx *ctx, struct arena *arena,
    struct registration_token_row **rows_out, int *count_out) MUST_USE;

#endif
