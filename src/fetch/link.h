/*
 * Links as people write them, and as pages do: relative to where the page was.
 */
#ifndef FETCH_LINK_H
#define FETCH_LINK_H

#include "base/arena.h"

#define LINK_MAX 2048 /* bytes; longer ones are none */

/*
 * The link as it is asked for, in the arena: absolute, without its fragment. NULL: it
 * is none, or its scheme is not http or https, or there is a name or a password in it.
 * base: what it may be relative to; NULL: it must be absolute.
 */
char *link_read(struct arena *arena, const char *base, const char *text);

#endif
