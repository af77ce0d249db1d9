/*
 * The characters of a body, for what reads and writes them.
 */
#ifndef WEB_MARKUP_ESCAPE_H
#define WEB_MARKUP_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define MARKUP_BROKEN "\xef\xbf\xbd" /* U+FFFD */

/* The character at s (n > 0 bytes are there); its length in bytes, 0: no UTF-8. */
size_t markup_char(const char *s, size_t n, uint32_t *out);
/* Any of C0 (\n and \t too), DEL, C1, and what Unicode calls noncharacters: of these
 * XML knows as little. */
bool markup_is_control(uint32_t c);
/* Opens or ends a run of text with a direction of its own: U+202A-202E, U+2066-2069. */
bool markup_is_bidi(uint32_t c);
/* Nothing but HTML's white space. */
bool markup_is_blank(struct str text);

#endif
