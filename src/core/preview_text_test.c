/*
 * Charsets and lengths of strangers' texts.
 */
#include "core/preview_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static void
expect_n(const char *page, size_t n, const char *content_type, const char *wanted)
{
	struct buf out = { 0 };

	preview_decode(&out, (struct str){ page, n }, content_type);
	buf_char(&out, '\0');
	assert_string_equal(out.p, wanted);
	buf_free(&out);
}

static void
expect(const char *page, const char *content_type, const char *wanted)
{
	expect_n(page, strlen(page), content_type, wanted);
}

static void
a_charset_is_what_the_header_says(void **state)
{
	expect("\xe4", "text/html; charset=iso-8859-1", "\xc3\xa4");
	expect(
	    "\x93\xe4", "text/html;Charset=\"Windows-1252\"", "\xe2\x80\x9c\xc3\xa4");
	expect("\x83\x65\x83\x58\x83\x67", "text/html; charset=Shift_JIS",
	    "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88");
	expect("\xc3\xa4<meta charset=latin1>", "text/html; charset=utf-8",
	    "\xc3\xa4<meta charset=latin1>");
}

static void
or_what_the_page_says_or_what_it_looks_like(void **state)
{
	expect(
	    "<meta charset=koi8-r>\xc1", "text/html", "<meta charset=koi8-r>\xd0\xb0");
	expect("<meta content='text/html; charset=windows-1251'>\xe0", NULL,
	    "<meta content='text/html; charset=windows-1251'>\xd0\xb0");
	expect("<meta charset=utf-16>\xc3\xa4", NULL, "<meta charset=utf-16>\xc3\xa4");
	expect("\xc3\xa4", NULL, "\xc3\xa4");
	expect("\xe4", NULL, "\xc3\xa4");
	expect("\xe4<meta charset=nonsense>", "text/html; charset=../../x//TRANSLIT",
	    "\xc3\xa4<meta charset=nonsense>");
}

static void
a_bom_is_believed_first(void **state)
{
	expect("\xef\xbb\xbf\xc3\xa4", "text/html; charset=latin1", "\xc3\xa4");
	expect_n("\xff\xfe\xe4\0x\0", 6, "text/html; charset=utf-8", "\xc3\xa4x");
	expect_n("\xfe\xff\0\xe4\0x", 6, NULL, "\xc3\xa4x");
}

static void
what_is_wrong_is_replaced(void **state)
{
	expect("a\xff\xc3(b", "text/html; charset=utf-8", "a" BAD BAD "(b");
	expect("a\xc3", "text/html; charset=utf-8", "a" BAD);
	expect("a\xed\xa0\x80", "text/html; charset=utf-8", "a" BAD BAD BAD);
	expect_n("a\0b", 3, NULL, "ab");
	expect_n("\xff\xfe\0\xd8x", 5, NULL, BAD); /* it ends within a pair */
	expect("", NULL, "");
}

static void
a_long_text_is_converted_whole(void **state)
{
	struct buf page = { 0 }, out = { 0 };

	for (int i = 0; i < 100000; i++)
		buf_char(&page, '\xe4');
	preview_decode(
	    &out, (struct str){ page.p, page.n }, "text/html;charset=latin1");
	assert_int_equal(out.n, 200000);
	assert_true(utf8_valid(out.p, out.n));
	buf_free(&page);
	buf_free(&out);
}

/* Wherever a piece of what is decoded ends. */
static void
a_long_text_of_many_bytes_a_character_stays_whole(void **state)
{
	struct buf page = { 0 }, out = { 0 };

	for (int shift = 0; shift < 4; shift++) {
		page.n = out.n = 0;
		for (int i = 0; i < shift; i++)
			buf_char(&page, 'x');
		for (int i = 0; i < 5000; i++)
			buf_lit(&page, "\xf0\x9f\x8d\xaa");
		preview_decode(
		    &out, (struct str){ page.p, page.n }, "text/html;charset=utf-8");
		assert_int_equal(out.n, page.n);
		assert_memory_equal(out.p, page.p, page.n);
	}
	buf_free(&page);
	buf_free(&out);
}

static void
a_text_is_cut_between_characters(void **state)
{
	struct arena *arena = arena_new();

	assert_string_equal(preview_shorten(arena, STR(" \n a \t b\r\n"), 10), "a b");
	assert_string_equal(preview_shorten(arena, STR("abc"), 3), "abc");
	assert_string_equal(preview_shorten(arena, STR("abcd"), 3), "ab\xe2\x80\xa6");
	assert_string_equal(preview_shorten(arena, STR("\xc3\xa4\xc3\xa4\xc3\xa4"), 2),
	    "\xc3\xa4\xe2\x80\xa6");
	assert_string_equal(preview_shorten(arena, STR("abc  "), 3), "abc");
	assert_null(preview_shorten(arena, STR(" \n "), 3));
	assert_null(preview_shorten(arena, STR(""), 3));
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_charset_is_what_the_header_says),
		cmocka_unit_test(or_what_the_page_says_or_what_it_looks_like),
		cmocka_unit_test(a_bom_is_believed_first),
		cmocka_unit_test(what_is_wrong_is_replaced),
		cmocka_unit_test(a_long_text_of_many_bytes_a_character_stays_whole),
		cmocka_unit_test(a_long_text_is_converted_whole),
		cmocka_unit_test(a_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
