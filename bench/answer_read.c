/*
 * Answers in HTTP/1.1: head, chunks, the whole, and a text in its JSON. Relies on
 * src/base. Stands between what a load program receives and what it makes of it.
 */
#include "answer_read.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load_tools.h"

#define NO_LENGTH (-2)

static bool
is_header(struct str line, const char *name, struct str *value_out)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	for (n++; n < line.n && line.p[n] == ' '; n++)
		continue;
	*value_out = (struct str){ line.p + n, line.n - n };
	return true;
}

size_t
answer_read_head(const char *p, size_t n, int *status_out, int64_t *length_out)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4), *at, *next;
	struct str line, value;

	if (end == NULL)
		return 0;
	if (n < 13 || memcmp(p, "HTTP/1.1 ", 9) != 0)
		load_die("no answer in HTTP/1.1: %.*s", (int)(n < 80 ? n : 80), p);
	*status_out = atoi(p + 9);
	*length_out = *status_out == 204 ? 0 : NO_LENGTH;
	for (at = p; at < end; at = next + 2) {
		next = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
		line = (struct str){ at, (size_t)(next - at) };
		if (is_header(line, "Content-Length", &value))
			str_int(value, length_out);
		else if (is_header(line, "Transfer-Encoding", &value))
			*length_out = CHUNKED;
	}
	if (*length_out == NO_LENGTH)
		load_die("an answer without a length: %.*s", (int)(end - p), p);
	return (size_t)(end - p) + 4;
}

size_t
answer_read_chunk(const char *p, size_t n, const char **data_out, size_t *data_n_out)
{
	const char *line_end = memmem(p, n, "\r\n", 2);
	size_t head_n, data_n;

	if (line_end == NULL)
		return 0;
	head_n = (size_t)(line_end - p) + 2;
	data_n = strtoul(p, NULL, 16);
	if (data_n > n || n < head_n + data_n + 2)
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
		used = answer_read_chunk(p + at, n - at, &data, &data_n);
		if (used == 0)
			return 0;
		at += used;
		if (data_n == 0)
			break;
	}
	n = at;
	*data_n_out = 0;
	for (at = 0; at < n; at += used) {
		used = answer_read_chunk(p + at, n - at, &data, &data_n);
		memmove(p + *data_n_out, data, data_n);
		*data_n_out += data_n;
	}
	return n;
}

size_t
answer_read(char *p, size_t n, struct answer *out)
{
	int64_t length;
	size_t used = answer_read_head(p, n, &out->status, &length), more;

	if (used == 0)
		return 0;
	out->body = p + used;
	if (length == CHUNKED) {
		more = join_chunks(out->body, n - used, &out->body_n);
		return more == 0 ? 0 : used + more;
	}
	out->body_n = (size_t)length;
	return n < used + out->body_n ? 0 : used + out->body_n;
}

bool
answer_find_member(const char *p, size_t n, const char *name, struct str *text_out)
{
	const char *from = memmem(p, n, name, strlen(name)), *end;

	if (from == NULL)
		return false;
	from += strlen(name);
	end = memchr(from, '"', (size_t)(p + n - from));
	if (end == NULL)
		return false;
	*text_out = (struct str){ from, (size_t)(end - from) };
	return true;
}

struct str
answer_member_of(const struct answer *answer, const char *name)
{
	struct str text;

	if (answer->status != 200 ||
	    !answer_find_member(answer->body, answer->body_n, name, &text))
		load_die("asked for %s: %d %.300s", name, answer->status, answer->body);
	return text;
}
