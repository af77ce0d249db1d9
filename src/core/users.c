/*
 * Accounts. Relies on store/users, on core/login for their sessions, on core/leave for
 * their going. Behind register, login, password and deactivate, and `parlour user`.
 */
#include "core/users.h"

#include <string.h>

#include "base/clock.h"
#include "core/guests.h"
#include "core/leave.h"
#include "core/media_remove.h"
#include "core/presence.h"
#include "core/profile.h"
#include "core/user_directory.h"
#include "event/ids.h"
#include "room/changes.h"
#include "store/account_data.h"
#include "store/devices.h"
#include "store/presence.h"
#include "store/profiles.h"
#include "store/tokens.h"

#define RANDOM_NAME_LETTERS 12
#define ADMINS_MAX 8

static char *
lower_case(struct arena *arena, const char *s)
{
	char *out = arena_strdup(arena, s);

	for (char *p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return out;
}

enum mx_err
users_name(
    struct ctx *ctx, struct arena *arena, const char *name, const char **user_id_out)
{
	const char *localpart = lower_case(arena, name);
	const char *user_id =
	    arena_printf(arena, "@%s:%s", localpart, ctx->core->set.server_name);

	if (strlen(user_id) > ID_MAX)
		return ctx_fail(ctx, M_INVALID_USERNAME,
		    "A user id, server name included, has at most 255 bytes");
	if (!id_localpart_strict(localpart) || !id_user_strict(user_id))
		return ctx_fail(ctx, M_INVALID_USERNAME,
		    "A user name is made of a-z, 0-9 and . _ = - / +");
	*user_id_out = user_id;
	return M_OK;
}

enum mx_err
users_name_free(
    struct ctx *ctx, struct arena *arena, const char *name, const char **user_id_out)
{
	struct user_row row;
	enum mx_err err = users_name(ctx, arena, name, user_id_out);

	if (err != M_OK)
		return err;
	if (guests_is_localpart(*user_id_out + 1))
		return ctx_fail(
		    ctx, M_INVALID_USERNAME, "Names of this kind are given to guests");
	err = store_user_get(ctx->db, arena, *user_id_out, &row);
	if (err == M_NOT_FOUND)
		return M_OK;
	return err == M_OK ? M_USER_IN_USE : err;
}

const char *
users_random_name(struct arena *arena)
{
	char letters[RANDOM_NAME_LETTERS + 1];

	random_letters(letters, RANDOM_NAME_LETTERS);
	return lower_case(arena, letters);
}

const char *
users_login_id(const struct core *core, struct arena *arena, const char *given)
{
	const char *id = lower_case(arena, given);

	if (id[0] != '@')
		id = arena_printf(arena, "@%s:%s", id, core->set.server_name);
	else if (!id_is_of(given, core->set.server_name))
		return NULL;
	else /* the server's name stays as it is */
		id = arena_printf(
		    arena, "@%s:%s", id_localpart(arena, id), core->set.server_name);
	return id_user_strict(id) ? id : NULL;
}

enum mx_err
users_password_fit(struct ctx *ctx, const char *password)
{
	if (password[0] == '\0')
		return ctx_fail(ctx, M_WEAK_PASSWORD, "A password must not be empty");
	if (strlen(password) > PASSWORD_MAX)
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "A password has at most 512 bytes");
	return M_OK;
}

static enum mx_err
hash_password(
    struct ctx *ctx, struct arena *arena, const char *password, const char **hash_out)
{
	const struct settings *set = &ctx->core->set;
	char *hash = arena_raw(arena, PASSWORD_HASH_LEN);

	if (!password_hash(
		password, set->password_memory_kib, set->password_passes, hash))
		return M_UNAVAILABLE;
	*hash_out = hash;
	return M_OK;
}

/* --- making one --- */

/* An account under way. */
struct creating {
	struct arena *arena;
	const struct new_account *account;
	const char *hash;
	int64_t now;
};

static enum mx_err
add_user(const struct creating *c, struct db *db)
{
	const struct new_account *account = c->account;
	struct user_row row = { .user_id = account->user_id,
		.password_hash = c->hash,
		.is_admin = account->is_admin,
		.created_ts = c->now,
		.seen_ts = c->now };

	if (account->guest != NULL)
		return guests_write_upgrade(db, account->guest, c->hash, c->now);
	return store_user_add(db, &row);
}

static enum mx_err
create(struct revoke *r, struct db *db)
{
	const struct creating *c = r->arg;
	const struct new_account *account = c->account;
	enum mx_err err = M_OK;

	if (account->registration_token != NULL)
		err = store_registration_token_use(
		    db, account->registration_token, c->now);
	if (err == M_OK)
		err = add_user(c, db);
	if (err == M_OK && account->display_name != NULL)
		err = profile_write_name(
		    db, c->arena, account->user_id, account->display_name);
	if (err == M_OK && account->display_name == NULL)
		err = user_directory_write(db, account->user_id);
	if (err == M_OK && account->session != NULL)
		err = session_write(db, account->session);
	return err;
}

/* Listeners are told once the token is refused: who polls in between would stay. */
static void
end_guest(struct core *core, const struct identity *guest)
{
	guests_upgraded(core, guest);
	revoke_tell(core, guest->user_id, guest->device_id);
	changes_wake(core->changes);
}

enum mx_err
users_create(struct ctx *ctx, struct arena *arena, struct new_account *account)
{
	struct creating c = {
		.arena = arena, .account = account, .now = clock_now_ms()
	};
	struct revoke r = { .fn = create, .arg = &c, .user_id = account->user_id };
	enum mx_err err = M_OK;

	if (account->password != NULL)
		err = hash_password(ctx, arena, account->password, &c.hash);
	if (err != M_OK)
		return err;
	if (account->session != NULL)
		session_prepare(ctx->core, arena, account->session);
	if (account->guest != NULL) {
		r.devices = (const char **)&account->guest->device_id;
		r.device_count = 1;
		r.is_quiet = true;
	}
	err = revoke_run(ctx, &r);
	if (err == M_OK && account->guest != NULL)
		end_guest(ctx->core, account->guest);
	return err;
}

/* --- passwords --- */

static enum mx_err
wrong_password(struct ctx *ctx)
{
	return ctx_fail(ctx, M_FORBIDDEN, "Wrong user name or password");
}

enum mx_err
users_check_password(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *password, const char **hash_out)
{
	struct user_row row;
	const char *hash;
	enum mx_err err;

	if (strlen(password) > PASSWORD_MAX)
		return wrong_password(ctx);
	err = store_user_get(ctx->db, arena, user_id, &row);
	if (err != M_OK && err != M_NOT_FOUND)
		return err;
	if (err == M_NOT_FOUND || row.password_hash == NULL) {
		/* Time tells nobody whether there is such a user. */
		err = hash_password(ctx, arena, password, &hash);
		return err != M_OK ? err : wrong_password(ctx);
	}
	if (!password_verify(row.password_hash, password))
		return wrong_password(ctx);
	if (hash_out != NULL)
		*hash_out = row.password_hash;
	return M_OK;
}

/* A change of password under way. */
struct changing {
	struct arena *arena;
	const char *hash, *keep_device;
	bool logout_devices;
};

/* All but the one that is kept, each with its tokens. */
static enum mx_err
remove_others(struct revoke *r, struct db *db)
{
	const struct changing *c = r->arg;
	struct device_row *rows;
	int n;
	enum mx_err err = store_devices_list(db, c->arena, r->user_id, &rows, &n);

	if (err != M_OK)
		return err;
	r->devices = ARENA_ARRAY(c->arena, const char *, (size_t)n);
	for (int i = 0; err == M_OK && i < n; i++) {
		if (c->keep_device != NULL &&
		    strcmp(rows[i].device_id, c->keep_device) == 0)
			continue;
		r->devices[r->device_count++] = rows[i].device_id;
		err = store_device_remove(db, r->user_id, rows[i].device_id);
	}
	return err;
}

static enum mx_err
change_password(struct revoke *r, struct db *db)
{
	const struct changing *c = r->arg;
	enum mx_err err = store_user_set_password(db, r->user_id, c->hash);

	if (err == M_OK && c->logout_devices)
		err = remove_others(r, db);
	return err;
}

enum mx_err
users_set_password(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *password, bool logout_devices, const char *keep_device)
{
	struct changing c = { .arena = arena,
		.keep_device = keep_device,
		.logout_devices = logout_devices };
	struct revoke r = { .fn = change_password, .arg = &c, .user_id = user_id };
	enum mx_err err = hash_password(ctx, arena, password, &c.hash);

	return err != M_OK ? err : revoke_run(ctx, &r);
}

/* --- the end of one --- */

static enum mx_err
deactivate(struct revoke *r, struct db *db)
{
	enum mx_err err = store_user_deactivate(db, r->user_id);

	if (err == M_OK)
		err = store_devices_remove_all(db, r->user_id);
	if (err == M_OK)
		err = store_account_data_remove(db, r->user_id);
	if (err == M_OK)
		err = store_presence_remove(db, r->user_id);
	return err != M_OK ? err : store_profile_remove(db, r->user_id);
}

/* What the account has left elsewhere. */
static enum mx_err
withdraw(struct ctx *ctx, struct arena *arena, const char *user_id, bool erase)
{
	struct media_filter files = { .user_id = user_id };
	struct media_removed unused;
	enum mx_err err = leave_all(ctx, arena, user_id, NULL);

	return err != M_OK || !erase ? err : media_remove_some(ctx, &files, &unused);
}

/* The rooms and files first: cut short, the account is still there to be deactivated
 * again. And once more behind it: another of its devices may have joined a room or
 * uploaded something meanwhile. */
enum mx_err
users_deactivate(struct ctx *ctx, struct arena *arena, const char *user_id, bool erase)
{
	struct revoke r = { .fn = deactivate, .user_id = user_id, .whole_user = true };
	struct user_row row;
	enum mx_err err = store_user_get(ctx->db, arena, user_id, &row);

	if (err == M_OK && (row.kind != USER_ACCOUNT || row.is_deactivated))
		err = M_NOT_FOUND;
	if (err == M_OK)
		err = withdraw(ctx, arena, user_id, erase);
	if (err == M_OK)
		err = revoke_run(ctx, &r);
	if (err == M_OK)
		presence_forget(ctx->core, user_id);
	return err != M_OK ? err : withdraw(ctx, arena, user_id, erase);
}

/* --- asking --- */

bool
users_exists(struct ctx *ctx, struct arena *arena, const char *user_id)
{
	struct user_row row;

	return store_user_get(ctx->db, arena, user_id, &row) == M_OK &&
	       !row.is_deactivated;
}

enum mx_err
users_list(
    struct ctx *ctx, struct arena *arena, struct user_row **rows_out, int *count_out)
{
	return store_users_list(ctx->db, arena, rows_out, count_out);
}

enum mx_err
users_admins(
    struct ctx *ctx, struct arena *arena, const char ***user_ids_out, int *count_out)
{
	return store_users_admins(ctx->db, arena, ADMINS_MAX, user_ids_out, count_out);
}
