/*
 * Rooms that one is invited to, or has knocked at, in the answer of /sync: so much of
 * their state as tells what they are. Between sync.c and room/room.
 * Spec: client-server-api/#stripped-state
 */
#include <string.h>

#include "stream/sync_inside.h"

static const char *const shown[] = { "m.room.create", "m.room.join_rules",
	"m.room.name", "m.room.avatar", "m.room.topic", "m.room.canonical_alias",
	"m.room.encryption" };

static void
write_stripped(struct buf *out, const struct event *e)
{
	buf_lit(out, "{\"content\":");
	json_write(out, e->content);
	buf_lit(out, ",\"sender\":");
	buf_json_str(out, e->sender);
	buf_lit(out, ",\"state_key\":");
	buf_json_str(out, e->state_key);
	buf_lit(out, ",\"type\":");
	buf_json_str(out, e->type);
	buf_char(out, '}');
}

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

static enum mx_err
write_entry(
    struct room_sync *r, const char *type, const char *state_key, struct buf *out)
{
	const struct state_entry *entry = snapshot_state(r->s, type, state_key);
	const struct event *e;
	enum mx_err err;

	if (entry == NULL)
		return M_OK;
	if (entry->pdu != NULL) {
		e = entry->pdu->event;
	} else {
		err = load(r, entry->event, &e);
		if (err != M_OK)
			return err;
	}
	if (e == NULL)
		return M_OK;
	write_stripped(out, e);
	buf_char(out, ',');
	return M_OK;
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
	for (size_t i = 0; err == M_OK && i < sizeof shown / sizeof shown[0]; i++)
		err = write_entry(r, shown[i], "", out);
	/* Who invites is in the room: so that the client can name them. */
	if (err == M_OK && strcmp(e->sender, own->state_key) != 0)
		err = write_entry(r, "m.room.member", e->sender, out);
	write_stripped(out, e);
	buf_lit(out, "]}}");
	return err;
}
