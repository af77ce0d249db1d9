/*
 * Answers in HTTP/1.1 as `listen` reads them, whatever way the server frames them.
 * Relies on src/base. Pure functions over what has come.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "listen_worker.h"

static bool
is_header(const char *line, size_t n, const char *name, struct str *value_out)
{
	size_t name_n = strlen(name);

	if (n <= name_n || line[name_n] != ':' || strncasecmp(line, name, name_n) != 0)
		return false;
	for (name_n++; name_n < n && line[name_n] == ' '; name_n++)
		continue;
	*value_out = (struct str){ line + name_n, n - name_n };
	return true;
}

size_t
http_head_read(
    const char *p, size_t n, int *status_out, bool *is_chunked_out, int64_t *length_out)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4), *line, *next;
	struct str value;

	if (end == NULL)
		return 0;
	if (n < 13 || memcmp(p, "HTTP/1.1 ", 9) != 0)
		load_die("no answer in HTTP/1.1: %.*s", (int)(n < 80 ? n : 80), p);
	*status_out = atoi(p + 9);
	*is_chunked_out = false;
	*length_out = 0;
	for (line = p; line < end; line = next + 2) {
		next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
		if (is_header(line, (size_t)(next - line), "Content-Length", &value))
			str_int(value, length_out);
		else if (is_header(
			     line, (size_t)(next - line), "Transfer-Encoding", &value))
			*is_chunked_out = true;
	}
	return (size_t)(end - p) + 4;
}

size_t
http_chunk_read(const char *p, size_t n, const char **data_out, size_t *data_n_out)
{
	const char *line_end = memmem(p, n, "\r\n", 2);
	size_t head_n, data_n;

	if (line_end == NULL)
		return 0;
	head_n = (size_t)(line_end - p) + 2;
	data_n = strtoul(p, NULL, 16);
	if (n < head_n + data_n + 2)
		return 0;
	*data_out = p + head_n;
	*data_n_out = data_n;
	return head_n + data_n + 2;
}

/* Moves the data together at p: the bytes of all chunks, or 0 if the last is not there.
 */
static size_t
join_chunks(char *p, size_t n, size_t *data_n_out)
{
	const char *data;
	size_t at = 0, used, data_n;

	for (*data_n_out = 0;; *data_n_out += data_n) { /* are all there? */
		used = http_chunk_read(p + at, n - at, &data, &data_n);
		if (used == 0)
			return 0;
		at += used;
		if (data_n == 0)
			break;
	}
	n = at;
	*data_n_out = 0;
	for (at = 0; at < n; at += used) {
		used = http_chunk_read(p + at, n - at, &data, &data_n);
		memmove(p + *data_n_out, data, data_n);
		*data_n_out += data_n;
	}
	return n;
}

size_t
http_answer_read(char *p, size_t n, struct answer *out)
{
	bool is_chunked;
	int64_t length;
	size_t used = http_head_read(p, n, &out->status, &is_chunked, &length), more;

	if (used == 0)
		return 0;
	out->body = p + used;
	if (is_chunked) {
		more = join_chunks(p + used, n - used, &out->body_n);
		return more == 0 ? 0 : used + more;
	}
	out->body_n = (size_t)length;
	return n < used + out->body_n ? 0 : used + out->body_n;
}

void
http_ask(struct worker *worker, const struct line *line, const char *query,
    const char *headers, struct buf *out)
{
	const struct listener *who = line->who;

	buf_lit(out, "GET /_matrix/client/v3/events?room_id=");
	buf_str(out, worker->crowd->rooms[who->room].id);
	buf_lit(out, "&from=");
	buf_str(out, who->from);
	buf_str(out, query);
	buf_lit(out, " HTTP/1.1\r\nHost: ");
	buf_str(out, worker->crowd->server);
	buf_lit(out, "\r\nAuthorization: Bearer ");
	buf_str(out, who->token);
	buf_str(out, headers);
	buf_lit(out, "\r\n\r\n");
}
