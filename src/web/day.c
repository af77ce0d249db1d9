/*
 * GET /rooms/{room}/day/{day}: what was said on one day (in UTC). And
 * /rooms/{room}/days, /rooms/{room}/days/{month}: on which days something was.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "stream/token.h"
#include "web/handlers.h"
#include "web/view.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define DAY_LINES 200
#define HOUR_MS (3600 * INT64_C(1000))
#define NEAR_TRIES 100
#define YEAR_MIN 1970
#define YEAR_MAX 9998

/* Midnight of a day of the calendar. */
static int64_t
midnight(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };

	return (int64_t)timegm(&tm) * 1000;
}

static int
days_in(int year, int month)
{
	return (int)((midnight(month == 12 ? year + 1 : year,
			  month == 12 ? 1 : month + 1, 1) -
			 midnight(year, month, 1)) /
		     DAY_MS);
}

/* "2026-11" or "2026-11-26": so many numbers of two digits behind the year. */
static bool
read_date(const char *text, int parts, int *year, int *month, int *day)
{
	size_t n = 4 + 3 * (size_t)parts;

	if (strlen(text) != n || strspn(text, "0123456789-") != n || text[4] != '-' ||
	    (parts == 2 && text[7] != '-'))
		return false;
	*day = 1;
	if (sscanf(text, parts == 2 ? "%4d-%2d-%2d" : "%4d-%2d", year, month, day) !=
	    parts + 1)
		return false;
	return *year >= YEAR_MIN && *year <= YEAR_MAX && *month >= 1 && *month <= 12 &&
	       *day >= 1 && *day <= days_in(*year, *month);
}

/* Of a day all is shown that was said, in threads too. */
static bool
is_line(const struct sliced *e, struct seer *seer)
{
	return line_is_one(e, seer) || line_is_one_of_thread(e, seer);
}

/* The line nearest to a moment; M_NOT_FOUND. Where very much else stands before it,
 * what there is. */
static enum mx_err
find_near(struct view *view, int64_t ts, bool backwards, struct sliced *out)
{
	struct seer *seer = &view->shown.seer;
	enum mx_err err = timeline_near(seer, ts, backwards, out);

	for (int i = 0; err == M_OK && !is_line(out, seer) && i < NEAR_TRIES; i++)
		err = timeline_near(
		    seer, out->stored.ts + (backwards ? -1 : 1), backwards, out);
	return err;
}

/* The page of the day of a moment; NULL: there is no such day here. */
static const char *
day_link(struct view *view, int64_t ts)
{
	if (ts < midnight(YEAR_MIN, 1, 1) || ts >= midnight(YEAR_MAX + 1, 1, 1))
		return NULL;
	return view_link(
	    view, "day", page_time(view->sheet.req->arena, ts, TIME_DAY), NULL);
}

/* --- a day --- */

struct day {
	int64_t from_ms, to_ms;
	struct seer *seer;
};

static bool
is_of_day(const struct sliced *e, const void *arg)
{
	const struct day *day = arg;

	return e->stored.ts >= day->from_ms && e->stored.ts < day->to_ms &&
	       is_line(e, day->seer);
}

/* Where its first event stands; an event's time is its sender's word, so that others
 * may stand between those of a day. M_NOT_FOUND: nothing is there. */
static enum mx_err
find_begin(struct view *view, const struct day *day, struct place *out)
{
	const char *after = req_query(view->sheet.req, "after");
	struct sliced first;
	enum mx_err err;

	if (after != NULL)
		return token_parse_place(after, out) ? M_OK : M_INVALID_PARAM;
	err = timeline_near(&view->shown.seer, day->from_ms, false, &first);
	if (err == M_OK && first.stored.ts >= day->to_ms)
		err = M_NOT_FOUND;
	if (err == M_OK)
		*out = (struct place){ first.stored.line, first.stored.sub };
	return err;
}

/* The day before and behind it on which something was. */
static void
fill_neighbours(struct view *view, const struct day *day, struct filling *f)
{
	struct sliced e;

	if (find_near(view, day->from_ms - 1, true, &e) == M_OK)
		fill(f, SLOT_older, day_link(view, e.stored.ts));
	if (f->slots[SLOT_newer].p == NULL &&
	    find_near(view, day->to_ms, false, &e) == M_OK)
		fill(f, SLOT_newer, day_link(view, e.stored.ts));
}

/* Where nothing of it can be any more, but for what its sender says is long past. */
static bool
find_end(struct view *view, const struct day *day, struct place *out)
{
	struct sliced e;

	if (timeline_near(&view->shown.seer, day->to_ms + HOUR_MS, false, &e) != M_OK)
		return false;
	*out = (struct place){ e.stored.line, e.stored.sub };
	return true;
}

static enum mx_err
make_day(struct view *view, const struct day *day)
{
	struct filling f = { .language = view->sheet.language };
	struct page page = { .limit = DAY_LINES, .keep = is_of_day, .keep_arg = day };
	struct buf lines = { 0 };
	struct place end;
	enum mx_err err = find_begin(view, day, &page.from);

	if (find_end(view, day, &end))
		page.to = &end;
	if (err == M_OK)
		err = view_read(view, &page);
	else if (err == M_NOT_FOUND)
		err = M_OK;
	if (err == M_OK)
		err = view_lines(view, page.events, page.count, NULL, &lines);
	if (page.more)
		fill(&f, SLOT_newer,
		    view_query(view,
			view_link(view, "day", req_path(view->sheet.req, "day"), NULL),
			"after", view_place(view, page.end)));
	fill_neighbours(view, day, &f);
	fill(&f, SLOT_up, view_link(view, NULL, NULL, NULL));
	fill(&f, SLOT_empty, word(WORD_nothing_that_day, view->sheet.language));
	fill_buf(&f, SLOT_lines, &lines);
	template_write(&view->sheet.body, TEMPLATE_lines, &f);
	buf_free(&lines);
	return err;
}

enum mx_err
web_day(struct req *req)
{
	int year, month, number;
	struct view view;
	struct day day;
	enum mx_err err;

	if (!read_date(req_path(req, "day"), 2, &year, &month, &number))
		return M_NOT_FOUND;
	err = view_open(req, &view);
	if (err != M_OK)
		return err;
	day.from_ms = midnight(year, month, number);
	day.to_ms = day.from_ms + DAY_MS;
	day.seer = &view.shown.seer;
	view.heading = req_path(req, "day");
	return view_answer(&view, make_day(&view, &day));
}

/* --- the calendar --- */

struct month {
	int year, month, days;
	int first; /* day of the week of its first day, Monday being 0 */
	bool has[32];
};

/* One look-up for each day on which something was, and one more. */
static enum mx_err
find_days(struct view *view, struct month *m)
{
	int64_t begin = midnight(m->year, m->month, 1), at = begin;
	struct sliced e;
	enum mx_err err;

	for (;;) {
		err = find_near(view, at, false, &e);
		if (err != M_OK || e.stored.ts >= begin + m->days * DAY_MS)
			return err == M_NOT_FOUND ? M_OK : err;
		m->has[(e.stored.ts - begin) / DAY_MS + 1] = true;
		at = begin + ((e.stored.ts - begin) / DAY_MS + 1) * DAY_MS;
	}
}

static void
write_days(struct view *view, const struct month *m, struct buf *out)
{
	struct arena *arena = view->sheet.req->arena;

	buf_lit(out, "<tr>");
	for (int i = 0; i < m->first; i++)
		buf_lit(out, "<td></td>");
	for (int day = 1; day <= m->days; day++) {
		struct filling f = { .language = view->sheet.language };

		if (day > 1 && (m->first + day - 1) % 7 == 0)
			buf_lit(out, "</tr><tr>");
		fill(&f, SLOT_day, arena_printf(arena, "%d", day));
		if (m->has[day])
			fill(&f, SLOT_href,
			    view_link(view, "day",
				arena_printf(
				    arena, "%04d-%02d-%02d", m->year, m->month, day),
				NULL));
		template_write(out, TEMPLATE_calendar_day, &f);
	}
	for (int i = m->first + m->days; i % 7 != 0; i++)
		buf_lit(out, "<td></td>");
	buf_lit(out, "</tr>");
}

static void
write_weekdays(enum language language, struct buf *out)
{
	for (int i = 0; i < 7; i++) {
		struct str name = word_nth(WORD_weekdays, language, i);

		buf_lit(out, "<th scope=\"col\">");
		buf_add(out, name.p, name.n);
		buf_lit(out, "</th>");
	}
}

/* The month before, or behind, in which there is anything; NULL: there is none. */
static const char *
neighbour(struct view *view, int64_t at, bool backwards)
{
	struct sliced e;

	if (find_near(view, at, backwards, &e) != M_OK ||
	    day_link(view, e.stored.ts) == NULL)
		return NULL;
	return view_link(view, "days",
	    page_time(view->sheet.req->arena, e.stored.ts, "%Y-%m"), NULL);
}

static enum mx_err
make_calendar(struct view *view, struct month *m)
{
	struct filling f = { .language = view->sheet.language };
	int64_t begin = midnight(m->year, m->month, 1);
	struct str name = word_nth(WORD_months, view->sheet.language, m->month - 1);
	struct buf days = { 0 }, weekdays = { 0 };
	enum mx_err err = find_days(view, m);

	write_days(view, m, &days);
	write_weekdays(view->sheet.language, &weekdays);
	fill(&f, SLOT_title,
	    arena_printf(
		view->sheet.req->arena, "%.*s %d", (int)name.n, name.p, m->year));
	fill(&f, SLOT_previous, neighbour(view, begin - 1, true));
	fill(&f, SLOT_next, neighbour(view, begin + m->days * DAY_MS, false));
	fill(&f, SLOT_up, view_link(view, NULL, NULL, NULL));
	fill_buf(&f, SLOT_languages, &weekdays);
	fill_buf(&f, SLOT_lines, &days);
	template_write(&view->sheet.body, TEMPLATE_calendar, &f);
	buf_free(&days);
	buf_free(&weekdays);
	return err;
}

/* The month of the newest line that is not of the future. */
static enum mx_err
newest_month(struct view *view, struct month *m)
{
	int64_t now_ms = clock_now_ms();
	struct sliced e;
	enum mx_err err = find_near(view, now_ms, true, &e);
	time_t at = (time_t)(err == M_OK && day_link(view, e.stored.ts) != NULL
				 ? e.stored.ts / 1000
				 : now_ms / 1000);
	struct tm tm;

	if (err != M_OK && err != M_NOT_FOUND)
		return err;
	if (gmtime_r(&at, &tm) == NULL)
		return M_UNKNOWN;
	m->year = tm.tm_year + 1900;
	m->month = tm.tm_mon + 1;
	return M_OK;
}

static enum mx_err
calendar(struct req *req, const char *which)
{
	struct month m = { .days = 0 };
	struct view view;
	enum mx_err err;
	int day;

	if (which != NULL && !read_date(which, 1, &m.year, &m.month, &day))
		return M_NOT_FOUND;
	err = view_open(req, &view);
	if (err != M_OK)
		return err;
	if (which == NULL)
		err = newest_month(&view, &m);
	if (err == M_OK) {
		m.days = days_in(m.year, m.month);
		/* The first of January 1970 was a Thursday. */
		m.first = (int)((midnight(m.year, m.month, 1) / DAY_MS + 3) % 7);
		view.heading = word(WORD_days, view.sheet.language);
		err = make_calendar(&view, &m);
	}
	return view_answer(&view, err);
}

enum mx_err
web_days(struct req *req)
{
	return calendar(req, NULL);
}

enum mx_err
web_month(struct req *req)
{
	return calendar(req, req_path(req, "month"));
}
