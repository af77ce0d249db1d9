#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/guest_token.h"

static const uint8_t key[MAC_KEY_LEN] = "a key that only this test knows";

static struct guest_token
sample(void)
{
	struct guest_token t = { .issued_ms = 1700000000123,
		.expires_ms = 1700604800123 };

	memcpy(t.id, "\x00\x01\xfe\xff\x80\x7f\x10\x20\x30\x40", GUEST_ID_LEN);
	memcpy(t.device, "\xde\xad\xbe\xef\x01", GUEST_DEVICE_LEN);
	return t;
}

static void
a_token_says_what_was_put_into_it(void **state)
{
	struct guest_token t = sample(), got;
	char text[GUEST_TOKEN_LEN + 1];

	guest_token_write(key, &t, text);
	assert_int_equal(strlen(text), GUEST_TOKEN_LEN);
	assert_true(guest_token_read(key, text, &got));
	assert_memory_equal(got.id, t.id, sizeof t.id);
	assert_memory_equal(got.device, t.device, sizeof t.device);
	assert_int_equal(got.issued_ms, t.issued_ms);
	assert_int_equal(got.expires_ms, t.expires_ms);
}

static void
a_change_of_any_bit_of_any_character_is_noticed(void **state)
{
	struct guest_token t = sample(), got;
	char text[GUEST_TOKEN_LEN + 1];

	guest_token_write(key, &t, text);
	for (int at = 0; at < GUEST_TOKEN_LEN; at++) {
		for (int bit = 0; bit < 8; bit++) {
			text[at] ^= (char)(1 << bit);
			assert_false(guest_token_read(key, text, &got));
			text[at] ^= (char)(1 << bit);
		}
	}
	assert_true(guest_token_read(key, text, &got));
}

static void
a_token_cut_off_or_prolonged_is_none(void **state)
{
	struct guest_token t = sample(), got;
	char text[GUEST_TOKEN_LEN + 2];

	guest_token_write(key, &t, text);
	strcat(text, "A");
	assert_false(guest_token_read(key, text, &got));
	for (int n = GUEST_TOKEN_LEN - 1; n >= 0; n--) {
		text[n] = '\0';
		assert_false(guest_token_read(key, text, &got));
	}
}

static void
a_token_under_another_key_is_none_of_ours(void **state)
{
	static const uint8_t other[MAC_KEY_LEN] = "the key of another server ....";
	struct guest_token t = sample(), got;
	char text[GUEST_TOKEN_LEN + 1];

	guest_token_write(other, &t, text);
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
		cmocka_unit_test(a_change_of_any_bit_of_any_character_is_noticed),
		cmocka_unit_test(a_token_cut_off_or_prolonged_is_none),
		cmocka_unit_test(a_token_under_another_key_is_none_of_ours),
		cmocka_unit_test(a_localpart_leads_back_to_its_id),
		cmocka_unit_test(other_localparts_are_no_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
