/*
 * HTML is written as it is read, never anything that a browser's parser would move: no
 * block within a paragraph, no link within a link, rows and items where they belong.
 * Relies on markup_element for what a tag looks like; markup_read tells it a body.
 */
#include "web/markup_build.h"

#include <assert.h>
#include <stdlib.h>

#include "web/markup_element.h"
#include "web/markup_escape.h"

#define SHOWN_MAX 100 /* Spec: "Tags must not be nested more than 100 levels deep" */
#define IMPLIED_MAX 4 /* that one piece of text can need */

/* --- levels --- */

/* The innermost element that is open in the output; NULL: none. */
static struct level *
top(struct build *b)
{
	for (int i = b->n - 1; i >= 0; i--)
		if (b->levels[i].is_shown)
			return &b->levels[i];
	return NULL;
}

static enum markup_kind
kind_of(const struct level *level)
{
	return level == NULL ? KIND_BLOCKS : markup_kind(level->tag);
}

/* The innermost that says what may stand here. */
static struct level *
holder(struct build *b)
{
	for (int i = b->n - 1; i >= 0; i--)
		if (b->levels[i].is_shown && kind_of(&b->levels[i]) != KIND_INLINE)
			return &b->levels[i];
	return NULL;
}

bool
markup_build_has(const struct build *b, enum markup_tag tag, unsigned roles)
{
	for (int i = 0; i < b->n; i++)
		if (b->levels[i].is_shown &&
		    (b->levels[i].tag == tag || (b->levels[i].roles & roles) != 0))
			return true;
	return false;
}

static void
begin_line(struct build *b)
{
	b->line = b->out->n;
	b->is_break_due = false;
}

static void
close_level(struct build *b, struct level *level)
{
	markup_element_close(b, level);
	buf_str(b->out, level->end);
	level->is_shown = false;
	b->shown--;
	if (kind_of(level) != KIND_INLINE)
		begin_line(b);
}

/* No end will be told of ours: they go when they are closed and the last. */
static void
drop_implied(struct build *b)
{
	while (
	    b->n > 0 && b->levels[b->n - 1].is_implied && !b->levels[b->n - 1].is_shown)
		b->n--;
}

/* Closes this one and what is open in it. The reader's stay, until it ends them. */
static void
close_from(struct build *b, const struct level *first)
{
	struct level *level;

	while ((level = top(b)) != NULL && level >= first)
		close_level(b, level);
	drop_implied(b);
}

static struct level *
push(struct build *b, enum markup_tag tag)
{
	struct level *level = &b->levels[b->n++];

	assert(b->n <= LEVELS_MAX);
	*level = (struct level){ .tag = (uint8_t)tag, .end = markup_tag_end(tag) };
	return level;
}

static void
show(struct build *b, struct level *level)
{
	level->is_shown = true;
	level->inside = b->out->n;
	b->shown++;
	if (kind_of(level) != KIND_INLINE)
		begin_line(b);
}

static void
imply(struct build *b, enum markup_tag tag)
{
	struct level *level = push(b, tag);

	level->is_implied = true;
	buf_str(b->out, markup_tag_start(tag));
	show(b, level);
}

/* --- where it may stand --- */

/* Lists hold items alone, tables rows, rows cells: opens what is missing between. */
static void
make_room(struct build *b)
{
	switch (kind_of(top(b))) {
	case KIND_LIST:
		imply(b, TAG_LI);
		break;
	case KIND_TABLE:
		imply(b, TAG_TBODY);
		/* fall through */
	case KIND_ROWS:
		imply(b, TAG_TR);
		/* fall through */
	case KIND_ROW:
		imply(b, TAG_TD);
		break;
	default:
		break;
	}
}

static bool
is_heading(enum markup_tag tag)
{
	return tag >= TAG_H1 && tag <= TAG_H6;
}

/* A paragraph ends where a block begins; but not if that would end what it holds too,
 * a spoiler perhaps. */
static bool
place_block(struct build *b, enum markup_tag tag)
{
	struct level *around;

	make_room(b);
	around = holder(b);
	if (kind_of(around) != KIND_WORDS)
		return true;
	if (around != top(b))
		return false;
	if (around->tag != TAG_P && !(is_heading(around->tag) && is_heading(tag)))
		return false;
	close_from(b, around);
	return true;
}

/* Of the innermost list, unless that is one that we did not write. */
static bool
place_item(struct build *b)
{
	for (int i = b->n - 1; i >= 0; i--) {
		const struct level *level = &b->levels[i];
		enum markup_kind kind = kind_of(level);

		if (level->tag == TAG_LI && level->is_shown)
			close_from(b, level);
		else if (kind == KIND_INLINE ||
			 (kind != KIND_LIST && !level->is_shown) ||
			 level->tag == TAG_P || level->tag == TAG_DIV)
			continue;
		break;
	}
	return kind_of(top(b)) == KIND_LIST;
}

static struct level *
table_around(struct build *b)
{
	for (int i = b->n - 1; i >= 0; i--)
		if (b->levels[i].tag == TAG_TABLE)
			return b->levels[i].is_shown ? &b->levels[i] : NULL;
	return NULL;
}

/* `kind` is what it is among the parts of a table. */
static bool
place_part(struct build *b, enum markup_kind kind)
{
	enum markup_kind around;

	if (table_around(b) == NULL)
		return false;
	while (around = kind_of(top(b)), around < KIND_TABLE || around >= kind)
		close_from(b, top(b));
	if (around == KIND_TABLE && kind > KIND_ROWS)
		imply(b, TAG_TBODY);
	if (kind_of(top(b)) == KIND_ROWS && kind > KIND_ROW)
		imply(b, TAG_TR);
	return true;
}

/* Browsers show the first alone. */
static bool
place_summary(struct build *b)
{
	const struct level *around = top(b);

	return around != NULL && around->tag == TAG_DETAILS &&
	       b->seen <= around->inside;
}

/* May it stand here, now that what it ends is ended? */
static bool
place(struct build *b, enum markup_tag tag)
{
	enum markup_kind kind = markup_kind(tag);

	if (kind == KIND_DISSOLVED || b->shown >= SHOWN_MAX ||
	    !markup_may_open(&b->room, b->out))
		return false;
	if (kind == KIND_INLINE) {
		make_room(b);
		return tag != TAG_A || !markup_build_has(b, TAG_A, 0);
	}
	if (tag == TAG_LI)
		return place_item(b);
	if (tag == TAG_SUMMARY)
		return place_summary(b);
	if (tag == TAG_CAPTION)
		return place_part(b, KIND_ROWS);
	if (kind >= KIND_ROWS)
		return place_part(b, kind);
	return place_block(b, tag);
}

/* --- text --- */

/* What stands in a list or in a table has an element of its own. */
static bool
holds_text(enum markup_kind kind)
{
	return kind != KIND_LIST && (kind < KIND_TABLE || kind > KIND_ROW);
}

/* Something is about to be seen. */
static void
break_if_due(struct build *b)
{
	if (!b->is_break_due)
		return;
	if (b->seen > b->line && markup_may_open(&b->room, b->out))
		buf_lit(b->out, "<br>");
	begin_line(b);
}

/* Browsers skip one end of line behind <pre>. */
static struct str
without_first_line(const struct build *b, const struct level *around, struct str text)
{
	if (around != NULL && around->tag == TAG_PRE && b->out->n == around->inside &&
	    text.p[0] == '\n' && (text.n == 1 || text.p[1] != '\n'))
		return (struct str){ text.p + 1, text.n - 1 };
	return text;
}

static void
write_text(struct build *b, struct str text)
{
	if (markup_build_has(b, TAG_A, ROLE_MATHS) ||
	    markup_build_has(b, TAG_CODE, 0) || markup_build_has(b, TAG_PRE, 0))
		markup_escape(b->out, text.p, text.n);
	else
		markup_linked(b->out, text, &b->room);
}

static void
flush(struct build *b)
{
	struct str text = { b->text.p, b->text.n };
	bool is_blank = markup_is_blank(text);

	buf_reset(&b->text);
	if (text.n == 0)
		return;
	if (!is_blank) {
		make_room(b);
		break_if_due(b);
	}
	if (!holds_text(kind_of(top(b))))
		return; /* blanks */
	write_text(b, without_first_line(b, top(b), text));
	if (!is_blank)
		b->seen = b->out->n;
}

/* --- what the reader tells --- */

static void
put_break(struct build *b)
{
	if (!holds_text(kind_of(top(b))) || !markup_may_open(&b->room, b->out))
		return;
	buf_lit(b->out, "<br>");
	begin_line(b);
}

static void
put_rule(struct build *b)
{
	if (!markup_may_open(&b->room, b->out) || !place_block(b, TAG_HR)) {
		b->is_break_due = true;
		return;
	}
	buf_lit(b->out, "<hr>");
	begin_line(b);
}

static void
put_picture(struct build *b, const char *const *attributes)
{
	make_room(b);
	break_if_due(b);
	if (markup_element_picture(b, attributes))
		b->seen = b->out->n;
}

static void
put_void(struct build *b, enum markup_tag tag, const char *const *attributes)
{
	if (tag == TAG_BR)
		put_break(b);
	else if (tag == TAG_HR)
		put_rule(b);
	else
		put_picture(b, attributes);
}

void
markup_build_start(void *build, enum markup_tag tag, const char *const *attributes)
{
	struct build *b = build;
	struct level *level;
	bool has_place;

	flush(b);
	if (markup_kind(tag) == KIND_VOID) {
		put_void(b, tag, attributes);
		return;
	}
	if (b->ignored > 0 || b->n >= LEVELS_MAX - IMPLIED_MAX) {
		b->ignored++;
		return;
	}
	has_place = place(b, tag);
	level = push(b, tag);
	if (has_place && markup_element_open(b, level, attributes))
		show(b, level);
	else if (markup_kind(tag) != KIND_INLINE)
		b->is_break_due = level->is_dissolved = true;
}

void
markup_build_end(void *build, enum markup_tag tag)
{
	struct build *b = build;
	struct level *level;

	flush(b);
	if (b->ignored > 0) {
		b->ignored--;
		return;
	}
	while (b->n > 0 && b->levels[b->n - 1].is_implied)
		close_from(b, &b->levels[b->n - 1]);
	if (b->n == 0 || b->levels[b->n - 1].tag != tag)
		return;
	level = &b->levels[b->n - 1];
	if (level->is_shown)
		close_level(b, level);
	else if (level->is_dissolved)
		b->is_break_due = true;
	b->n--;
	drop_implied(b);
}

void
markup_build_text(void *build, const char *text, size_t n)
{
	struct build *b = build;

	buf_add(&b->text, text, n);
}

/* What is open stays so until the end; of the rest there is nothing to know. */
void
markup_build_lost(void *build)
{
	struct build *b = build;
	int n = 0;

	for (int i = 0; i < b->n; i++)
		if (b->levels[i].is_shown)
			b->levels[n++] = b->levels[i];
	b->n = n;
	b->ignored = 0;
}

void
markup_build_init(
    struct build *b, struct buf *out, size_t n, const struct markup_ask *ask)
{
	b->out = out;
	b->ask = ask;
	b->room = markup_room(out, n);
	b->n = b->shown = b->ignored = b->pictures = 0;
	b->text = b->maths = (struct buf){ 0 };
	b->seen = b->line = out->n;
	b->is_break_due = false;
}

void
markup_build_fini(struct build *b)
{
	flush(b);
	close_from(b, b->levels);
	buf_free(&b->maths);
	buf_free(&b->text);
}
