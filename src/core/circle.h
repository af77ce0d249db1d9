/*
 * Whom a user knows: those who share a room with them, by the rooms' snapshots. What
 * decides who sees whose presence, and whom a search of users finds.
 */
#ifndef CORE_CIRCLE_H
#define CORE_CIRCLE_H

#include "room/room.h"

/* Owned by one request; the arrays lie in its arena. */
struct circle {
	const char *user_id;
	/* That the user is joined to, by their integers; counted, as the snapshots. */
	struct room **rooms;
	struct snapshot **snapshots;
	int count;
	uint64_t joined; /* members of all the rooms together */
};

/* To be closed, unless this fails. */
enum mx_err circle_open(struct ctx *ctx, struct arena *arena, const char *user_id,
    struct circle *out) MUST_USE;
void circle_close(struct circle *circle);

/* Is this one in it? The user themselves always is. */
bool circle_has(const struct circle *circle, const char *user_id);
/* The same of many: in_out[i] is set to whether user_ids[i] is. Costs the cheaper of a
 * look into each room for each of them, and one walk over all members. */
void circle_find(
    const struct circle *circle, const char *const *user_ids, int count, bool *in_out);

/* Do two users share a room? By the store, without loading rooms: for one question. */
enum mx_err circle_shared(
    struct ctx *ctx, const char *user_id, const char *other, bool *out) MUST_USE;
/* in_out[i]: does user_id share a room with others[i]? As circle_find, without a
 * circle: one is opened only if its rooms are fewer than those who are asked about;
 * *opened_out goes on by their number. So it costs what is asked, in however many rooms
 * user_id is.
 */
enum mx_err circle_shared_with(struct ctx *ctx, struct arena *arena,
    const char *user_id, const char *const *others, int count, bool *in_out,
    int *opened_out) MUST_USE;

#endif
