/*
 * The text of server-sent events, read back by the rules of the HTML specification:
 * https://html.spec.whatwg.org/#event-stream-interpretation
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stream/sse.h"

/* What a browser has understood so far. */
struct reader {
	char id[64], type[256], data[256]; /* the buffers of the block that is read */
	bool has_data;
	char last_id[64], retry[32];
	int events;
	char event_type[256], event_data[256]; /* of the last event */
};

static void
take_field(struct reader *r, const char *name, const char *value)
{
	if (strcmp(name, "event") == 0) {
		strcpy(r->type, value);
	} else if (strcmp(name, "id") == 0) {
		strcpy(r->id, value);
	} else if (strcmp(name, "retry") == 0) {
		strcpy(r->retry, value);
	} else if (strcmp(name, "data") == 0) {
		if (r->has_data)
			strcat(r->data, "\n");
		strcat(r->data, value);
		r->has_data = true;
	} else {
		fail_msg("a field that nobody knows: %s", name);
	}
}

/* An empty line: the block is over. */
static void
dispatch(struct reader *r)
{
	strcpy(r->last_id, r->id);
	if (r->has_data) {
		r->events++;
		strcpy(r->event_type, r->type[0] == '\0' ? "message" : r->type);
		strcpy(r->event_data, r->data);
	}
	r->type[0] = r->data[0] = '\0';
	r->has_data = false;
}

static void
take_line(struct reader *r, char *line)
{
	char *colon = strchr(line, ':');
	char *value = colon == NULL ? line + strlen(line) : colon + 1;

	if (line[0] == '\0') {
		dispatch(r);
	} else if (colon != line) {
		if (colon != NULL)
			*colon = '\0';
		take_field(r, line, value + (*value == ' '));
	} /* else a comment */
}

/* Lines end with CR, LF or both. Nothing may be left over. */
static void
understand(struct reader *r, struct buf *text)
{
	char line[512];
	size_t at = 0;

	while (at < text->n) {
		size_t n = 0;

		while (at + n < text->n && text->p[at + n] != '\n' &&
		       text->p[at + n] != '\r')
			n++;
		assert_true(at + n < text->n && n < sizeof line);
		memcpy(line, text->p + at, n);
		line[n] = '\0';
		at += n + 1;
		if (text->p[at - 1] == '\r' && at < text->n && text->p[at] == '\n')
			at++;
		take_line(r, line);
	}
	text->n = 0;
}

static void
add_event(struct buf *out, int64_t id, const char *type, const char *data)
{
	sse_event_begin(out, &(struct stream_token){ id, -1, -1 }, type);
	buf_str(out, data);
	sse_event_end(out);
}

static void
expect_event(struct reader *r, int64_t id, const char *type, const char *wanted_type,
    const char *data)
{
	struct buf text = { 0 }, token = { 0 };
	int events = r->events;

	add_event(&text, id, type, data);
	token_write(&token, &(struct stream_token){ id, -1, -1 });
	buf_char(&token, '\0');
	understand(r, &text);
	assert_int_equal(r->events, events + 1);
	assert_string_equal(r->event_type, wanted_type);
	assert_string_equal(r->event_data, data);
	assert_string_equal(r->last_id, token.p);
	buf_free(&text);
	buf_free(&token);
}

static void
an_event_is_its_id_its_type_and_its_json(void **state)
{
	struct buf text = { 0 };

	(void)state;
	add_event(&text, 42, "m.room.message", "{\"content\":{}}");
	buf_char(&text, '\0');
	assert_string_equal(
	    text.p, "id: s1_e42\nevent: m.room.message\ndata: {\"content\":{}}\n\n");
	buf_free(&text);
}

static void
an_id_tells_where_typing_and_presence_stand_too(void **state)
{
	struct buf text = { 0 };
	struct reader r = { 0 };

	(void)state;
	sse_event_begin(&text, &(struct stream_token){ 7, 99, 3 }, "m.typing");
	buf_lit(&text, "{}");
	sse_event_end(&text);
	understand(&r, &text);
	assert_string_equal(r.last_id, "s1_e7_t99_p3");
	assert_string_equal(r.event_type, "m.typing");
	buf_free(&text);
}

static void
the_opening_says_where_one_stands_and_is_no_event(void **state)
{
	struct buf text = { 0 };
	struct reader r = { 0 };

	(void)state;
	sse_opening(&text, &(struct stream_token){ 14, -1, -1 });
	understand(&r, &text);
	assert_int_equal(r.events, 0);
	assert_string_equal(r.last_id, "s1_e14");
	assert_string_equal(r.retry, "2000");
	buf_free(&text);
}

static void
a_comment_is_no_event_and_moves_nobody(void **state)
{
	struct buf text = { 0 };
	struct reader r = { 0 };

	(void)state;
	expect_event(&r, 3, "m.room.topic", "m.room.topic", "{}");
	sse_comment(&text);
	assert_true(text.n > 0 && text.p[0] == ':');
	understand(&r, &text);
	assert_int_equal(r.events, 1);
	assert_string_equal(r.last_id, "s1_e3");
	buf_free(&text);
}

static void
a_type_with_a_line_end_breaks_out_of_nothing(void **state)
{
	static const char *const types[] = { "a\ndata: {\"forged\":true}", "a\rb",
		"a\r\nid: s1_e1", "\n", "\n\n", "\r", "last\n" };
	struct reader r = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		expect_event(&r, (int64_t)i + 5, types[i], "message", "{\"n\":1}");
}

static void
odd_types_come_through_as_they_are(void **state)
{
	static const char *const types[] = { " leading", "trailing ", "a: b", "data: x",
		"\t", "ev\xe2\x80\xa8nt", "id" };
	struct reader r = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		expect_event(&r, (int64_t)i, types[i], types[i], "{}");
	expect_event(&r, 1000, "", "message", "{}");
}

static void
events_behind_each_other_stay_apart(void **state)
{
	struct buf text = { 0 };
	struct reader r = { 0 };

	(void)state;
	sse_opening(&text, &(struct stream_token){ 0, -1, -1 });
	for (int i = 1; i <= 10; i++) {
		add_event(&text, i, i % 2 ? "m.odd" : "m.e\nven", "{\"a\":\"b\\n\"}");
		sse_comment(&text);
	}
	understand(&r, &text);
	assert_int_equal(r.events, 10);
	assert_string_equal(r.event_type, "message");
	assert_string_equal(r.event_data, "{\"a\":\"b\\n\"}");
	assert_string_equal(r.last_id, "s1_e10");
	buf_free(&text);
}

static size_t
behind(const char *text, int64_t position)
{
	return sse_behind(text, strlen(text), position);
}

static void
who_has_had_a_part_goes_on_behind_its_last_id(void **state)
{
	static const char one[] = "event: day\ndata: x\n\n"
				  "id: s1_e3\nevent: line\ndata: one\n\n",
			  two[] = "event: line\ndata: id: s1_e4\nid: s1_e5_t7\n\n",
			  three[] = "id: s1_e9\ndata: three\n\n",
			  rest[] = "event: gone\ndata:\n\n";
	char text[400];
	size_t n = (size_t)snprintf(text, sizeof text, "%s%s%s", one, two, three);

	assert_int_equal(behind(text, 2), 0);
	assert_int_equal(behind(text, 3), strlen(one));
	assert_int_equal(behind(text, 4), strlen(one));
	assert_int_equal(behind(text, 5), strlen(one) + strlen(two));
	assert_int_equal(behind(text, 8), strlen(one) + strlen(two));
	assert_int_equal(behind(text, 9), n);
	/* What has no id of its own is behind all that have. */
	strcat(text, rest);
	assert_int_equal(behind(text, 100), n);
}

static void
what_is_no_id_is_behind_everybody(void **state)
{
	assert_int_equal(behind("", 9), 0);
	assert_int_equal(behind("id: s1_e3", 9), 0);
	assert_int_equal(behind("id: s1_e3\n", 9), 10);
	assert_int_equal(behind("id: 3\n\n", 9), 0);
	assert_int_equal(behind("id: \n\n", 9), 0);
	assert_int_equal(behind("id:s1_e3\n\n", 9), 0);
	assert_int_equal(behind("data: id: s1_e3\n\n", 9), 0);
	assert_int_equal(behind("\n\n\n\n", 9), 0);
	assert_int_equal(behind("id: s1_e1111111111111111111111111111111111111111111111"
				"1111111111111111111111111111111111111111\n\n",
			     9),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_its_id_its_type_and_its_json),
		cmocka_unit_test(an_id_tells_where_typing_and_presence_stand_too),
		cmocka_unit_test(the_opening_says_where_one_stands_and_is_no_event),
		cmocka_unit_test(a_comment_is_no_event_and_moves_nobody),
		cmocka_unit_test(a_type_with_a_line_end_breaks_out_of_nothing),
		cmocka_unit_test(odd_types_come_through_as_they_are),
		cmocka_unit_test(events_behind_each_other_stay_apart),
		cmocka_unit_test(who_has_had_a_part_goes_on_behind_its_last_id),
		cmocka_unit_test(what_is_no_id_is_behind_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
