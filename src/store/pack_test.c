/*
 * Packed event JSON: what goes in comes out, and damage is noticed.
 */
#include "store/pack.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "store/testing.h"

static const char *const samples[] = {
	"{}",
	"{\"auth_events\":[\"$AtTdbT-FMO1sqHgmfKCk0Bt3Wh6qAplbYRgyq9S0Nnw\","
	"\"$HmTAdgm9cTBe2BoqQlrW4SDrvF_zRmNcPbXDzOLqiUY\","
	"\"$7uvQdrmXCbqCIAWs0Zq2mSXRQgfVcwTzjUyBrqPTVGg\"],\"content\":{\"body\":"
	"\"Good morning\",\"msgtype\":\"m.text\"},\"depth\":18,\"hashes\":{\"sha256\":"
	"\"GTJTVJHjgkvUmcVWZ7Ap0kqFEQHgU1ifH2V0EcOyqaA\"},\"origin_server_ts\":"
	"1786000000000,\"prev_events\":[\"$"
	"cdVXUyXKuJDAWVr2eHPKpeCt0Dk2Jcl4XDPtYsNbYtE\"],"
	"\"room_id\":\"!XTyDdRGqjNFFIOKUCF:example.org\",\"sender\":\"@ann:example."
	"org\","
	"\"signatures\":{\"example.org\":{\"ed25519:a_Fdfs\":"
	"\"jdZ7cTzT1LmDVuDmxQyi0XHPrOyY4HA"
	"GvbFXaJzPPMo6tMSgFuBJOVnmi1v9XKnJQWsVNjJnzTAM8CKBAAAkAQ\"}},"
	"\"type\":\"m.room.message\"}",
	"{\"content\":{\"membership\":\"leave\"},\"type\":\"m.room.member\"}",
	"{\"a\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\",\"z\":\"\xf0\x9f\x98\x80\"}",
};
#define SAMPLES (sizeof samples / sizeof samples[0])

static void
what_was_packed_comes_back_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	struct buf again = { 0 };

	for (size_t i = 0; i < SAMPLES; i++) {
		size_t n = strlen(samples[i]);
		struct str packed = pack_json(f->arena, samples[i], n);
		struct str json = unpack_json(f->arena, packed);

		assert_int_equal(json.n, n);
		assert_memory_equal(json.p, samples[i], n);
		assert_int_equal(json.p[n], '\0');
		assert_true(unpack_json_to(&again, packed));
		assert_int_equal(again.n, n);
		assert_memory_equal(again.p, samples[i], n);
	}
	buf_free(&again);
}

static void
an_event_takes_little_more_than_half_its_size(void **state)
{
	struct fixture *f = *state;
	size_t n = strlen(samples[1]);

	assert_true(pack_json(f->arena, samples[1], n).n * 100 < n * 58);
}

static void
an_event_of_the_largest_size_can_be_packed(void **state)
{
	struct fixture *f = *state;
	char *json = arena_alloc(f->arena, 65537);
	uint32_t noise = 1;
	struct str back;

	memcpy(json, "{\"a\":\"", 6);
	for (int i = 6; i < 65534; i++) {
		noise = noise * 1664525 + 1013904223;
		json[i] = (char)('#' + (noise >> 24) % 57);
	}
	memcpy(json + 65534, "\"}", 2);
	back = unpack_json(f->arena, pack_json(f->arena, json, 65536));
	assert_int_equal(back.n, 65536);
	assert_memory_equal(back.p, json, 65536);
}

/* A few bits of a frame mean nothing: what they change comes out the same. */
static void
no_changed_byte_makes_another_event(void **state)
{
	struct fixture *f = *state;
	const char *json = samples[1];
	struct str packed = pack_json(f->arena, json, strlen(json));
	struct buf back = { 0 };
	size_t refused = 0;

	for (size_t i = 0; i < packed.n; i++)
		for (int change = 1; change < 256; change++) {
			/* of its own size, so that reading beyond it is seen */
			char *bytes = malloc(packed.n);

			memcpy(bytes, packed.p, packed.n);
			bytes[i] ^= (char)change;
			if (!unpack_json_to(&back, (struct str){ bytes, packed.n }))
				refused++;
			else
				assert_memory_equal(back.p, json, strlen(json));
			free(bytes);
		}
	assert_true(refused > packed.n * 254);
	buf_free(&back);
}

static void
bytes_that_are_cut_off_or_too_many_are_refused(void **state)
{
	struct fixture *f = *state;
	struct str packed = pack_json(f->arena, samples[1], strlen(samples[1]));
	char *longer = arena_alloc(f->arena, packed.n + 1);

	for (size_t n = 0; n < packed.n; n++) {
		const char *cut = arena_dup(f->arena, packed.p, n);

		assert_null(unpack_json(f->arena, (struct str){ cut, n }).p);
	}
	memcpy(longer, packed.p, packed.n);
	assert_null(unpack_json(f->arena, (struct str){ longer, packed.n + 1 }).p);
}

static void
a_frame_that_claims_to_be_huge_is_refused(void **state)
{
	struct fixture *f = *state;
	/* single segment, 8 bytes of content size */
	static const char huge[] = { 1, (char)0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0 };

	assert_null(unpack_json(f->arena, (struct str){ huge, sizeof huge }).p);
}

static void *
pack_all(void *arg)
{
	struct arena *arena = arena_new();

	for (int round = 0; round < 50; round++)
		for (size_t i = 0; i < SAMPLES; i++) {
			size_t n = strlen(samples[i]);
			struct str back =
			    unpack_json(arena, pack_json(arena, samples[i], n));

			if (back.n != n || memcmp(back.p, samples[i], n) != 0)
				*(int *)arg = 1;
		}
	arena_free(arena);
	return NULL;
}

static void
threads_pack_beside_each_other(void **state)
{
	pthread_t threads[4];
	int failed[4] = { 0 };

	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, pack_all, &failed[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(failed[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_packed_comes_back_byte_for_byte),
		TEST(an_event_takes_little_more_than_half_its_size),
		TEST(an_event_of_the_largest_size_can_be_packed),
		TEST(no_changed_byte_makes_another_event),
		TEST(bytes_that_are_cut_off_or_too_many_are_refused),
		TEST(a_frame_that_claims_to_be_huge_is_refused),
		TEST(threads_pack_beside_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
