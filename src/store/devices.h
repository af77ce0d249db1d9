/*
 * Devices. A device takes its tokens with it when it goes.
 */
#ifndef STORE_DEVICES_H
#define STORE_DEVICES_H

#include "db/db.h"

struct device_row {
	const char *device_id;
	const char *display_name, *last_seen_ip; /* NULL: not known */
	int64_t last_seen_ts;
};

/* Adds the device; one that is there already keeps its name. */
enum mx_err store_device_add(
    struct db *db, const char *user_id, const struct device_row *row) MUST_USE;
/* By id. */
enum mx_err store_devices_list(struct db *db, struct arena *arena, const char *user_id,
    struct device_row **rows_out, int *count_out) MUST_USE;
/* M_NOT_FOUND. */
enum mx_err store_device_get(struct db *db, struct arena *arena, const char *user_id,
    const char *device_id, struct device_row *out) MUST_USE;
/* M_NOT_FOUND. */
enum mx_err store_device_rename(struct db *db, const char *user_id,
    const char *device_id, const char *display_name) MUST_USE;
enum mx_err store_device_seen(struct db *db, const char *user_id, const char *device_id,
    int64_t ts, const char *ip) MUST_USE;
/* With its access and refresh tokens; nothing if it is not there. */
enum mx_err store_device_remove(
    struct db *db, const char *user_id, const char *device_id) MUST_USE;
enum mx_err store_devices_remove_all(struct db *db, const char *user_id) MUST_USE;

#endif
