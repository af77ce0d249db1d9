/*
 * Charsets by iconv, those of the web alone: its others are no strangers' to choose.
 * Pure functions. Below core/preview_page.
 */
#include "core/preview_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_BYTES 4096 /* in which a page says its charset */

/* Spec: encoding.spec.whatwg.org/#names-and-labels. What it calls latin1 and ascii is
 * windows-1252. */
static const struct {
	const char *label, *name;
} charsets[] = {
	{ "utf-8", "UTF-8" },
	{ "utf8", "UTF-8" },
	{ "iso-8859-1", "CP1252" },
	{ "latin1", "CP1252" },
	{ "ascii", "CP1252" },
	{ "us-ascii", "CP1252" },
	{ "windows-1252", "CP1252" },
	{ "cp1252", "CP1252" },
	{ "windows-1250", "CP1250" },
	{ "windows-1251", "CP1251" },
	{ "cp1251", "CP1251" },
	{ "windows-1253", "CP1253" },
	{ "windows-1254", "CP1254" },
	{ "iso-8859-9", "CP1254" },
	{ "windows-1255", "CP1255" },
	{ "windows-1256", "CP1256" },
	{ "windows-1257", "CP1257" },
	{ "windows-1258", "CP1258" },
	{ "windows-874", "CP874" },
	{ "tis-620", "CP874" },
	{ "iso-8859-2", "ISO-8859-2" },
	{ "iso-8859-3", "ISO-8859-3" },
	{ "iso-8859-4", "ISO-8859-4" },
	{ "iso-8859-5", "ISO-8859-5" },
	{ "iso-8859-6", "ISO-8859-6" },
	{ "iso-8859-7", "ISO-8859-7" },
	{ "iso-8859-8", "ISO-8859-8" },
	{ "iso-8859-10", "ISO-8859-10" },
	{ "iso-8859-13", "ISO-8859-13" },
	{ "iso-8859-14", "ISO-8859-14" },
	{ "iso-8859-15", "ISO-8859-15" },
	{ "iso-8859-16", "ISO-8859-16" },
	{ "koi8-r", "KOI8-R" },
	{ "koi8-u", "KOI8-U" },
	{ "macintosh", "MACINTOSH" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "gb18030", "GB18030" },
	{ "big5", "BIG5-HKSCS" },
	{ "euc-jp", "EUC-JP" },
	{ "shift_jis", "CP932" },
	{ "shift-jis", "CP932" },
	{ "sjis", "CP932" },
	{ "windows-31j", "CP932" },
	{ "euc-kr", "CP949" },
	{ "ks_c_5601-1987", "CP949" },
	{ "utf-16", "UTF-16LE" },
	{ "utf-16le", "UTF-16LE" },
	{ "utf-16be", "UTF-16BE" },
};

/* --- which one --- */

static const char *
name_of(struct str label)
{
	for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++)
		if (str_ieq(label, charsets[i].label))
			return charsets[i].name;
	return NULL;
}

/* The first "charset=label" in text that is known; NULL: none. */
static const char *
charset_in(struct str text)
{
	static const char word[] = "charset";
	size_t word_n = sizeof word - 1;

	for (size_t i = 0; i + word_n < text.n; i++) {
		struct str label;
		const char *name;
		size_t at = i + word_n;

		if (strncasecmp(text.p + i, word, word_n) != 0)
			continue;
		while (at < text.n && strchr(" \t\r\n='\"", text.p[at]) != NULL &&
		       text.p[at] != '\0')
			at++;
		label = (struct str){ text.p + at, 0 };
		while (at + label.n < text.n && text.p[at + label.n] > ' ' &&
		       strchr("'\"/>;,", text.p[at + label.n]) == NULL)
			label.n++;
		name = name_of(label);
		if (name != NULL)
			return name;
	}
	return NULL;
}

static const char *
bom_of(struct str *page)
{
	static const struct {
		struct str mark;
		const char *name;
	} marks[] = { { { "\xef\xbb\xbf", 3 }, "UTF-8" },
		{ { "\xff\xfe", 2 }, "UTF-16LE" }, { { "\xfe\xff", 2 }, "UTF-16BE" } };

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		struct str mark = marks[i].mark;

		if (page->n < mark.n || memcmp(page->p, mark.p, mark.n) != 0)
			continue;
		page->p += mark.n;
		page->n -= mark.n;
		return marks[i].name;
	}
	return NULL;
}

/* What a page says of itself in ASCII is not UTF-16. */
static const char *
said_by(struct str page)
{
	const char *name;

	if (page.n > HEAD_BYTES)
		page.n = HEAD_BYTES;
	name = charset_in(page);
	return name != NULL && strncmp(name, "UTF-16", 6) == 0 ? "UTF-8" : name;
}

static const char *
charset_of(struct str *page, const char *content_type)
{
	const char *name = bom_of(page);

	if (name == NULL && content_type != NULL)
		name = charset_in(str_of(content_type));
	if (name == NULL)
		name = said_by(*page);
	if (name == NULL)
		name = utf8_valid(page->p, page->n) ? "UTF-8" : "CP1252";
	return name;
}

/* --- into UTF-8 --- */

static void
add_without_nul(struct buf *out, const char *bytes, size_t n)
{
	for (const char *nul; (nul = memchr(bytes, '\0', n)) != NULL;) {
		buf_add(out, bytes, (size_t)(nul - bytes));
		n -= (size_t)(nul - bytes) + 1;
		bytes = nul + 1;
	}
	buf_add(out, bytes, n);
}

/* A piece at a time: ThreadSanitizer looks at all that a call is handed, and each byte
 * that is none costs a call. */
static void
convert(struct buf *out, iconv_t into, struct str page)
{
	char *in = (char *)page.p, some[4096];
	size_t in_n = page.n;

	while (in_n > 0) {
		char *to = some;
		size_t room = sizeof some, n = in_n < sizeof some ? in_n : sizeof some;
		size_t left = n, got = iconv(into, &in, &left, &to, &room);
		bool ends_in_character = got == (size_t)-1 && errno == EINVAL;

		add_without_nul(out, some, (size_t)(to - some));
		in_n -= n - left;
		if (got != (size_t)-1 || errno == E2BIG ||
		    (ends_in_character && left < in_n))
			continue;
		buf_lit(out, "\xef\xbf\xbd");
		if (errno != EILSEQ)
			break; /* it ends within a character */
		in++;
		in_n--;
	}
}

void
preview_decode(struct buf *out, struct str page, const char *content_type)
{
	iconv_t into = iconv_open("UTF-8", charset_of(&page, content_type));

	if (into == (iconv_t)-1) /* this machine lacks its table */
		into = iconv_open("UTF-8", "UTF-8");
	if (into == (iconv_t)-1)
		return;
	convert(out, into, page);
	iconv_close(into);
}

/* --- lengths --- */

static size_t
character_n(const char *p, size_t n)
{
	size_t i = 1;

	while (i < n && ((unsigned char)p[i] & 0xc0) == 0x80)
		i++;
	return i;
}

static bool
is_space(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

char *
preview_shorten(struct arena *arena, struct str text, int max)
{
	struct buf out = { 0 };
	size_t last_at = 0; /* where the last character begins */
	char *got = NULL;
	bool is_apart = false;

	for (int count = 0; text.n > 0;) {
		size_t n = character_n(text.p, text.n);

		if (is_space(text.p[0])) {
			is_apart = out.n > 0;
			n = 1;
		} else if (count + is_apart >= max) {
			out.n = last_at;
			buf_lit(&out, "\xe2\x80\xa6");
			break;
		} else {
			if (is_apart)
				buf_char(&out, ' ');
			count += 1 + is_apart;
			is_apart = false;
			last_at = out.n;
			buf_add(&out, text.p, n);
		}
		text.p += n;
		text.n -= n;
	}
	if (out.n > 0)
		got = arena_strndup(arena, out.p, out.n);
	buf_free(&out);
	return got;
}
