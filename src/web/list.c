/*
 * A page's list of lines. Relies on web/line; the body of most pages.
 */
#include "web/list.h"

#include <string.h>

#include "base/map.h"
#include "web/line_inside.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define FOLLOWS_MS (5 * 60 * INT64_C(1000))
#define RUN_MIN 3 /* lines that are worth folding */

static int64_t
day_of(const struct line *line)
{
	return line->ts / DAY_MS;
}

static void
write_day(struct buf *out, struct scene *scene, const struct line *line)
{
	struct arena *arena = scene->shown->seer.arena;
	const char *day = page_time(arena, line->ts, TIME_DAY);
	struct filling f = { .language = scene->language };

	if (day[0] == '\0')
		return; /* of no calendar */
	fill(&f, SLOT_day, day);
	fill(&f, SLOT_href,
	    page_link(
		scene->web, arena, scene->shown->room->room_id, "day", day, NULL));
	template_write(out, TEMPLATE_day_mark, &f);
}

/* How many lines from the first on are of one kind, and no person's words, on one day.
 */
static int
run_length(struct line *const *lines, int n)
{
	int length = 1;

	if (lines[0]->kind == LINE_SAID)
		return 1;
	while (length < n && lines[length]->kind == lines[0]->kind &&
	       day_of(lines[length]) == day_of(lines[0]))
		length++;
	return length;
}

static void
write_run(struct buf *out, struct scene *scene, struct line *const *lines, int n)
{
	struct filling f = { .language = scene->language };
	struct buf inner = { 0 };

	for (int i = 0; i < n; i++)
		line_write(&inner, lines[i], NULL);
	fill(&f, SLOT_title,
	    word(lines[0]->kind == LINE_MOVED ? WORD_changes : WORD_room_changes,
		scene->language));
	fill(&f, SLOT_count, arena_printf(scene->shown->seer.arena, "%d", n));
	fill_buf(&f, SLOT_lines, &inner);
	template_write(out, TEMPLATE_run, &f);
	buf_free(&inner);
}

static bool
follows(const struct line *line, const struct line *before)
{
	return before != NULL && before->kind == LINE_SAID && line->kind == LINE_SAID &&
	       before->sender == line->sender && day_of(before) == day_of(line) &&
	       line->ts >= before->ts && line->ts - before->ts < FOLLOWS_MS;
}

static bool
is_marked(struct line *const *lines, int n, const char *marked)
{
	for (int i = 0; i < n && marked != NULL; i++)
		if (strcmp(lines[i]->event_id, marked) == 0)
			return true;
	return false;
}

void
list_write(struct buf *out, struct scene *scene, struct line *const *lines, int n,
    const char *marked)
{
	const struct line *before = NULL;

	for (int i = 0; i < n;) {
		int length = run_length(lines + i, n - i);

		if (before == NULL || day_of(before) != day_of(lines[i]))
			write_day(out, scene, lines[i]);
		if (length >= RUN_MIN && !is_marked(lines + i, length, marked)) {
			write_run(out, scene, lines + i, length);
		} else {
			length = 1;
			line_write(out, lines[i],
			    is_marked(lines + i, 1, marked) ? " marked"
			    : follows(lines[i], before)	    ? " follows"
							    : NULL);
		}
		i += length;
		before = lines[i - 1];
	}
}

void
list_people(struct buf *out, struct scene *scene, struct line *const *lines, int n)
{
	struct map seen = { 0 };

	for (int i = n - 1; i >= 0; i--) {
		struct filling f = { .language = scene->language };
		struct person person = { lines[i]->user_id, lines[i]->name,
			lines[i]->face };

		if (lines[i]->kind != LINE_SAID ||
		    map_get_str(&seen, lines[i]->user_id) != NULL)
			continue;
		map_put_str(&seen, lines[i]->user_id, lines[i]);
		person_fill(&f, scene->shown->seer.arena, &person);
		template_write(out, TEMPLATE_person, &f);
	}
	map_fini(&seen);
}
