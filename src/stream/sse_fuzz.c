/*
 * libFuzzer: any type and any data of events, written as server-sent events and read
 * again as a browser does, in pieces: each event comes once, whole, with the id to go
 * on from. `./dev fuzz` runs it.
 */
#include "stream/sse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What an EventSource has (HTML 9.2.6): a line that is not whole, an event's fields. */
struct source {
	struct buf line, type, data, id;
	bool after_cr;
	int events;
	const char *wanted_type, *wanted_data;
};

static void
set(struct buf *field, const char *value, size_t n)
{
	buf_reset(field);
	buf_add(field, value, n);
}

static bool
equals(const struct buf *b, const char *text)
{
	return b->n == strlen(text) && (b->n == 0 || memcmp(b->p, text, b->n) == 0);
}

static void
dispatch(struct source *source)
{
	if (source->data.n > 0) {
		source->data.n--; /* the last line's end */
		assert(equals(&source->data, source->wanted_data));
		assert(equals(&source->type, source->wanted_type));
		source->events++;
	}
	buf_reset(&source->data);
	buf_reset(&source->type);
}

static void
take_field(struct source *source, const char *name, size_t n, const char *value,
    size_t value_n)
{
	if (n == 5 && memcmp(name, "event", n) == 0) {
		set(&source->type, value, value_n);
	} else if (n == 4 && memcmp(name, "data", n) == 0) {
		buf_add(&source->data, value, value_n);
		buf_char(&source->data, '\n');
	} else if (n == 2 && memcmp(name, "id", n) == 0) {
		set(&source->id, value, value_n);
	} else {
		assert(n == 5 && memcmp(name, "retry", n) == 0);
	}
}

static void
take_line(struct source *source)
{
	const char *line = source->line.p, *colon;
	size_t n = source->line.n, at;

	if (n == 0) {
		dispatch(source);
		return;
	}
	colon = memchr(line, ':', n);
	assert(colon != NULL);
	at = (size_t)(colon - line) + 1;
	if (at < n && line[at] == ' ')
		at++;
	if (colon > line)
		take_field(source, line, (size_t)(colon - line), line + at, n - at);
}

static void
take(struct source *source, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_pair = source->after_cr && text[i] == '\n';

		source->after_cr = text[i] == '\r';
		if (is_pair)
			continue;
		if (text[i] != '\r' && text[i] != '\n') {
			buf_char(&source->line, text[i]);
			continue;
		}
		take_line(source);
		buf_reset(&source->line);
	}
}

static void
check_id(const struct source *source, const struct stream_token *wanted)
{
	char *text = xstrndup(source->id.p, source->id.n);
	struct stream_token token;

	assert(token_parse(text, &token));
	assert(token.events == wanted->events && token.typing == wanted->typing &&
	       token.presence == wanted->presence);
	free(text);
}

static void
check(const char *type, const char *data, const struct stream_token *at)
{
	struct source source = { .wanted_type = type, .wanted_data = data };
	struct stream_token next = { at->events + 1, at->typing, at->presence };
	struct buf out = { 0 };

	if (strpbrk(type, "\r\n") != NULL)
		source.wanted_type = ""; /* a browser's "message" */
	sse_opening(&out, at);
	take(&source, out.p, out.n);
	assert(source.events == 0);
	check_id(&source, at);
	buf_reset(&out);
	sse_comment(&out);
	sse_event_begin(&out, &next, type);
	buf_str(&out, data);
	sse_event_end(&out);
	take(&source, out.p, out.n / 2);
	take(&source, out.p + out.n / 2, out.n - out.n / 2);
	assert(source.events == 1);
	check_id(&source, &next);
	buf_free(&out);
	buf_free(&source.line);
	buf_free(&source.type);
	buf_free(&source.data);
	buf_free(&source.id);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct stream_token at = token_at(0);
	char *text, *json;

	if (n < 2)
		return 0;
	at.events = data[0];
	at.typing = data[1] % 2 ? -1 : data[1];
	text = xstrndup((const char *)data + 2, n - 2);
	json = text + strcspn(text, "\x1f");
	if (*json != '\0')
		*json++ = '\0';
	/* Events are written as canonical JSON: an object, no control characters. */
	for (char *p = json; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r')
			*p = '{';
	if (*json != '\0')
		check(text, json, &at);
	free(text);
	return 0;
}
