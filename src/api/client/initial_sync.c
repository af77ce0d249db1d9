/*
 * All of a user's rooms as they are, and where to listen on.
 * Spec: client-server-api/#get_matrixclientv3initialsync
 */
#include "api/client/handlers.h"
#include "api/client/room_info.h"
#include "core/membership.h"
#include "core/presence.h"
#include "room/ignored.h"
#include "store/rooms.h"
#include "stream/token.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 100 /* of each room */

/* The answer on its way. */
struct syncing {
	struct req *req;
	int64_t visible;
	int limit;
	bool archived;
	bool is_first;
	struct buf receipts;
};

/* Of a room one is invited to: the invitation alone. M_FORBIDDEN: it comes from
 * somebody whom the user ignores, or they take none. */
static enum mx_err
write_invite(struct syncing *s, struct reading *reading)
{
	struct req *req = s->req;
	struct seer *seer = &reading->seer;
	bool standard64 = reading->room->version->event_id_format == EVENT_ID_BASE64;
	struct stored_event stored;
	struct sliced invite;
	enum mx_err err = store_event_get(
	    req->ctx->db, req->arena, seer->member->event, standard64, &stored);

	if (err != M_OK)
		return err;
	if (!seer_slice(seer, &stored, &invite))
		return M_UNKNOWN;
	if (seer_ignores(seer, invite.sender))
		return M_FORBIDDEN;
	err = membership_takes_invites(req->ctx, req->arena, req->who.user_id);
	if (err != M_OK)
		return err == M_INVITE_BLOCKED ? M_FORBIDDEN : err;
	buf_lit(&req->out, "\"invite\":");
	seer_write_sliced(seer, &req->out, &invite, reading_format(req));
	buf_lit(&req->out, ",\"inviter\":");
	buf_json_str(&req->out, invite.sender);
	buf_lit(&req->out, ",\"membership\":\"invite\",\"room_id\":");
	buf_json_str(&req->out, reading->room->room_id);
	return M_OK;
}

/* A room that is not to be shown is left out. */
static bool
is_shown(const struct syncing *s, const struct member_row *row)
{
	switch ((enum membership)row->membership) {
	case MEMBERSHIP_JOIN:
	case MEMBERSHIP_INVITE:
		return true;
	case MEMBERSHIP_LEAVE:
	case MEMBERSHIP_BAN:
		return s->archived && !row->forgotten;
	default:
		return false;
	}
}

static enum mx_err
write_room(struct syncing *s, const struct member_row *row)
{
	struct buf *out = &s->req->out;
	size_t before = out->n;
	struct reading reading;
	struct room *room;
	enum mx_err err = room_get_by_id(s->req->ctx, row->room, &room);

	if (err == M_OK)
		err = reading_of(s->req, room, &reading);
	if (err != M_OK)
		return err;
	buf_str(out, s->is_first ? "{" : ",{");
	if (snapshot_membership(reading.s, s->req->who.user_id) == MEMBERSHIP_INVITE)
		err = write_invite(s, &reading);
	else
		err = room_info_write(s->req, &reading, s->visible, s->limit);
	if (err == M_OK)
		err = room_info_receipts(s->req, &reading, s->visible, &s->receipts);
	buf_char(out, '}');
	reading_close(&reading);
	/* That of one who was banned or refused an invitation without ever being in the
	 * room is left out, too. */
	if (err == M_FORBIDDEN)
		out->n = before;
	else
		s->is_first = false;
	return err == M_FORBIDDEN ? M_OK : err;
}

static enum mx_err
write_rooms(struct syncing *s)
{
	struct member_row *rows;
	int n;
	enum mx_err err = store_member_rooms(
	    s->req->ctx->db, s->req->arena, s->req->who.user_id, 0, &rows, &n);

	for (int i = 0; err == M_OK && i < n; i++)
		if (is_shown(s, &rows[i]))
			err = write_room(s, &rows[i]);
	return err;
}

/* Of everybody who is there and not ignored, oneself too. */
static enum mx_err
write_presence(struct req *req)
{
	struct presence_news news = {
		.user_id = req->who.user_id, .since = -1, .with_self = true
	};
	const struct ignored *ignored = NULL;
	enum mx_err err =
	    ignored_load(req->ctx, req->arena, req->who.user_id, &ignored);
	const char *between = "";

	if (err == M_OK)
		err = presence_news(req->ctx, req->arena, &news);

	buf_lit(&req->out, "\"presence\":[");
	for (int i = 0; err == M_OK && i < news.count; i++) {
		if (ignored_has(ignored, news.rows[i].user_id))
			continue;
		buf_str(&req->out, between);
		presence_write_v1(&req->out, &news.rows[i], req_is_legacy(req));
		between = ",";
	}
	buf_lit(&req->out, "],");
	return err;
}

static enum mx_err
write_all(struct syncing *s)
{
	struct stream_token end = { .events = s->visible,
		.typing = -1,
		.presence = presence_position(s->req->core) };
	struct buf *out = &s->req->out;
	enum mx_err err;

	buf_char(out, '{');
	err = room_info_account_data(s->req, NULL);
	buf_lit(out, ",\"end\":\"");
	token_write(out, &end);
	buf_lit(out, "\",");
	if (err == M_OK)
		err = write_presence(s->req);
	buf_lit(out, "\"rooms\":[");
	if (err == M_OK)
		err = write_rooms(s);
	buf_lit(out, "],\"receipts\":[");
	buf_add(out, s->receipts.p, s->receipts.n);
	buf_lit(out, "]}");
	return err;
}

enum mx_err
client_initial_sync(struct req *req)
{
	struct syncing s = { .req = req,
		.visible = atomic_load(&req->core->visible),
		.is_first = true };
	enum mx_err err = reading_limit(req, LIMIT_DEFAULT, LIMIT_MAX, &s.limit);

	if (err != M_OK)
		return err;
	if (!req_query_bool(req, "archived", false, &s.archived))
		return req_fail(req, M_INVALID_PARAM, "archived must be true or false");
	err = write_all(&s);
	buf_free(&s.receipts);
	return err;
}
