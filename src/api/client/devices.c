/*
 * Devices: looking, naming, deleting. Relies on core/devices; deleting stands behind
 * interactive authentication.
 */
#include "api/client/handlers.h"
#include "api/client/session.h"
#include "api/uia.h"
#include "core/devices.h"

/* All in one write, which others wait for. */
#define DELETED_AT_ONCE_MAX 1000

static struct json *
device_json(struct arena *arena, const struct device_row *row)
{
	struct json *device = json_object(arena);

	json_set_str(arena, device, "device_id", row->device_id);
	if (row->display_name != NULL && row->display_name[0] != '\0')
		json_set_str(arena, device, "display_name", row->display_name);
	if (row->last_seen_ip != NULL)
		json_set_str(arena, device, "last_seen_ip", row->last_seen_ip);
	if (row->last_seen_ts != 0)
		json_set_int(arena, device, "last_seen_ts", row->last_seen_ts);
	return device;
}

/* matrix-nio takes no list in which a device without a name lacks the key. */
static struct json *
listed_device_json(struct arena *arena, const struct device_row *row)
{
	struct json *device = device_json(arena, row);

	if (json_get(device, "display_name") == NULL)
		json_set_str(arena, device, "display_name", "");
	return device;
}

/* client-server-api/#get_matrixclientv3devices */
enum mx_err
client_devices(struct req *req)
{
	struct json *answer = json_object(req->arena), *list = json_array(req->arena);
	struct device_row *rows;
	int n;
	enum mx_err err = devices_list(req->ctx, req->arena, &req->who, &rows, &n);

	if (err != M_OK)
		return err;
	for (int i = 0; i < n; i++)
		json_push(req->arena, list, listed_device_json(req->arena, &rows[i]));
	json_set(req->arena, answer, "devices", list);
	return reply_json(req, answer);
}

static enum mx_err
no_such_device(struct req *req, enum mx_err err)
{
	return err == M_NOT_FOUND ? req_fail(req, err, "You have no such device") : err;
}

/* client-server-api/#get_matrixclientv3devicesdeviceid */
enum mx_err
client_device(struct req *req)
{
	struct device_row row;
	enum mx_err err = devices_get(
	    req->ctx, req->arena, &req->who, req_path(req, "deviceId"), &row);

	if (err != M_OK)
		return no_such_device(req, err);
	return reply_json(req, device_json(req->arena, &row));
}

/* client-server-api/#put_matrixclientv3devicesdeviceid */
enum mx_err
client_device_put(struct req *req)
{
	const char *device_id = req_path(req, "deviceId"), *name;
	struct device_row row;
	enum mx_err err = body_text(req, "display_name", &name);

	if (err == M_OK)
		err = devices_get(req->ctx, req->arena, &req->who, device_id, &row);
	if (err == M_OK && name != NULL)
		err = devices_rename(req->ctx, &req->who, device_id, name);
	return err != M_OK ? no_such_device(req, err) : reply_empty(req);
}

static enum mx_err
delete_behind_uia(struct req *req, const char **ids, int n)
{
	struct uia_result proof;
	enum mx_err err;

	if (!uia_pass(req, UIA_PASSWORD, req->who.user_id, &proof, &err))
		return err;
	err = devices_delete(req->ctx, &req->who, ids, n);
	return err != M_OK ? err : reply_empty(req);
}

/* client-server-api/#delete_matrixclientv3devicesdeviceid */
enum mx_err
client_device_delete(struct req *req)
{
	const char *device_id = req_path(req, "deviceId");

	return delete_behind_uia(req, &device_id, 1);
}

/* client-server-api/#post_matrixclientv3delete_devices */
enum mx_err
client_delete_devices(struct req *req)
{
	const struct json *list = json_get(req->body, "devices");
	const char **ids;

	if (list == NULL)
		return req_fail(req, M_MISSING_PARAM, "devices is missing");
	if (!json_is(list, JSON_ARRAY))
		return req_fail(req, M_BAD_JSON, "devices must be an array");
	if (list->n > DELETED_AT_ONCE_MAX)
		return req_fail(
		    req, M_TOO_LARGE, "At most 1000 devices are deleted at one time");
	ids = ARENA_ARRAY(req->arena, const char *, list->n);
	for (uint32_t i = 0; i < list->n; i++) {
		ids[i] = json_as_str(&list->items[i]);
		if (ids[i] == NULL)
			return req_fail(
			    req, M_BAD_JSON, "devices must be an array of strings");
	}
	return delete_behind_uia(req, ids, (int)list->n);
}
