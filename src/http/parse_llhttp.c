/*
 * Compares what http/parse and http/chunks make of a request with what llhttp does.
 * Relies on http/llhttp_read.c for the other side.
 * The rules by which a unit test and a fuzzer judge the parser; never in the server.
 */
#include <string.h>
#include "http/llhttp_read.h"
#include "http/parse.h"
#include "http/parse_llhttp.h"

static enum http_parse
read_chunks(struct reading *r, size_t at)
{
	struct http_chunks chunks = { 0 };
	size_t used, data_at, data_n;
	enum http_parse got;

	do {
		got = http_parse_chunks(
		    &chunks, r->p + at, r->n - at, &used, &data_at, &data_n);
		buf_add(&r->text, r->p + at + data_at, data_n);
		at += used;
	} while (got == HTTP_MORE && used > 0);
	r->used = at;
	return got;
}

static enum http_parse
read_body(struct reading *r, const struct http_head *head, size_t at)
{
	uint64_t length = head->content_length > 0 ? (uint64_t)head->content_length : 0;

	if (head->chunked)
		return read_chunks(r, at);
	if (length > r->n - at)
		return HTTP_MORE;
	buf_add(&r->text, r->p + at, length);
	r->used = at + length;
	return HTTP_PARSED;
}

/* The target is all between the method and the end of path and query, as sent. */
static void
note_head(struct reading *r, const struct http_head *head)
{
	r->method = head->method_text;
	r->target.p = r->method.p + r->method.n + 1;
	r->target.n = (size_t)(head->query.p + head->query.n - r->target.p);
	r->minor = head->minor;
	r->header_count = head->header_count;
	for (int i = 0; i < head->header_count; i++) {
		r->names[i] = head->headers[i].name;
		r->values[i] = head->headers[i].value;
	}
	reading_add_head(r);
}

static void
read_ours(struct reading *r)
{
	struct http_head head;
	size_t used;

	r->code = http_parse_head(r->p, r->n, &head, &used);
	if (r->code == HTTP_PARSED) {
		note_head(r, &head);
		r->code = read_body(r, &head, used);
	}
	if (r->code != HTTP_MORE)
		r->outcome = r->code == HTTP_PARSED ? WHOLE : REFUSED;
}

/* ---- why we may refuse what llhttp accepts: each looks at llhttp's reading ---- */

static bool
is_line_loose(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			return true;
		if (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'))
			return true;
	}
	return false;
}

/* RFC 9112 2.2 lets a recipient take a bare LF; what stands in front of us may not. */
static bool
has_loose_line(const struct reading *r)
{
	return is_line_loose(r->p, r->head_n) ||
	       (r->trailers_at > 0 &&
		   is_line_loose(r->p + r->trailers_at, r->used - r->trailers_at));
}

/* RFC 9112 2.2: "at least one empty line" may be ignored; we ignore one. */
static bool
has_blank_lines_in_front(const struct reading *r)
{
	return r->n >= 4 && memcmp(r->p, "\r\n\r\n", 4) == 0;
}

/* RFC 9112 3: single spaces. Servers that split there differently can be played off. */
static bool
has_wide_request_line(const struct reading *r)
{
	const char *method_end = r->method.p + r->method.n;
	const char *target_end = r->target.p + r->target.n;

	return r->target.p != method_end + 1 || target_end[1] == ' ';
}

static bool
is_folded(const char *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (p[i - 1] == '\n' && (p[i] == ' ' || p[i] == '\t'))
			return true;
	return false;
}

/* RFC 9112 5.2: a server may reject obs-fold. */
static bool
has_fold(const struct reading *r)
{
	return is_folded(r->p, r->head_n) ||
	       (r->trailers_at > 0 &&
		   is_folded(r->p + r->trailers_at, r->used - r->trailers_at));
}

static const struct str *
find(const struct reading *r, const char *name, int *count_out)
{
	const struct str *value = NULL;

	*count_out = 0;
	for (int i = 0; i < r->header_count && i < READING_HEADERS_MAX; i++)
		if (str_ieq(r->names[i], name)) {
			value = &r->values[i];
			++*count_out;
		}
	return value;
}

/* RFC 9112 3.2: one Host, and what it says must be able to be a host. */
static bool
has_wrong_host(const struct reading *r)
{
	int count;
	const struct str *host = find(r, "host", &count);

	if (count != 1)
		return count > 1 || r->minor == 1;
	for (size_t i = 0; i < host->n; i++)
		if (strchr("!$%&'()*+,-.:;=[]_~", host->p[i]) == NULL &&
		    !(host->p[i] >= '0' && host->p[i] <= '9') &&
		    !((host->p[i] | 0x20) >= 'a' && (host->p[i] | 0x20) <= 'z'))
			return true;
	return false;
}

/* llhttp takes "*" with anything behind it and for any method; any scheme; user@host.
 */
static bool
has_other_target_form(const struct reading *r)
{
	struct str t = r->target, scheme;
	const char *p, *end = t.p + t.n;

	if (t.n > 0 && t.p[0] == '/')
		return false;
	if (t.n > 0 && t.p[0] == '*')
		return t.n > 1 || !str_is(r->method, "OPTIONS");
	p = memmem(t.p, t.n, "://", 3);
	if (p == NULL)
		return true;
	scheme = (struct str){ t.p, (size_t)(p - t.p) };
	if (!str_ieq(scheme, "http") && !str_ieq(scheme, "https"))
		return true;
	p += 3;
	if (p == end || *p == '/' || *p == '?')
		return true;
	while (p < end && *p != '/' && *p != '?')
		if (*p++ == '@')
			return true;
	return false;
}

/* ":" alone; RFC 9110 5.1: a name has a character. */
static bool
has_nameless_header(const struct reading *r)
{
	for (int i = 0; i < r->header_count && i < READING_HEADERS_MAX; i++)
		if (r->names[i].n == 0)
			return true;
	return r->trailers_at > 0 &&
	       (r->p[r->trailers_at] == ':' ||
		   memmem(r->p + r->trailers_at, r->used - r->trailers_at, "\n:", 2));
}

/* RFC 9112 6.1: chunked, once, and from HTTP/1.1 only. */
static bool
has_stray_coding(const struct reading *r)
{
	int count;

	find(r, "transfer-encoding", &count);
	return count > 1 || (count == 1 && r->minor == 0);
}

/* RFC 9112 6.1: not both. llhttp overlooks a coding whose value is empty. */
static bool
has_length_beside_coding(const struct reading *r)
{
	int lengths, codings;

	find(r, "content-length", &lengths);
	find(r, "transfer-encoding", &codings);
	return lengths > 0 && codings > 0;
}

static bool
has_odd_extension(const struct reading *r)
{
	return r->has_odd_ext;
}

/* "GET /" and the end of the line: RFC 9112 knows it no more. */
static bool
has_no_version(const struct reading *r)
{
	return r->target.p[r->target.n] != ' ';
}

static bool
is_other_version(const struct reading *r)
{
	return r->major != 1 || r->minor > 1;
}

/* llhttp takes any list that ends in chunked. */
static bool
has_other_coding(const struct reading *r)
{
	int count;
	const struct str *coding = find(r, "transfer-encoding", &count);

	return coding != NULL && !str_ieq(*coding, "chunked");
}

/* llhttp has no limits of its own. */
static bool
is_too_large(const struct reading *r)
{
	return r->head_n > HTTP_HEAD_MAX || r->header_count > HTTP_HEADERS_MAX ||
	       (r->trailers_at > 0 && (r->trailers_at - r->head_n > 256 ||
					  r->used - r->trailers_at > 8192));
}

static bool
is_target_too_long(const struct reading *r)
{
	return r->target.n > HTTP_TARGET_MAX;
}

static const struct {
	const char *why;
	enum http_parse code; /* what we say */
	bool (*applies)(const struct reading *theirs);
} refusals[] = {
	{ "a line does not end in CRLF", HTTP_BAD, has_loose_line },
	{ "several empty lines in front", HTTP_BAD, has_blank_lines_in_front },
	{ "a request line without a version", HTTP_BAD, has_no_version },
	{ "several spaces in the request line", HTTP_BAD, has_wide_request_line },
	{ "a folded header", HTTP_BAD, has_fold },
	{ "no Host, two of them, or one that is none", HTTP_BAD, has_wrong_host },
	{ "a target of another form", HTTP_BAD, has_other_target_form },
	{ "a header without a name", HTTP_BAD, has_nameless_header },
	{ "Transfer-Encoding twice, or in HTTP/1.0", HTTP_BAD, has_stray_coding },
	{ "a length beside a coding", HTTP_BAD, has_length_beside_coding },
	{ "an extension against the grammar", HTTP_BAD, has_odd_extension },
	{ "another version", HTTP_BAD_VERSION, is_other_version },
	{ "another transfer coding", HTTP_BAD_CODING, has_other_coding },
	{ "a limit", HTTP_BAD_TOO_LARGE, is_too_large },
	{ "a limit, and then a bare LF", HTTP_BAD_TOO_LARGE, has_loose_line },
	{ "a long target", HTTP_BAD_URI_TOO_LONG, is_target_too_long },
};

/* ---- why llhttp may refuse what we accept ---- */

/* It knows a list of methods, and reads CONNECT, PRI and those of RTSP otherwise. */
static bool
is_other_method(const struct reading *ours, const struct reading *theirs)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT", "DELETE",
		"OPTIONS", "PATCH" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (str_is(ours->method, known[i]))
			return false;
	return theirs->head_n == 0;
}

/*
 * Behind these two it takes spaces for blanks, but not tabs (RFC 9110 5.6.3: both). It
 * then refuses the request or, where that asks for an upgrade, misses the body.
 */
static bool
has_tab_behind_value(const struct reading *ours, const struct reading *theirs)
{
	static const char *const names[] = { "content-length", "transfer-encoding" };
	int count;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct str *value = find(ours, names[i], &count);

		for (const char *p = value ? value->p + value->n : "\r"; *p != '\r';
		     p++)
			if (*p == '\t')
				return true;
	}
	return false;
}

/* Its grammar of extensions has no ";b" behind "a=token", and no "\" in quotes. */
static bool
has_ext_beyond_it(const struct reading *ours, const struct reading *theirs)
{
	const char *end = theirs->p + theirs->error_at, *line = end;

	if (!theirs->is_in_body || theirs->trailers_at > 0)
		return false;
	while (line > theirs->p && line[-1] != '\n')
		line--;
	return memchr(line, '=', (size_t)(end - line)) != NULL;
}

/* It reads trailers that RFC 9110 6.5.1 forbids as if they framed the message. */
static bool
has_framing_trailer(const struct reading *ours, const struct reading *theirs)
{
	return theirs->trailers_at > 0 && theirs->outcome == REFUSED &&
	       (strstr(theirs->error, "Transfer-Encoding") != NULL ||
		   strstr(theirs->error, "Content-Length") != NULL);
}

static const struct {
	const char *why;
	bool (*applies)(const struct reading *ours, const struct reading *theirs);
} gaps[] = {
	{ "a method that llhttp does not know", is_other_method },
	{ "a tab behind a length or coding", has_tab_behind_value },
	{ "an extension that llhttp does not know", has_ext_beyond_it },
	{ "a trailer that frames", has_framing_trailer },
};

#define REFUSALS (sizeof refusals / sizeof refusals[0])
#define GAPS (sizeof gaps / sizeof gaps[0])

const char *
llhttp_reason(size_t index)
{
	if (index < REFUSALS)
		return refusals[index].why;
	return index < REFUSALS + GAPS ? gaps[index - REFUSALS].why : NULL;
}

static enum llhttp_verdict
judge_refusal(
    const struct reading *ours, const struct reading *theirs, const char **why)
{
	for (size_t i = 0; i < REFUSALS; i++)
		if ((int)refusals[i].code == ours->code &&
		    refusals[i].applies(theirs)) {
			*why = refusals[i].why;
			return DIFFER_WITH_REASON;
		}
	*why = "we refuse what llhttp accepts";
	return DIFFER;
}

static const char *
name_gap(const struct reading *ours, const struct reading *theirs)
{
	if (theirs->outcome != WHOLE)
		return "we accept what llhttp does not";
	if (ours->outcome != WHOLE)
		return "we wait where llhttp is done";
	return "the two read different messages";
}

static enum llhttp_verdict
judge_gap(const struct reading *ours, const struct reading *theirs, const char **why)
{
	for (size_t i = 0; i < GAPS; i++)
		if (gaps[i].applies(ours, theirs)) {
			*why = gaps[i].why;
			return DIFFER_WITH_REASON;
		}
	*why = name_gap(ours, theirs);
	return DIFFER;
}

static bool
is_same(const struct reading *ours, const struct reading *theirs)
{
	return ours->used == theirs->used && ours->text.n == theirs->text.n &&
	       memcmp(ours->text.p, theirs->text.p, ours->text.n) == 0;
}

static enum llhttp_verdict
judge(const struct reading *ours, const struct reading *theirs, const char **why)
{
	*why = NULL;
	if (ours->outcome != WHOLE && theirs->outcome != WHOLE)
		return NEITHER_ACCEPTS;
	if (ours->outcome == REFUSED)
		return judge_refusal(ours, theirs, why);
	if (ours->outcome == WHOLE && theirs->outcome == WHOLE && is_same(ours, theirs))
		return BOTH_ACCEPT;
	return judge_gap(ours, theirs, why);
}

enum llhttp_verdict
llhttp_compare(const char *p, size_t n, const char **why_out)
{
	struct reading ours = { .p = p, .n = n }, theirs = { .p = p, .n = n };
	enum llhttp_verdict verdict;

	read_ours(&ours);
	llhttp_read(&theirs);
	verdict = judge(&ours, &theirs, why_out);
	buf_free(&ours.text);
	buf_free(&theirs.text);
	return verdict;
}
