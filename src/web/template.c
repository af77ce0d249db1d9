/*
 * Templates, compiled into lists of steps when the server starts.
 * Relies on web/markup for escaping; the last thing before a page is bytes.
 */
#include "web/template.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/vec.h"
#include "web/embedded.h"
#include "web/markup.h"

#define NESTING_MAX 8

enum slot_kind { TEXT, HTML };

static const struct {
	const char *name;
	enum slot_kind kind;
} slots[] = {
#define SLOT(name, kind) { #name, kind },
#include "web/slots.def"
#undef SLOT
};

static const char *const names[] = {
#define TEMPLATE(name) #name,
#include "web/templates.def"
#undef TEMPLATE
};

enum step_kind { STEP_LITERAL, STEP_TEXT, STEP_HTML, STEP_WORD, STEP_IF, STEP_IF_NOT };

struct step {
	enum step_kind kind;
	int index;   /* of the slot or word; IF: where it goes on else: `else_at` */
	int else_at; /* the step behind the section */
	struct str literal;
};

static struct compiled {
	VEC(struct step) steps;
} compiled[TEMPLATE_COUNT];

__attribute__((noreturn)) static void
malformed(enum template_name name, struct str at, const char *why)
{
	log_error("web: the template %s is malformed at '%.*s': %s", names[name],
	    (int)at.n, at.p, why);
	abort();
}

static int
slot_named(struct str name)
{
	int i = 0;

	while (i < SLOT_COUNT && !str_is(name, slots[i].name))
		i++;
	return i;
}

/* What stands between braces. open: the sections that are not closed yet. */
static void
compile_mark(enum template_name name, struct str mark, int *open, int *depth)
{
	struct compiled *c = &compiled[name];
	struct str rest = { mark.p + 1, mark.n - 1 };
	char first = mark.n == 0 ? '\0' : mark.p[0];
	struct step step = { .kind = first == '?'   ? STEP_IF
				     : first == '!' ? STEP_IF_NOT
				     : first == '=' ? STEP_HTML
				     : first == '~' ? STEP_WORD
						    : STEP_TEXT };

	if (first == '/') {
		if (*depth == 0)
			malformed(name, mark, "it closes nothing");
		c->steps.v[open[--*depth]].else_at = (int)c->steps.n;
		return;
	}
	if (step.kind == STEP_TEXT)
		rest = mark;
	step.index = step.kind == STEP_WORD ? (int)word_named(rest) : slot_named(rest);
	if (step.index == (step.kind == STEP_WORD ? (int)WORD_COUNT : (int)SLOT_COUNT))
		malformed(name, mark, "there is no such name");
	if ((step.kind == STEP_TEXT && slots[step.index].kind == HTML) ||
	    (step.kind == STEP_HTML && slots[step.index].kind == TEXT))
		malformed(name, mark, "the slot holds the other kind");
	if (step.kind == STEP_IF || step.kind == STEP_IF_NOT) {
		if (*depth == NESTING_MAX)
			malformed(name, mark, "too deep");
		open[(*depth)++] = (int)c->steps.n;
	}
	vec_push(&c->steps, step);
}

static void
compile(enum template_name name, struct str text)
{
	int open[NESTING_MAX], depth = 0;

	while (text.n > 0) {
		const char *brace = memchr(text.p, '{', text.n), *end;
		size_t n = brace == NULL ? text.n : (size_t)(brace - text.p);
		struct step literal = { .kind = STEP_LITERAL,
			.literal = { text.p, n } };

		if (n > 0)
			vec_push(&compiled[name].steps, literal);
		text = (struct str){ text.p + n, text.n - n };
		if (brace == NULL)
			break;
		end = memchr(brace, '}', text.n);
		if (end == NULL)
			malformed(name, text, "a brace is not closed");
		compile_mark(name, (struct str){ brace + 1, (size_t)(end - brace - 1) },
		    open, &depth);
		n = (size_t)(end + 1 - brace);
		text = (struct str){ text.p + n, text.n - n };
	}
	if (depth > 0)
		malformed(name, text, "a section is not closed");
}

void
templates_setup(void)
{
	for (int i = 0; i < TEMPLATE_COUNT; i++) {
		struct str text;

		compiled[i].steps.n = 0;
		if (!embedded_template(names[i], &text)) {
			log_error("web: there is no template %s", names[i]);
			abort();
		}
		compile((enum template_name)i, text);
	}
}

void
template_write(struct buf *out, enum template_name name, const struct filling *filling)
{
	const struct compiled *c = &compiled[name];

	for (size_t i = 0; i < c->steps.n; i++) {
		const struct step *step = &c->steps.v[i];
		const struct str *value = &filling->slots[step->index];

		switch (step->kind) {
		case STEP_LITERAL:
			buf_add(out, step->literal.p, step->literal.n);
			break;
		case STEP_TEXT:
			markup_escape(out, value->p, value->n);
			break;
		case STEP_HTML:
			buf_add(out, value->p, value->n);
			break;
		case STEP_WORD:
			buf_str(out, word((enum word)step->index, filling->language));
			break;
		case STEP_IF:
			if (value->p == NULL)
				i = (size_t)step->else_at - 1;
			break;
		case STEP_IF_NOT:
			if (value->p != NULL)
				i = (size_t)step->else_at - 1;
			break;
		}
	}
}
