/*
 * The characters of RFC 9110, shared by http/parse.c and http/chunks.c.
 */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>

/* tchar, RFC 9110 5.6.2 */
static const bool http_token_chars[256] = { ['!'] = 1,
	['#' ... '\''] = 1,
	['*'] = 1,
	['+'] = 1,
	['-'] = 1,
	['.'] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['^' ... 'z'] = 1,
	['|'] = 1,
	['~'] = 1 };

static inline bool
is_token(char c)
{
	return http_token_chars[(unsigned char)c];
}

/* What a header's value is made of, RFC 9110 5.5: VCHAR, obs-text, SP, HTAB. */
static inline bool
is_text(char c)
{
	return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t';
}

#endif
