/*
 * Token buckets in a table of fixed size. Relies on base/map's keyed hash, so that
 * nobody outside can aim for another's bucket.
 * On the io thread, before a request goes anywhere.
 */
#include "api/limit.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/map.h"
#include "core/guest_token.h"

/* How much at once, and how much a second after that. Guests get less to write. */
static const struct {
	float burst, refill;
	float guest_burst, guest_refill;
	bool by_address; /* whatever the token: who asks has none worth counting */
} classes[] = {
	[READ] = { 200, 50, 200, 50, false },
	[SEND] = { 50, 10, 20, 2, false },
	[JOIN] = { 30, 2, 10, 0.5f, false },
	[CREATE] = { 20, 0.5f, 1, 0.1f, false },
	[LOGIN] = { 20, 0.5f, 20, 0.5f, true },
	[REGISTER] = { 20, 0.2f, 20, 0.2f, true },
	[GUEST_REGISTER] = { 100, 10, 100, 10, true },
	[POLL] = { 60, 20, 60, 20, false },
	[PREVIEW] = { 50, 1, 50, 1, false },
	[VIEW] = { 100, 10, 100, 10, true },
	[VIEW_PAST] = { 30, 1, 30, 1, true },
	[VIEW_PICTURE] = { 2000, 200, 2000, 200, true },
};

/* Invented tokens must not be a way around: an address has this many times as much for
 * all of its tokens together. */
#define TOKENS_PER_ADDRESS 100

#define SETS 16384
#define WAYS 4
/* No bucket takes longer to be full again. */
#define LONGEST_US INT64_C(200000000)

/*
 * A bucket is one word, so that no lock is needed: a part of its key, and when it will
 * be full again (clock_mono_us; comes round after twelve days). Each one taken puts
 * that off.
 */
#define TIME_BITS 40
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

/* Shared; anybody may take at any time. */
struct limits {
	bool on;
	_Atomic uint64_t sets[SETS][WAYS];
};

struct limits *
limits_new(bool on)
{
	struct limits *limits = xpages(sizeof *limits);

	limits->on = on;
	return limits;
}

void
limits_free(struct limits *limits)
{
	xpages_free(limits, sizeof *limits);
}

enum limit_class
limit_class_of(const struct route *route, struct str query)
{
	struct str kind;

	if (route->limit == REGISTER && uri_query_raw(query, "kind", &kind) &&
	    str_is(kind, "guest"))
		return GUEST_REGISTER;
	return route->limit;
}

/* How long until it is full. */
static int64_t
filling_us(uint64_t bucket, uint64_t now_us)
{
	uint64_t left = (bucket - now_us) & TIME_MASK;

	return left > (uint64_t)LONGEST_US ? 0 : (int64_t)left;
}

static bool
has_tag(uint64_t bucket, uint64_t tag)
{
	return (bucket & ~TIME_MASK) == tag;
}

/* The bucket with this tag; of the others in its set the one that is full soonest gives
 * way. */
static _Atomic uint64_t *
find(_Atomic uint64_t *set, uint64_t tag, uint64_t now_us, uint64_t *bucket_out)
{
	_Atomic uint64_t *victim = NULL;
	int64_t soonest = INT64_MAX;

	for (int way = 0; way < WAYS; way++) {
		uint64_t bucket = atomic_load_explicit(&set[way], memory_order_relaxed);
		int64_t left_us = filling_us(bucket, now_us);

		if (has_tag(bucket, tag)) {
			*bucket_out = bucket;
			return &set[way];
		}
		if (left_us < soonest) {
			soonest = left_us;
			victim = &set[way];
			*bucket_out = bucket;
		}
	}
	return victim;
}

static bool
take(struct limits *limits, uint64_t key, float burst, float refill, int *retry_ms_out)
{
	uint64_t now_us = (uint64_t)clock_mono_us(), tag = key & ~TIME_MASK, bucket;
	int64_t one_us = (int64_t)(1000000 / refill), most_us = (int64_t)burst * one_us,
		filling;
	_Atomic uint64_t *at;

	do {
		at = find(limits->sets[key % SETS], tag, now_us, &bucket);
		filling = has_tag(bucket, tag) ? filling_us(bucket, now_us) : 0;
		filling += one_us;
		if (filling > most_us) {
			*retry_ms_out = (int)((filling - most_us) / 1000) + 1;
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(at, &bucket,
	    tag | ((now_us + (uint64_t)filling) & TIME_MASK), memory_order_relaxed,
	    memory_order_relaxed));
	return true;
}

/* What a bucket is for; hashed as it lies in memory, hence no padding. */
struct key {
	uint64_t who;
	uint64_t class;
};

static uint64_t
key_of(enum limit_class class, uint64_t who, bool is_address)
{
	struct key key = { who, (uint64_t) class << 1 | is_address };

	return map_hash(&key, sizeof key);
}

static bool
is_guest(struct str token)
{
	return str_starts(token, GUEST_PREFIX);
}

bool
limits_take(struct limits *limits, enum limit_class class, const struct in6_addr *peer,
    struct str token, int *retry_ms_out)
{
	uint64_t address = key_of(class, address_hash(peer), true);
	float burst, refill;

	if (!limits->on || class == FREE)
		return true;
	burst = is_guest(token) ? classes[class].guest_burst : classes[class].burst;
	refill = is_guest(token) ? classes[class].guest_refill : classes[class].refill;
	if (token.n == 0 || classes[class].by_address)
		return take(limits, address, classes[class].burst,
		    classes[class].refill, retry_ms_out);
	return take(limits, key_of(class, map_hash(token.p, token.n), false), burst,
		   refill, retry_ms_out) &&
	       take(limits, address + 1, classes[class].burst * TOKENS_PER_ADDRESS,
		   classes[class].refill * TOKENS_PER_ADDRESS, retry_ms_out);
}

/* --- behind proxies --- */

bool
address_is_trusted(
    const struct in6_addr *address, const struct trusted_proxy *trusted, int count)
{
	for (int i = 0; i < count; i++) {
		int whole = trusted[i].prefix / 8, rest = trusted[i].prefix % 8;
		const uint8_t *a = address->s6_addr, *b = trusted[i].network.s6_addr;

		if (memcmp(a, b, (size_t)whole) == 0 &&
		    (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0))
			return true;
	}
	return false;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80" */
static bool
parse_address(struct str s, struct in6_addr *out)
{
	char text[INET6_ADDRSTRLEN + 8];
	struct in_addr v4;
	char *start = text, *colon;

	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	if (s.n == 0 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	colon = strchr(text, ':');
	if (text[0] == '[') {
		start++;
		text[strcspn(text, "]")] = '\0';
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		*colon = '\0';
	}
	if (inet_pton(AF_INET6, start, out) == 1)
		return true;
	if (inet_pton(AF_INET, start, &v4) != 1)
		return false;
	*out = address_of_v4(&v4);
	return true;
}

/* The last element of a comma-separated list, which becomes shorter by it. */
static struct str
take_last(struct str *list)
{
	struct str last = *list;
	size_t i = list->n;

	while (i > 0 && list->p[i - 1] != ',')
		i--;
	last.p += i;
	last.n -= i;
	list->n = i == 0 ? 0 : i - 1;
	return last;
}

/* From the nearest hop outwards: each name is believed as long as who gave it is. */
struct in6_addr
client_address(
    const struct http_request *request, const struct trusted_proxy *trusted, int count)
{
	struct in6_addr hop = request->peer, before;
	const struct http_head *head = &request->head;

	for (int i = head->header_count - 1; i >= 0; i--) {
		struct str list = head->headers[i].value;

		if (!str_ieq(head->headers[i].name, "x-forwarded-for"))
			continue;
		while (list.n > 0) {
			if (!address_is_trusted(&hop, trusted, count) ||
			    !parse_address(take_last(&list), &before))
				return hop;
			hop = before;
		}
	}
	return hop;
}
