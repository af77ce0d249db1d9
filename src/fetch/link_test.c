/*
 * What is a link, and where it leads.
 */
#include "fetch/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* wanted NULL: it is none. */
static void
expect(const char *base, const char *text, const char *wanted)
{
	struct arena *arena = arena_new();
	const char *got = link_read(arena, base, text);

	if (got == NULL)
		got = "none";
	if (strcmp(got, wanted == NULL ? "none" : wanted) != 0)
		fail_msg("%s is %s", text, got);
	arena_free(arena);
}

static void
a_link_is_of_the_web_and_whole(void **state)
{
	expect(NULL, "http://a.org", "http://a.org/");
	expect(NULL, "HTTPS://a.org:443/x?y#z", "https://a.org/x?y");
	expect(NULL, "http://a.org:8080/../b", "http://a.org:8080/b");
	expect(NULL, "http://[2001:db8::1]/", "http://[2001:db8::1]/");
	expect(NULL, "http:///a.org", "http://a.org/"); /* as browsers do */
	expect(NULL, "http://a.org/a b", "http://a.org/a%20b");
	expect(NULL, "http://a.org/\xc3\xa4?\xc3\xa4", "http://a.org/%c3%a4?%c3%a4");
}

static void
what_is_no_such_link_is_none(void **state)
{
	static const char *const texts[] = { "", "a", "/a", "//a.org/", "a.org",
		"http:", "http://", "ftp://a.org/", "file:///etc/passwd",
		"gopher://a.org/", "data:text/html,x", "javascript:alert(1)",
		"mailto:a@b.org", "http://ann@a.org/", "http://ann:x@a.org/",
		"http://:x@a.org/", "http://a.org:99999/", "http://a.org:x/",
		"http://a\tb/", "http://a\r\nb/", "http://a.org/\r\nx: y", "\x01" };
	char text[LINK_MAX + 2];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		expect(NULL, texts[i], NULL);
	memset(text, 'a', sizeof text);
	memcpy(text, "http://a.org/", 13);
	text[LINK_MAX + 1] = '\0';
	expect(NULL, text, NULL);
}

static void
a_page_s_links_start_from_it(void **state)
{
	const char *base = "https://a.org/b/c?d";

	expect(base, "e.png", "https://a.org/b/e.png");
	expect(base, "/e f.png", "https://a.org/e%20f.png");
	expect(base, "../e.png", "https://a.org/e.png");
	expect(base, "?e", "https://a.org/b/c?e");
	expect(base, "//b.org/e", "https://b.org/e");
	expect(base, "http://b.org/e", "http://b.org/e");
	expect(base, "ftp://b.org/e", NULL);
	expect(base, "data:image/png;base64,AAAA", NULL);
	expect(base, "//x:y@b.org/e", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_of_the_web_and_whole),
		cmocka_unit_test(what_is_no_such_link_is_none),
		cmocka_unit_test(a_page_s_links_start_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
