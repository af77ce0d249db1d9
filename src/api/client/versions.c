/*
 * What this server can do: versions of the specification, capabilities. From memory.
 */
#include "api/client/handlers.h"
#include "event/room_version.h"

/* client-server-api/#get_matrixclientversions */
enum mx_err
client_versions(struct req *req)
{
	static const char answer[] =
	    /* What clients look for here though it has a version by now. */
	    "{\"unstable_features\":{"
	    "\"uk.half-shot.msc2666.query_mutual_rooms\":true},\"versions\":["
	    "\"r0.0.1\",\"r0.1.0\",\"r0.2.0\",\"r0.3.0\",\"r0.4.0\",\"r0.5.0\","
	    "\"r0.6.0\",\"r0.6.1\",\"v1.1\",\"v1.2\",\"v1.3\",\"v1.4\",\"v1.5\","
	    "\"v1.6\",\"v1.7\",\"v1.8\",\"v1.9\",\"v1.10\",\"v1.11\",\"v1.12\","
	    "\"v1.13\",\"v1.14\",\"v1.15\",\"v1.16\",\"v1.17\",\"v1.18\",\"v1.19\"]}";
	struct buf body = { 0 };

	buf_lit(&body, answer);
	return reply_buf(req, &body);
}

static void
add_switch(struct req *req, struct json *all, const char *name, bool enabled)
{
	struct json *one = json_object(req->arena);

	json_set_bool(req->arena, one, "enabled", enabled);
	json_set(req->arena, all, name, one);
}

static void
add_room_versions(struct req *req, struct json *all)
{
	struct json *one = json_object(req->arena),
		    *available = json_object(req->arena);
	int n;
	const struct room_version *versions = room_version_list(&n);

	for (int i = 0; i < n; i++)
		json_set_str(req->arena, available, versions[i].id, "stable");
	json_set(req->arena, one, "available", available);
	json_set_str(req->arena, one, "default", req->core->set.default_room_version);
	json_set(req->arena, all, "m.room_versions", one);
}

/* Guests who only read change nothing. */
static bool
may_change_profile(const struct req *req)
{
	return !req->who.is_guest || req->core->set.guests == GUESTS_JOIN;
}

/* Guests may change their name alone. Spec: #guest-access */
static void
add_profile_fields(struct req *req, struct json *all)
{
	struct json *one = json_object(req->arena), *allowed = json_array(req->arena);

	json_set_bool(req->arena, one, "enabled", may_change_profile(req));
	if (req->who.is_guest && may_change_profile(req)) {
		json_push(req->arena, allowed, json_str(req->arena, "displayname"));
		json_set(req->arena, one, "allowed", allowed);
	}
	json_set(req->arena, all, "m.profile_fields", one);
}

/* client-server-api/#get_matrixclientv3capabilities */
enum mx_err
client_capabilities(struct req *req)
{
	struct json *answer = json_object(req->arena), *all = json_object(req->arena);

	add_room_versions(req, all);
	add_profile_fields(req, all);
	add_switch(req, all, "m.change_password", !req->who.is_guest);
	add_switch(req, all, "m.set_displayname", may_change_profile(req));
	add_switch(req, all, "m.set_avatar_url", !req->who.is_guest);
	add_switch(req, all, "m.3pid_changes", false);
	add_switch(req, all, "m.get_login_token", false);
	add_switch(req, all, "m.forget_forced_upon_leave", false);
	json_set(req->arena, answer, "capabilities", all);
	return reply_json(req, answer);
}
