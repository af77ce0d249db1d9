/*
 * Account data: checks here, then a change on the writer thread (room/update).
 * Relies on store/account_data. Below /account_data, tags and read markers.
 */
#include "room/account_data.h"

#include <string.h>

#include "base/log.h"
#include "event/ids.h"
#include "room/push_rules.h"
#include "room/timeline.h"

#define FULLY_READ "m.fully_read"
#define PUSH_RULES "m.push_rules"

/* "Currently, this only includes m.fully_read and m.push_rules." */
bool
account_data_is_kept(const char *type)
{
	return strcmp(type, FULLY_READ) == 0 || strcmp(type, PUSH_RULES) == 0;
}

bool
account_data_may_in(
    struct ctx *ctx, struct arena *arena, const char *user_id, struct room *room)
{
	struct snapshot *s = room_snapshot(room);
	struct seer seer;
	bool may;

	seer_init(&seer, ctx, arena, room, s, user_id, NULL);
	may = seer.member != NULL || seer_sees_anything(&seer);
	snapshot_unref(s);
	return may;
}

/* --- a change, on the writer thread --- */

static enum mx_err
read_before(
    struct account_data_change *c, struct db *db, const struct json **before_out)
{
	struct update *u = c->update;
	struct account_data_row row;
	enum mx_err err = store_account_data_get(
	    db, u->arena, u->user_id, u->room == NULL ? 0 : u->room->id, c->type, &row);

	*before_out = NULL;
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	*before_out =
	    json_parse_copy(u->arena, row.json, row.json_n, JSON_LENIENT, NULL);
	if (*before_out != NULL)
		return M_OK;
	log_error("account data: %s of %s cannot be read", c->type, u->user_id);
	return M_UNKNOWN;
}

/* Put together of parts that are each fine it may still be too deep to be read again.
 */
static enum mx_err
check_whole(struct account_data_change *c)
{
	if (c->json.n > ACCOUNT_DATA_SIZE_MAX)
		return M_TOO_LARGE;
	return json_parse_copy(
		   c->update->arena, c->json.p, c->json.n, JSON_LENIENT, NULL) == NULL
		   ? M_BAD_JSON
		   : M_OK;
}

static enum mx_err
work_out(struct account_data_change *c, struct db *db)
{
	const struct json *before, *after = NULL;
	enum mx_err err = read_before(c, db, &before);

	if (err == M_OK)
		err = c->fn(c, db, before, &after);
	if (err != M_OK || after == NULL)
		return err;
	c->json.p = json_text(c->update->arena, after, &c->json.n);
	return check_whole(c);
}

/* Of the list of ignored users, on which it depends whose events notify. */
static void
apply_ignored(struct update *u)
{
	push_rules_apply_ignored(u->core, u->user_id);
}

static enum mx_err
write_change(struct update *u, struct db *db, bool *changed_out)
{
	struct account_data_change *c = u->arg;
	struct account_data_row row = { .room = u->room == NULL ? 0 : u->room->id,
		.type = c->type,
		.position = u->position };
	enum mx_err err = c->fn == NULL ? M_OK : work_out(c, db);

	*changed_out = false;
	if (err != M_OK || c->json.p == NULL)
		return err;
	row.json = c->json.p;
	row.json_n = c->json.n;
	err = store_account_data_set(db, u->user_id, &row, changed_out);
	if (err == M_OK && *changed_out && u->kind->alters_hearing)
		err = push_rules_write_ignored(db, u->user_id);
	return err;
}

struct account_data_change *
account_data_change_new(
    struct ctx *ctx, const char *user_id, struct room *room, const char *type)
{
	static const struct update_kind plain = { .tells = CHANGE_USER_DATA,
		.write = write_change };
	static const struct update_kind ignored = { .tells = CHANGE_USER_DATA,
		.alters_hearing = true,
		.write = write_change,
		.apply = apply_ignored };
	bool is_ignored = room == NULL && strcmp(type, "m.ignored_user_list") == 0;
	struct update *u =
	    update_new(ctx->core, is_ignored ? &ignored : &plain, user_id, room);
	struct account_data_change *c = ARENA_NEW(u->arena, struct account_data_change);

	c->update = u;
	c->type = arena_strdup(u->arena, type);
	u->arg = c;
	return c;
}

void
account_data_change_queue(struct ctx *ctx, struct account_data_change *change)
{
	update_queue(ctx, change->update);
}

/* --- setting and getting --- */

static enum mx_err
check(struct ctx *ctx, struct arena *arena, const char *user_id, struct room *room,
    const char *type)
{
	if (account_data_is_kept(type))
		return ctx_fail(ctx, M_BAD_JSON, "The server keeps this type itself");
	if (strlen(type) > ID_MAX)
		return ctx_fail(ctx, M_INVALID_PARAM, "A type has at most 255 bytes");
	if (room != NULL && !account_data_may_in(ctx, arena, user_id, room))
		return ctx_fail(ctx, M_NOT_FOUND, "this server knows no such room");
	return M_OK;
}

enum mx_err
account_data_set(struct ctx *ctx, struct arena *arena, const char *user_id,
    struct room *room, const char *type, const struct json *content)
{
	struct account_data_change *change;
	size_t n;
	const char *text;
	enum mx_err err = check(ctx, arena, user_id, room, type);

	if (err != M_OK)
		return err;
	text = json_text(arena, content, &n);
	if (n > ACCOUNT_DATA_SIZE_MAX)
		return ctx_fail(ctx, M_TOO_LARGE, "Account data is at most 64 KiB");
	change = account_data_change_new(ctx, user_id, room, type);
	change->json = (struct str){ arena_strndup(change->update->arena, text, n), n };
	account_data_change_queue(ctx, change);
	return M_OK;
}

/* "Servers must allow clients to read the above event types as normal." */
static enum mx_err
push_rules_content(
    struct ctx *ctx, struct arena *arena, const char *user_id, struct str *content_out)
{
	struct buf text = { 0 };
	enum mx_err err = push_rules_account_data(ctx, arena, user_id, &text);

	*content_out = (struct str){ arena_strndup(arena, text.p, text.n), text.n };
	buf_free(&text);
	return err;
}

enum mx_err
account_data_get(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct room *room, const char *type, struct str *json_out)
{
	struct account_data_row row;
	enum mx_err err;

	if (room == NULL && strcmp(type, PUSH_RULES) == 0)
		return push_rules_content(ctx, arena, user_id, json_out);
	err = store_account_data_get(
	    ctx->db, arena, user_id, room == NULL ? 0 : room->id, type, &row);
	if (err == M_NOT_FOUND)
		return ctx_fail(ctx, err, ACCOUNT_DATA_NOT_THERE);
	if (err == M_OK)
		*json_out = (struct str){ row.json, row.json_n };
	return err;
}

void
account_data_write(
    struct buf *out, const struct account_data_row *row, const char *room_id)
{
	buf_lit(out, "{\"content\":");
	buf_add(out, row->json, row->json_n);
	if (room_id != NULL) {
		buf_lit(out, ",\"room_id\":");
		buf_json_str(out, room_id);
	}
	buf_lit(out, ",\"type\":");
	buf_json_str(out, row->type);
	buf_char(out, '}');
}
