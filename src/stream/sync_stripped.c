/*
 * Rooms that one is invited to, or has knocked at, in the answer of /sync: so much of
 * their state as tells what they are. Between sync.c and core/room.
 * Spec: client-server-api/#stripped-state
 */
#include "core/state_list.h"
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

static struct event *
load(struct room_sync *r, const struct state_entry *entry)
{
	bool standard64 = r->room->version->event_id_format == EVENT_ID_BASE64;
	struct stored_event stored;

	if (entry->pdu != NULL)
		return entry->pdu->event;
	if (store_event_get(r->sync->ctx->db, r->sync->arena, entry->event, standard64,
		&stored) != M_OK)
		return NULL;
	return seer_parse(&r->seer, &stored);
}

static void
write_entry(struct room_sync *r, const struct state_entry *entry, struct buf *out)
{
	const struct event *e = entry == NULL ? NULL : load(r, entry);

	if (e == NULL)
		return;
	write_stripped(out, e);
	buf_char(out, ',');
}

enum mx_err
sync_stripped(struct room_sync *r, const char *key, struct buf *out)
{
	struct event *own = load(r, r->seer.member);

	if (own == NULL)
		return M_UNKNOWN;
	/* Spec: client-server-api/#ignoring-users */
	if (own->state_key != NULL && sync_ignores(r->sync, own->sender))
		return M_OK;
	sync_room_key(out, r->room->room_id);
	buf_char(out, '{');
	buf_json_str(out, key);
	buf_lit(out, ":{\"events\":[");
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		write_entry(r, snapshot_state(r->s, shown[i], ""), out);
	/* Who invites is in the room: so that the client can name them. */
	if (own->state_key != NULL)
		write_entry(r, snapshot_state(r->s, "m.room.member", own->sender), out);
	write_stripped(out, own);
	buf_lit(out, "]}}");
	return M_OK;
}
