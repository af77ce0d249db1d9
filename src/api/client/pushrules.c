/*
 * Push rules: arguments and answers. Of 2015's two scopes, global and
 * device/{profileTag}, one is left today. Relies on room/push_rules. Spec:
 * client-server-api/#push-rules-api, legacy-v1 pushrules.yaml
 */
#include "room/push_rules.h"

#include <string.h>

#include "api/client/handlers.h"

static bool
is_legacy(const struct req *req)
{
	return req->version == A1 || req->version == A2;
}

/* "" for the account's. */
static const char *
scope_of(const struct req *req)
{
	return strstr(req->route->path, "/device/") == NULL
		   ? ""
		   : req_path(req, "profileTag");
}

static enum mx_err
read_rules(struct req *req, const char *scope, struct push_ruleset *out)
{
	return push_rules_read(
	    req->ctx, req->arena, req->who.user_id, scope, is_legacy(req), out);
}

/* --- reading --- */

static enum mx_err
write_device(struct req *req, const char *tag)
{
	struct push_ruleset set;
	enum mx_err err = read_rules(req, tag, &set);

	if (err == M_OK)
		json_write(&req->out, push_ruleset_all(req->arena, &set));
	return err;
}

/* {profile tag: rules} */
static enum mx_err
write_devices(struct req *req)
{
	const char **tags;
	int n;
	enum mx_err err =
	    push_rules_devices(req->ctx, req->arena, req->who.user_id, &tags, &n);

	buf_char(&req->out, '{');
	for (int i = 0; err == M_OK && i < n; i++) {
		if (i > 0)
			buf_char(&req->out, ',');
		buf_json_str(&req->out, tags[i]);
		buf_char(&req->out, ':');
		err = write_device(req, tags[i]);
	}
	buf_char(&req->out, '}');
	return err;
}

/* client-server-api/#get_matrixclientv3pushrules */
enum mx_err
client_pushrules(struct req *req)
{
	enum mx_err err = M_OK;

	buf_char(&req->out, '{');
	if (is_legacy(req)) {
		buf_lit(&req->out, "\"device\":");
		err = write_devices(req);
		buf_char(&req->out, ',');
	}
	if (err != M_OK)
		return err;
	buf_lit(&req->out, "\"global\":");
	err = write_device(req, "");
	buf_char(&req->out, '}');
	return err;
}

enum mx_err
client_pushrules_devices(struct req *req)
{
	return write_devices(req);
}

/* client-server-api/#get_matrixclientv3pushrulesglobal */
enum mx_err
client_pushrules_all(struct req *req)
{
	return write_device(req, scope_of(req));
}

enum mx_err
client_pushrules_kind(struct req *req)
{
	const char *kind = req_path(req, "kind");
	struct push_ruleset set;
	enum mx_err err;

	if (!push_kind_valid(kind))
		return req_fail(req, M_NOT_FOUND, "There is no such kind of push rule");
	err = read_rules(req, scope_of(req), &set);
	if (err == M_OK)
		json_write(&req->out, push_ruleset_list(req->arena, &set, kind));
	return err;
}

static enum mx_err
find(struct req *req, const struct json **rule_out)
{
	const char *kind = req_path(req, "kind");
	struct push_ruleset set;
	enum mx_err err = read_rules(req, scope_of(req), &set);

	if (err != M_OK)
		return err;
	*rule_out = push_kind_valid(kind) ? push_ruleset_find(req->arena, &set, kind,
						req_path(req, "ruleId"))
					  : NULL;
	if (*rule_out == NULL)
		return req_fail(req, M_NOT_FOUND, "The push rule was not found");
	return M_OK;
}

/* client-server-api/#get_matrixclientv3pushrulesglobalkindruleid */
enum mx_err
client_pushrule(struct req *req)
{
	const struct json *rule;
	enum mx_err err = find(req, &rule);

	return err == M_OK ? reply_json(req, rule) : err;
}

/* One property of a rule, as an object with this key alone. */
static enum mx_err
reply_property(struct req *req, const char *key)
{
	struct json *answer = json_object(req->arena);
	const struct json *rule;
	enum mx_err err = find(req, &rule);

	if (err != M_OK)
		return err;
	json_set(req->arena, answer, key, json_get(rule, key));
	return reply_json(req, answer);
}

/* client-server-api/#get_matrixclientv3pushrulesglobalkindruleidenabled */
enum mx_err
client_pushrule_enabled(struct req *req)
{
	return reply_property(req, "enabled");
}

/* client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions */
enum mx_err
client_pushrule_actions(struct req *req)
{
	return reply_property(req, "actions");
}

/* --- changing --- */

/* "before/after rule not found: someRuleId" is a 400 with M_UNKNOWN, says the
 * specification. */
static enum mx_err
change(struct req *req, struct push_change *change)
{
	const char *scope = scope_of(req);
	struct push_ruleset set;
	enum mx_err err = M_OK;

	change->kind = req_path(req, "kind");
	change->rule_id = req_path(req, "ruleId");
	if (!push_kind_valid(change->kind))
		return req_fail(req, M_NOT_FOUND, "There is no such kind of push rule");
	if (strlen(scope) > PUSH_RULE_ID_MAX)
		return req_fail(
		    req, M_INVALID_PARAM, "A profile tag has at most 255 bytes");
	err = read_rules(req, scope, &set);
	if (err == M_OK)
		err = push_rules_change(req->ctx, req->arena, &set, scope, change);
	if (err == M_BAD_STATE)
		return req_fail_status(req, 400, M_UNKNOWN, req->ctx->why);
	return err == M_OK ? reply_empty(req) : err;
}

/* "If the string starts with a dot, the request MUST be rejected as this is reserved
 * for server-default rules. Slashes and backslashes are also not allowed." */
static enum mx_err
check_rule_id(struct req *req)
{
	const char *rule_id = req_path(req, "ruleId");

	if (rule_id[0] == '\0')
		return req_fail(req, M_INVALID_PARAM, "The rule needs an id");
	if (rule_id[0] == '.')
		return req_fail(req, M_INVALID_PARAM,
		    "Rule ids that begin with a dot are the server's own");
	if (strpbrk(rule_id, "/\\") != NULL)
		return req_fail(req, M_INVALID_PARAM,
		    "Rule ids have neither slashes nor backslashes");
	if (strlen(rule_id) > PUSH_RULE_ID_MAX)
		return req_fail(
		    req, M_INVALID_PARAM, "A rule id has at most 255 bytes");
	return M_OK;
}

/* client-server-api/#put_matrixclientv3pushrulesglobalkindruleid */
enum mx_err
client_pushrule_put(struct req *req)
{
	struct push_change c = { .what = PUSH_PUT,
		.before = req_query(req, "before"),
		.after = req_query(req, "after") };
	const char *why = NULL;
	struct json *rule;
	enum mx_err err = check_rule_id(req);

	if (err != M_OK)
		return err;
	err = push_rule_read(
	    req->arena, req_path(req, "kind"), req->body, is_legacy(req), &rule, &why);
	if (err != M_OK)
		return req_fail(req, err, why);
	c.rule = rule;
	return change(req, &c);
}

/* client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid */
enum mx_err
client_pushrule_delete(struct req *req)
{
	struct push_change c = { .what = PUSH_DELETE };

	return change(req, &c);
}

/* client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled */
enum mx_err
client_pushrule_enabled_put(struct req *req)
{
	const struct json *enabled = json_get(req->body, "enabled");
	struct push_change c = { .what = PUSH_ENABLE };

	if (enabled == NULL)
		return req_fail(req, M_MISSING_PARAM, "enabled is missing");
	if (!json_is(enabled, JSON_BOOL))
		return req_fail(req, M_BAD_JSON, "enabled must be true or false");
	c.enabled = enabled->b;
	return change(req, &c);
}

/* client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions */
enum mx_err
client_pushrule_actions_put(struct req *req)
{
	struct push_change c = { .what = PUSH_ACTIONS };
	const char *why = NULL;
	struct json *actions;
	enum mx_err err =
	    push_actions_read(req->arena, req->body, is_legacy(req), &actions, &why);

	if (err != M_OK)
		return req_fail(req, err, why);
	c.actions = actions;
	return change(req, &c);
}
