/*
 * Pages for people whose client cannot do a stage, or a login, itself. Small, without
 * anything from elsewhere. Relies on api/uia for what the stages have come to.
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/error.h"
#include "api/uia.h"
#include "core/registration.h"
#include "core/users.h"

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "<title>Sign in</title><style>"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:3rem auto;"
    "padding:0 1rem;color:#1c1c1c;background:#fff}"
    "label,input,button{display:block;width:100%;box-sizing:border-box}"
    "input,button{font:inherit;padding:.5rem;margin:.25rem 0 1rem;"
    "border:1px solid #767676;border-radius:.3rem}"
    "button{background:#1a5fb4;border-color:#1a5fb4;color:#fff;cursor:pointer}"
    ".wrong{color:#a51d2d}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1c1c1c}"
    "input{color:#eee;background:#2c2c2c}.wrong{color:#ff7b87}}"
    "</style></head><body><main>";
static const char page_tail[] = "</main></body></html>\n";

/* The script that the specification asks for. Spec: #fallback */
static const char done_page[] =
    "<h1>Thank you</h1><p>You may close this window and go on.</p><script>"
    "if (window.onAuthDone) {\n"
    "    window.onAuthDone();\n"
    "} else if (window.opener && window.opener.postMessage) {\n"
    "    window.opener.postMessage(\"authDone\", \"*\");\n"
    "}\n</script>";

static const char token_fields[] =
    "<h1>Registration token</h1>"
    "<p>Accounts on this server are for those who were given a token.</p>"
    "<label for=\"token\">Token</label>"
    "<input id=\"token\" name=\"token\" required autofocus autocomplete=\"off\""
    " autocapitalize=\"none\">";

static const char password_fields[] =
    "<h1>Your password</h1><p>Please confirm that it is you.</p>"
    "<label for=\"user\">User name</label>"
    "<input id=\"user\" name=\"user\" required autofocus autocomplete=\"username\""
    " autocapitalize=\"none\">"
    "<label for=\"password\">Password</label>"
    "<input id=\"password\" name=\"password\" type=\"password\" required"
    " autocomplete=\"current-password\">";

/* Credentials go to POST /login and what it answers to the client around the page; the
 * page's own parameters go along. Spec: #login-fallback */
static const char login_page[] =
    "<h1>Sign in</h1><p class=\"wrong\" id=\"wrong\" role=\"alert\"></p>"
    "<form id=\"form\"><label for=\"user\">User name</label>"
    "<input id=\"user\" required autofocus autocomplete=\"username\""
    " autocapitalize=\"none\">"
    "<label for=\"password\">Password</label>"
    "<input id=\"password\" type=\"password\" required"
    " autocomplete=\"current-password\">"
    "<button>Sign in</button></form>"
    "<noscript><p class=\"wrong\">This page needs JavaScript.</p></noscript><script>\n"
    "const of = (id) => document.getElementById(id);\n"
    "of('form').addEventListener('submit', async (event) => {\n"
    "    event.preventDefault();\n"
    "    const given = new URLSearchParams(location.search);\n"
    "    const body = { type: 'm.login.password', password: of('password').value,\n"
    "        identifier: { type: 'm.id.user', user: of('user').value } };\n"
    "    for (const name of ['device_id', 'initial_device_display_name'])\n"
    "        if (given.has(name)) body[name] = given.get(name);\n"
    "    if (given.get('refresh_token') === 'true') body.refresh_token = true;\n"
    "    of('wrong').textContent = '';\n"
    "    try {\n"
    "        const answer = await fetch('/_matrix/client/v3/login', {\n"
    "            method: 'POST', headers: { 'Content-Type': 'application/json' },\n"
    "            body: JSON.stringify(body) });\n"
    "        const json = await answer.json();\n"
    "        if (!answer.ok) throw new Error(json.error);\n"
    "        if (window.matrixLogin && window.matrixLogin.onLogin)\n"
    "            window.matrixLogin.onLogin(json);\n"
    "        else if (window.onLogin) window.onLogin(json);\n"
    "        of('form').textContent = 'You are signed in.';\n"
    "    } catch (error) {\n"
    "        of('wrong').textContent = error.message;\n"
    "    }\n"
    "});\n</script>";

static enum mx_err
reply_page(struct req *req, struct buf *body)
{
	req->content_type = "text/html; charset=utf-8";
	reply_header(req, "Content-Security-Policy",
	    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
	    " connect-src 'self'; form-action 'self'; base-uri 'none';"
	    " frame-ancestors 'none'");
	reply_header(req, "Cache-Control", "no-store");
	reply_header(req, "Referrer-Policy", "no-referrer");
	reply_header(req, "X-Content-Type-Options", "nosniff");
	buf_lit(body, page_tail);
	return reply_buf(req, body);
}

static void
add_escaped(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '&':
			buf_lit(b, "&amp;");
			break;
		case '<':
			buf_lit(b, "&lt;");
			break;
		case '>':
			buf_lit(b, "&gt;");
			break;
		case '"':
			buf_lit(b, "&quot;");
			break;
		default:
			buf_char(b, *s);
		}
	}
}

static enum mx_err
reply_done(struct req *req)
{
	struct buf body = { 0 };

	buf_lit(&body, page_head);
	buf_lit(&body, done_page);
	return reply_page(req, &body);
}

/* wrong: what was not right with the last try; NULL: there was none. */
static enum mx_err
reply_form(
    struct req *req, enum uia_stage stage, const char *session, const char *wrong)
{
	struct buf body = { 0 };

	buf_lit(&body, page_head);
	buf_lit(&body, "<form method=\"post\">");
	buf_str(&body, stage == UIA_PASSWORD ? password_fields : token_fields);
	if (wrong != NULL) {
		buf_lit(&body, "<p class=\"wrong\" role=\"alert\">");
		add_escaped(&body, wrong);
		buf_lit(&body, "</p>");
	}
	buf_lit(&body, "<input type=\"hidden\" name=\"session\" value=\"");
	add_escaped(&body, session);
	buf_lit(&body, "\"><button>Go on</button></form>");
	return reply_page(req, &body);
}

/* The stage in the path, if the session has it. */
static enum mx_err
read_stage(struct req *req, const char *session, enum uia_stage *stage_out)
{
	*stage_out = uia_stage_find(req_path(req, "authType"));
	if (session == NULL)
		return req_fail(req, M_MISSING_PARAM, "session is missing");
	if (*stage_out == 0 || !uia_session_offers(session, *stage_out))
		return req_fail(req, M_NOT_FOUND,
		    "This session is not known, or does not offer this stage");
	return M_OK;
}

/* client-server-api/#fallback */
enum mx_err
client_fallback(struct req *req)
{
	const char *session = req_query(req, "session");
	enum uia_stage stage;
	enum mx_err err = read_stage(req, session, &stage);

	if (err != M_OK)
		return err;
	if (stage == UIA_DUMMY)
		uia_complete(session, stage, NULL);
	return uia_is_complete(session, stage) ? reply_done(req)
					       : reply_form(req, stage, session, NULL);
}

static enum mx_err
try_token(struct req *req, const char *session, const char *token)
{
	bool valid = false;
	enum mx_err err = M_OK;

	if (token != NULL)
		err = registration_token_valid(req->ctx, token, &valid);
	if (err == M_OK && !valid)
		return ctx_fail(
		    req->ctx, M_UNAUTHORIZED, "This registration token is not valid");
	if (err == M_OK)
		uia_complete(session, UIA_REGISTRATION_TOKEN, token);
	return err;
}

static enum mx_err
try_password(
    struct req *req, const char *session, const char *user, const char *password)
{
	const char *user_id =
	    user == NULL ? NULL : users_login_id(req->core, req->arena, user);
	enum mx_err err = M_FORBIDDEN;

	if (user_id != NULL && password != NULL)
		err =
		    users_check_password(req->ctx, req->arena, user_id, password, NULL);
	if (err == M_OK && !uia_session_is_of(session, user_id))
		err = M_FORBIDDEN;
	if (err == M_FORBIDDEN)
		return ctx_fail(req->ctx, err, "Wrong user name or password");
	if (err == M_OK)
		uia_complete(session, UIA_PASSWORD, NULL);
	return err;
}

/* The form comes back. */
enum mx_err
client_fallback_post(struct req *req)
{
	struct str text = { req->http->body, req->http->body_n };
	struct uri_query form;
	const char *session;
	enum uia_stage stage;
	enum mx_err err;

	if (!uri_query_parse(req->arena, text, &form))
		return req_fail(req, M_INVALID_PARAM, "This is no form");
	session = uri_query_get(&form, "session");
	err = read_stage(req, session, &stage);
	if (err != M_OK)
		return err;
	if (stage == UIA_DUMMY)
		uia_complete(session, stage, NULL);
	else if (stage == UIA_REGISTRATION_TOKEN)
		err = try_token(req, session, uri_query_get(&form, "token"));
	else
		err = try_password(req, session, uri_query_get(&form, "user"),
		    uri_query_get(&form, "password"));
	if (err == M_OK)
		return reply_done(req);
	if (err == M_UNKNOWN || err == M_UNAVAILABLE)
		return err;
	req->status = error_status(err);
	return reply_form(req, stage, session, req->ctx->why);
}

/* client-server-api/#login-fallback */
enum mx_err
client_login_page(struct req *req)
{
	struct buf body = { 0 };

	buf_lit(&body, page_head);
	buf_lit(&body, login_page);
	return reply_page(req, &body);
}
