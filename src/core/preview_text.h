/*
 * Text of strangers' pages: in whatever charset it came, and of whatever length.
 */
#ifndef CORE_PREVIEW_TEXT_H
#define CORE_PREVIEW_TEXT_H

#include "base/arena.h"
#include "base/str.h"

/* Appends the page as UTF-8, without NULs; what is wrong in it becomes U+FFFD. The
 * charset is said by a BOM, else by content_type (NULL: not given), else by the page
 * itself; else it is UTF-8 where it is that, and windows-1252 where not.
 * Spec: html.spec.whatwg.org/#determining-the-character-encoding */
void preview_decode(struct buf *out, struct str page, const char *content_type);

/* Without space around it, each other stretch of it one blank; at most max characters,
 * the last of them "…" if there were more. NULL: nothing is left. In the arena. */
char *preview_shorten(struct arena *arena, struct str text, int max);

#endif
