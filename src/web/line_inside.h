/*
 * What the makers of lines share: line.c (whose line it is), line_body.c (what was
 * said), line_more.c (what other events add to it), line_quiet.c (everything else).
 */
#ifndef WEB_LINE_INSIDE_H
#define WEB_LINE_INSIDE_H

#include "web/line.h"
#include "web/markup.h"
#include "web/sheet.h"

/* A person in a room. In the arena. */
struct person {
	const char *user_id, *name; /* never NULL */
	const char *face;	    /* the address of their picture; NULL: none */
};
struct person scene_person(struct scene *scene, const char *user_id);
/* err == M_OK. What fails otherwise than by not being there leaves a gap in what is
 * made. */
bool scene_has(struct scene *scene, enum mx_err err);
/* The slots of a face and what stands beside it; texts are borrowed, or in the arena.
 */
void person_fill(struct filling *f, struct arena *arena, const struct person *person);
void face_fill(struct filling *f, struct arena *arena, const char *id, const char *name,
    const char *face);
/* Appends the name as HTML that keeps to itself. */
void person_write(struct buf *out, const struct person *person);

/* What stands beside an event as a stranger is told of it, in the arena. */
const struct json *sliced_unsigned(struct seer *seer, const struct sliced *e);
/* What a state event replaced, as a stranger is told of it; NULL: nothing. */
const struct json *sliced_before(struct seer *seer, const struct sliced *e);
/* What a member is called by such an event, and the one before (NULL: not looked at):
 * who leaves says no name, and keeps theirs. NULL: none. */
const char *member_name(const struct json *content, const struct json *before);
/* scene_content of an event as clients are shown it, with its relations. */
const struct json *event_content_now(const struct json *event);

/* One line on its way. */
struct making {
	struct scene *scene;
	struct arena *arena;
	const struct sliced *e;
	const struct json *content;   /* as it was edited last */
	const struct json *relations; /* what its children come to; NULL: nothing */
	const char *shown_id; /* the event whose content that is: its own, or an edit */
	struct line about;    /* of the line to be */
	struct filling f;
	struct buf text, quote, more; /* parts of it */
};

/* The text of a word in the making's language. */
const char *making_word(const struct making *m, enum word word);
/* The address of something of an event of the room. */
const char *making_media(
    const struct making *m, const char *event_id, const char *what);

/* line_body.c: m->text, by the type of the event. False: nothing that is shown so. */
bool line_body(struct making *m);
/* A message's text as one line, shortened; not escaped. */
void line_plain(struct buf *out, const struct json *content, size_t max);
/* The same as HTML. */
void line_excerpt(struct buf *out, const struct json *content, size_t max);
/* The same of any event: what kind of thing it is, too. */
void line_summary(struct buf *out, const char *type, const struct json *content,
    enum language language, size_t max);
/* line_more.c: what a poll asks; NULL: it is none. */
const char *poll_question(const struct json *content);

/* line_more.c: m->quote and m->more. */
void line_quote(struct making *m);
void line_more(struct making *m);
/* The bars of a poll. */
void line_poll(struct making *m);

/* line_quiet.c: m->text, as one sentence. */
void line_quiet(struct making *m);

#endif
