/*
 * Reads one request by llhttp in its strict mode.
 * Relies on Debian's node-llhttp, compiled from where the package puts it.
 * Linked into tests and fuzzers of http/parse.c, never into the server.
 */
#include <string.h>
#include <llhttp.h>
#include "http/llhttp_read.h"

static void
add_line(struct buf *b, struct str one, char sep, struct str two)
{
	buf_add(b, one.p, one.n);
	buf_char(b, sep);
	buf_add(b, two.p, two.n);
	buf_char(b, '\n');
}

void
reading_add_head(struct reading *r)
{
	add_line(&r->text, r->method, ' ', r->target);
	buf_int(&r->text, r->minor);
	buf_char(&r->text, '\n');
	for (int i = 0; i < r->header_count && i < READING_HEADERS_MAX; i++)
		add_line(&r->text, r->names[i], ':', r->values[i]);
	buf_char(&r->text, '\n');
}

/* Pieces of one token follow one another in the bytes; a fold may lie between them. */
static int
extend(struct str *s, const char *at, size_t n)
{
	if (s->p == NULL)
		s->p = at;
	s->n = (size_t)(at + n - s->p);
	return 0;
}

static int
on_method(llhttp_t *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	return extend(&r->method, at, n);
}

static int
on_url(llhttp_t *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	return extend(&r->target, at, n);
}

static int
on_field(llhttp_t *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	if (r->is_in_body || r->header_count >= READING_HEADERS_MAX)
		return 0;
	return extend(&r->names[r->header_count], at, n);
}

static int
on_value(llhttp_t *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	if (r->is_in_body || r->header_count >= READING_HEADERS_MAX)
		return 0;
	return extend(&r->values[r->header_count], at, n);
}

/* llhttp leaves the blanks behind a value. */
static int
on_value_complete(llhttp_t *parser)
{
	struct reading *r = parser->data;
	struct str *v;

	if (r->is_in_body || r->header_count++ >= READING_HEADERS_MAX)
		return 0;
	v = &r->values[r->header_count - 1];
	while (v->n > 0 && (v->p[v->n - 1] == ' ' || v->p[v->n - 1] == '\t'))
		v->n--;
	return 0;
}

static int
on_body(llhttp_t *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	buf_add(&r->text, at, n);
	return 0;
}

static int
on_ext(llhttp_t *parser, const char *at, size_t n)
{
	struct reading *r = parser->data;

	return extend(&r->ext, at, n);
}

static int
on_ext_name_complete(llhttp_t *parser)
{
	struct reading *r = parser->data;

	r->has_odd_ext |= r->ext.n == 0;
	r->ext = (struct str){ NULL, 0 };
	return 0;
}

/* Behind a value llhttp passes over a name that is empty: "a=b;;c", "a=b;". */
static bool
has_empty_name_behind(const struct reading *r, struct str value)
{
	const char *end = value.p + value.n, *stop = r->p + r->n;

	if (end < stop && *end == '"')
		end++;
	return stop - end >= 2 && end[0] == ';' && (end[1] == ';' || end[1] == '\r');
}

/* A value is a token, or one quoted string and nothing beside it; DEL is in neither. */
static int
on_ext_value_complete(llhttp_t *parser)
{
	struct reading *r = parser->data;
	const char *quote = r->ext.n > 0 ? memchr(r->ext.p, '"', r->ext.n) : NULL;

	r->has_odd_ext |= r->ext.n == 0 || (quote != NULL && quote != r->ext.p) ||
			  memchr(r->ext.p, 0x7f, r->ext.n) != NULL ||
			  has_empty_name_behind(r, r->ext);
	r->ext = (struct str){ NULL, 0 };
	return 0;
}

/* Pausing is how to learn where in the bytes llhttp is. */
static int
on_headers_complete(llhttp_t *parser)
{
	return HPE_PAUSED;
}

static int
on_chunk_header(llhttp_t *parser)
{
	return parser->content_length == 0 ? HPE_PAUSED : 0;
}

static int
on_message_complete(llhttp_t *parser)
{
	struct reading *r = parser->data;

	r->outcome = WHOLE;
	return HPE_PAUSED;
}

static void
note_pause(llhttp_t *parser, struct reading *r, size_t at)
{
	if (r->outcome == WHOLE) {
		r->used = at;
	} else if (r->is_in_body) {
		r->trailers_at = at;
	} else {
		r->is_in_body = true;
		r->head_n = at;
		r->minor = parser->http_minor;
		r->major = parser->http_major;
		reading_add_head(r);
	}
}

static void
run(llhttp_t *parser, struct reading *r)
{
	const char *at = r->p;
	llhttp_errno_t error;

	while (r->outcome == UNFINISHED) {
		error = llhttp_execute(parser, at, (size_t)(r->p + r->n - at));
		if (error == HPE_OK)
			return;
		if (error != HPE_PAUSED) {
			r->outcome = REFUSED;
			r->error = llhttp_get_error_reason(parser);
			r->error_at = (size_t)(llhttp_get_error_pos(parser) - r->p);
			return;
		}
		at = llhttp_get_error_pos(parser);
		note_pause(parser, r, (size_t)(at - r->p));
		llhttp_resume(parser);
	}
}

void
llhttp_read(struct reading *r)
{
	llhttp_settings_t settings;
	llhttp_t parser;

	llhttp_settings_init(&settings);
	settings.on_method = on_method;
	settings.on_url = on_url;
	settings.on_header_field = on_field;
	settings.on_header_value = on_value;
	settings.on_header_value_complete = on_value_complete;
	settings.on_headers_complete = on_headers_complete;
	settings.on_chunk_header = on_chunk_header;
	settings.on_chunk_extension_name = on_ext;
	settings.on_chunk_extension_value = on_ext;
	settings.on_chunk_extension_name_complete = on_ext_name_complete;
	settings.on_chunk_extension_value_complete = on_ext_value_complete;
	settings.on_body = on_body;
	settings.on_message_complete = on_message_complete;
	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = r;
	run(&parser, r);
}
