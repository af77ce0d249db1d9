/*
 * The templates of pages (templates/NAME.html, part of the program), and how they are
 * filled in. What is put in is escaped, unless its slot is declared to hold HTML.
 *
 *   {name}            the slot's text, escaped
 *   {=name}           the slot's HTML, as it is
 *   {~word}           a word of the page's language (words.def)
 *   {?name}..{/}      only if the slot is filled in
 *   {!name}..{/}      only if it is not
 */
#ifndef WEB_TEMPLATE_H
#define WEB_TEMPLATE_H

#include "web/words.h"

enum template_name {
#define TEMPLATE(name) TEMPLATE_##name,
#include "web/templates.def"
#undef TEMPLATE
	TEMPLATE_COUNT,
};

enum slot {
#define SLOT(name, kind) SLOT_##name,
#include "web/slots.def"
#undef SLOT
	SLOT_COUNT,
};

/* What is put in; borrowed. p NULL: not filled in. */
struct filling {
	enum language language;
	struct str slots[SLOT_COUNT];
};

/* Compiles the templates; once, at start. Aborts if one is malformed. */
void templates_setup(void);
void template_write(
    struct buf *out, enum template_name name, const struct filling *filling);

/* NULL: stays empty. */
static inline void
fill(struct filling *f, enum slot slot, const char *text)
{
	f->slots[slot] =
	    text == NULL ? (struct str){ NULL, 0 } : (struct str){ text, strlen(text) };
}

/* Nothing written: stays empty. */
static inline void
fill_buf(struct filling *f, enum slot slot, const struct buf *b)
{
	f->slots[slot] =
	    b->n == 0 ? (struct str){ NULL, 0 } : (struct str){ b->p, b->n };
}

#endif
