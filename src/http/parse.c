/*
 * An HTTP/1.1 request's head: strict RFC 9112 in one pass over the bytes received.
 * Relies on base/str only; all it finds are slices of what it was given.
 * First thing that looks at a client's bytes, on the io thread, before any routing.
 */
#include <string.h>
#include <sys/param.h>
#include "http/chars.h"
#include "http/parse.h"

#define METHOD_MAX 32

struct cursor {
	const char *p, *end;
};

/* What the headers said, until all of them are read. */
struct facts {
	int hosts, lengths, codings;
	bool is_other_coding, close, keep_alive;
	int gzip, any; /* Accept-Encoding: -1 not named, 0 refused, 1 wanted */
};

/* RFC 3986 3.2.2 and 3.2.3, without '@': unreserved, sub-delims, "%", ":", "[", "]". */
static const bool is_host[256] = { ['!'] = 1,
	['$' ... '.'] = 1,
	['0' ... ';'] = 1,
	['='] = 1,
	['A' ... '['] = 1,
	[']'] = 1,
	['_'] = 1,
	['a' ... 'z'] = 1,
	['~'] = 1 };

#define ONES ((uint64_t)0x0101010101010101)
#define TOPS ((uint64_t)0x8080808080808080)

static inline uint64_t
eight_bytes(const char *p)
{
	uint64_t bytes;

	memcpy(&bytes, p, 8);
	return bytes;
}

/* Is one of the eight below `lowest`, or DEL? May err, but only towards true. */
static inline bool
has_control(uint64_t bytes, uint8_t lowest)
{
	uint64_t dels = bytes ^ (ONES * 0x7f);
	uint64_t low = (bytes - ONES * lowest) & ~bytes;

	return ((low | ((dels - ONES) & ~dels)) & TOPS) != 0;
}

/* The first byte that may not stand in a header's value. */
static const char *
skip_value(const char *p, const char *end)
{
	for (;;) {
		while (end - p >= 8 && !has_control(eight_bytes(p), 0x20))
			p += 8;
		for (int i = 0; i < 8; i++, p++)
			if (p == end || !is_text(*p))
				return p;
	}
}

static inline bool
is_visible(unsigned char c)
{
	return c > 0x20 && c < 0x7f;
}

/* The first byte that may not stand in a target: only visible ASCII may. */
static const char *
skip_target(const char *p, const char *end)
{
	while (end - p >= 8 && (eight_bytes(p) & TOPS) == 0 &&
	       !has_control(eight_bytes(p), 0x21))
		p += 8;
	while (p < end && is_visible((unsigned char)*p))
		p++;
	return p;
}

static enum http_parse
read_eol(struct cursor *c)
{
	if (c->p == c->end)
		return HTTP_MORE;
	if (*c->p != '\r')
		return HTTP_BAD;
	if (c->end - c->p < 2)
		return HTTP_MORE;
	if (c->p[1] != '\n')
		return HTTP_BAD;
	c->p += 2;
	return HTTP_PARSED;
}

static enum http_method
method_named(struct str m)
{
	static const struct {
		struct str name;
		enum http_method method;
	} names[] = {
		{ { "GET", 3 }, HTTP_GET },
		{ { "PUT", 3 }, HTTP_PUT },
		{ { "POST", 4 }, HTTP_POST },
		{ { "OPTIONS", 7 }, HTTP_OPTIONS },
		{ { "HEAD", 4 }, HTTP_HEAD },
		{ { "DELETE", 6 }, HTTP_DELETE },
		{ { "PATCH", 5 }, HTTP_PATCH },
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (m.n == names[i].name.n && memcmp(m.p, names[i].name.p, m.n) == 0)
			return names[i].method;
	return HTTP_OTHER;
}

static enum http_parse
read_method(struct cursor *c, struct http_head *head)
{
	const char *start = c->p;

	while (c->p < c->end && is_token(*c->p))
		c->p++;
	head->method_text = (struct str){ start, (size_t)(c->p - start) };
	if (head->method_text.n > METHOD_MAX)
		return HTTP_BAD;
	if (c->p == c->end)
		return HTTP_MORE;
	if (head->method_text.n == 0 || *c->p++ != ' ')
		return HTTP_BAD;
	head->method = method_named(head->method_text);
	return HTTP_PARSED;
}

static enum http_parse
read_target(struct cursor *c, struct str *target_out)
{
	const char *start = c->p;

	c->p = skip_target(start, c->end);
	*target_out = (struct str){ start, (size_t)(c->p - start) };
	if (target_out->n > HTTP_TARGET_MAX)
		return HTTP_BAD_URI_TOO_LONG;
	if (c->p == c->end)
		return HTTP_MORE;
	if (target_out->n == 0 || *c->p++ != ' ')
		return HTTP_BAD;
	return HTTP_PARSED;
}

static enum http_parse
read_version(struct cursor *c, struct http_head *head)
{
	size_t left = (size_t)(c->end - c->p);
	const char *v = c->p;

	if (memcmp(v, "HTTP/", MIN(left, 5)) != 0)
		return HTTP_BAD;
	if (left < 8)
		return HTTP_MORE;
	if (v[5] < '0' || v[5] > '9' || v[6] != '.' || v[7] < '0' || v[7] > '9')
		return HTTP_BAD;
	if (v[5] != '1' || v[7] > '1')
		return HTTP_BAD_VERSION;
	head->minor = v[7] - '0';
	c->p += 8;
	return read_eol(c);
}

static bool
is_host_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_host[(unsigned char)s.p[i]])
			return false;
	return true;
}

/*
 * Strips "http://host" off a target in absolute-form. An empty path is "/" (RFC 9110
 * 4.2.3): then *path_out is the scheme's second slash, so that it lies in the request.
 */
static bool
strip_authority(struct str target, struct str *path_out, const char **rest_out)
{
	size_t scheme = 0, at;

	if (target.n > 7 && str_ieq((struct str){ target.p, 7 }, "http://"))
		scheme = 7;
	else if (target.n > 8 && str_ieq((struct str){ target.p, 8 }, "https://"))
		scheme = 8;
	else
		return false;
	for (at = scheme; at < target.n && target.p[at] != '/' && target.p[at] != '?';
	     at++)
		if (!is_host[(unsigned char)target.p[at]])
			return false;
	if (at == scheme)
		return false;
	*rest_out = target.p + at;
	*path_out = (struct str){ target.p + scheme - 1, 1 };
	return true;
}

/* RFC 9112 3.2: origin-form, absolute-form, or asterisk-form for OPTIONS. */
static bool
split_target(struct http_head *head, struct str target)
{
	const char *end = target.p + target.n, *p = target.p, *mark;

	head->path = head->query = (struct str){ end, 0 };
	if (head->method == HTTP_OPTIONS && str_is(target, "*")) {
		head->path = target;
		return true;
	}
	if (*p != '/' && !strip_authority(target, &head->path, &p))
		return false;
	mark = memchr(p, '?', (size_t)(end - p));
	if (p < end && *p == '/')
		head->path = (struct str){ p, (size_t)((mark ? mark : end) - p) };
	if (mark != NULL)
		head->query = (struct str){ mark + 1, (size_t)(end - mark - 1) };
	return true;
}

static enum http_parse
read_request_line(struct cursor *c, struct http_head *head)
{
	struct str target;
	enum http_parse got = HTTP_PARSED;

	if (c->p < c->end && *c->p == '\r') /* RFC 9112 2.2: one empty line before it */
		got = read_eol(c);
	if (got == HTTP_PARSED)
		got = read_method(c, head);
	if (got == HTTP_PARSED)
		got = read_target(c, &target);
	if (got == HTTP_PARSED)
		got = read_version(c, head);
	if (got == HTTP_PARSED && !split_target(head, target))
		got = HTTP_BAD;
	return got;
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t'))
		s.p++, s.n--;
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Cuts the piece before the next sep off *list; false when nothing is left. */
static bool
next_piece(struct str *list, char sep, struct str *piece_out)
{
	const char *at;

	if (list->n == 0)
		return false;
	at = memchr(list->p, sep, list->n);
	*piece_out = (struct str){ list->p, at ? (size_t)(at - list->p) : list->n };
	list->p += piece_out->n + (at != NULL);
	list->n -= piece_out->n + (at != NULL);
	*piece_out = trim(*piece_out);
	return true;
}

/* RFC 9110 12.4.2: is there a weight, and is it above nought? A broken one is nought.
 */
static bool
is_weight_positive(struct str params)
{
	struct str param;

	while (next_piece(&params, ';', &param)) {
		if (param.n < 2 || (param.p[0] | 0x20) != 'q' || param.p[1] != '=')
			continue;
		for (size_t i = 2; i < param.n; i++)
			if (param.p[i] >= '1' && param.p[i] <= '9')
				return param.p[2] == '0' || param.p[2] == '1';
		return false;
	}
	return true;
}

/* RFC 9110 12.5.3 */
static void
note_accept_encoding(struct facts *facts, struct str list)
{
	struct str item, coding;

	while (next_piece(&list, ',', &item)) {
		if (!next_piece(&item, ';', &coding))
			continue;
		if (str_ieq(coding, "gzip") || str_ieq(coding, "x-gzip"))
			facts->gzip = is_weight_positive(item);
		else if (str_is(coding, "*"))
			facts->any = is_weight_positive(item);
	}
}

/* RFC 9112 9.3 */
static void
note_connection(struct facts *facts, struct str list)
{
	struct str option;

	while (next_piece(&list, ',', &option)) {
		if (str_ieq(option, "close"))
			facts->close = true;
		else if (str_ieq(option, "keep-alive"))
			facts->keep_alive = true;
	}
}

/* RFC 9112 6.3, stricter: one length, digits only; not even equal ones may be listed.
 */
static bool
note_content_length(struct http_head *head, struct facts *facts, struct str digits)
{
	int64_t length = 0;

	if (facts->lengths++ > 0 || digits.n == 0)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		int digit = digits.p[i] - '0';

		if (digit < 0 || digit > 9 || length > (INT64_MAX - digit) / 10)
			return false;
		length = length * 10 + digit;
	}
	head->content_length = length;
	return true;
}

/* In a list of transfer codings: RFC 9112 6.1 has chunked as the last of them, once.
 * What else stands before it is refused later, as something not known here. */
static bool
chunked_is_once_and_last(struct str list)
{
	bool seen = false;

	for (size_t at = 0; at < list.n;) {
		const char *comma = memchr(list.p + at, ',', list.n - at);
		size_t end = comma == NULL ? list.n : (size_t)(comma - list.p);
		struct str coding = { list.p + at, end - at };

		while (coding.n > 0 && (coding.p[0] == ' ' || coding.p[0] == '\t'))
			coding = (struct str){ coding.p + 1, coding.n - 1 };
		while (coding.n > 0 && (coding.p[coding.n - 1] == ' ' ||
					   coding.p[coding.n - 1] == '\t'))
			coding.n--;
		if (seen)
			return false;
		seen = str_ieq(coding, "chunked");
		at = end + 1;
	}
	return true;
}

/* Remembers what concerns the message itself; false if that is malformed. */
static bool
note_header(struct http_head *head, struct facts *facts, const struct http_header *h)
{
	switch (h->name.n) {
	case 4:
		if (str_ieq(h->name, "host"))
			return facts->hosts++ == 0 && is_host_text(h->value);
		break;
	case 6:
		if (str_ieq(h->name, "expect") && str_ieq(h->value, "100-continue"))
			head->expect_continue = head->minor >= 1;
		break;
	case 10:
		if (str_ieq(h->name, "connection"))
			note_connection(facts, h->value);
		break;
	case 14:
		if (str_ieq(h->name, "content-length"))
			return note_content_length(head, facts, h->value);
		break;
	case 15:
		if (str_ieq(h->name, "accept-encoding"))
			note_accept_encoding(facts, h->value);
		break;
	case 17:
		if (str_ieq(h->name, "transfer-encoding")) {
			facts->is_other_coding = !str_ieq(h->value, "chunked");
			return facts->codings++ == 0 && head->minor >= 1 &&
			       chunked_is_once_and_last(h->value);
		}
		break;
	}
	return true;
}

static enum http_parse
read_header(struct cursor *c, struct http_header *h)
{
	const char *start = c->p, *end;

	while (c->p < c->end && is_token(*c->p))
		c->p++;
	h->name = (struct str){ start, (size_t)(c->p - start) };
	if (c->p == c->end)
		return HTTP_MORE;
	if (h->name.n == 0 || *c->p++ != ':')
		return HTTP_BAD; /* also a folded line, also a blank before the colon */

	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
	start = c->p;
	end = c->p = skip_value(start, c->end);
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	h->value = (struct str){ start, (size_t)(end - start) };
	return read_eol(c);
}

/* What only all headers together can tell (RFC 9112 3.2, 6.1, 6.3, 9.3). */
static enum http_parse
conclude(struct http_head *head, const struct facts *facts)
{
	if (head->minor >= 1 && facts->hosts != 1)
		return HTTP_BAD;
	if (facts->codings > 0 && facts->lengths > 0)
		return HTTP_BAD;
	if (facts->is_other_coding)
		return HTTP_BAD_CODING;
	head->chunked = facts->codings > 0;
	head->keep_alive = !facts->close && (head->minor >= 1 || facts->keep_alive);
	head->accepts_gzip = facts->gzip >= 0 ? facts->gzip : facts->any > 0;
	return HTTP_PARSED;
}

static enum http_parse
read_head(struct cursor *c, struct http_head *head)
{
	struct facts facts = { .gzip = -1, .any = -1 };
	enum http_parse got = read_request_line(c, head);

	while (got == HTTP_PARSED) {
		struct http_header *h = &head->headers[head->header_count];

		if (c->p < c->end && *c->p == '\r') {
			got = read_eol(c);
			return got == HTTP_PARSED ? conclude(head, &facts) : got;
		}
		if (head->header_count == HTTP_HEADERS_MAX)
			return c->p < c->end ? HTTP_BAD_TOO_LARGE : HTTP_MORE;
		got = read_header(c, h);
		if (got == HTTP_PARSED && !note_header(head, &facts, h))
			return HTTP_BAD;
		head->header_count++;
	}
	return got;
}

enum http_parse
http_parse_head(const char *p, size_t n, struct http_head *head_out, size_t *used_out)
{
	struct cursor c = { p, p + MIN(n, HTTP_HEAD_MAX) };
	enum http_parse got;

	*used_out = 0;
	head_out->minor = 0;
	head_out->content_length = -1;
	head_out->chunked = head_out->expect_continue = false;
	head_out->header_count = 0;
	got = read_head(&c, head_out);
	if (got == HTTP_MORE && n >= HTTP_HEAD_MAX)
		return HTTP_BAD_TOO_LARGE;
	if (got == HTTP_PARSED)
		*used_out = (size_t)(c.p - p);
	return got;
}

const struct str *
http_header(const struct http_head *head, const char *name)
{
	for (int i = 0; i < head->header_count; i++)
		if (str_ieq(head->headers[i].name, name))
			return &head->headers[i].value;
	return NULL;
}

bool
http_lists(const struct http_head *head, const char *name, const char *item)
{
	for (int i = 0; i < head->header_count; i++) {
		struct str list = head->headers[i].value, piece, word;

		if (!str_ieq(head->headers[i].name, name))
			continue;
		while (next_piece(&list, ',', &piece))
			if (next_piece(&piece, ';', &word) && str_ieq(word, item))
				return is_weight_positive(piece);
	}
	return false;
}
