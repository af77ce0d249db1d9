/*
 * Events as clients send them: messages, state, redactions. What is special about a
 * type is checked here, the auth rules by room/append. Spec:
 * client-server-api/#sending-events-to-a-room, #redactions
 */
#ifndef CORE_SEND_H
#define CORE_SEND_H

#include "room/identity.h"
#include "room/room.h"

/* Borrowed. */
struct sending {
	struct room *room;
	struct identity *who;
	const char *type;
	const struct json *content;
	const char *txn_id; /* NULL: none (state, and the POST of 2015) */
};

/* A message event; an m.room.redaction with `redacts` in its content, too.
 * Spec: #put_matrixclientv3roomsroomidsendeventtypetxnid */
enum mx_err send_message(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char **event_id_out) MUST_USE;

/* A state event. m.room.member goes core/membership's way; m.room.canonical_alias must
 * name aliases of the room (M_BAD_ALIAS); m.room.guest_access may make guests leave.
 * Spec: #put_matrixclientv3roomsroomidstateeventtypestatekey */
enum mx_err send_state(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char *state_key, const char **event_id_out) MUST_USE;

/* Redacts event_id; s->type is not looked at. M_NOT_FOUND: there is no such event in
 * the room; M_FORBIDDEN unless it is the sender's own or they have the power. Spec:
 * #put_matrixclientv3roomsroomidredacteventidtxnid */
enum mx_err send_redaction(struct ctx *ctx, struct arena *arena,
    const struct sending *s, const char *event_id, const char **event_id_out) MUST_USE;

#endif
