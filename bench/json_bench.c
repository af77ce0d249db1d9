/*
 * What base/json costs per event, beside jansson: parse, six look-ups, a change, and
 * the canonical bytes of a message event of some 950 bytes, as the event intake does
 * it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/json_beside_jansson.h"

#define ROUNDS 100000
#define TRIES 5

/* A reply in a room of many servers, its keys in no order. */
static const char unsorted_event[] =
    "{\"type\":\"m.room.message\",\"room_id\":\"!OGEhHVWSdvArJzumhm:matrix.org\","
    "\"sender\":\"@alice.of.wonderland:example.org\",\"origin\":\"example.org\","
    "\"origin_server_ts\":1728394756123,\"depth\":148213,"
    "\"prev_events\":[\"$0mUCHnQ7sd8jTzbVnXq1o5FhqTPdLZxVtWgf5hEf3b0\"],"
    "\"auth_events\":[\"$lM0vO9jSrv1ZvTGZD3ZBq6aXCsKNsDhTGVbkvnrM5Yc\","
    "\"$YkT0Ymcl6DmQ4nYbC0aJ9hTzJkGhf4T6FcM4m5gYt2A\","
    "\"$8hXr3W1jJ8yS0bqVYB0FKcm3nmpk9o0cYb7w1VzEw1s\"],"
    "\"content\":{\"msgtype\":\"m.text\",\"body\":\"> <@bob:example.com> shall "
    "we?\\n\\n"
    "Yes, let us \\\"meet\\\" at the caf\xc3\xa9 - same table as the last time, "
    "please.\","
    "\"format\":\"org.matrix.custom.html\",\"formatted_body\":\"Yes, let us meet at "
    "the <b>usual</b> table.\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":"
    "\"$YkT0Ymcl6DmQ4nYbC0aJ9hTzJkGhf4T6FcM4m5gYt2A\"}}},"
    "\"hashes\":{\"sha256\":\"ZVJ5S1vYSi0qVfY8mFGa9gzAyzJcAl6M2hYwq9v6c2I\"},"
    "\"signatures\":{\"example.org\":{\"ed25519:a_RXGa\":\"KqmLSbO39/Bzb0QIYE82zqLwsA+"
    "PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw\"}}}";

static char event[2048];
static size_t event_n;
static size_t sink; /* keeps the compiler from dropping the work */

static void
once_parlour(struct arena *arena, struct buf *out)
{
	struct json *v;
	int64_t ts = 0;

	arena_reset(arena);
	buf_reset(out);
	v = json_parse_copy(arena, event, event_n, OUR_STRICT, NULL);
	sink += (unsigned char)json_get_str(v, "type")[0];
	sink += (unsigned char)json_get_str(v, "room_id")[0];
	sink += (unsigned char)json_get_str(v, "sender")[0];
	sink += json_get_int(v, "origin_server_ts", &ts);
	sink += json_get_object(v, "content")->n;
	sink += json_get_array(v, "auth_events")->n;
	json_del(v, "signatures");
	json_set_int(arena, v, "depth", ts & 0xFFFF);
	json_set_str(arena, v, "event_id", "$abc");
	json_write(out, v);
	sink += out->n;
}

static void
once_jansson(void)
{
	json_t *v = json_loadb(event, event_n, JSON_REJECT_DUPLICATES, NULL);
	json_int_t ts;
	char *text;

	sink += (unsigned char)json_string_value(json_object_get(v, "type"))[0];
	sink += (unsigned char)json_string_value(json_object_get(v, "room_id"))[0];
	sink += (unsigned char)json_string_value(json_object_get(v, "sender"))[0];
	ts = json_integer_value(json_object_get(v, "origin_server_ts"));
	sink += json_object_size(json_object_get(v, "content"));
	sink += json_array_size(json_object_get(v, "auth_events"));
	json_object_del(v, "signatures");
	json_object_set_new(v, "depth", json_integer(ts & 0xFFFF));
	json_object_set_new(v, "event_id", json_string("$abc"));
	text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
	sink += strlen(text);
	free(text);
	json_decref(v);
}

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The best of some tries, for others use the machine, too. */
static double
best_us(struct arena *arena, struct buf *out)
{
	double best = 1e9;

	for (int i = 0; i < TRIES; i++) {
		double start = now_us(), spent;

		for (int round = 0; round < ROUNDS; round++) {
			if (arena != NULL)
				once_parlour(arena, out);
			else
				once_jansson();
		}
		spent = (now_us() - start) / ROUNDS;
		if (spent < best)
			best = spent;
	}
	return best;
}

static void
compare(const char *what, struct arena *arena, struct buf *out)
{
	double ours = best_us(arena, out), theirs = best_us(NULL, NULL);

	printf("%-9s %zu bytes: base/json %.2f us, jansson %.2f us, ratio %.1f\n", what,
	    event_n, ours, theirs, theirs / ours);
}

int
main(void)
{
	struct arena *arena = arena_new();
	struct buf out = { 0 };
	size_t n;
	char *canonical;

	event_n = sizeof unsorted_event - 1;
	memcpy(event, unsorted_event, event_n);
	compare("unsorted", arena, &out);

	arena_reset(arena);
	canonical = json_text(
	    arena, json_parse_copy(arena, event, event_n, OUR_STRICT, NULL), &n);
	memcpy(event, canonical, n);
	event_n = n;
	compare("canonical", arena, &out);

	buf_free(&out);
	arena_free(arena);
	return sink == 0;
}
