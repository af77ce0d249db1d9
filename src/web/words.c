/*
 * The words of pages, and the choice of a language.
 * Relies on words.def alone; for whatever writes a page.
 */
#include "web/words.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *in[LANGUAGE_COUNT];
} words[] = {
#define WORD(name, en, de, fr, es, ja, ar) { #name, { en, de, fr, es, ja, ar } },
#include "web/words.def"
#undef WORD
};

static const struct {
	const char *code, *name, *direction;
} languages[] = {
	[LANGUAGE_EN] = { "en", "English", "ltr" },
	[LANGUAGE_DE] = { "de", "Deutsch", "ltr" },
	[LANGUAGE_FR] = { "fr", "Français", "ltr" },
	[LANGUAGE_ES] = { "es", "Español", "ltr" },
	[LANGUAGE_JA] = { "ja", "日本語", "ltr" },
	[LANGUAGE_AR] = { "ar", "العربية", "rtl" },
};

const char *
word(enum word word, enum language language)
{
	return words[word].in[language];
}

enum word
word_named(struct str name)
{
	int i = 0;

	while (i < WORD_COUNT && !str_is(name, words[i].name))
		i++;
	return (enum word)i;
}

void
word_put(struct buf *out, enum word word, enum language language, struct str one,
    struct str two)
{
	for (const char *p = words[word].in[language]; *p != '\0'; p++) {
		if (p[0] == '%' && (p[1] == '1' || p[1] == '2')) {
			struct str put = *++p == '1' ? one : two;

			buf_add(out, put.p, put.n);
		} else {
			buf_char(out, *p);
		}
	}
}

struct str
word_nth(enum word word, enum language language, int n)
{
	const char *p = words[word].in[language];

	for (; n > 0 && *p != '\0'; n--)
		p += strcspn(p, " ") + (p[strcspn(p, " ")] == ' ');
	return (struct str){ p, strcspn(p, " ") };
}

const char *
language_code(enum language language)
{
	return languages[language].code;
}

const char *
language_name(enum language language)
{
	return languages[language].name;
}

const char *
language_direction(enum language language)
{
	return languages[language].direction;
}

bool
language_of_code(struct str code, enum language *out)
{
	for (int i = 0; i < LANGUAGE_COUNT; i++)
		if (str_ieq(code, languages[i].code)) {
			*out = (enum language)i;
			return true;
		}
	return false;
}

/* One range of the list, "de-CH;q=0.8", taken off its front. In thousandths. */
static struct str
take_range(struct str *list, int *quality_out)
{
	size_t n = 0, name;
	struct str range;

	while (list->n > 0 && (list->p[0] == ' ' || list->p[0] == ','))
		*list = (struct str){ list->p + 1, list->n - 1 };
	while (n < list->n && list->p[n] != ',')
		n++;
	range = (struct str){ list->p, n };
	*list = (struct str){ list->p + n, list->n - n };
	for (name = 0; name < n && strchr("; \t-", range.p[name]) == NULL;)
		name++;
	*quality_out = 1000;
	for (size_t i = name; i + 2 < n; i++)
		if (range.p[i] == ';' || range.p[i] == ' ') {
			const char *q = range.p + i + 1;

			if ((*q | 0x20) != 'q' || q[1] != '=')
				continue;
			*quality_out = 0;
			for (size_t at = i + 3, unit = 1000; at < n && unit > 0; at++) {
				if (range.p[at] == '.')
					continue;
				if (range.p[at] < '0' || range.p[at] > '9')
					break;
				*quality_out += (int)unit * (range.p[at] - '0');
				unit /= 10;
			}
			break;
		}
	return (struct str){ range.p, name };
}

static enum language
first_of(unsigned offered)
{
	int i = 0;

	while (i < LANGUAGE_COUNT - 1 && !(offered >> i & 1))
		i++;
	return (enum language)i;
}

enum language
language_accepted(struct str accept, unsigned offered, enum language fallback)
{
	enum language best = offered >> fallback & 1 ? fallback : first_of(offered),
		      found;
	int best_quality = 0, quality;

	while (accept.n > 0) {
		struct str code = take_range(&accept, &quality);

		if (quality > best_quality && language_of_code(code, &found) &&
		    (offered >> found & 1)) {
			best = found;
			best_quality = quality;
		}
	}
	return best;
}
