/*
 * A user's devices. Relies on store/devices, and on core/revoke for the tokens that go
 * with a device. Behind /devices and /delete_devices.
 */
#include "core/devices.h"

#include <string.h>

#include "core/guests.h"
#include "core/revoke.h"

enum mx_err
devices_list(struct ctx *ctx, struct arena *arena, const struct identity *who,
    struct device_row **rows_out, int *count_out)
{
	if (who->has_rows)
		return store_devices_list(
		    ctx->db, arena, who->user_id, rows_out, count_out);
	*rows_out = ARENA_NEW(arena, struct device_row);
	(*rows_out)->device_id = who->device_id;
	(*rows_out)->display_name = who->device_name;
	*count_out = 1;
	return M_OK;
}

enum mx_err
devices_get(struct ctx *ctx, struct arena *arena, const struct identity *who,
    const char *device_id, struct device_row *out)
{
	if (who->has_rows)
		return store_device_get(ctx->db, arena, who->user_id, device_id, out);
	*out = (struct device_row){ .device_id = who->device_id,
		.display_name = who->device_name };
	return strcmp(device_id, who->device_id) == 0 ? M_OK : M_NOT_FOUND;
}

struct renaming {
	const char *user_id, *device_id, *display_name;
};

static enum mx_err
rename_device(void *arg, struct db *db)
{
	const struct renaming *r = arg;

	return store_device_rename(db, r->user_id, r->device_id, r->display_name);
}

enum mx_err
devices_rename(struct ctx *ctx, struct identity *who, const char *device_id,
    const char *display_name)
{
	struct renaming r = { who->user_id, device_id, display_name };
	enum mx_err err;

	if (strlen(display_name) > DEVICE_NAME_MAX)
		return ctx_fail(
		    ctx, M_TOO_LARGE, "The name of a device has at most 255 bytes");
	err = guests_make_row(ctx, who);
	return err != M_OK ? err : ctx_write(ctx, rename_device, &r);
}

static enum mx_err
delete_devices(struct revoke *r, struct db *db)
{
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < r->device_count; i++)
		err = store_device_remove(db, r->user_id, r->devices[i]);
	return err;
}

enum mx_err
devices_delete(
    struct ctx *ctx, const struct identity *who, const char **device_ids, int count)
{
	struct revoke r = { .fn = delete_devices,
		.user_id = who->user_id,
		.devices = device_ids,
		.device_count = count };

	return revoke_run(ctx, &r);
}
