/*
 * Rooms that one is invited to, or has knocked at, in the answer of /sync: so much of
 * their state as tells what they are. Between sync.c and room/stripped.
 * Spec: client-server-api/#stripped-state
 */
#include <string.h>

#include "room/stripped.h"
#include "stream/sync_inside.h"

/* NULL where it is damaged (logged). */
static enum mx_err
load(struct room_sync *r, int64_t event, const struct event **out)
{
	bool standard64 = r->room->version->event_id_format == EVENT_ID_BASE64;
	struct stored_event stored;
	enum mx_err err =
	    store_event_get(r->sync->ctx->db, r->arena, event, standard64, &stored);

	*out = err == M_OK ? seer_parse(&r->seer, &stored) : NULL;
	return err;
}

enum mx_err
sync_stripped(
    struct room_sync *r, const char *key, const struct state_ref *own, struct buf *out)
{
	const struct event *e;
	enum mx_err err = load(r, own->event, &e);

	if (err != M_OK || e == NULL)
		return err;
	/* Spec: client-server-api/#ignoring-users */
	if (sync_ignores(r->sync, e->sender))
		return M_OK;
	sync_room_key(out, r->room->room_id);
	buf_char(out, '{');
	buf_json_str(out, key);
	buf_lit(out, ":{\"events\":[");
	/* Who invites is in the room; who knocks is nobody's guest. */
	err = stripped_write_state(
	    &r->seer, strcmp(e->sender, own->state_key) == 0 ? NULL : e->sender, out);
	stripped_write_event(out, e);
	buf_lit(out, "]}}");
	return err;
}
