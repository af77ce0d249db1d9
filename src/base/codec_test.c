/*
 * Base64, hex and varints: known values, all round trips, everything refused.
 * Relies on base/codec.
 * Stands beside codec.c, run by the test suite.
 */
#include "base/codec.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void
base64_encodes_the_specifications_examples(void **state)
{
	static const char *const plain[] = { "", "f", "fo", "foo", "foob", "fooba",
		"foobar" };
	static const char *const coded[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg",
		"Zm9vYmE", "Zm9vYmFy" };
	char out[16];

	for (size_t i = 0; i < 7; i++) {
		b64_encode(plain[i], i, out);
		assert_string_equal(out, coded[i]);
		assert_int_equal(strlen(out), B64_LEN(i));
	}
	b64_encode("\xfb\xff\xfe", 3, out);
	assert_string_equal(out, "+//+");
	b64url_encode("\xfb\xff\xfe", 3, out);
	assert_string_equal(out, "-__-");
}

static void
base64_of_every_length_and_byte_comes_back(void **state)
{
	uint8_t in[256], out[256];
	char text[B64_LEN(256) + 1];
	size_t n;

	for (size_t i = 0; i < 256; i++)
		in[i] = (uint8_t)(i * 167 + 13);
	for (size_t len = 0; len <= 256; len++) {
		b64_encode(in, len, text);
		assert_true(b64_decode(text, strlen(text), out, len, &n));
		assert_int_equal(n, len);
		assert_memory_equal(out, in, len);
		b64url_encode(in, len, text);
		assert_true(b64url_decode(text, strlen(text), out, len, &n));
		assert_int_equal(n, len);
		assert_memory_equal(out, in, len);
	}
}

static bool
decodes(const char *text)
{
	uint8_t out[32];
	size_t n;

	return b64_decode(text, strlen(text), out, sizeof out, &n);
}

static void
padding_is_accepted_where_it_belongs(void **state)
{
	assert_true(decodes("Zg=="));
	assert_true(decodes("Zm8="));
	assert_true(decodes("Zm9v"));
	assert_false(decodes("Zg="));
	assert_false(decodes("Zm8=="));
	assert_false(decodes("Zm9v="));
	assert_false(decodes("Zm9v===="));
	assert_false(decodes("Z==="));
	assert_false(decodes("===="));
	assert_false(decodes("=="));
	assert_false(decodes("Z=g="));
}

static void
base64_that_nobody_encodes_so_is_refused(void **state)
{
	uint8_t out[4];
	size_t n;

	assert_false(decodes("Z")); /* six bits are no byte */
	assert_false(decodes("Zm9vZ"));
	assert_false(decodes("Zh")); /* bits behind the last byte */
	assert_false(decodes("Zm9"));
	assert_false(decodes("Zm 9"));
	assert_false(decodes("Zm9v\n"));
	assert_false(decodes("Zm\xc3\xa9"));
	assert_false(decodes("-__-")); /* the other alphabet */
	assert_false(b64url_decode("+//+", 4, out, 4, &n));
	assert_false(b64_decode("Zg\0g", 4, out, 4, &n));
}

static void
the_lenient_decoder_takes_loose_ends_and_both_alphabets(void **state)
{
	static const struct {
		const char *text, *bytes;
	} taken[] = { { "Zh", "f" }, { "Zm9", "fo" }, { "Zn==", "f" }, { "Zm8", "fo" },
		{ "-__-", "\xfb\xff\xfe" }, { "+/_-", "\xfb\xff\xfe" } };
	static const char *const refused[] = { "Z", "Zm9vZ", "Zh=", "Zm 9", "Zm9v\n",
		"Zm\xc3\xa9", "Z=g=", "Zm.9" };
	uint8_t out[8];
	size_t n;

	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
		assert_true(b64_decode_lenient(
		    taken[i].text, strlen(taken[i].text), out, sizeof out, &n));
		assert_int_equal(n, strlen(taken[i].bytes));
		assert_memory_equal(out, taken[i].bytes, n);
	}
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		assert_false(b64_decode_lenient(
		    refused[i], strlen(refused[i]), out, sizeof out, &n));
}

static void
base64_longer_than_its_room_is_refused(void **state)
{
	uint8_t out[3];
	size_t n;

	assert_true(b64_decode("Zm9v", 4, out, 3, &n));
	assert_false(b64_decode("Zm9v", 4, out, 2, &n));
	assert_false(b64_decode("Zm9vYg", 6, out, 3, &n));
	assert_false(b64_decode("Zg", 2, out, 0, &n));
}

static void
hex_goes_there_and_back(void **state)
{
	uint8_t out[3];
	char text[7];

	hex_encode("\x00\xaf\xff", 3, text);
	assert_string_equal(text, "00afff");
	assert_true(hex_decode("00AFfF", 6, out));
	assert_memory_equal(out, "\x00\xaf\xff", 3);
	assert_false(hex_decode("00a", 3, out));
	assert_false(hex_decode("0g", 2, out));
	assert_false(hex_decode("g0", 2, out));
}

static void
varints_of_every_size_come_back(void **state)
{
	for (int bit = 0; bit <= 64; bit++) {
		uint64_t base = bit == 64 ? UINT64_MAX : (uint64_t)1 << bit;

		for (uint64_t v = base - 1; v != base + 2 && v + 1 != 0; v++) {
			uint8_t out[10];
			uint64_t back;
			size_t n = varint_put(out, v);

			assert_in_range(n, 1, 10);
			assert_int_equal(varint_get(out, n, &back), n);
			assert_true(back == v);
			for (size_t cut = 0; cut < n; cut++)
				assert_int_equal(varint_get(out, cut, &back), 0);
		}
	}
}

static void
the_largest_varint_takes_ten_bytes(void **state)
{
	uint8_t out[10];
	uint64_t back;

	assert_int_equal(varint_put(out, UINT64_MAX), 10);
	assert_int_equal(varint_get(out, 10, &back), 10);
	assert_true(back == UINT64_MAX);
	out[9] = 2;
	assert_int_equal(varint_get(out, 10, &back), 0);
}

static void
malformed_varints_are_refused(void **state)
{
	uint64_t v;

	assert_int_equal(varint_get((const uint8_t *)"\x80\x00", 2, &v), 0);
	assert_int_equal(varint_get((const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff"
						     "\xff\xff\xff\x01",
			     11, &v),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_encodes_the_specifications_examples),
		cmocka_unit_test(base64_of_every_length_and_byte_comes_back),
		cmocka_unit_test(padding_is_accepted_where_it_belongs),
		cmocka_unit_test(base64_that_nobody_encodes_so_is_refused),
		cmocka_unit_test(
		    the_lenient_decoder_takes_loose_ends_and_both_alphabets),
		cmocka_unit_test(base64_longer_than_its_room_is_refused),
		cmocka_unit_test(hex_goes_there_and_back),
		cmocka_unit_test(varints_of_every_size_come_back),
		cmocka_unit_test(the_largest_varint_takes_ten_bytes),
		cmocka_unit_test(malformed_varints_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
