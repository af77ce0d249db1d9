/*
 * Rooms, their extremities, and who is in them.
 */
#ifndef STORE_ROOMS_H
#define STORE_ROOMS_H

#include "db/db.h"

struct room_row {
	int64_t room;
	const char *room_id, *version; /* in the arena */
	bool published;
	bool hidden; /* it has no pages; of store_room_add: not looked at */
	int64_t segment;
};

enum mx_err store_room_add(struct db *db, const struct room_row *row) MUST_USE;
enum mx_err store_room_find(struct db *db, struct arena *arena, const char *room_id,
    struct room_row *out) MUST_USE; /* M_NOT_FOUND */
enum mx_err store_room_get(
    struct db *db, struct arena *arena, int64_t room, struct room_row *out) MUST_USE;
enum mx_err store_room_publish(struct db *db, int64_t room, bool published) MUST_USE;
enum mx_err store_room_hide(struct db *db, int64_t room, bool hidden) MUST_USE;
enum mx_err store_room_last(struct db *db, int64_t *room_out) MUST_USE;
/* Every published room, or every room; by integer. */
enum mx_err store_rooms_list(struct db *db, struct arena *arena, bool published_only,
    struct room_row **rows_out, int *count_out) MUST_USE;

struct extremity_row {
	int64_t event, depth;
	const char *event_id;
};
enum mx_err store_extremities(struct db *db, struct arena *arena, int64_t room,
    bool standard64, struct extremity_row **rows_out, int *count_out) MUST_USE;

/* membership: enum membership of event/state. */
enum mx_err store_member_set(struct db *db, const char *user_id, int64_t room,
    int membership, int64_t event) MUST_USE;
enum mx_err store_member_forget(
    struct db *db, const char *user_id, int64_t room) MUST_USE;

struct member_row {
	int64_t room, event;
	int membership;
	bool forgotten;
};
/* A user's rooms with this membership (0: any). */
enum mx_err store_member_rooms(struct db *db, struct arena *arena, const char *user_id,
    int membership, struct member_row **rows_out, int *count_out) MUST_USE;
/* The same as room ids. */
enum mx_err store_member_room_ids(struct db *db, struct arena *arena,
    const char *user_id, int membership, const char ***room_ids_out,
    int *count_out) MUST_USE;
/* One user's row in one room; M_NOT_FOUND. */
enum mx_err store_member_get(
    struct db *db, const char *user_id, int64_t room, struct member_row *out) MUST_USE;

/* Is the user joined to at least so many rooms? Looks at no more. */
enum mx_err store_member_has_rooms(
    struct db *db, const char *user_id, int count, bool *has_out) MUST_USE;
/* A room that both are joined to; M_NOT_FOUND: there is none. A few look-ups for each
 * room of whoever is in fewer. */
enum mx_err store_shared_room(
    struct db *db, const char *user_id, const char *other, int64_t *room_out) MUST_USE;
/* Such rooms in the order of their integers: at most `limit` behind `after`, and how
 * many there are in all. */
enum mx_err store_shared_rooms(struct db *db, struct arena *arena, const char *user_id,
    const char *other, int64_t after, int limit, struct room_row **rows_out,
    int *count_out, int64_t *total_out) MUST_USE;

/* Aliases (client-server-api/#room-aliases). */
enum mx_err store_alias_add(struct db *db, const char *alias, int64_t room,
    const char *creator) MUST_USE; /* M_ROOM_IN_USE */
enum mx_err store_alias_find(struct db *db, struct arena *arena, const char *alias,
    int64_t *room_out, const char **creator_out) MUST_USE; /* M_NOT_FOUND */
enum mx_err store_alias_remove(struct db *db, const char *alias) MUST_USE;
/* All aliases of one room point to another from now on. */
enum mx_err store_aliases_move(struct db *db, int64_t from, int64_t to) MUST_USE;
enum mx_err store_aliases_of(struct db *db, struct arena *arena, int64_t room,
    const char ***aliases_out, int *count_out) MUST_USE;

#endif
