#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/guest_token.h"

static const uint8_t secret[32] = "a key that only this test knows";
static struct guest_key key_of_all;
static const struct guest_key *const key = &key_of_all;

static struct guest_token
sample(void)
{
	struct guest_token t = { .issued_ms = 1700000000123,
		.expires_ms = 1700604800123 };

	memcpy(t.id, "\x00\x01\xfe\xff\x80\x7f\x10\x20\x30\x40", GUEST_ID_LEN);
	memcpy(t.device, "\xde\xad\xbe\xef\x01", GUEST_DEVICE_LEN);
	return t;
}

static struct guest_token
named(const char *name)
{
	struct guest_token t = sample();

	strcpy(t.name, name);
	return t;
}

static const char name_64[] =
    "0123456789012345678901234567890123456789012345678901234567890123";

static void
a_token_says_what_was_put_into_it(void **state)
{
	struct guest_token t = sample(), got;
	char text[GUEST_TOKEN_MAX + 1];

	guest_token_write(key, &t, text);
	assert_int_equal(strlen(text), GUEST_TOKEN_LEN);
	assert_true(guest_token_read(key, text, &got));
	assert_memory_equal(got.id, t.id, sizeof t.id);
	assert_memory_equal(got.device, t.device, sizeof t.device);
	assert_int_equal(got.issued_ms, t.issued_ms);
	assert_int_equal(got.expires_ms, t.expires_ms);
	assert_string_equal(got.name, "");
}

static void
a_token_carries_a_name_of_any_length_up_to_64(void **state)
{
	char text[GUEST_TOKEN_MAX + 1];

	for (size_t n = 1; n <= GUEST_NAME_MAX; n++) {
		struct guest_token t = named(&name_64[GUEST_NAME_MAX - n]), got;

		guest_token_write(key, &t, text);
		assert_true(strlen(text) <= GUEST_TOKEN_MAX);
		assert_true(guest_token_read(key, text, &got));
		assert_string_equal(got.name, t.name);
		assert_memory_equal(got.id, t.id, sizeof t.id);
		assert_int_equal(got.expires_ms, t.expires_ms);
	}
}

static void
a_token_from_before_there_were_names_is_good(void **state)
{
	struct guest_token t = sample(), got;

	assert_true(guest_token_read(key,
	    "plg_AVIAAf7_gH8QIDBA3q2-7wEBi8_laHsBi_Px7HtC1nn1JGJAsYbbfpOjXATZ", &got));
	assert_memory_equal(got.id, t.id, sizeof t.id);
	assert_int_equal(got.expires_ms, t.expires_ms);
	assert_string_equal(got.name, "");
}

static void
notices_any_change(const struct guest_token *t)
{
	char text[GUEST_TOKEN_MAX + 1];
	struct guest_token got;

	guest_token_write(key, t, text);
	for (int at = 0; text[at] != '\0'; at++) {
		for (int bit = 0; bit < 8; bit++) {
			text[at] ^= (char)(1 << bit);
			assert_false(guest_token_read(key, text, &got));
			text[at] ^= (char)(1 << bit);
		}
	}
	assert_true(guest_token_read(key, text, &got));
}

static void
a_change_of_any_bit_of_any_character_is_noticed(void **state)
{
	struct guest_token plain = sample(), with_name = named("the web");

	notices_any_change(&plain);
	notices_any_change(&with_name);
}

static void
is_none_cut_off_or_prolonged(const struct guest_token *t)
{
	char text[GUEST_TOKEN_MAX + 5];
	struct guest_token got;
	size_t n;

	guest_token_write(key, t, text);
	n = strlen(text);
	for (size_t more = 1; more <= 4; more++) {
		memcpy(text + n, "AAAA", more);
		text[n + more] = '\0';
		assert_false(guest_token_read(key, text, &got));
	}
	strcpy(text + n, "=");
	assert_false(guest_token_read(key, text, &got));
	while (n-- > 0) {
		text[n] = '\0';
		assert_false(guest_token_read(key, text, &got));
	}
}

static void
a_token_cut_off_or_prolonged_is_none(void **state)
{
	struct guest_token plain = sample(), with_name = named("the web"),
			   longest = named(name_64);

	is_none_cut_off_or_prolonged(&plain);
	is_none_cut_off_or_prolonged(&with_name);
	is_none_cut_off_or_prolonged(&longest);
}

static void
a_token_under_another_key_is_none_of_ours(void **state)
{
	static const uint8_t others[32] = "the key of another server ....";
	struct guest_token t = sample(), got;
	char text[GUEST_TOKEN_MAX + 1];
	struct guest_key other;

	guest_key_init(&other, others);
	guest_token_write(&other, &t, text);
	assert_false(guest_token_read(key, text, &got));
}

static void
a_localpart_leads_back_to_its_id(void **state)
{
	struct guest_token t = sample();
	char text[GUEST_LOCALPART_LEN + 1], with_server[64];
	uint8_t id[GUEST_ID_LEN];

	guest_localpart(t.id, text);
	assert_string_equal(text, "guest-aaa7574ap4icamca");
	assert_true(guest_id_of(text, id));
	assert_memory_equal(id, t.id, sizeof id);
	strcpy(with_server, text);
	strcat(with_server, ":example.org");
	assert_true(guest_id_of(with_server, id));
}

static void
other_localparts_are_no_guests(void **state)
{
	static const char *const others[] = { "", "ann", "guest-", "guest-ann",
		"guest-aaa7574ap4icamc", "guest-aaa7574ap4icamcaa",
		"guest-aaa7574ap4icamc1", "guest-AAA7574AP4ICAMCA",
		"ghost-aaa7574ap4icamca" };
	uint8_t id[GUEST_ID_LEN];

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(guest_id_of(others[i], id));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_says_what_was_put_into_it),
		cmocka_unit_test(a_token_carries_a_name_of_any_length_up_to_64),
		cmocka_unit_test(a_token_from_before_there_were_names_is_good),
		cmocka_unit_test(a_change_of_any_bit_of_any_character_is_noticed),
		cmocka_unit_test(a_token_cut_off_or_prolonged_is_none),
		cmocka_unit_test(a_token_under_another_key_is_none_of_ours),
		cmocka_unit_test(a_localpart_leads_back_to_its_id),
		cmocka_unit_test(other_localparts_are_no_guests),
	};

	guest_key_init(&key_of_all, secret);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
