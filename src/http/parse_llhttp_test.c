/*
 * http/parse beside llhttp, on a table of requests and on many mutated ones.
 * Relies on http/parse_llhttp.c for what counts as a difference.
 * Built where Debian's node-llhttp is installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "http/parse_llhttp.h"
#include "http/parse_samples.h"

#define MUTANTS 20000

/* Each differs for a reason, and each reason has one: none is there for nothing. */
static const struct {
	const char *why, *text;
} reasoned[] = {
	{ "a line does not end in CRLF", "GET / HTTP/1.1\n" HOST "\r\n" },
	{ "several empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n" },
	{ "several spaces in the request line", "GET  / HTTP/1.1\r\n" HOST "\r\n" },
	{ "several spaces in the request line", "GET /  HTTP/1.1\r\n" HOST "\r\n" },
	{ "a request line without a version", "GET /\r\n" HOST "\r\n" },
	{ "a folded header", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n" },
	{ "no Host, two of them, or one that is none", "GET / HTTP/1.1\r\n\r\n" },
	{ "no Host, two of them, or one that is none",
	    "GET / HTTP/1.1\r\n" HOST HOST "\r\n" },
	{ "no Host, two of them, or one that is none",
	    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" },
	{ "a target of another form", "GET * HTTP/1.1\r\n" HOST "\r\n" },
	{ "a target of another form", "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n" },
	{ "a target of another form", "GET http://a@b/ HTTP/1.1\r\n" HOST "\r\n" },
	{ "a target of another form", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n" },
	{ "a header without a name", "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n" },
	{ "Transfer-Encoding twice, or in HTTP/1.0",
	    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
	{ "a length beside a coding",
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding:\r\n\r\n"
	    "0\r\n\r\n" },
	{ "an extension against the grammar",
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "1;;a\r\nx\r\n0\r\n\r\n" },
	{ "an extension against the grammar",
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "1;a=b;;c\r\nx\r\n0\r\n\r\n" },
	{ "an extension against the grammar",
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "1;a=b;\r\nx\r\n0\r\n\r\n" },
	{ "an extension against the grammar",
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "1;a=\"b\";;c\r\nx\r\n0\r\n\r\n" },
	{ "another version", "GET / HTTP/2.0\r\n" HOST "\r\n" },
	{ "another version", "GET / HTTP/0.9\r\n" HOST "\r\n" },
	{ "another transfer coding",
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"
	    "0\r\n\r\n" },
	{ "a method that llhttp does not know", "BREW / HTTP/1.1\r\n" HOST "\r\n" },
	{ "a tab behind a length or coding",
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\t\r\n\r\nx" },
	{ "an extension that llhttp does not know",
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "1;a=b;c\r\nx\r\n0\r\n\r\n" },
	{ "a trailer that frames",
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	    "0\r\nTransfer-Encoding: chunked\r\n\r\n" },
};

static void
every_sample_is_the_same_message_to_both(void **state)
{
	const char *why;

	for (size_t i = 0; i < SAMPLES; i++)
		if (llhttp_compare(samples[i].text.p, samples[i].text.n, &why) !=
		    BOTH_ACCEPT)
			fail_msg(
			    "%s: %s", samples[i].text.p, why != NULL ? why : "refused");
}

static void
every_difference_has_the_reason_listed_for_it(void **state)
{
	const char *why;

	for (size_t i = 0; i < sizeof reasoned / sizeof reasoned[0]; i++) {
		const char *text = reasoned[i].text;

		if (llhttp_compare(text, strlen(text), &why) != DIFFER_WITH_REASON)
			fail_msg("%s: %s", text, why != NULL ? why : "they agree");
		assert_string_equal(why, reasoned[i].why);
	}
}

static void
what_is_too_long_is_refused_by_us_alone(void **state)
{
	struct buf b = { 0 };
	const char *why;

	buf_str(&b, "GET /");
	for (int i = 0; i < 8192; i++)
		buf_char(&b, 'a');
	buf_str(&b, " HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(llhttp_compare(b.p, b.n, &why), DIFFER_WITH_REASON);
	assert_string_equal(why, "a long target");

	buf_reset(&b);
	buf_str(&b, "GET / HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 64; i++)
		buf_str(&b, "A: b\r\n");
	buf_str(&b, "\r\n");
	assert_int_equal(llhttp_compare(b.p, b.n, &why), DIFFER_WITH_REASON);
	assert_string_equal(why, "a limit");
	buf_free(&b);
}

/* splitmix64: the same requests on every run */
static uint64_t
next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t
below(uint64_t *seed, size_t n)
{
	return next_random(seed) % n;
}

static void
replace(struct buf *b, size_t at, size_t gone, const char *text, size_t n)
{
	buf_reserve(b, n);
	memmove(b->p + at + n, b->p + at + gone, b->n - at - gone);
	memcpy(b->p + at, text, n);
	b->n = b->n - gone + n;
}

/* Where a line begins, at random. */
static size_t
line_at(uint64_t *seed, const struct buf *b)
{
	const char *lf;
	size_t at = below(seed, b->n);

	lf = memchr(b->p + at, '\n', b->n - at);
	return lf != NULL && (size_t)(lf - b->p) + 1 < b->n ? (size_t)(lf - b->p) + 1
							    : 0;
}

static void
mutate(uint64_t *seed, struct buf *b)
{
	static const char *const lines[] = { "Content-Length: 5\r\n",
		"Content-Length: +5\r\n", "Content-Length: 5, 5\r\n",
		"Content-Length : 5\r\n", "Content-Length: 18446744073709551616\r\n",
		"Content-Length: 9223372036854775808\r\n", "Content-Length:\r\n",
		"Transfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked, chunked\r\n",
		"Transfer-Encoding: xchunked\r\n", "Transfer-Encoding:\tchunked\t\r\n",
		"Transfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n",
		" folded\r\n", "\tfolded\r\n", HOST, "Connection: close, x\r\n",
		"Connection: upgrade\r\nUpgrade: h2c\r\n", ": nameless\r\n",
		"No-Colon\r\n", "X:y\r\n", "\r\n", "0\r\n\r\n", "5\r\nhello\r\n",
		"5;a=b\r\nhello\r\n", "10000000000000000\r\n", "-5\r\n", "0x5\r\n",
		"5 \r\nhello\r\n", "1\r\nab\r\n" };
	static const char bytes[] = "\r\n\t :;,=/*?#%@\"\\\0\x01\x7f\x80\xff"
				    "059aAfFhHxX-+.[]";
	size_t at = below(seed, b->n), line;

	switch (below(seed, 7)) {
	case 0:
		b->p[at] = bytes[below(seed, sizeof bytes - 1)];
		break;
	case 1:
		replace(b, at, 0, &bytes[below(seed, sizeof bytes - 1)], 1);
		break;
	case 2:
		if (b->n > 1)
			replace(b, at, 1, "", 0);
		break;
	case 3: /* a line break loses a half */
		at = line_at(seed, b);
		if (at >= 2)
			replace(b, at - 1 - below(seed, 2), 1, "", 0);
		break;
	case 4:
	case 5:
		line = below(seed, sizeof lines / sizeof lines[0]);
		replace(b, line_at(seed, b), 0, lines[line], strlen(lines[line]));
		break;
	default:
		b->p[at] = (char)next_random(seed);
	}
}

static void
mutants_are_read_alike_or_differ_for_a_listed_reason(void **state)
{
	uint64_t seed = 3;
	size_t verdicts[4] = { 0 };
	struct buf b = { 0 };

	for (int i = 0; i < MUTANTS; i++) {
		struct str sample = samples[below(&seed, SAMPLES)].text;
		const char *why;
		enum llhttp_verdict verdict;

		buf_reset(&b);
		buf_add(&b, sample.p, sample.n);
		for (size_t n = below(&seed, 3) + 1; n > 0; n--)
			mutate(&seed, &b);
		verdict = llhttp_compare(b.p, b.n, &why);
		if (verdict == DIFFER)
			fail_msg("mutant %d: %s:\n%.*s", i, why, (int)b.n, b.p);
		verdicts[verdict]++;
	}
	assert_true(verdicts[BOTH_ACCEPT] > MUTANTS / 10);
	assert_true(verdicts[NEITHER_ACCEPTS] > MUTANTS / 10);
	assert_true(verdicts[DIFFER_WITH_REASON] > MUTANTS / 50);
	buf_free(&b);
}

static void
no_reason_is_without_its_request(void **state)
{
	for (size_t i = 0; llhttp_reason(i) != NULL; i++) {
		bool is_met = starts_with(llhttp_reason(i), "a limit") ||
			      strcmp(llhttp_reason(i), "a long target") == 0;

		for (size_t k = 0; k < sizeof reasoned / sizeof reasoned[0]; k++)
			is_met |= strcmp(llhttp_reason(i), reasoned[k].why) == 0;
		if (!is_met)
			fail_msg("no request for: %s", llhttp_reason(i));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_is_the_same_message_to_both),
		cmocka_unit_test(every_difference_has_the_reason_listed_for_it),
		cmocka_unit_test(what_is_too_long_is_refused_by_us_alone),
		cmocka_unit_test(no_reason_is_without_its_request),
		cmocka_unit_test(mutants_are_read_alike_or_differ_for_a_listed_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
