/*
 * Where this server is to be found, and who looks after it.
 */
#include "api/client/handlers.h"
#include "api/client/session.h"
#include "core/users.h"

/* client-server-api/#getwell-knownmatrixclient */
enum mx_err
client_wellknown(struct req *req)
{
	return reply_json(req, discovery_json(req));
}

/* The accounts that administer the server.
 * client-server-api/#getwell-knownmatrixsupport */
enum mx_err
client_wellknown_support(struct req *req)
{
	struct json *answer = json_object(req->arena), *list = json_array(req->arena);
	const char **admins;
	int n;
	enum mx_err err = users_admins(req->ctx, req->arena, &admins, &n);

	if (err != M_OK)
		return err;
	if (n == 0)
		return req_fail(
		    req, M_NOT_FOUND, "This server names nobody who looks after it");
	for (int i = 0; i < n; i++) {
		struct json *contact = json_object(req->arena);

		json_set_str(req->arena, contact, "matrix_id", admins[i]);
		json_set_str(req->arena, contact, "role", "m.role.admin");
		json_push(req->arena, list, contact);
	}
	json_set(req->arena, answer, "contacts", list);
	return reply_json(req, answer);
}
