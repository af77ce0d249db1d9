/*
 * RoomInfo, for a member, for one who left, for one who only looks in. Between
 * room_initial_sync.c, initial_sync.c and core.
 */
#include "api/client/room_info.h"

#include "room/account_data.h"
#include "room/receipts.h"
#include "room/state_list.h"
#include "store/rooms.h"
#include "store/state.h"
#include "stream/token.h"

static const struct ignored *
ignored_by(struct seer *seer)
{
	return seer_ignores_any(seer) ? seer->ignored : NULL;
}

/* The newest events before `at`, oldest first. */
static enum mx_err
write_messages(
    struct req *req, struct reading *reading, int64_t at, int64_t position, int limit)
{
	struct buf *out = &req->out;
	struct stream_token end = token_at(position);
	struct filter filter = { .ignored = ignored_by(&reading->seer) };
	struct page page = { .from = { at, 0 },
		.backwards = true,
		.limit = limit,
		.keep = filter_keeps,
		.keep_arg = &filter };
	enum mx_err err = timeline_page(&reading->seer, &page);

	if (err != M_OK)
		return err;
	buf_lit(out, ",\"messages\":{\"chunk\":");
	reading_write_page(req, reading, out, &page, true);
	buf_lit(out, ",\"end\":\"");
	token_write(out, &end);
	buf_lit(out, "\",\"start\":\"");
	token_write_place(out, page.end);
	buf_lit(out, "\"}");
	return M_OK;
}

static enum mx_err
write_visibility(struct req *req, const struct reading *reading)
{
	struct room_row row;
	enum mx_err err =
	    store_room_get(req->ctx->db, req->arena, reading->room->id, &row);

	if (err != M_OK)
		return err;
	buf_lit(&req->out, ",\"visibility\":");
	buf_json_str(&req->out, row.published ? "public" : "private");
	return M_OK;
}

enum mx_err
room_info_account_data(struct req *req, const struct room *room)
{
	struct account_data_row *rows;
	int n;
	enum mx_err err = store_account_data_of(req->ctx->db, req->arena,
	    req->who.user_id, room == NULL ? 0 : room->id, &rows, &n);

	buf_lit(&req->out, "\"account_data\":[");
	for (int i = 0; err == M_OK && i < n; i++) {
		if (i > 0)
			buf_char(&req->out, ',');
		account_data_write(&req->out, &rows[i], NULL);
	}
	buf_char(&req->out, ']');
	return err;
}

static void
write_receipts(struct buf *out, const char *room_id, const struct receipt_row *rows,
    int n, const char *asker)
{
	struct buf event = { 0 };

	for (int i = 0; receipts_write_event(&event, room_id, rows, n, asker, i); i++) {
		if (out->n > 0)
			buf_char(out, ',');
		buf_add(out, event.p, event.n);
		buf_reset(&event);
	}
	buf_free(&event);
}

enum mx_err
room_info_receipts(
    struct req *req, struct reading *reading, int64_t visible, struct buf *out)
{
	const struct room *room = reading->room;
	struct receipts_ask ask = { .asker = req->who.user_id,
		.ignored = ignored_by(&reading->seer),
		.until = visible };
	struct receipt_row *rows;
	int n;
	enum mx_err err;

	if (snapshot_membership(reading->s, req->who.user_id) != MEMBERSHIP_JOIN)
		return M_OK;
	err = receipts_told(req->ctx, req->arena, room, &ask, &rows, &n);
	if (err != M_OK)
		return err;
	write_receipts(out, room->room_id, rows, n, req->who.user_id);
	return M_OK;
}

enum mx_err
room_info_write(struct req *req, struct reading *reading, int64_t visible, int limit)
{
	const struct snapshot *s = reading->s;
	enum membership membership = snapshot_membership(s, req->who.user_id);
	int64_t at = seer_horizon(&reading->seer), position = visible;
	struct buf *out = &req->out;
	enum mx_err err;

	if (at == 0)
		return req_fail(
		    req, M_FORBIDDEN, "You are not in this room and never were");
	if (at == STATE_NOW)
		at = visible + 1;
	else
		position = at - 1;
	err = room_info_account_data(req, reading->room);
	if (membership != MEMBERSHIP_NONE) {
		buf_lit(out, ",\"membership\":");
		buf_json_str(out, membership_name(membership));
	}
	if (err == M_OK)
		err = write_messages(req, reading, at, position, limit);
	buf_lit(out, ",\"room_id\":");
	buf_json_str(out, reading->room->room_id);
	buf_lit(out, ",\"state\":");
	if (err == M_OK)
		err = state_list_write(
		    &reading->seer, out, at, NULL, reading_format(req));
	return err == M_OK ? write_visibility(req, reading) : err;
}
