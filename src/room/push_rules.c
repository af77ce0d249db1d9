/*
 * Push rules between the handlers and the table: what is asked for is tried on what is
 * durable, for its errors, and then done on the writer thread to whatever stands there.
 * Stands on event/push_ruleset and store/push_rules.
 */
#include "room/push_rules.h"

#include <string.h>

#include "base/log.h"
#include "room/push.h"
#include "room/update.h"
#include "store/push_rules.h"

/* own NULL: nothing deviates. */
static enum mx_err
read_own(struct db *db, struct arena *arena, const char *user_id, const char *scope,
    const struct json **own_out)
{
	struct str json;
	enum mx_err err = store_push_rules_get(db, arena, user_id, scope, &json);

	*own_out = NULL;
	if (err == M_NOT_FOUND)
		return M_OK;
	if (err != M_OK)
		return err;
	*own_out = json_parse(arena, (char *)json.p, json.n, JSON_LENIENT, NULL);
	if (*own_out != NULL)
		return M_OK;
	log_error("push: the rules of %s are damaged", user_id);
	return M_UNKNOWN;
}

enum mx_err
push_rules_read(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *scope, bool legacy, struct push_ruleset *out)
{
	*out = (struct push_ruleset){
		.user_id = user_id, .legacy = legacy, .is_device = scope[0] != '\0'
	};
	return read_own(ctx->db, arena, user_id, scope, &out->own);
}

enum mx_err
push_rules_devices(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char ***tags_out, int *count_out)
{
	return store_push_rules_scopes(ctx->db, arena, user_id, tags_out, count_out);
}

/* --- changing --- */

/* A change on its way; all of it lies in the update's arena. */
struct changing {
	struct push_ruleset set; /* own is read anew */
	const char *scope;
	struct push_change change;
};

static enum mx_err
has_room_for_device(
    struct db *db, struct arena *arena, const struct changing *c, bool is_new)
{
	const char **scopes;
	int n;
	enum mx_err err = M_OK;

	if (!is_new || !c->set.is_device)
		return M_OK;
	err = store_push_rules_scopes(db, arena, c->set.user_id, &scopes, &n);
	return err == M_OK && n >= PUSH_DEVICES_MAX ? M_TOO_LARGE : err;
}

/* What is deep but fine in a request may be too deep to be read again as a part. */
static enum mx_err
check_whole(struct arena *arena, struct str json)
{
	if (json.n > PUSH_RULES_MAX)
		return M_TOO_LARGE;
	return json_parse_copy(arena, json.p, json.n, JSON_LENIENT, NULL) == NULL
		   ? M_BAD_JSON
		   : M_OK;
}

static enum mx_err
write_change(struct update *u, struct db *db, bool *changed_out)
{
	struct changing *c = u->arg;
	const char *why;
	struct json *own;
	struct str json;
	enum mx_err err = read_own(db, u->arena, u->user_id, c->scope, &c->set.own);

	if (err == M_OK)
		err = push_ruleset_change(u->arena, &c->set, &c->change, &own, &why);
	if (err == M_OK)
		err = has_room_for_device(db, u->arena, c, c->set.own == NULL);
	if (err != M_OK)
		return err;
	*changed_out = c->set.own == NULL ? own->n > 0 : !json_equal(own, c->set.own);
	if (!*changed_out)
		return M_OK;
	json.p = json_text(u->arena, own, &json.n);
	err = check_whole(u->arena, json);
	/* Who joins a room has not asked for it: all stays as it is. */
	if (err == M_TOO_LARGE && c->change.what == PUSH_CARRY) {
		*changed_out = false;
		return M_OK;
	}
	if (err != M_OK)
		return err;
	return store_push_rules_set(db, u->user_id, c->scope, json, u->position);
}

static void
apply_change(struct update *u)
{
	const struct changing *c = u->arg;

	if (!c->set.is_device)
		push_changed(u->core, u->user_id);
}

static const struct update_kind change_kind = {
	.tells = CHANGE_USER_DATA, .write = write_change, .apply = apply_change
};

static const char *
copy_text(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strdup(arena, text);
}

static struct changing *
copy(struct arena *arena, const struct push_ruleset *set, const char *scope,
    const struct push_change *change)
{
	struct changing *c = ARENA_NEW(arena, struct changing);

	c->set = *set;
	c->set.user_id = arena_strdup(arena, set->user_id);
	c->set.own = NULL;
	c->scope = arena_strdup(arena, scope);
	c->change = *change;
	c->change.kind = copy_text(arena, change->kind);
	c->change.rule_id = copy_text(arena, change->rule_id);
	c->change.from = copy_text(arena, change->from);
	c->change.to = copy_text(arena, change->to);
	c->change.before = copy_text(arena, change->before);
	c->change.after = copy_text(arena, change->after);
	if (change->rule != NULL)
		c->change.rule = json_copy(arena, change->rule);
	if (change->actions != NULL)
		c->change.actions = json_copy(arena, change->actions);
	return c;
}

enum mx_err
push_rules_change(struct ctx *ctx, struct arena *arena, const struct push_ruleset *set,
    const char *scope, const struct push_change *change)
{
	struct json *own;
	struct update *u;
	const char *why;
	enum mx_err err = push_ruleset_change(arena, set, change, &own, &why);

	if (err != M_OK)
		return ctx_fail(ctx, err, why);
	u = update_new(ctx->core, &change_kind, set->user_id, NULL);
	u->arg = copy(u->arena, set, scope, change);
	update_queue(ctx, u);
	return M_OK;
}

enum mx_err
push_rules_carry(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *from, const char *to)
{
	struct push_change change = { .what = PUSH_CARRY, .from = from, .to = to };
	struct push_ruleset set;
	struct json *own;
	const char *why;
	enum mx_err err = push_rules_read(ctx, arena, user_id, "", false, &set);

	if (err != M_OK || set.own == NULL)
		return err;
	err = push_ruleset_change(arena, &set, &change, &own, &why);
	if (err != M_OK || json_equal(own, set.own))
		return err;
	return push_rules_change(ctx, arena, &set, "", &change);
}

/* --- for /sync --- */

enum mx_err
push_rules_changed_since(struct ctx *ctx, const char *user_id, int64_t since,
    int64_t until, bool *changed_out)
{
	*changed_out = since == 0;
	if (since == 0)
		return M_OK;
	return store_push_rules_changed(ctx->db, user_id, since, until, changed_out);
}

enum mx_err
push_rules_account_data(
    struct ctx *ctx, struct arena *arena, const char *user_id, struct buf *out)
{
	struct push_ruleset set;
	enum mx_err err = push_rules_read(ctx, arena, user_id, "", false, &set);

	if (err != M_OK)
		return err;
	buf_lit(out, "{\"global\":");
	json_write(out, push_ruleset_all(arena, &set));
	buf_char(out, '}');
	return M_OK;
}

/* --- ignored users --- */

enum mx_err
push_rules_write_ignored(struct db *db, const char *user_id)
{
	return store_push_rules_touch(db, user_id);
}

void
push_rules_apply_ignored(struct core *core, const char *user_id)
{
	push_changed(core, user_id);
}
