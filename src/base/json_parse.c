/*
 * Bytes to a JSON tree: one pass, recursive to JSON_DEPTH_MAX, strings left in place.
 * Relies on the arena only. What every request body, event and answer of a peer passes
 * first, so it trusts nothing: text[n] is set to NUL and nothing is read behind it.
 */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_inside.h"

#define INT_MAX_CANONICAL INT64_C(9007199254740991) /* 2^53 - 1 */
#define INSERTION_SORT_MAX 24

/*
 * The members and items of the containers still open lie on one stack, and move to the
 * arena when their container closes. Nearly every event fits into the first 4 KiB.
 */
struct parser {
	char *text, *end;
	struct arena *arena;
	int flags, depth;
	struct json_error failure;
	struct json_error bad_number; /* the first one; why is NULL if there is none */
	char *stack;
	size_t used, cap;
	char first_stack[4096];
};

static char *parse_value(struct parser *ps, char *p, struct json *out);

/* The functions below return where to read on, or NULL after a call of this. */
static char *
fail(struct parser *ps, const char *at, const char *why)
{
	if (at == ps->end)
		why = "the text ends too early";
	ps->failure = (struct json_error){ .at = at - ps->text, .why = why };
	return NULL;
}

/* Parsing goes on, for only the rest tells whether this is JSON at all. */
static void
refuse_number(struct parser *ps, const char *at, const char *why)
{
	if (ps->bad_number.why == NULL)
		ps->bad_number = (struct json_error){
			.at = at - ps->text, .why = why, .number = true
		};
}

static void
push(struct parser *ps, const void *item, size_t size)
{
	if (ps->cap - ps->used < size) {
		bool on_heap = ps->stack != ps->first_stack;
		char *bigger = xrealloc(on_heap ? ps->stack : NULL, ps->cap * 2);

		if (!on_heap)
			memcpy(bigger, ps->first_stack, ps->used);
		ps->stack = bigger;
		ps->cap *= 2;
	}
	memcpy(ps->stack + ps->used, item, size);
	ps->used += size;
}

/* Moves all that was pushed since base into the arena. */
static void *
pop_to_arena(struct parser *ps, size_t base)
{
	void *items = arena_raw(ps->arena, ps->used - base);

	memcpy(items, ps->stack + base, ps->used - base);
	ps->used = base;
	return items;
}

static inline char *
skip_space(char *p)
{
	while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
		p++;
	return p;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* p is at the opening quote. The closing one, or a byte before it, becomes the NUL. */
static inline char *
parse_string(struct parser *ps, char *p, const char **s, uint32_t *n)
{
	char *from = p + 1, *to;
	const char *why;

	p = json_skip_plain(from, ps->end);
	to = p;
	if (*p != '"') {
		why = json_unescape(&p, ps->end, &to);
		if (why != NULL)
			return fail(ps, p, why);
	}
	*to = '\0';
	*s = from;
	*n = (uint32_t)(to - from);
	return p + 1;
}

/* from is a well-formed number; floats are turned down here if flags say so. */
static void
set_float(struct parser *ps, const char *from, struct json *out)
{
	double f;

	if ((ps->flags & (JSON_FLOATS | JSON_LENIENT)) == 0) {
		refuse_number(ps, from, "a number that is not a whole one below 2^53");
		return;
	}
	f = strtod(from, NULL);
	if (isinf(f)) {
		refuse_number(ps, from, "a number too large for a double");
		return;
	}
	/* The specification's own example: 1e10 is the integer 10000000000. */
	if ((ps->flags & JSON_LENIENT) == 0 && fabs(f) <= (double)INT_MAX_CANONICAL &&
	    f == (double)(int64_t)f) {
		out->type = JSON_INT;
		out->i = (int64_t)f;
		return;
	}
	out->type = JSON_FLOAT;
	out->f = f;
}

/* An integer beyond canonical JSON's; from[0..n) is its text. */
static void
set_wide_int(
    struct parser *ps, const char *from, uint32_t n, uint64_t digits, struct json *out)
{
	bool is_negative = *from == '-';
	uint32_t digits_n = n - is_negative;

	if ((ps->flags & JSON_LENIENT) == 0) {
		set_float(ps, from, out);
		return;
	}
	/* 19 digits never wrapped around in 64 bits. */
	if (digits_n <= 19 && digits <= (uint64_t)INT64_MAX + is_negative) {
		out->type = JSON_INT;
		out->i = (int64_t)(is_negative ? 0 - digits : digits);
		return;
	}
	out->type = JSON_BIG;
	out->n = n;
	out->s = arena_strndup(ps->arena, from, n);
}

/* p is at the '.', 'e' or 'E'. */
static char *
skip_fraction(struct parser *ps, char *p)
{
	if (*p == '.') {
		p++;
		if (!is_digit(*p))
			return fail(ps, p, "no digit behind the point");
		while (is_digit(*p))
			p++;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!is_digit(*p))
			return fail(ps, p, "no digit in the exponent");
		while (is_digit(*p))
			p++;
	}
	return p;
}

static char *
parse_number(struct parser *ps, char *p, struct json *out)
{
	char *from = p, *first;
	uint64_t digits = 0;

	p += *p == '-';
	first = p;
	while (is_digit(*p))
		digits = digits * 10 + (uint64_t)(*p++ - '0');
	if (p == first)
		return fail(ps, p, "no digit behind the minus");
	if (*first == '0' && p - first > 1)
		return fail(ps, first, "a number with a leading zero");
	if (*p == '.' || *p == 'e' || *p == 'E') {
		p = skip_fraction(ps, p);
		if (p != NULL)
			set_float(ps, from, out);
		return p;
	}
	if (p - first > 16 || digits > INT_MAX_CANONICAL) {
		set_wide_int(ps, from, (uint32_t)(p - from), digits, out);
		return p;
	}
	out->type = JSON_INT;
	out->i = from == first ? (int64_t)digits : -(int64_t)digits;
	return p;
}

static char *
parse_word(struct parser *ps, char *p, const char *word, struct json *out)
{
	size_t n = 0;

	while (word[n] != '\0' && p[n] == word[n])
		n++;
	if (word[n] != '\0')
		return fail(ps, p + n, "an unknown word");
	out->type = *word == 'n' ? JSON_NULL : JSON_BOOL;
	out->b = *word == 't';
	return p + n;
}

static char *
parse_array(struct parser *ps, char *p, struct json *out)
{
	size_t base = ps->used;
	struct json item;

	out->type = JSON_ARRAY;
	p = skip_space(p + 1);
	if (*p == ']')
		return p + 1;
	for (;;) {
		p = parse_value(ps, p, &item);
		if (p == NULL)
			return NULL;
		push(ps, &item, sizeof item);
		p = skip_space(p);
		if (*p != ',')
			break;
		p++;
	}
	if (*p != ']')
		return fail(ps, p, "no ',' or ']' behind an item");
	out->n = out->cap = (uint32_t)((ps->used - base) / sizeof item);
	out->items = pop_to_arena(ps, base);
	return p + 1;
}

static inline int
member_cmp(const struct json_member *a, const struct json_member *b)
{
	return json_key_cmp(a->key, a->key_n, b->key, b->key_n);
}

/* Equal keys stay in the order of the text, for that is where they lie. */
static int
by_key_and_place(const void *one, const void *other)
{
	const struct json_member *a = one, *b = other;
	int c = member_cmp(a, b);

	return c != 0 ? c : (a->key > b->key) - (a->key < b->key);
}

static void
sort_members(struct json_member *m, uint32_t n)
{
	if (n > INSERTION_SORT_MAX) {
		qsort(m, n, sizeof *m, by_key_and_place);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		struct json_member moving = m[i];
		uint32_t to = i;

		for (; to > 0 && member_cmp(&m[to - 1], &moving) > 0; to--)
			m[to] = m[to - 1];
		m[to] = moving;
	}
}

/* Of members with equal keys only the last stays; or the second one's key, refused. */
static const char *
drop_duplicates(struct json *object, bool last_wins)
{
	struct json_member *m = object->members;
	uint32_t kept = 1;

	for (uint32_t i = 1; i < object->n; i++) {
		if (member_cmp(&m[kept - 1], &m[i]) != 0)
			kept++;
		else if (!last_wins)
			return m[i].key;
		m[kept - 1] = m[i];
	}
	object->n = kept;
	return NULL;
}

/* p is at the opening quote of a key. */
static inline char *
parse_member(struct parser *ps, char *p, struct json_member *m)
{
	if (*p != '"')
		return fail(ps, p, "no key where one belongs");
	p = parse_string(ps, p, &m->key, &m->key_n);
	if (p == NULL)
		return NULL;
	p = skip_space(p);
	if (*p != ':')
		return fail(ps, p, "no ':' behind a key");
	return parse_value(ps, p + 1, &m->value);
}

static char *
close_object(struct parser *ps, char *p, size_t base, bool is_sorted, struct json *out)
{
	const char *duplicate;

	out->n = out->cap = (uint32_t)((ps->used - base) / sizeof(struct json_member));
	out->members = pop_to_arena(ps, base);
	if (is_sorted)
		return p + 1;
	sort_members(out->members, out->n);
	duplicate = drop_duplicates(out, (ps->flags & JSON_LAST_WINS) != 0);
	if (duplicate != NULL)
		return fail(ps, duplicate, "a duplicate key");
	return p + 1;
}

static char *
parse_object(struct parser *ps, char *p, struct json *out)
{
	size_t base = ps->used;
	struct json_member m, before = { .key = NULL };
	bool is_sorted = true;

	out->type = JSON_OBJECT;
	p = skip_space(p + 1);
	if (*p == '}')
		return p + 1;
	for (;;) {
		p = parse_member(ps, p, &m);
		if (p == NULL)
			return NULL;
		if (before.key != NULL && member_cmp(&before, &m) >= 0)
			is_sorted = false;
		before.key = m.key;
		before.key_n = m.key_n;
		push(ps, &m, sizeof m);
		p = skip_space(p);
		if (*p != ',')
			break;
		p = skip_space(p + 1);
	}
	if (*p != '}')
		return fail(ps, p, "no ',' or '}' behind a member");
	return close_object(ps, p, base, is_sorted, out);
}

static char *
parse_container(struct parser *ps, char *p, struct json *out)
{
	if (ps->depth == JSON_DEPTH_MAX)
		return fail(ps, p, "nested too deeply");
	ps->depth++;
	p = *p == '{' ? parse_object(ps, p, out) : parse_array(ps, p, out);
	ps->depth--;
	return p;
}

static char *
parse_value(struct parser *ps, char *p, struct json *out)
{
	*out = (struct json){ .type = JSON_NULL };
	p = skip_space(p);
	switch (*p) {
	case '"':
		out->type = JSON_STR;
		return parse_string(ps, p, &out->s, &out->n);
	case '{':
	case '[':
		return parse_container(ps, p, out);
	case 't':
		return parse_word(ps, p, "true", out);
	case 'f':
		return parse_word(ps, p, "false", out);
	case 'n':
		return parse_word(ps, p, "null", out);
	default:
		if (*p == '-' || is_digit(*p))
			return parse_number(ps, p, out);
		return fail(ps, p, "no value where one belongs");
	}
}

static bool
parse_text(struct parser *ps, struct json *root)
{
	char *p = parse_value(ps, ps->text, root);

	if (p == NULL)
		return false;
	p = skip_space(p);
	if (p != ps->end) {
		fail(ps, p, "something behind the value");
		return false;
	}
	ps->failure = ps->bad_number;
	return ps->bad_number.why == NULL;
}

struct json *
json_parse(
    struct arena *arena, char *text, size_t n, int flags, struct json_error *error)
{
	struct parser ps; /* its first_stack is not worth clearing */
	struct json root, *result = NULL;

	ps.text = text;
	ps.end = text + n;
	ps.arena = arena;
	ps.flags = flags;
	ps.depth = 0;
	ps.failure = ps.bad_number = (struct json_error){ 0 };
	ps.stack = ps.first_stack;
	ps.used = 0;
	ps.cap = sizeof ps.first_stack;

	text[n] = '\0';
	if (n > UINT32_MAX)
		ps.failure.why = "longer than 4 GiB";
	else if (parse_text(&ps, &root))
		result = arena_dup(arena, &root, sizeof root);
	if (ps.stack != ps.first_stack)
		free(ps.stack);
	if (result == NULL && error != NULL)
		*error = ps.failure;
	return result;
}

struct json *
json_parse_copy(struct arena *arena, const char *text, size_t n, int flags,
    struct json_error *error)
{
	return json_parse(arena, arena_strndup(arena, text, n), n, flags, error);
}
