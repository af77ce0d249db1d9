/*
 * Accounts: names, passwords, making and ending them.
 * Spec: client-server-api/#legacy-account-registration, #legacy-account-management
 */
#ifndef CORE_USERS_H
#define CORE_USERS_H

#include "core/login.h"
#include "room/identity.h"
#include "store/users.h"

#define PASSWORD_MAX 512 /* bytes */

/*
 * The user id for a name that somebody wishes for: folded to lower case, checked
 * against the grammar. M_INVALID_USERNAME (ctx->why says what is wrong). Spec:
 * appendices/#user-identifiers
 */
enum mx_err users_name(struct ctx *ctx, struct arena *arena, const char *name,
    const char **user_id_out) MUST_USE;
/* The same, and nobody has it: M_USER_IN_USE. Guests' names are never free. */
enum mx_err users_name_free(struct ctx *ctx, struct arena *arena, const char *name,
    const char **user_id_out) MUST_USE;
/* A name for whoever asks for none. */
const char *users_random_name(struct arena *arena);
/* The user id that a login means: a user id of this server or a localpart, in any case.
 * NULL: none that could be ours. */
const char *users_login_id(
    const struct core *core, struct arena *arena, const char *given);
/* M_WEAK_PASSWORD, M_INVALID_PARAM (over PASSWORD_MAX). */
enum mx_err users_password_fit(struct ctx *ctx, const char *password) MUST_USE;

/* An account to be. */
struct new_account {
	const char *user_id;  /* from users_name_free; of an upgrade: the guest's */
	const char *password; /* NULL: no login by password */
	bool is_admin;
	const char *display_name;	/* NULL: none */
	const char *registration_token; /* to be used up; NULL: none */
	const struct identity *guest;	/* who becomes this account; NULL: nobody */
	struct session *session;	/* opened with it; NULL: none */
};
/*
 * Makes the account and its first session in one write. Hashes the password: on a slow
 * worker. M_USER_IN_USE; M_UNAUTHORIZED if the registration token is used up.
 */
enum mx_err users_create(
    struct ctx *ctx, struct arena *arena, struct new_account *account) MUST_USE;

/* M_FORBIDDEN, the same for an unknown user, a wrong password and a deactivated
 * account, and after the same time. On a slow worker. hash_out (NULL: not wanted):
 * what it was found right against, for struct session. */
enum mx_err users_check_password(struct ctx *ctx, struct arena *arena,
    const char *user_id, const char *password, const char **hash_out) MUST_USE;
/*
 * M_NOT_FOUND: no such account. logout_devices: all devices but keep_device (NULL: none
 * is kept) go with their tokens. On a slow worker.
 */
enum mx_err users_set_password(struct ctx *ctx, struct arena *arena,
    const char *user_id, const char *password, bool logout_devices,
    const char *keep_device) MUST_USE;
/* Leaves all rooms; devices, tokens and profile go, the id stays taken. erase: so do
 * the files that the user has uploaded. M_NOT_FOUND. */
enum mx_err users_deactivate(
    struct ctx *ctx, struct arena *arena, const char *user_id, bool erase) MUST_USE;
/* Is there such an account, or a guest with rows, that is not deactivated? */
bool users_exists(struct ctx *ctx, struct arena *arena, const char *user_id);
/* For the operator: every account, deactivated ones too. */
enum mx_err users_list(struct ctx *ctx, struct arena *arena, struct user_row **rows_out,
    int *count_out) MUST_USE;
/* Whom to write to about the server: up to 8. */
enum mx_err users_admins(struct ctx *ctx, struct arena *arena,
    const char ***user_ids_out, int *count_out) MUST_USE;

#endif
