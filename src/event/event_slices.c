/*
 * A flat scan over canonical JSON. Relies on nothing but the bytes' form; used by
 * room/timeline and room/state_list, between the store and the answers.
 */
#include "event/event_slices.h"

#include <string.h>

#include "base/json.h"

/* What is left to look at. */
struct scan {
	const char *p, *end;
};

static bool
take_char(struct scan *s, char c)
{
	if (s->p >= s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* Over a string, from its first quote to behind its last. */
static bool
skip_string(struct scan *s)
{
	s->p++;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\' && ++s->p == s->end)
			return false;
		s->p++;
	}
	return take_char(s, '"');
}

/* Over an object or array: brackets are counted, strings jumped over. */
static bool
skip_nested(struct scan *s)
{
	int depth = 0;

	while (s->p < s->end) {
		char c = *s->p;

		if (c == '"') {
			if (!skip_string(s))
				return false;
			continue;
		}
		s->p++;
		if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (--depth == 0)
				return true;
		}
	}
	return false;
}

static bool
skip_value(struct scan *s)
{
	const char *start = s->p;

	if (s->p >= s->end)
		return false;
	if (*s->p == '"')
		return skip_string(s);
	if (*s->p == '{' || *s->p == '[')
		return skip_nested(s);
	while (s->p < s->end && *s->p != ',' && *s->p != '}' && *s->p != ']')
		s->p++;
	return s->p > start;
}

/* "key": -- the key without its quotes. */
static bool
take_key(struct scan *s, struct str *key)
{
	const char *start = s->p;

	if (s->p >= s->end || *s->p != '"' || !skip_string(s))
		return false;
	*key = (struct str){ start + 1, (size_t)(s->p - start) - 2 };
	return take_char(s, ':');
}

/* How key stands to one of ours in the order of keys. */
static int
compare(struct str key, struct str ours)
{
	size_t n = key.n < ours.n ? key.n : ours.n;
	int order = memcmp(key.p, ours.p, n);

	return order != 0 ? order : key.n < ours.n ? -1 : key.n > ours.n;
}

bool
json_slices(struct str object, const struct str *keys, int n, struct str *out)
{
	struct scan s = { object.p, object.p + object.n };
	int next = 0;

	for (int i = 0; i < n; i++)
		out[i] = (struct str){ NULL, 0 };
	if (!take_char(&s, '{'))
		return false;
	if (take_char(&s, '}'))
		return true;
	do {
		struct str key;
		const char *start;
		bool escaped;

		if (!take_key(&s, &key))
			return false;
		start = s.p;
		if (!skip_value(&s))
			return false;
		/* An escaped key is none of ours and stands elsewhere in the order. */
		escaped = memchr(key.p, '\\', key.n) != NULL;
		while (!escaped && next < n && compare(key, keys[next]) > 0)
			next++;
		if (!escaped && next < n && str_eq(key, keys[next]))
			out[next++] = (struct str){ start, (size_t)(s.p - start) };
		if (next == n)
			return true;
	} while (take_char(&s, ','));
	return take_char(&s, '}');
}

static bool
begins(struct str slice, char c)
{
	return slice.n > 0 && slice.p[0] == c;
}

bool
event_slice(struct str json, struct event_slices *out)
{
	static const struct str keys[] = { { "content", 7 }, { "origin_server_ts", 16 },
		{ "redacts", 7 }, { "sender", 6 }, { "state_key", 9 }, { "type", 4 } };
	struct str v[6];

	if (!json_slices(json, keys, 6, v))
		return false;
	*out = (struct event_slices){ .content = v[0],
		.origin_server_ts = v[1],
		.redacts = v[2],
		.sender = v[3],
		.state_key = v[4],
		.type = v[5] };
	return begins(out->content, '{') && out->origin_server_ts.n > 0 &&
	       begins(out->sender, '"') && begins(out->type, '"') &&
	       (out->state_key.p == NULL || begins(out->state_key, '"'));
}

char *
slice_text(struct arena *arena, struct str string)
{
	const struct json *text;

	if (string.n < 2 || string.p[0] != '"')
		return NULL;
	if (memchr(string.p, '\\', string.n) == NULL)
		return arena_strndup(arena, string.p + 1, string.n - 2);
	text = json_parse_copy(arena, string.p, string.n, JSON_STRICT, NULL);
	return json_as_str(text) == NULL ? NULL : arena_strdup(arena, text->s);
}

char *
slice_text_of(struct arena *arena, struct str object, const char *key)
{
	struct str wanted = str_of(key), value;

	if (!json_slices(object, &wanted, 1, &value) || value.p == NULL)
		return NULL;
	return slice_text(arena, value);
}
