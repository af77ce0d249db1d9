/*
 * Building a body anew: what may stand where, so that browsers see the very tree that
 * was built.
 */
#ifndef WEB_MARKUP_BUILD_H
#define WEB_MARKUP_BUILD_H

#include "web/markup_link.h"
#include "web/markup_tag.h"

#define LEVELS_MAX 320

/* What else an element is, than its tag says. */
enum markup_role {
	ROLE_SPOILER = 1,
	ROLE_MATHS = 2,
};

/* An element that the reader has not ended, or one that we put between. */
struct level {
	uint8_t tag;	   /* enum markup_tag */
	uint8_t roles;	   /* bits of enum markup_role */
	bool is_shown;	   /* it was written, and not ended yet */
	bool is_implied;   /* ours: no end of it will be told */
	bool is_dissolved; /* a block that was not written: a line of its own */
	const char *end;   /* what ends it */
	size_t inside;	   /* where in the output it began to hold something */
};

/* Owned by one thread, for one body. */
struct build {
	struct buf *out;
	const struct markup_ask *ask;
	struct markup_room room;
	struct level levels[LEVELS_MAX];
	int n, shown;
	int ignored;	   /* elements for which there was no level */
	struct buf text;   /* that came, and is not written yet */
	size_t seen, line; /* where in the output something was seen last, and a
			    * line began */
	bool is_break_due; /* before what comes next on this line */
	struct buf maths;  /* of the level that has ROLE_MATHS */
	int pictures;
};

void markup_build_init(
    struct build *b, struct buf *out, size_t n, const struct markup_ask *ask);
/* Ends what is open. */
void markup_build_fini(struct build *b);

/* What struct markup_ear has. */
void markup_build_start(
    void *build, enum markup_tag tag, const char *const *attributes);
void markup_build_end(void *build, enum markup_tag tag);
void markup_build_text(void *build, const char *text, size_t n);
void markup_build_lost(void *build);

/* Is such an element open? */
bool markup_build_has(const struct build *b, enum markup_tag tag, unsigned roles);

#endif
