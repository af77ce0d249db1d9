/*
 * Stripped state, from a room's snapshot. Relies on room/room for the state; stands
 * behind /sync's invite_state, and the invite_room_state of an invitation itself.
 */
#include "room/stripped.h"

#include "base/json.h"

static const char *const shown[] = { "m.room.create", "m.room.join_rules",
	"m.room.name", "m.room.avatar", "m.room.topic", "m.room.canonical_alias",
	"m.room.encryption" };

void
stripped_write_event(struct buf *out, const struct event *e)
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

/* What is not set, or is damaged (logged), is left out. */
static enum mx_err
write_entry(struct seer *seer, const char *type, const char *state_key, struct buf *out)
{
	const struct state_entry *entry = snapshot_state(seer->s, type, state_key);
	bool standard64 = seer->room->version->event_id_format == EVENT_ID_BASE64;
	struct stored_event stored;
	const struct event *e;
	enum mx_err err;

	if (entry == NULL)
		return M_OK;
	if (entry->pdu != NULL) {
		e = entry->pdu->event;
	} else {
		err = store_event_get(
		    seer->ctx->db, seer->arena, entry->event, standard64, &stored);
		if (err != M_OK)
			return err;
		e = seer_parse(seer, &stored);
	}
	if (e == NULL)
		return M_OK;
	stripped_write_event(out, e);
	buf_char(out, ',');
	return M_OK;
}

enum mx_err
stripped_write_state(struct seer *seer, const char *inviter, struct buf *out)
{
	enum mx_err err = M_OK;

	for (size_t i = 0; err == M_OK && i < sizeof shown / sizeof shown[0]; i++)
		err = write_entry(seer, shown[i], "", out);
	if (err == M_OK && inviter != NULL)
		err = write_entry(seer, "m.room.member", inviter, out);
	return err;
}
