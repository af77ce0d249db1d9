/*
 * Room upgrades. Spec: client-server-api/#room-upgrades
 */
#include "core/upgrade.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"
#include "event/ids.h"

/* "When upgrading to a room version which doesn't support additional creators, this
 * field is ignored": what is wrong with it does not matter either. */
static enum mx_err
read_creators(
    struct req *req, const struct room_version *version, const struct json **out)
{
	*out = NULL;
	if (!version->creators_power)
		return M_OK;
	*out = json_get_array(req->body, "additional_creators");
	if (req_body_wrong(req, "additional_creators", JSON_ARRAY))
		return req_fail(req, M_BAD_JSON, "additional_creators must be a list");
	for (uint32_t i = 0; *out != NULL && i < (*out)->n; i++) {
		const char *user_id = json_as_str(&(*out)->items[i]);

		if (user_id == NULL || !id_user_valid(user_id))
			return req_fail(
			    req, M_BAD_JSON, "additional_creators are user ids");
	}
	return M_OK;
}

/* client-server-api/#post_matrixclientv3roomsroomidupgrade */
enum mx_err
client_upgrade(struct req *req)
{
	struct json *answer = json_object(req->arena);
	const struct room_version *version;
	const struct json *creators;
	const char *new_version;
	struct room *old, *new;
	enum mx_err err = arg_str_needed(req, "new_version", &new_version);

	if (err != M_OK)
		return err;
	version = room_version_find(new_version);
	if (version == NULL)
		return M_UNSUPPORTED_ROOM_VERSION;
	err = read_creators(req, version, &creators);
	if (err == M_OK)
		err = arg_room(req, &old);
	if (err != M_OK)
		return err;
	err =
	    upgrade_room(req->ctx, req->arena, &req->who, old, version, creators, &new);
	room_put(old);
	if (err != M_OK)
		return err;
	json_set_str(req->arena, answer, "replacement_room", new->room_id);
	room_put(new);
	return reply_json(req, answer);
}
