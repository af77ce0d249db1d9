/*
 * A user's devices. Spec: client-server-api/#device-management
 */
#ifndef CORE_DEVICES_H
#define CORE_DEVICES_H

#include "room/ctx.h"
#include "room/identity.h"
#include "store/devices.h"

#define DEVICE_ID_MAX 255 /* bytes */
#define DEVICE_NAME_MAX 255

/* A guest without rows has the one device that its token tells of. */
enum mx_err devices_list(struct ctx *ctx, struct arena *arena,
    const struct identity *who, struct device_row **rows_out, int *count_out) MUST_USE;
/* M_NOT_FOUND. */
enum mx_err devices_get(struct ctx *ctx, struct arena *arena,
    const struct identity *who, const char *device_id, struct device_row *out) MUST_USE;
/* M_NOT_FOUND; M_TOO_LARGE. A guest's first write makes its rows. */
enum mx_err devices_rename(struct ctx *ctx, struct identity *who, const char *device_id,
    const char *display_name) MUST_USE;
/* With their tokens; ids that are not there are passed over. */
enum mx_err devices_delete(struct ctx *ctx, const struct identity *who,
    const char **device_ids, int count) MUST_USE;

#endif
