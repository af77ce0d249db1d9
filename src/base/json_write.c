/*
 * A JSON tree to its canonical bytes: members are sorted already, so it is one walk.
 * Relies on str's buf. Run for every event that is hashed, signed, stored or answered.
 * Spec: appendices/#canonical-json
 */
#include "base/json.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_inside.h"

/* Parsed trees end at JSON_DEPTH_MAX, and nobody wraps them into this much more. */
#define WRITE_DEPTH_MAX (4 * JSON_DEPTH_MAX)

static inline char *
room_for(struct buf *out, size_t n)
{
	if (out->cap - out->n < n)
		buf_reserve(out, n);
	return out->p + out->n;
}

static inline void
put_char(struct buf *out, char c)
{
	*room_for(out, 1) = c;
	out->n++;
}

/* Copies at most seven bytes; were they all free of what must be escaped? */
static inline bool
copy_short(char *to, const char *s, size_t n)
{
	uint64_t w = JSON_EACH_BYTE(' ');

	if (n >= 4) { /* twice four that overlap */
		memcpy((char *)&w, s, 4);
		memcpy((char *)&w + 4, s + n - 4, 4);
		memcpy(to, (char *)&w, 4);
		memcpy(to + n - 4, (char *)&w + 4, 4);
	} else {
		for (size_t i = 0; i < n; i++)
			((char *)&w)[i] = to[i] = s[i];
	}
	return json_has_special(w) == 0;
}

/* Copies s; false if something in it must be escaped, the copy then being useless. */
static inline bool
copy_plain(char *to, const char *s, size_t n)
{
	uint64_t w, special = 0;

	if (n < 8)
		return copy_short(to, s, n);
	for (size_t i = 0; i + 8 < n; i += 8) {
		w = json_load8(s + i);
		special |= json_has_special(w);
		memcpy(to + i, &w, 8);
	}
	w = json_load8(s + n - 8); /* overlaps the one before */
	memcpy(to + n - 8, &w, 8);
	return (special | json_has_special(w)) == 0;
}

static inline void
write_string(struct buf *out, const char *s, size_t n)
{
	char *to = room_for(out, n + 2);

	if (!copy_plain(to + 1, s, n)) {
		buf_json(out, s, n);
		return;
	}
	to[0] = '"';
	to[n + 1] = '"';
	out->n += n + 2;
}

/*
 * The shortest digits that read back as f, and the power of ten of the first of them.
 * Up to 15 digits survive a double, so that if there is so short a form, printing 15
 * finds it; below DBL_MIN there is less precision and every length is tried.
 */
static int
shortest_digits(double f, char digits[20])
{
	int precision = f < DBL_MIN ? 1 : 15, exponent;
	char text[40];

	for (;; precision++) {
		snprintf(text, sizeof text, "%.*e", precision - 1, f);
		if (precision >= 17 || strtod(text, NULL) == f)
			break;
		/* Above a power of two doubles are sparser: the next one up may do. */
		if (precision == 16 && text[16] < '9') {
			text[16]++;
			if (strtod(text, NULL) == f)
				break;
		}
	}
	exponent = atoi(strchr(text, 'e') + 1);
	digits[0] = text[0];
	if (precision > 1)
		memcpy(digits + 1, text + 2, (size_t)precision - 1);
	while (precision > 1 && digits[precision - 1] == '0')
		precision--;
	digits[precision] = '\0';
	return exponent;
}

/* As Python's repr(), which made the floats of room versions 1 to 5. */
static void
write_float(struct buf *out, double f)
{
	char digits[20];
	int exponent, n;

	if (signbit(f))
		buf_char(out, '-');
	if (f == 0) {
		buf_lit(out, "0.0");
		return;
	}
	exponent = shortest_digits(fabs(f), digits);
	n = (int)strlen(digits);
	if (exponent < -4 || exponent >= 16) {
		buf_add(out, digits, 1);
		if (n > 1)
			buf_printf(out, ".%s", digits + 1);
		buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
	} else if (exponent < 0) {
		buf_printf(out, "0.%.*s%s", -exponent - 1, "000", digits);
	} else if (n <= exponent + 1) {
		buf_printf(
		    out, "%s%.*s.0", digits, exponent + 1 - n, "000000000000000");
	} else {
		buf_printf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
	}
}

static void write_value(struct buf *out, const struct json *v, int depth);

static void
write_object(struct buf *out, const struct json *v, int depth)
{
	put_char(out, '{');
	for (uint32_t i = 0; i < v->n; i++) {
		const struct json_member *m = &v->members[i];

		if (i > 0)
			put_char(out, ',');
		write_string(out, m->key, m->key_n);
		put_char(out, ':');
		write_value(out, &m->value, depth);
	}
	put_char(out, '}');
}

static void
write_array(struct buf *out, const struct json *v, int depth)
{
	put_char(out, '[');
	for (uint32_t i = 0; i < v->n; i++) {
		if (i > 0)
			put_char(out, ',');
		write_value(out, &v->items[i], depth);
	}
	put_char(out, ']');
}

static void
write_value(struct buf *out, const struct json *v, int depth)
{
	assert(depth < WRITE_DEPTH_MAX); /* else an object was put into itself */
	switch ((enum json_type)v->type) {
	case JSON_NULL:
		buf_lit(out, "null");
		break;
	case JSON_BOOL:
		buf_str(out, v->b ? "true" : "false");
		break;
	case JSON_INT:
		buf_int(out, v->i);
		break;
	case JSON_BIG:
		buf_add(out, v->s, v->n);
		break;
	case JSON_FLOAT:
		write_float(out, v->f);
		break;
	case JSON_STR:
		write_string(out, v->s, v->n);
		break;
	case JSON_ARRAY:
		write_array(out, v, depth + 1);
		break;
	case JSON_OBJECT:
		write_object(out, v, depth + 1);
		break;
	}
}

void
json_write(struct buf *out, const struct json *v)
{
	write_value(out, v, 0);
}

char *
json_text(struct arena *arena, const struct json *v, size_t *n_out)
{
	struct buf out = { 0 };
	char *text;

	buf_reserve(&out, 1024);
	json_write(&out, v);
	text = arena_strndup(arena, out.p, out.n);
	if (n_out != NULL)
		*n_out = out.n;
	buf_free(&out);
	return text;
}
