/*
 * The rules of a request's head, one by one, both ways.
 * Relies on http/parse_samples.h; each text lies in a block of its exact size, so that
 * a sanitizer sees a byte read too far.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "http/parse.h"
#include "http/parse_samples.h"

static struct http_head head;
static size_t used;
static char *held;

static enum http_parse
parse(const char *text, size_t n)
{
	free(held);
	held = xmalloc(n);
	memcpy(held, text, n);
	return http_parse_head(held, n, &head, &used);
}

#define PARSE(literal) parse(literal, sizeof(literal) - 1)
#define assert_str(s, text) assert_true(str_is((s), (text)))

/* A GET of HTTP/1.1 with these further header lines. */
static enum http_parse
parse_headers(const char *lines)
{
	struct buf b = { 0 };
	enum http_parse got;

	buf_printf(&b, "GET / HTTP/1.1\r\n" HOST "%s\r\n", lines);
	got = parse(b.p, b.n);
	buf_free(&b);
	return got;
}

struct rule {
	const char *text;
	size_t n;
	enum http_parse want;
};

#define RULE(want, text)                                                               \
	{                                                                              \
		text, sizeof text - 1, want                                            \
	}

static void
check_rules(const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum http_parse got = parse(rules[i].text, rules[i].n);

		if (got != rules[i].want)
			fail_msg("%d instead of %d for rule %zu: %s", got,
			    rules[i].want, i, rules[i].text);
	}
}

#define CHECK(rules) check_rules(rules, sizeof(rules) / sizeof(rules)[0])

static void
every_sample_is_a_whole_head(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		struct str text = samples[i].text;

		if (parse(text.p, text.n) != HTTP_PARSED)
			fail_msg("refused: %s", text.p);
		assert_int_equal(used, text.n - samples[i].body_n);
	}
}

static void
every_cut_of_a_sample_awaits_more(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t n = 0; n < samples[i].text.n - samples[i].body_n; n++)
			if (parse(samples[i].text.p, n) != HTTP_MORE)
				fail_msg("cut at %zu: %s", n, samples[i].text.p);
}

static void
a_head_is_given_in_slices(void **state)
{
	assert_int_equal(PARSE("POST /a/b%2Fc?d=e&f HTTP/1.1\r\n" HOST
			       "X-One: \t two  words \r\nx-empty:\r\n\r\nrest"),
	    HTTP_PARSED);
	assert_int_equal(used, strstr(held, "rest") - held);
	assert_int_equal(head.method, HTTP_POST);
	assert_str(head.method_text, "POST");
	assert_str(head.path, "/a/b%2Fc");
	assert_str(head.query, "d=e&f");
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.header_count, 3);
	assert_str(head.headers[1].name, "X-One");
	assert_str(head.headers[1].value, "two  words");
	assert_str(head.headers[2].value, "");
	assert_true(head.content_length == -1);
	assert_false(head.chunked);
	assert_ptr_equal(http_header(&head, "x-one"), &head.headers[1].value);
	assert_null(http_header(&head, "x-two"));
}

static void
a_method_is_a_token_of_at_most_32_characters(void **state)
{
	static const struct rule rules[] = {
		RULE(HTTP_PARSED, "GET / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_PARSED,
		    "A2345678901234567890123456789012 / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "A23456789012345678901234567890123"),
		RULE(HTTP_BAD, " / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "G(T / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "G\xc3\xa9T / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "G\0T / HTTP/1.1\r\n" HOST "\r\n"),
	};

	CHECK(rules);
}

static void
the_methods_of_matrix_have_names(void **state)
{
	static const struct {
		const char *text;
		enum http_method method;
	} methods[] = { { "GET", HTTP_GET }, { "HEAD", HTTP_HEAD },
		{ "POST", HTTP_POST }, { "PUT", HTTP_PUT }, { "DELETE", HTTP_DELETE },
		{ "OPTIONS", HTTP_OPTIONS }, { "PATCH", HTTP_PATCH },
		{ "get", HTTP_OTHER }, { "BREW", HTTP_OTHER } };

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		char text[80];
		int n = snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" HOST "\r\n",
		    methods[i].text);

		assert_int_equal(parse(text, (size_t)n), HTTP_PARSED);
		assert_int_equal(head.method, methods[i].method);
		assert_str(head.method_text, methods[i].text);
	}
}

static void
the_request_line_has_single_spaces_and_ends_in_crlf(void **state)
{
	static const struct rule rules[] = {
		RULE(HTTP_BAD, "GET  / HTTP/1.1\r\n"),
		RULE(HTTP_BAD, "GET /  HTTP/1.1\r\n"),
		RULE(HTTP_BAD, "GET\t/ HTTP/1.1\r\n"),
		RULE(HTTP_BAD, "GET /\tHTTP/1.1\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1 \r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1\rH"),
		RULE(HTTP_BAD, "GET /\r\n"),
		RULE(HTTP_BAD, "GET\r\n"),
		RULE(HTTP_BAD, "GET / /b HTTP/1.1\r\n"),
	};

	CHECK(rules);
}

static void
one_empty_line_may_precede_a_request(void **state)
{
	static const struct rule rules[] = {
		RULE(HTTP_PARSED, "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "\nGET / HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "\rGET / HTTP/1.1\r\n" HOST "\r\n"),
	};

	CHECK(rules);
}

static void
a_bare_lf_or_cr_is_refused_anywhere(void **state)
{
	static const char good[] =
	    "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 3\r\n\r\n";

	for (size_t i = 0; i < sizeof good - 1; i++) {
		char text[sizeof good];
		size_t n = sizeof good - 1;

		if (good[i] != '\r' && good[i] != '\n')
			continue;
		memcpy(text, good, n);
		memmove(text + i, text + i + 1, n - i - 1);
		text[n - 1] = '.'; /* something follows a CR that ended the head */
		assert_int_equal(parse(text, n), HTTP_BAD);
	}
	assert_int_equal(parse_headers("X: a\rb\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X: a\nb: c\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X: a\r\r\n"), HTTP_BAD);
}

static void
only_versions_1_0_and_1_1_are_served(void **state)
{
	static const struct rule rules[] = {
		RULE(HTTP_PARSED, "GET / HTTP/1.0\r\n\r\n"),
		RULE(HTTP_BAD_VERSION, "GET / HTTP/1.2\r\n" HOST "\r\n"),
		RULE(HTTP_BAD_VERSION, "GET / HTTP/2.0\r\n" HOST "\r\n"),
		RULE(HTTP_BAD_VERSION, "GET / HTTP/0.9\r\n" HOST "\r\n"),
		RULE(HTTP_BAD_VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		RULE(HTTP_BAD, "GET / http/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1x\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/11.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET / RTSP/1.0\r\n" HOST "\r\n"),
	};

	CHECK(rules);
}

static void
a_target_has_one_of_three_forms(void **state)
{
	static const struct rule rules[] = {
		RULE(HTTP_PARSED, "GET /a HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_PARSED, "GET //a HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_PARSED, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_PARSED, "GET http://a/ HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_PARSED, "GET https://[::1]:8448/ HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET * HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "OPTIONS *a HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET a HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET ?a HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET http:// HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET http:///a HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET http://?a HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n"),
		RULE(HTTP_BAD, "GET http:/a HTTP/1.1\r\n" HOST "\r\n"),
	};

	CHECK(rules);
}

static void
an_absolute_target_gives_what_is_behind_its_authority(void **state)
{
	static const struct {
		const char *target, *path, *query;
	} cases[] = {
		{ "http://a", "/", "" },
		{ "http://a?b", "/", "b" },
		{ "http://a?b/c", "/", "b/c" },
		{ "HTTPS://a:1/b", "/b", "" },
		{ "http://a/b?c?d", "/b", "c?d" },
		{ "/b?", "/b", "" },
		{ "/#room:a?b#c", "/#room:a", "b#c" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[80];
		int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" HOST "\r\n",
		    cases[i].target);

		assert_int_equal(parse(text, (size_t)n), HTTP_PARSED);
		assert_str(head.path, cases[i].path);
		assert_str(head.query, cases[i].query);
		assert_true(head.path.p > held && head.path.p < held + n);
		assert_true(head.query.p > held && head.query.p < held + n);
	}
}

static void
a_target_is_visible_ascii(void **state)
{
	for (int c = 0; c < 256; c++) {
		char text[] = "GET /a?b HTTP/1.1\r\n" HOST "\r\n";
		bool is_visible = c > 0x20 && c < 0x7f;

		if (c == ' ')
			continue; /* ends the target */
		text[5] = (char)c;
		assert_int_equal(PARSE(text), is_visible ? HTTP_PARSED : HTTP_BAD);
	}
}

static void
sigils_of_matrix_may_stand_raw_in_a_target(void **state)
{
	assert_int_equal(
	    PARSE("GET /!a:b/@c:d/$e/#f:g?h=!#$@: HTTP/1.1\r\n" HOST "\r\n"),
	    HTTP_PARSED);
	assert_str(head.path, "/!a:b/@c:d/$e/#f:g");
	assert_str(head.query, "h=!#$@:");
}

static void
a_header_has_a_token_a_colon_and_text(void **state)
{
	assert_int_equal(parse_headers("!#$%&'*+-.^_`|~09azAZ: y\r\n"), HTTP_PARSED);
	assert_int_equal(parse_headers("X : y\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X\t: y\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers(": y\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X(Y): y\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X\xe9: y\r\n"), HTTP_BAD);
	assert_int_equal(PARSE("GET / HTTP/1.1\r\n X: y\r\n" HOST "\r\n"), HTTP_BAD);
}

static void
a_folded_header_is_refused(void **state)
{
	assert_int_equal(parse_headers("X: y\r\n z\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X: y\r\n\tz\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("X:\r\n Content-Length: 5\r\n"), HTTP_BAD);
}

static void
a_value_is_text_wherever_its_bytes_stand(void **state)
{
	for (int at = 0; at < 20; at++)
		for (int c = 0; c < 256; c++) {
			char text[] =
			    "GET / HTTP/1.1\r\n" HOST "X: 12345678901234567890\r\n\r\n";
			bool is_text = (c >= 0x20 && c != 0x7f) || c == '\t';

			strstr(text, "123")[at] = (char)c;
			assert_int_equal(PARSE(text), is_text ? HTTP_PARSED : HTTP_BAD);
		}
}

static void
http_1_1_has_exactly_one_host(void **state)
{
	static const struct rule rules[] = {
		RULE(HTTP_PARSED, "GET / HTTP/1.0\r\n\r\n"),
		RULE(HTTP_PARSED, "GET / HTTP/1.1\r\nHOST: a.b:1\r\n\r\n"),
		RULE(HTTP_PARSED, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
		RULE(HTTP_PARSED, "GET / HTTP/1.1\r\nHost: [::1]:8008\r\n\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1\r\n\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
		RULE(HTTP_BAD, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
	};

	CHECK(rules);
}

static void
a_length_is_digits_that_fit_an_int64(void **state)
{
	assert_int_equal(parse_headers("Content-Length: 0\r\n"), HTTP_PARSED);
	assert_true(head.content_length == 0);
	assert_int_equal(
	    parse_headers("CONTENT-LENGTH: 9223372036854775807\r\n"), HTTP_PARSED);
	assert_true(head.content_length == INT64_MAX);
	assert_int_equal(parse_headers("Content-Length: 00012\r\n"), HTTP_PARSED);
	assert_true(head.content_length == 12);
}

static void
any_other_length_is_refused(void **state)
{
	static const char *const values[] = { "", "+5", "-5", "5,5", "5, 5", "0x5",
		"5 5", "5.0", "5a", "\"5\"", "9223372036854775808",
		"18446744073709551621", "99999999999999999999999999" };

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		char line[80];

		snprintf(line, sizeof line, "Content-Length: %s\r\n", values[i]);
		if (parse_headers(line) != HTTP_BAD)
			fail_msg("not refused: %s", line);
	}
}

static void
two_lengths_are_refused_even_if_equal(void **state)
{
	assert_int_equal(
	    parse_headers("Content-Length: 5\r\nContent-Length: 5\r\n"), HTTP_BAD);
	assert_int_equal(
	    parse_headers("Content-Length: 5\r\ncontent-length: 6\r\n"), HTTP_BAD);
	assert_int_equal(parse_headers("Content-Length : 5\r\n"), HTTP_BAD);
}

static void
length_and_coding_together_are_refused(void **state)
{
	assert_int_equal(
	    parse_headers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
	    HTTP_BAD);
	assert_int_equal(
	    parse_headers("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
	    HTTP_BAD);
	assert_int_equal(
	    parse_headers("Transfer-Encoding: gzip\r\nContent-Length: 0\r\n"),
	    HTTP_BAD);
}

static void
chunked_is_the_only_coding_and_comes_once(void **state)
{
	static const char *const others[] = { "gzip", "gzip, chunked", "identity",
		"xchunked", "chunked;q=1", "", "\"chunked\"" };
	static const char *const bad[] = { "chunked, gzip", "chunked, chunked",
		"gzip, chunked, gzip" };

	assert_int_equal(parse_headers("Transfer-Encoding: chunked\r\n"), HTTP_PARSED);
	assert_true(head.chunked);
	assert_int_equal(
	    parse_headers("TRANSFER-ENCODING:\tChunked \t\r\n"), HTTP_PARSED);
	assert_true(head.chunked);
	assert_int_equal(parse_headers("Transfer-Encoding: chunked\r\n"
				       "Transfer-Encoding: chunked\r\n"),
	    HTTP_BAD);
	assert_int_equal(parse_headers("Transfer-Encoding : chunked\r\n"), HTTP_BAD);
	assert_int_equal(
	    PARSE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_BAD);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		char line[80];

		snprintf(line, sizeof line, "Transfer-Encoding: %s\r\n", others[i]);
		if (parse_headers(line) != HTTP_BAD_CODING)
			fail_msg("not refused: %s", line);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char line[80];

		snprintf(line, sizeof line, "Transfer-Encoding: %s\r\n", bad[i]);
		if (parse_headers(line) != HTTP_BAD)
			fail_msg("not malformed: %s", line);
	}
}

static void
connections_stay_as_their_version_and_options_say(void **state)
{
	static const struct {
		int minor;
		const char *lines;
		bool keep_alive;
	} cases[] = {
		{ 1, "", true },
		{ 0, "", false },
		{ 1, "Connection: close\r\n", false },
		{ 0, "Connection: keep-alive\r\n", true },
		{ 0, "Connection: x, Keep-Alive ,y\r\n", true },
		{ 1, "Connection: upgrade\r\nconnection: , CLOSE\r\n", false },
		{ 0, "Connection: keep-alive, close\r\n", false },
		{ 1, "Connection: closed\r\n", true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[160];
		int n = snprintf(text, sizeof text, "GET / HTTP/1.%d\r\n" HOST "%s\r\n",
		    cases[i].minor, cases[i].lines);

		assert_int_equal(parse(text, (size_t)n), HTTP_PARSED);
		if (head.keep_alive != cases[i].keep_alive)
			fail_msg("%s", text);
	}
}

static void
a_client_of_http_1_1_may_expect_100_continue(void **state)
{
	assert_int_equal(parse_headers("Expect: 100-Continue\r\n"), HTTP_PARSED);
	assert_true(head.expect_continue);
	assert_int_equal(parse_headers("Expect: 200-ok\r\n"), HTTP_PARSED);
	assert_false(head.expect_continue);
	assert_int_equal(
	    PARSE("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), HTTP_PARSED);
	assert_false(head.expect_continue);
}

static void
gzip_is_for_those_who_want_it(void **state)
{
	static const struct {
		const char *value;
		bool accepts;
	} cases[] = {
		{ "gzip", true },
		{ "deflate, GZip;q=0.5", true },
		{ "x-gzip", true },
		{ "gzip; q=1.000", true },
		{ "gzip;q=0.001", true },
		{ "*", true },
		{ "br, *;q=0.1", true },
		{ "gzip;q=0", false },
		{ "gzip;q=0.000", false },
		{ "gzip; Q=0.", false },
		{ "*;q=0", false },
		{ "gzip;q=0, *", false },
		{ "*;q=0, gzip", true },
		{ "gzip;q=x", false },
		{ "gzip;q=", false },
		{ "identity", false },
		{ "gzipped", false },
		{ "", false },
		{ ",;,", false },
	};

	assert_int_equal(parse_headers(""), HTTP_PARSED);
	assert_false(head.accepts_gzip);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[80];

		snprintf(line, sizeof line, "Accept-Encoding: %s\r\n", cases[i].value);
		assert_int_equal(parse_headers(line), HTTP_PARSED);
		if (head.accepts_gzip != cases[i].accepts)
			fail_msg("%s", line);
	}
}

static void
a_media_type_is_wanted_where_accept_names_it(void **state)
{
	static const struct {
		const char *lines;
		bool accepts;
	} cases[] = {
		{ "Accept: text/event-stream\r\n", true },
		{ "accept: Text/Event-Stream\r\n", true },
		{ "Accept: application/json, text/event-stream;q=0.5\r\n", true },
		{ "Accept: text/event-stream;charset=utf-8\r\n", true },
		{ "Accept: */*\r\nAccept: text/event-stream\r\n", true },
		{ "", false },
		{ "Accept:\r\n", false },
		{ "Accept: */*, text/*\r\n", false },
		{ "Accept: text/event-streams\r\n", false },
		{ "Accept: text/event-stream;q=0\r\n", false },
		{ "Accept: application/json;x=text/event-stream\r\n", false },
		{ "X-Accept: text/event-stream\r\n", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(parse_headers(cases[i].lines), HTTP_PARSED);
		if (http_lists(&head, "accept", "text/event-stream") !=
		    cases[i].accepts)
			fail_msg("%s", cases[i].lines);
	}
}

static void
a_head_of_64_headers_is_read_and_one_of_65_is_too_large(void **state)
{
	struct buf b = { 0 };

	buf_str(&b, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 1; i < HTTP_HEADERS_MAX; i++)
		buf_str(&b, "A: b\r\n");
	buf_str(&b, "\r\n");
	assert_int_equal(parse(b.p, b.n), HTTP_PARSED);
	assert_int_equal(head.header_count, HTTP_HEADERS_MAX);
	b.n -= 2;
	assert_int_equal(parse(b.p, b.n), HTTP_MORE);
	buf_str(&b, "A: b\r\n\r\n");
	assert_int_equal(parse(b.p, b.n), HTTP_BAD_TOO_LARGE);
	buf_free(&b);
}

/* A head of n bytes, all told. */
static void
make_head(struct buf *b, size_t n)
{
	buf_reset(b);
	buf_str(b, "GET / HTTP/1.1\r\n" HOST "X: ");
	while (b->n < n - 4)
		buf_char(b, 'x');
	buf_str(b, "\r\n\r\n");
}

static void
a_head_has_at_most_16_kilobytes(void **state)
{
	struct buf b = { 0 };

	make_head(&b, HTTP_HEAD_MAX);
	assert_int_equal(parse(b.p, b.n), HTTP_PARSED);
	assert_int_equal(used, HTTP_HEAD_MAX);
	assert_int_equal(parse(b.p, b.n - 1), HTTP_MORE);
	make_head(&b, HTTP_HEAD_MAX + 1);
	assert_int_equal(parse(b.p, b.n), HTTP_BAD_TOO_LARGE);
	assert_int_equal(parse(b.p, HTTP_HEAD_MAX), HTTP_BAD_TOO_LARGE);
	buf_free(&b);
}

static void
a_target_has_at_most_8_kilobytes(void **state)
{
	struct buf b = { 0 };

	buf_str(&b, "GET /");
	for (int i = 1; i < HTTP_TARGET_MAX; i++)
		buf_char(&b, 'a');
	assert_int_equal(parse(b.p, b.n), HTTP_MORE);
	buf_str(&b, " HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(parse(b.p, b.n), HTTP_PARSED);
	b.p[4 + HTTP_TARGET_MAX] = 'a';
	assert_int_equal(parse(b.p, 5 + HTTP_TARGET_MAX), HTTP_BAD_URI_TOO_LONG);
	buf_free(&b);
}

static int
let_go(void **state)
{
	free(held);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_is_a_whole_head),
		cmocka_unit_test(every_cut_of_a_sample_awaits_more),
		cmocka_unit_test(a_head_is_given_in_slices),
		cmocka_unit_test(a_method_is_a_token_of_at_most_32_characters),
		cmocka_unit_test(the_methods_of_matrix_have_names),
		cmocka_unit_test(the_request_line_has_single_spaces_and_ends_in_crlf),
		cmocka_unit_test(one_empty_line_may_precede_a_request),
		cmocka_unit_test(a_bare_lf_or_cr_is_refused_anywhere),
		cmocka_unit_test(only_versions_1_0_and_1_1_are_served),
		cmocka_unit_test(a_target_has_one_of_three_forms),
		cmocka_unit_test(an_absolute_target_gives_what_is_behind_its_authority),
		cmocka_unit_test(a_target_is_visible_ascii),
		cmocka_unit_test(sigils_of_matrix_may_stand_raw_in_a_target),
		cmocka_unit_test(a_header_has_a_token_a_colon_and_text),
		cmocka_unit_test(a_folded_header_is_refused),
		cmocka_unit_test(a_value_is_text_wherever_its_bytes_stand),
		cmocka_unit_test(http_1_1_has_exactly_one_host),
		cmocka_unit_test(a_length_is_digits_that_fit_an_int64),
		cmocka_unit_test(any_other_length_is_refused),
		cmocka_unit_test(two_lengths_are_refused_even_if_equal),
		cmocka_unit_test(length_and_coding_together_are_refused),
		cmocka_unit_test(chunked_is_the_only_coding_and_comes_once),
		cmocka_unit_test(connections_stay_as_their_version_and_options_say),
		cmocka_unit_test(a_client_of_http_1_1_may_expect_100_continue),
		cmocka_unit_test(gzip_is_for_those_who_want_it),
		cmocka_unit_test(a_media_type_is_wanted_where_accept_names_it),
		cmocka_unit_test(
		    a_head_of_64_headers_is_read_and_one_of_65_is_too_large),
		cmocka_unit_test(a_head_has_at_most_16_kilobytes),
		cmocka_unit_test(a_target_has_at_most_8_kilobytes),
	};

	return cmocka_run_group_tests(tests, NULL, let_go);
}
