/*
 * Reading the push rules, which are the predefined ones.
 * Spec: client-server-api/#push-rules-api, legacy-v1 pushrules.yaml
 */
#include "api/client/handlers.h"
#include "core/push_rules.h"

static struct push_rules
rules_of(const struct req *req)
{
	return (struct push_rules){ .user_id = req->who.user_id,
		.legacy = req->version == A1 || req->version == A2 };
}

/* 2015's have a second scope, of rules for single devices. */
enum mx_err
client_pushrules(struct req *req)
{
	struct push_rules rules = rules_of(req);

	buf_str(
	    &req->out, rules.legacy ? "{\"device\":{},\"global\":" : "{\"global\":");
	push_rules_write(&req->out, &rules);
	buf_char(&req->out, '}');
	return M_OK;
}

enum mx_err
client_pushrules_global(struct req *req)
{
	struct push_rules rules = rules_of(req);

	push_rules_write(&req->out, &rules);
	return M_OK;
}

enum mx_err
client_pushrules_kind(struct req *req)
{
	struct push_rules rules = rules_of(req);
	const char *kind = req_path(req, "kind");

	if (!push_rules_kind(kind))
		return req_fail(req, M_NOT_FOUND, "There is no such kind of push rule");
	push_rules_write_kind(&req->out, &rules, kind);
	return M_OK;
}

static enum mx_err
find(struct req *req, const struct push_rules *rules, const struct push_rule **rule_out)
{
	*rule_out =
	    push_rules_find(rules, req_path(req, "kind"), req_path(req, "ruleId"));
	if (*rule_out == NULL)
		return req_fail(req, M_NOT_FOUND, "The push rule was not found");
	return M_OK;
}

enum mx_err
client_pushrule(struct req *req)
{
	struct push_rules rules = rules_of(req);
	const struct push_rule *rule;
	enum mx_err err = find(req, &rules, &rule);

	if (err == M_OK)
		push_rules_write_rule(&req->out, &rules, rule);
	return err;
}

enum mx_err
client_pushrule_enabled(struct req *req)
{
	struct push_rules rules = rules_of(req);
	const struct push_rule *rule;
	enum mx_err err = find(req, &rules, &rule);

	if (err == M_OK)
		buf_printf(&req->out, "{\"enabled\":%s}",
		    push_rules_enabled(rule) ? "true" : "false");
	return err;
}

enum mx_err
client_pushrule_actions(struct req *req)
{
	struct push_rules rules = rules_of(req);
	const struct push_rule *rule;
	enum mx_err err = find(req, &rules, &rule);

	if (err != M_OK)
		return err;
	buf_lit(&req->out, "{\"actions\":");
	push_rules_write_actions(&req->out, &rules, rule);
	buf_char(&req->out, '}');
	return M_OK;
}
