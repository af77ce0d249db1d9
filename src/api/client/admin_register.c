/*
 * Registration by shared secret, as Synapse's tools do it (register_new_matrix_user):
 * a nonce, then an account under an HMAC of the secret. Relies on core/users.
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/session.h"
#include "api/uia.h"
#include "base/codec.h"
#include "core/profile.h"
#include "core/users.h"

static const char *
secret_of(const struct req *req)
{
	const char *secret = req->core->set.registration_shared_secret;

	return secret == NULL || secret[0] == '\0' ? NULL : secret;
}

static enum mx_err
refuse(struct req *req)
{
	return req_fail_status(req, 400, M_UNKNOWN,
	    "There is no registration by shared secret on this server");
}

/* GET /_synapse/admin/v1/register */
enum mx_err
client_admin_nonce(struct req *req)
{
	struct json *answer = json_object(req->arena);
	char nonce[UIA_NONCE_LEN + 1];

	if (secret_of(req) == NULL)
		return refuse(req);
	uia_nonce_new(nonce);
	json_set_str(req->arena, answer, "nonce", nonce);
	return reply_json(req, answer);
}

/* The body's fields. */
struct wish {
	const char *nonce, *username, *password, *given, *user_type, *display_name;
	bool is_admin, inhibit_login;
};

/* As short as PUT /profile wants it; an empty one is none. */
static enum mx_err
read_display_name(struct req *req, const char **out)
{
	enum mx_err err = body_text(req, "displayname", out);

	if (err != M_OK || *out == NULL)
		return err;
	if (strlen(*out) > PROFILE_NAME_MAX)
		return req_fail(
		    req, M_INVALID_PARAM, "displayname has at most 1024 bytes");
	if ((*out)[0] == '\0')
		*out = NULL;
	return M_OK;
}

static enum mx_err
read_wish(struct req *req, struct wish *wish)
{
	enum mx_err err = body_text_needed(req, "nonce", &wish->nonce);

	if (err == M_OK)
		err = body_text_needed(req, "username", &wish->username);
	if (err == M_OK)
		err = body_text_needed(req, "password", &wish->password);
	if (err == M_OK)
		err = body_text_needed(req, "mac", &wish->given);
	if (err == M_OK)
		err = body_text(req, "user_type", &wish->user_type);
	if (err == M_OK)
		err = read_display_name(req, &wish->display_name);
	if (err == M_OK)
		err = body_bool(req, "admin", false, &wish->is_admin);
	if (err == M_OK)
		err = body_bool(req, "inhibit_login", false, &wish->inhibit_login);
	return err;
}

/* HMAC-SHA1 over nonce, user, password, "admin" or "notadmin" [, user_type], with NULs
 * between them. */
static bool
is_mac_right(const char *secret, const struct wish *wish)
{
	uint8_t right[20], got[20];
	struct buf b = { 0 };

	buf_add(&b, wish->nonce, strlen(wish->nonce) + 1);
	buf_add(&b, wish->username, strlen(wish->username) + 1);
	buf_add(&b, wish->password, strlen(wish->password) + 1);
	buf_str(&b, wish->is_admin ? "admin" : "notadmin");
	if (wish->user_type != NULL) {
		buf_char(&b, '\0');
		buf_str(&b, wish->user_type);
	}
	hmac_sha1(secret, strlen(secret), b.p, b.n, right);
	buf_free(&b);
	return strlen(wish->given) == 40 && hex_decode(wish->given, 40, got) &&
	       secret_eq(got, right, sizeof right);
}

static enum mx_err
create(struct req *req, const struct wish *wish)
{
	struct session session = { .ip = req_client_text(req) };
	struct new_account account = { .password = wish->password,
		.is_admin = wish->is_admin,
		.display_name = wish->display_name,
		.session = wish->inhibit_login ? NULL : &session };
	enum mx_err err =
	    users_name_free(req->ctx, req->arena, wish->username, &account.user_id);

	if (err == M_OK)
		err = users_password_fit(req->ctx, wish->password);
	session.user_id = account.user_id;
	if (err == M_OK)
		err = users_create(req->ctx, req->arena, &account);
	if (err != M_OK)
		return err;
	return reply_json(req, session_answer(req, account.user_id, account.session));
}

/* POST /_synapse/admin/v1/register */
enum mx_err
client_admin_register(struct req *req)
{
	const char *secret = secret_of(req);
	struct wish wish;
	enum mx_err err;

	if (secret == NULL)
		return refuse(req);
	err = read_wish(req, &wish);
	if (err != M_OK)
		return err;
	if (!uia_nonce_take(wish.nonce))
		return req_fail_status(
		    req, 400, M_UNKNOWN, "This nonce is not known, or has been used");
	if (!is_mac_right(secret, &wish))
		return req_fail(req, M_FORBIDDEN, "mac is not right");
	return create(req, &wish);
}
