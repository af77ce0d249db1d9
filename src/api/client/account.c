/*
 * The account itself: its password, its end. Both behind interactive authentication.
 * Relies on api/uia and core/users.
 */
#include "api/client/handlers.h"
#include "api/client/session.h"
#include "api/uia.h"
#include "core/users.h"

/* client-server-api/#post_matrixclientv3accountpassword */
enum mx_err
client_account_password(struct req *req)
{
	struct uia_result proof;
	const char *password;
	bool logout_devices;
	enum mx_err err = body_text_needed(req, "new_password", &password);

	if (err == M_OK)
		err = body_bool(req, "logout_devices", true, &logout_devices);
	if (err == M_OK)
		err = users_password_fit(req->ctx, password);
	if (err != M_OK)
		return err;
	if (!uia_pass(req, UIA_PASSWORD, req->who.user_id, &proof, &err))
		return err;
	err = users_set_password(req->ctx, req->arena, req->who.user_id, password,
	    logout_devices, req->who.device_id);
	return err != M_OK ? err : reply_empty(req);
}

/* client-server-api/#post_matrixclientv3accountdeactivate */
enum mx_err
client_account_deactivate(struct req *req)
{
	struct json *answer = json_object(req->arena);
	struct uia_result proof;
	bool erase;
	enum mx_err err = body_bool(req, "erase", false, &erase);

	if (err != M_OK)
		return err;
	if (!uia_pass(req, UIA_PASSWORD, req->who.user_id, &proof, &err))
		return err;
	err = users_deactivate(req->ctx, req->arena, req->who.user_id, erase);
	if (err != M_OK)
		return err;
	/* "This must be success if the homeserver has no identifiers to unbind." */
	json_set_str(req->arena, answer, "id_server_unbind_result", "success");
	return reply_json(req, answer);
}
