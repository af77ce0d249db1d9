/*
 * What pages say, in six languages (words.def), and which of them somebody reads.
 * Pure functions.
 */
#ifndef WEB_WORDS_H
#define WEB_WORDS_H

#include "base/str.h"

enum language {
	LANGUAGE_EN,
	LANGUAGE_DE,
	LANGUAGE_FR,
	LANGUAGE_ES,
	LANGUAGE_JA,
	LANGUAGE_AR,
	LANGUAGE_COUNT,
};

enum word {
#define WORD(name, en, de, fr, es, ja, ar) WORD_##name,
#include "web/words.def"
#undef WORD
	WORD_COUNT,
};

const char *word(enum word word, enum language language);
/* WORD_COUNT: there is no such word. */
enum word word_named(struct str name);
/* Appends the word as HTML with %1 and %2 put in, which are HTML already. */
void word_put(struct buf *out, enum word word, enum language language, struct str one,
    struct str two);
/* The nth (from 0) of a word that is a list, as the months are. */
struct str word_nth(enum word word, enum language language, int n);

const char *language_code(enum language language);	/* "en" */
const char *language_name(enum language language);	/* as its speakers write it */
const char *language_direction(enum language language); /* "ltr" or "rtl" */
/* False: none of ours. */
bool language_of_code(struct str code, enum language *out);
/* What Accept-Language asks for most, of those in `offered` (bits of enum language).
 * Where it asks for none of them: fallback, or the first if that is not offered.
 * RFC 9110 12.5.4 */
enum language language_accepted(
    struct str accept, unsigned offered, enum language fallback);

#endif
