/*
 * One poll's own record: everything about it in one allocation, since many wait.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "stream/hub.h"

static size_t
text_size(const char *s)
{
	return s == NULL ? 0 : strlen(s) + 1;
}

static const char *
text_put(char **at, const char *s)
{
	const char *copy = *at;

	if (s == NULL)
		return NULL;
	*at = stpcpy(*at, s) + 1;
	return copy;
}

struct waiting *
waiting_new(const char *user_id, const char *device_id, const char *const *room_ids,
    int room_count, const char *start)
{
	size_t size = sizeof(struct waiting) + room_count * sizeof(char *) +
		      text_size(user_id) + text_size(device_id) + text_size(start);
	struct waiting *w;
	char *at;

	for (int i = 0; i < room_count; i++)
		size += text_size(room_ids[i]);
	w = xcalloc(1, size);
	w->room_ids = (const char **)(w + 1);
	w->room_count = room_count;
	w->from.typing = -1;
	at = (char *)(w->room_ids + room_count);
	w->user_id = text_put(&at, user_id);
	w->device_id = text_put(&at, device_id);
	w->start = text_put(&at, start);
	for (int i = 0; i < room_count; i++)
		w->room_ids[i] = text_put(&at, room_ids[i]);
	return w;
}

void
waiting_free(struct waiting *w)
{
	free(w->reply.body);
	free(w);
}
