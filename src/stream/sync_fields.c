/*
 * Takes events that were written apart again, since hardly any client asks for fields.
 * Below sync_room.
 */
#include "stream/sync_fields.h"

#include <string.h>

#define DEPTH_MAX 32 /* names in one path */

struct path {
	const char *names[DEPTH_MAX];
	int n; /* 0: too deep */
};

/* A path's names: unescaped, in the arena. */
static int
split(struct arena *arena, const char *path, const char **names)
{
	char *at = arena_strdup(arena, path), *to = at;
	int n = 0;

	names[n++] = at;
	for (; *at != '\0'; at++) {
		if (*at == '\\' && (at[1] == '.' || at[1] == '\\')) {
			*to++ = *++at;
		} else if (*at == '.') {
			*to++ = '\0';
			if (n == DEPTH_MAX)
				return 0;
			names[n++] = to;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
	return n;
}

/* The object that stands, or comes to stand, behind key. */
static struct json *
object_in(struct arena *arena, struct json *in, const char *key)
{
	struct json *there = (struct json *)json_get(in, key);

	if (json_is(there, JSON_OBJECT))
		return there;
	json_set(arena, in, key, json_object(arena));
	return (struct json *)json_get(in, key);
}

static void
copy_path(struct arena *arena, const struct json *event, struct json *kept,
    const char *const *names, int n)
{
	const struct json *value = event;

	for (int i = 0; i < n; i++) {
		value = json_is(value, JSON_OBJECT) ? json_get(value, names[i]) : NULL;
		if (value == NULL)
			return;
	}
	for (int i = 0; i < n - 1; i++)
		kept = object_in(arena, kept, names[i]);
	json_set(arena, kept, names[n - 1],
	    json_is(value, JSON_OBJECT) ? json_copy(arena, value) : value);
}

static struct json *
keep(struct arena *arena, const struct path *paths, int n, const struct json *event)
{
	struct json *kept = json_object(arena);

	for (int i = 0; i < n; i++)
		if (paths[i].n > 0)
			copy_path(arena, event, kept, paths[i].names, paths[i].n);
	return kept;
}

void
sync_fields_keep(
    struct arena *arena, const struct filter_list *fields, struct buf *out, size_t at)
{
	struct json *events, *kept;
	struct path *paths;

	if (fields->v == NULL)
		return;
	events = json_parse_copy(arena, out->p + at, out->n - at, JSON_LENIENT, NULL);
	if (events == NULL)
		return; /* numbers as old rooms may have them: all fields, then */
	paths = ARENA_ARRAY(arena, struct path, fields->n);
	for (int i = 0; i < fields->n; i++)
		paths[i].n = split(arena, fields->v[i], paths[i].names);
	kept = json_array(arena);
	for (uint32_t i = 0; i < events->n; i++)
		json_push(
		    arena, kept, keep(arena, paths, fields->n, &events->items[i]));
	out->n = at;
	json_write(out, kept);
}
