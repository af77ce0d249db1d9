/*
 * Of an address only what is surely one is let through: by its scheme, which is written
 * anew, without controls or blanks that browsers would skip. Relies on markup_escape;
 * markup_element asks it for <a>, and every piece of text is searched for addresses.
 */
#include "web/markup_link.h"

#include <string.h>

#include "http/uri.h"
#include "web/markup_escape.h"

#define ADDRESS_MAX 4096 /* bytes */
#define FOUND_MAX 2048	 /* of one in text */
#define ELEMENTS_MAX 5000
#define GROWS_TIMES 4 /* of the eight: what is only text grows six times by itself */
#define GROWS_BYTES 4096

/* --- room --- */

struct markup_room
markup_room(const struct buf *out, size_t n)
{
	return (struct markup_room){ .until = out->n + GROWS_TIMES * n + GROWS_BYTES,
		.elements = ELEMENTS_MAX };
}

bool
markup_may_open(struct markup_room *room, const struct buf *out)
{
	if (out->n >= room->until || room->elements == 0)
		return false;
	room->elements--;
	return true;
}

/* --- which may be linked to --- */

/* Spec: the list beside `a`; and matrix:, which leads nowhere else. `then` keeps those
 * that browsers would take for relative out. */
static const struct {
	const char *scheme, *then;
} schemes[] = {
	{ "https", "//" },
	{ "http", "//" },
	{ "ftp", "//" },
	{ "mailto", "" },
	{ "magnet", "?" },
	{ "matrix", "" },
};

static bool
is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static struct str
trimmed(struct str text)
{
	while (text.n > 0 && (unsigned char)text.p[0] <= ' ') {
		text.p++;
		text.n--;
	}
	while (text.n > 0 && (unsigned char)text.p[text.n - 1] <= ' ')
		text.n--;
	return text;
}

/* A host begins like one: browsers skip slashes, and take \ for one. */
static bool
begins_host(struct str text)
{
	return text.n > 0 && (is_letter_or_digit(text.p[0]) || text.p[0] == '[' ||
				 (unsigned char)text.p[0] >= 0x80);
}

/* Appends the scheme and what must follow, and takes them from the text. */
static bool
take_scheme(struct buf *out, struct str *text)
{
	const char *colon = memchr(text->p, ':', text->n);
	struct str scheme = { text->p, colon == NULL ? 0 : (size_t)(colon - text->p) };

	for (size_t i = 0; colon != NULL && i < sizeof schemes / sizeof schemes[0];
	     i++) {
		const char *then = schemes[i].then;
		struct str rest = { colon + 1, text->n - scheme.n - 1 };

		if (!str_ieq(scheme, schemes[i].scheme) || !str_starts(rest, then))
			continue;
		rest.p += strlen(then);
		rest.n -= strlen(then);
		buf_str(out, schemes[i].scheme);
		buf_char(out, ':');
		buf_str(out, then);
		*text = rest;
		return then[0] == '/' ? begins_host(rest)
				      : rest.n > 0 && rest.p[0] != '/';
	}
	return false;
}

/* 0: no address has it. */
static size_t
take_char(struct buf *out, struct str text)
{
	uint32_t c;
	size_t len = markup_char(text.p, text.n, &c);

	if (len == 0 || markup_is_control(c) || c == '\\')
		return 0;
	if (c < 0x80 ? strchr(" \"<>`", (int)c) != NULL
		     : markup_is_bidi(c) || c == 0x2028 || c == 0x2029)
		uri_encode(out, text.p, len, "");
	else
		buf_add(out, text.p, len);
	return len;
}

/* Appends the address, percent-encoded where it has to be; false: not one of ours. */
static bool
take_address(struct buf *out, struct str text)
{
	text = trimmed(text);
	if (text.n > ADDRESS_MAX || !take_scheme(out, &text))
		return false;
	while (text.n > 0) {
		size_t len = take_char(out, text);

		if (len == 0)
			return false;
		text.p += len;
		text.n -= len;
	}
	return true;
}

bool
markup_open_link(struct buf *out, struct str href)
{
	struct buf address = { 0 };
	bool is_link = take_address(&address, href);

	if (is_link) {
		buf_lit(out, "<a href=\"");
		markup_escape(out, address.p, address.n);
		buf_lit(out, "\" rel=\"nofollow noopener ugc\">");
	}
	buf_free(&address);
	return is_link;
}

/* --- addresses in text --- */

/* Blanks, quotes and the punctuation of other scripts end an address. */
static bool
ends_address(uint32_t c)
{
	if (c < 0x80)
		return c <= ' ' || c == 0x7f || strchr("\"<>`\\^{|}", (int)c) != NULL;
	return c <= 0xa0 || c == 0xab || c == 0xbb || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x303f) ||
	       (c >= 0xff00 && c <= 0xffef) || c == 0xfeff || c == 0xfffd;
}

/* What of it is the sentence's: punctuation, and brackets that were opened before. */
static size_t
without_end(const char *p, size_t n)
{
	int round = 0, square = 0;

	for (size_t i = 0; i < n; i++) {
		round += (p[i] == '(') - (p[i] == ')');
		square += (p[i] == '[') - (p[i] == ']');
	}
	for (; n > 0; n--) {
		char last = p[n - 1];

		if (last == ')' && round < 0)
			round++;
		else if (last == ']' && square < 0)
			square++;
		else if (strchr(".,:;!?'*", last) == NULL)
			break;
	}
	return n;
}

/* The address from p on. */
static struct str
address_at(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint32_t c;
		size_t len = markup_char(p + i, n - i, &c);

		if (len == 0 || ends_address(c))
			break;
		i += len;
	}
	return (struct str){ p, without_end(p, i) };
}

/* The letters before a colon that are such a scheme's; 0: none. */
static size_t
scheme_before(struct str text, size_t colon)
{
	static const struct str heads[] = { { "https", 5 }, { "http", 4 },
		{ "mailto", 6 } };

	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		size_t n = heads[i].n;
		char before = colon > n ? text.p[colon - n - 1] : ' ';

		if (colon >= n &&
		    str_ieq((struct str){ text.p + colon - n, n }, heads[i].p) &&
		    !is_letter_or_digit(before) && strchr("+-._", before) == NULL)
			return n;
	}
	return 0;
}

static bool
is_whole(struct str address)
{
	const char *colon = memchr(address.p, ':', address.n);
	size_t n = colon == NULL ? 0 : address.n - (size_t)(colon + 1 - address.p);

	if (address.n > FOUND_MAX || n < 3)
		return false;
	return colon[1] == '/' ? colon[2] == '/' : memchr(colon, '@', n + 1) != NULL;
}

/* The next address in text from *at on; *at is set behind what was looked at. */
static bool
find_address(struct str text, size_t *at, struct str *out)
{
	const char *colon;

	while (
	    *at < text.n && (colon = memchr(text.p + *at, ':', text.n - *at)) != NULL) {
		size_t end = (size_t)(colon - text.p), head = scheme_before(text, end);
		size_t begin = end - head;
		bool is_new = head > 0 && begin >= *at;

		if (is_new)
			*out = address_at(colon - head, text.n - begin);
		*at = is_new && begin + out->n > end ? begin + out->n : end + 1;
		if (is_new && is_whole(*out))
			return true;
	}
	return false;
}

static void
write_address(struct buf *out, struct str address, struct markup_room *room)
{
	bool is_link = markup_may_open(room, out) && markup_open_link(out, address);

	markup_escape(out, address.p, address.n);
	if (is_link)
		buf_lit(out, "</a>");
}

void
markup_linked(struct buf *out, struct str text, struct markup_room *room)
{
	size_t at = 0, written = 0;
	struct str address;

	if (text.n == 0)
		return;
	while (find_address(text, &at, &address)) {
		markup_escape(
		    out, text.p + written, (size_t)(address.p - text.p) - written);
		write_address(out, address, room);
		written = at;
	}
	markup_escape(out, text.p + written, text.n - written);
}
