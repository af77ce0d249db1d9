/*
 * What handlers call: arguments by name, answers, errors.
 */
#include "api/req.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

const char *
req_path(const struct req *req, const char *name)
{
	const char *p = req->route->path;
	size_t n = strlen(name);

	for (int i = 0; i < REQ_PARAMS_MAX; i++) {
		p = strchr(p, '{');
		if (p == NULL)
			break;
		if (strncmp(p + 1, name, n) == 0 && p[n + 1] == '}')
			return req->params[i];
		p++;
	}
	return "";
}

const char *
req_query(const struct req *req, const char *name)
{
	return uri_query_get(&req->query, name);
}

const char *
req_query_nth(const struct req *req, const char *name, int nth)
{
	for (int i = 0; i < req->query.count; i++)
		if (strcmp(req->query.params[i].name, name) == 0 && nth-- == 0)
			return req->query.params[i].value;
	return NULL;
}

bool
req_names_etag(const struct req *req, const char *header, const char *etag)
{
	const struct str *value = http_header(&req->http->head, header);

	return value != NULL && (str_is(*value, "*") || memmem(value->p, value->n, etag,
							    strlen(etag)) != NULL);
}

bool
req_query_int(const struct req *req, const char *name, int64_t fallback, int64_t min,
    int64_t max, int64_t *out)
{
	const char *text = req_query(req, name);
	int64_t v = fallback;

	if (text != NULL && !str_int(str_of(text), &v))
		return false;
	*out = v < min ? min : v > max ? max : v;
	return true;
}

bool
req_query_bool(const struct req *req, const char *name, bool fallback, bool *out)
{
	const char *text = req_query(req, name);

	*out = fallback;
	if (text == NULL)
		return true;
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0;
}

const char *
req_client_text(const struct req *req)
{
	bool is_v4 = IN6_IS_ADDR_V4MAPPED(&req->client);
	const uint8_t *bytes = req->client.s6_addr + (is_v4 ? 12 : 0);
	char *text = arena_raw(req->arena, INET6_ADDRSTRLEN);

	inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, text, INET6_ADDRSTRLEN);
	return text;
}

const char *
req_body_str(const struct req *req, const char *field)
{
	return json_get_str(req->body, field);
}

bool
req_body_wrong(const struct req *req, const char *field, enum json_type type)
{
	const struct json *v = json_get(req->body, field);

	return v != NULL && !json_is(v, JSON_NULL) && !json_is(v, type);
}

enum mx_err
req_fail(struct req *req, enum mx_err err, const char *sentence)
{
	req->error_sentence = sentence;
	return err;
}

enum mx_err
req_fail_status(struct req *req, int status, enum mx_err err, const char *sentence)
{
	req->status = status;
	return req_fail(req, err, sentence);
}

enum mx_err
reply_json(struct req *req, const struct json *body)
{
	buf_reset(&req->out);
	json_write(&req->out, body);
	return M_OK;
}

enum mx_err
reply_empty(struct req *req)
{
	buf_reset(&req->out);
	return M_OK;
}

enum mx_err
reply_buf(struct req *req, struct buf *body)
{
	buf_free(&req->out);
	req->out = *body;
	*body = (struct buf){ 0 };
	return M_OK;
}

void
reply_header(struct req *req, const char *name, const char *value)
{
	buf_str(&req->headers, name);
	buf_lit(&req->headers, ": ");
	buf_str(&req->headers, value);
	buf_lit(&req->headers, "\r\n");
}
