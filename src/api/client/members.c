/*
 * Who is, was or may be in a room.
 * Spec: client-server-api/#get_matrixclientv3roomsroomidmembers,
 * #get_matrixclientv3roomsroomidjoined_members
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"
#include "room/state_list.h"
#include "store/state.h"

/* The parameters that pick memberships. */
struct wanted {
	bool has_with, has_without;
	enum membership with, without;
};

static enum mx_err
read_membership(
    struct req *req, const char *name, bool *given_out, enum membership *out)
{
	const char *text = req_query(req, name);

	*given_out = text != NULL;
	*out = membership_of(text);
	if (text == NULL || *out != MEMBERSHIP_NONE)
		return M_OK;
	return req_fail(req, M_INVALID_PARAM,
	    arena_printf(
		req->arena, "%s must be join, invite, knock, leave or ban", name));
}

/* Both together are an "or". */
static bool
is_wanted(const struct state_ref *ref, const void *arg)
{
	const struct wanted *w = arg;
	enum membership m = ref->membership;

	if (m == MEMBERSHIP_NONE)
		m = MEMBERSHIP_LEAVE;
	if (!w->has_with && !w->has_without)
		return true;
	return (w->has_with && m == w->with) || (w->has_without && m != w->without);
}

/* The place whose state is asked for, no later than the asker may look. */
static enum mx_err
read_at(struct req *req, struct reading *reading, int64_t *at_out)
{
	int64_t horizon = seer_horizon(&reading->seer);
	struct place place;
	bool given;
	enum mx_err err = reading_place(req, "at", &place, &given);

	if (err != M_OK)
		return err;
	if (horizon == 0)
		return req_fail(
		    req, M_FORBIDDEN, "You are not in this room and never were");
	*at_out = horizon;
	if (!given || place.line >= horizon)
		return M_OK;
	*at_out = place.line + (place.sub > 0);
	/* Earlier states are as visible as what was sent there. */
	if (*at_out <= reading->s->position &&
	    !seer_sees(&reading->seer, *at_out, "", NULL))
		return req_fail(req, M_FORBIDDEN,
		    "You may not see the room as it was at that time");
	return M_OK;
}

enum mx_err
client_members(struct req *req)
{
	struct reading reading = { 0 };
	struct wanted wanted = { .has_with = false };
	struct state_pick pick = {
		.type = "m.room.member", .want = is_wanted, .arg = &wanted
	};
	int64_t at = 0;
	enum mx_err err =
	    read_membership(req, "membership", &wanted.has_with, &wanted.with);

	if (err == M_OK)
		err = read_membership(
		    req, "not_membership", &wanted.has_without, &wanted.without);
	if (err == M_OK)
		err = reading_open(req, req_path(req, "roomId"), &reading);
	if (err != M_OK)
		return err;
	err = read_at(req, &reading, &at);
	if (err == M_OK) {
		buf_lit(&req->out, "{\"chunk\":");
		err = state_list_write(
		    &reading.seer, &req->out, at, &pick, reading_format(req));
		buf_char(&req->out, '}');
	}
	reading_close(&reading);
	return err;
}

/* --- joined_members --- */

static void
write_field(struct buf *out, const char *name, const char *text, bool *is_first)
{
	if (text == NULL)
		return;
	if (!*is_first)
		buf_char(out, ',');
	*is_first = false;
	buf_json_str(out, name);
	buf_char(out, ':');
	buf_json_str(out, text);
}

struct joined {
	struct req *req;
	bool is_first;
};

static void
write_joined(const struct sliced *e, const struct state_ref *ref, void *arg)
{
	struct joined *j = arg;
	struct buf *out = &j->req->out;
	struct arena *arena = j->req->arena;
	bool is_first = true;

	if (!j->is_first)
		buf_char(out, ',');
	j->is_first = false;
	buf_json_str(out, ref->state_key);
	buf_lit(out, ":{");
	write_field(out, "avatar_url",
	    slice_text_of(arena, e->raw.content, "avatar_url"), &is_first);
	write_field(out, "display_name",
	    slice_text_of(arena, e->raw.content, "displayname"), &is_first);
	buf_char(out, '}');
}

enum mx_err
client_joined_members(struct req *req)
{
	struct reading reading = { 0 };
	struct wanted wanted = { .has_with = true, .with = MEMBERSHIP_JOIN };
	struct state_pick pick = {
		.type = "m.room.member", .want = is_wanted, .arg = &wanted
	};
	struct joined joined = { req, true };
	enum mx_err err = reading_open(req, req_path(req, "roomId"), &reading);

	if (err != M_OK)
		return err;
	if (snapshot_membership(reading.s, req->who.user_id) != MEMBERSHIP_JOIN) {
		reading_close(&reading);
		return req_fail(req, M_FORBIDDEN, "You are not in this room");
	}
	buf_lit(&req->out, "{\"joined\":{");
	err = state_list_each(&reading.seer, STATE_NOW, &pick, write_joined, &joined);
	buf_lit(&req->out, "}}");
	reading_close(&reading);
	return err;
}
