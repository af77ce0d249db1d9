/*
 * What a store answers in XML. Stands beside bucket_page.c.
 */
#include "media/bucket_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static bool
read_text(const char *xml, struct bucket_page *out)
{
	return bucket_page_read(xml, strlen(xml), out);
}

static void
names_and_where_the_next_page_begins_are_read(void **state)
{
	struct bucket_page page;

	assert_true(read_text(
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	    "<Name>media</Name><Prefix>p</Prefix><IsTruncated>true</IsTruncated>"
	    "<Contents><Key>p1</Key><Size>5</Size></Contents>"
	    "<Contents><Key>a &amp; b</Key><Owner><ID>x</ID></Owner></Contents>"
	    "<NextContinuationToken>1ueG/+=</NextContinuationToken>"
	    "</ListBucketResult>",
	    &page));
	assert_int_equal(page.names.n, 2);
	assert_string_equal(page.names.v[0], "p1");
	assert_string_equal(page.names.v[1], "a & b");
	assert_string_equal(page.next, "1ueG/+=");
	bucket_page_fini(&page);
}

static void
the_last_page_names_no_other(void **state)
{
	struct bucket_page page;

	assert_true(read_text("<ListBucketResult><KeyCount>0</KeyCount>"
			      "<NextContinuationToken/></ListBucketResult>",
	    &page));
	assert_int_equal(page.names.n, 0);
	assert_null(page.next);
	bucket_page_fini(&page);
}

/* What is cut off might be taken for a bucket that ends there. */
static void
what_is_no_list_or_half_of_one_is_refused(void **state)
{
	static const char *const none[] = { "", "x", "{}", "<a/>",
		"<ListBucketResult><Contents><Key>a</Key></Contents>",
		"<ListBucketResult><Key>a</ListBucketResult>",
		"<Error><Code>NoSuchBucket</Code></Error>",
		"<!DOCTYPE html><html><body>Sign in<p></body></html>" };
	struct bucket_page page;

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert_false(read_text(none[i], &page));
		assert_int_equal(page.names.n, 0);
		assert_null(page.next);
	}
}

static void
entities_are_not_followed(void **state)
{
	struct bucket_page page;
	const char *xml = "<!DOCTYPE ListBucketResult [<!ENTITY f SYSTEM "
			  "\"file:///etc/hostname\"><!ENTITY a \"aaaaaaaaaa\">]>"
			  "<ListBucketResult><Contents><Key>x&f;&a;</Key></Contents>"
			  "</ListBucketResult>";

	if (read_text(xml, &page)) {
		assert_int_equal(page.names.n, 1);
		assert_int_equal(strncmp(page.names.v[0], "x", 1), 0);
		assert_true(strlen(page.names.v[0]) <= 11);
	}
	bucket_page_fini(&page);
}

static void
expect_text(const char *xml, const char *element, const char *text)
{
	char *there = bucket_page_text(xml, strlen(xml), element);

	if (text == NULL)
		assert_null(there);
	else
		assert_string_equal(there, text);
	free(there);
}

static void
an_error_says_why(void **state)
{
	const char *xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code>"
			  "<Message><![CDATA[It is <gone>.]]></Message></Error>";

	expect_text(xml, "Code", "NoSuchKey");
	expect_text(xml, "Message", "It is <gone>.");
	expect_text(xml, "Reason", NULL);
	expect_text("<Error><Code/></Error>", "Code", "");
	expect_text("no XML", "Code", NULL);
	expect_text("", "Code", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_where_the_next_page_begins_are_read),
		cmocka_unit_test(the_last_page_names_no_other),
		cmocka_unit_test(what_is_no_list_or_half_of_one_is_refused),
		cmocka_unit_test(entities_are_not_followed),
		cmocka_unit_test(an_error_says_why),
	};

	return cmocka_run_group_tests_name("bucket_page", tests, NULL, NULL);
}
