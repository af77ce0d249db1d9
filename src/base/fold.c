/*
 * Folding by the C library's tables for "C.UTF-8"; ASCII alone where that is not there.
 */
#include "base/fold.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

static locale_t locale; /* 0: none; set once, never freed */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
set_locale(void)
{
	locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

int
fold_char(const char *text, uint32_t *out)
{
	static const uint8_t first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *s = (const unsigned char *)text;
	int n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	*out = s[0] & first_bits[n];
	for (int i = 1; i < n; i++)
		*out = *out << 6 | (s[i] & 0x3f);
	return n;
}

static void
encode(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

void
fold_add(struct buf *out, const char *s)
{
	pthread_once(&once, set_locale);
	while (s != NULL && *s != '\0') {
		uint32_t c;

		s += fold_char(s, &c);
		if (locale != (locale_t)0)
			c = (uint32_t)towlower_l((wint_t)c, locale);
		else if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		encode(out, c);
	}
}

bool
fold_is_word(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		       (c >= 'A' && c <= 'Z');
	pthread_once(&once, set_locale);
	return locale == (locale_t)0 ||
	       (!iswspace_l((wint_t)c, locale) && !iswpunct_l((wint_t)c, locale));
}
