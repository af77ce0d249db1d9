/*
 * A table of filters by their text, under one lock. Most clients of one kind use the
 * same few. Between the handler of /sync, which is given text, and stream/sync.
 */
#include "stream/sync_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/thread.h"

/* Shared; lock guards the table and the counts. */
struct sync_filters {
	struct lock lock; /* RANK_LEAF */
	struct map by_text;
};

struct sync_filters *
sync_filters_new(void)
{
	struct sync_filters *filters = xcalloc(1, sizeof *filters);

	lock_init(&filters->lock, RANK_LEAF);
	return filters;
}

void
sync_filters_free(struct sync_filters *filters)
{
	struct sync_filter *filter;

	for (size_t at = 0; (filter = map_next(&filters->by_text, &at)) != NULL;)
		arena_free(filter->arena);
	map_fini(&filters->by_text);
	lock_fini(&filters->lock);
	free(filters);
}

static struct sync_filter *
find(struct sync_filters *filters, const char *text)
{
	struct sync_filter *filter;

	lock_take(&filters->lock);
	filter = map_get_str(&filters->by_text, text);
	if (filter != NULL)
		filter->refs++;
	lock_give(&filters->lock);
	return filter;
}

static enum mx_err
read_text(struct sync_filter *filter, const char **why_out)
{
	struct json_error error;
	struct json *json;

	if (filter->text[0] == '\0')
		return M_OK;
	json = json_parse_copy(filter->arena, filter->text, strlen(filter->text),
	    JSON_FLOATS | JSON_LAST_WINS, &error);
	if (json == NULL) {
		*why_out = "filter is no JSON";
		return M_NOT_JSON;
	}
	return filter_whole_of(filter->arena, json, &filter->f, why_out);
}

/* Another thread may have been faster: then its filter is the one. */
static struct sync_filter *
put_in(struct sync_filters *filters, struct sync_filter *filter)
{
	struct sync_filter *there;

	lock_take(&filters->lock);
	there = map_get_str(&filters->by_text, filter->text);
	if (there == NULL)
		map_put_str(&filters->by_text, filter->text, filter);
	else
		there->refs++;
	lock_give(&filters->lock);
	if (there == NULL)
		return filter;
	arena_free(filter->arena);
	return there;
}

enum mx_err
sync_filter_get(struct sync_filters *filters, const char *text,
    struct sync_filter **out, const char **why_out)
{
	struct sync_filter *filter = find(filters, text);
	struct arena *arena;
	enum mx_err err;

	*out = filter;
	if (filter != NULL)
		return M_OK;
	arena = arena_new();
	filter = ARENA_NEW(arena, struct sync_filter);
	filter->arena = arena;
	filter->text = arena_strdup(arena, text);
	filter->refs = 1;
	err = read_text(filter, why_out);
	if (err == M_OK)
		*out = put_in(filters, filter);
	else
		arena_free(arena);
	return err;
}

void
sync_filter_put(struct sync_filters *filters, struct sync_filter *filter)
{
	bool is_last;

	if (filter == NULL)
		return;
	lock_take(&filters->lock);
	is_last = --filter->refs == 0;
	if (is_last)
		map_del_str(&filters->by_text, filter->text);
	lock_give(&filters->lock);
	if (is_last)
		arena_free(filter->arena);
}
