/*
 * Moving in and out of rooms: join, leave, invite, kick, ban, unban, knock, forget.
 * Each is one m.room.member event; whether it is allowed is the auth rules' to say.
 * Spec: client-server-api/#room-membership
 */
#ifndef CORE_MEMBERSHIP_H
#define CORE_MEMBERSHIP_H

#include "room/identity.h"
#include "room/room.h"

/* What a client asks for. Borrowed. */
struct move {
	struct room *room;
	struct identity *who; /* who asks: the event's sender */
	const char
	    *user_id; /* whose membership; the sender's own in join, leave, knock */
	const char *reason; /* NULL: none */
	/* Joins: proof of a third-party invite (an object), or NULL.
	 * Spec: client-server-api/#third-party-invites */
	const struct json *third_party_signed;
	/* Joins: an object whose unknown keys go into the event too, or NULL. */
	const struct json *more;
};

/* All: M_FORBIDDEN with ctx->why where the rules or the state of things forbid it. */

/* M_GUEST_ACCESS_FORBIDDEN for guests where the room or the server does not let them
 * in. Who is in already stays as they are.
 * Spec: #post_matrixclientv3roomsroomidjoin, #restricted-rooms */
enum mx_err membership_join(
    struct ctx *ctx, struct arena *arena, const struct move *move) MUST_USE;
/* Leaves, or refuses an invitation, or takes a knock back. */
enum mx_err membership_leave(
    struct ctx *ctx, struct arena *arena, const struct move *move) MUST_USE;
enum mx_err membership_invite(
    struct ctx *ctx, struct arena *arena, const struct move *move) MUST_USE;
enum mx_err membership_kick(
    struct ctx *ctx, struct arena *arena, const struct move *move) MUST_USE;
enum mx_err membership_ban(
    struct ctx *ctx, struct arena *arena, const struct move *move) MUST_USE;
enum mx_err membership_unban(
    struct ctx *ctx, struct arena *arena, const struct move *move) MUST_USE;
/* Spec: #knocking-on-rooms */
enum mx_err membership_knock(
    struct ctx *ctx, struct arena *arena, const struct move *move) MUST_USE;

/* The same by a content of the client's own making (PUT state/m.room.member): it is
 * sent as it is but for who authorises a restricted join. M_BAD_JSON without a
 * membership. */
enum mx_err membership_set(struct ctx *ctx, struct arena *arena,
    const struct move *move, const struct json *content,
    const char **event_id_out) MUST_USE;

/* M_BAD_STATE while the user is in the room, invited or knocking; M_NOT_FOUND if it
 * never was. Spec: #post_matrixclientv3roomsroomidforget */
enum mx_err membership_forget(
    struct ctx *ctx, struct room *room, const char *user_id) MUST_USE;

/* Content of a member event with the user's profile in it. */
struct json *membership_content(struct ctx *ctx, struct arena *arena,
    enum membership membership, const char *user_id, const char *reason);
/* May this server put user_id on a guest list: M_INVALID_PARAM if it is no user id,
 * M_FORBIDDEN if it lives elsewhere and cannot be told, M_INVITE_BLOCKED. */
enum mx_err membership_invitable(
    struct ctx *ctx, struct arena *arena, const char *user_id) MUST_USE;
/* M_INVITE_BLOCKED: the user of this server takes none, and is told of none that came
 * before. Spec: client-server-api/#invite-permission */
enum mx_err membership_takes_invites(
    struct ctx *ctx, struct arena *arena, const char *user_id) MUST_USE;

#endif
