/*
 * Hashes and signatures: the specification's test vectors, and what must not verify.
 * Relies on event/event_sign; the oracle in tests/oracle covers every version.
 * Stands beside event_sign.c, run by the test suite.
 */
#include "event/event_sign.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "base/codec.h"
#include "event/event.h"

struct fixture {
	struct arena *arena;
	uint8_t public[ED25519_PUBLIC_LEN], secret[ED25519_SECRET_LEN];
	struct signer signer;
};

static int
set_up(void **state)
{
	/* appendices/#cryptographic-test-vectors */
	static const char text[] = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1";
	uint8_t seed[ED25519_SEED_LEN];
	struct fixture *f = xcalloc(1, sizeof *f);
	size_t n;

	f->arena = arena_new();
	assert_true(b64_decode_lenient(text, strlen(text), seed, sizeof seed, &n));
	assert_int_equal(n, sizeof seed);
	ed25519_from_seed(seed, f->public, f->secret);
	f->signer = (struct signer){ "domain", "ed25519:1", f->secret };
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	free(f);
	return 0;
}

/* In this file ' stands for " in JSON. */
static struct json *
json_of(struct fixture *f, const char *text)
{
	char *copy = arena_strdup(f->arena, text);
	struct json *v;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	v = json_parse(f->arena, copy, strlen(copy), JSON_STRICT, NULL);
	assert_non_null(v);
	return v;
}

static const char *
signature_in(const struct json *v)
{
	return json_as_str(json_at(v, "signatures", "domain", "ed25519:1", NULL));
}

static void
objects_are_signed_as_in_the_specification(void **state)
{
	static const char *const datas[] = { "{'one':1,'two':'Two'}",
		"{'one':1,'two':'Two','unsigned':{'age':5}}",
		"{'one':1,'two':'Two','signatures':{'other':{'ed25519:x':'y'}}}" };
	struct fixture *f = *state;
	struct json *empty = json_of(f, "{}");

	json_sign(f->arena, &f->signer, empty);
	assert_string_equal(signature_in(empty),
	    "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/"
	    "7Xg4ahLwYGYZzuHGZKM5ZAQ");
	/* unsigned and signatures are not covered. */
	for (size_t i = 0; i < sizeof datas / sizeof datas[0]; i++) {
		struct json *data = json_of(f, datas[i]);

		json_sign(f->arena, &f->signer, data);
		assert_string_equal(signature_in(data),
		    "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/"
		    "fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw");
		assert_true(json_verify(data, "domain", "ed25519:1", f->public));
	}
}

/* Spec: appendices/#event-signing */
static const char minimal[] =
    "{'room_id':'!x:domain','sender':'@a:domain','origin':'domain',"
    "'origin_server_ts':1000000,'signatures':{},'hashes':{},'type':'X','content':{},"
    "'prev_events':[],'auth_events':[],'depth':3,'unsigned':{'age_ts':1000000}}";
static const char redactable[] =
    "{'content':{'body':'Here is the message content'},'event_id':'$0:domain',"
    "'origin':'domain','origin_server_ts':1000000,'type':'m.room.message',"
    "'room_id':'!r:domain','sender':'@u:domain','signatures':{},"
    "'unsigned':{'age_ts':1000000}}";

static void
check_sealed(struct fixture *f, const char *version, const char *text, const char *hash,
    const char *signature)
{
	struct json *event = json_of(f, text);
	const struct room_version *v = room_version_find(version);
	struct sealed_event sealed;

	assert_int_equal(event_seal(f->arena, v, &f->signer, event, &sealed), M_OK);
	assert_string_equal(
	    json_as_str(json_at(event, "hashes", "sha256", NULL)), hash);
	assert_string_equal(signature_in(event), signature);
	assert_string_equal(sealed.bytes, json_text(f->arena, event, NULL));
	assert_int_equal(sealed.n, strlen(sealed.bytes));
	assert_string_equal(sealed.event_id, event_id_of(f->arena, v, event));
	assert_true(event_verify(f->arena, v, event, "domain", "ed25519:1", f->public));
	assert_true(event_content_hash_matches(event));
}

static void
events_are_signed_as_in_the_specification(void **state)
{
	check_sealed(*state, "4", minimal,
	    "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos",
	    "KxwGjPSDEtvnFgU00fwFz+"
	    "l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMsz"
	    "kwsQma+lYAg");
	check_sealed(*state, "1", redactable,
	    "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g",
	    "Wm+VzmOUOz08Ds+"
	    "0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5"
	    "McEiVPdhzBA");
}

static void
a_redacted_event_keeps_its_signature_and_id_but_not_its_hash(void **state)
{
	struct fixture *f = *state;
	const struct room_version *v = room_version_find("10");
	struct json *event = json_of(f, redactable);
	struct sealed_event sealed;

	assert_int_equal(event_seal(f->arena, v, &f->signer, event, &sealed), M_OK);
	json_set(f->arena, event, "content", json_object(f->arena));
	assert_true(event_verify(f->arena, v, event, "domain", "ed25519:1", f->public));
	assert_string_equal(event_id_of(f->arena, v, event), sealed.event_id);
	assert_false(event_content_hash_matches(event));
}

static void
whatever_is_covered_cannot_be_changed(void **state)
{
	static const char *const covered[] = { "sender", "room_id", "type", "state_key",
		"event_id" };
	struct fixture *f = *state;
	const struct room_version *v = room_version_find("10");
	struct json *event = json_of(f, redactable), *changed;
	struct sealed_event sealed;

	assert_int_equal(event_seal(f->arena, v, &f->signer, event, &sealed), M_OK);
	for (size_t i = 0; i < sizeof covered / sizeof covered[0]; i++) {
		changed = json_shallow(f->arena, event);
		json_set_str(f->arena, changed, covered[i], "other");
		assert_false(event_verify(
		    f->arena, v, changed, "domain", "ed25519:1", f->public));
		assert_string_not_equal(
		    event_id_of(f->arena, v, changed), sealed.event_id);
	}
	changed = json_shallow(f->arena, event);
	json_set(f->arena, changed, "unsigned", json_of(f, "{'age':99}"));
	assert_true(
	    event_verify(f->arena, v, changed, "domain", "ed25519:1", f->public));
}

static void
signatures_that_are_none_do_not_verify(void **state)
{
	static const char *const texts[] = { "[]", "5", "{}", "{'signatures':[]}",
		"{'signatures':{'domain':5}}", "{'signatures':{'domain':{}}}",
		"{'signatures':{'domain':{'ed25519:1':5}}}",
		"{'signatures':{'domain':{'ed25519:1':''}}}",
		"{'signatures':{'domain':{'ed25519:1':'AAAA'}}}",
		"{'signatures':{'domain':{'ed25519:1':'!!!!'}}}" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const struct json *v = json_of(f, texts[i]);

		assert_false(json_verify(v, "domain", "ed25519:1", f->public));
		assert_false(event_verify(f->arena, room_version_default(), v, "domain",
		    "ed25519:1", f->public));
		assert_false(event_content_hash_matches(v));
	}
}

/* The same bytes with another last letter: only bits that are none of theirs differ. */
static const char *
with_a_loose_end(struct fixture *f, const char *text)
{
	char *copy = arena_strdup(f->arena, text);
	char *last = &copy[strlen(copy) - 1];

	assert_non_null(strchr("AEIMQUYcgkosw048", *last));
	++*last;
	return copy;
}

static void
bits_behind_the_last_byte_of_hash_and_signature_do_not_count(void **state)
{
	struct fixture *f = *state;
	const struct room_version *v = room_version_find("10");
	struct json *event = json_of(f, redactable), *hashes = json_object(f->arena);
	struct json *ours = json_object(f->arena), *all = json_object(f->arena);
	struct sealed_event sealed;

	assert_int_equal(event_seal(f->arena, v, &f->signer, event, &sealed), M_OK);
	json_set_str(
	    f->arena, ours, "ed25519:1", with_a_loose_end(f, signature_in(event)));
	json_set(f->arena, all, "domain", ours);
	json_set(f->arena, event, "signatures", all);
	assert_true(event_verify(f->arena, v, event, "domain", "ed25519:1", f->public));
	json_set_str(f->arena, hashes, "sha256",
	    with_a_loose_end(f, json_as_str(json_at(event, "hashes", "sha256", NULL))));
	json_set(f->arena, event, "hashes", hashes);
	assert_true(event_content_hash_matches(event));
}

static void
another_key_or_server_does_not_verify(void **state)
{
	struct fixture *f = *state;
	struct json *v = json_of(f, "{'a':1}");
	uint8_t other[ED25519_PUBLIC_LEN];

	json_sign(f->arena, &f->signer, v);
	memcpy(other, f->public, sizeof other);
	other[0] ^= 1;
	assert_false(json_verify(v, "domain", "ed25519:1", other));
	assert_false(json_verify(v, "domain", "ed25519:2", f->public));
	assert_false(json_verify(v, "other", "ed25519:1", f->public));
}

static void
another_signature_stands_beside_the_first(void **state)
{
	struct fixture *f = *state;
	const struct room_version *v = room_version_find("9");
	struct signer second = { "second", "ed25519:x", f->secret };
	struct json *event = json_of(f, redactable);
	struct sealed_event sealed;

	assert_int_equal(event_seal(f->arena, v, &f->signer, event, &sealed), M_OK);
	event_add_signature(f->arena, v, &second, event);
	assert_true(event_verify(f->arena, v, event, "domain", "ed25519:1", f->public));
	assert_true(event_verify(f->arena, v, event, "second", "ed25519:x", f->public));
	assert_string_equal(event_id_of(f->arena, v, event), sealed.event_id);
}

static void
only_old_versions_are_given_an_event_id(void **state)
{
	struct fixture *f = *state;
	struct sealed_event sealed;
	struct json *event = json_of(f, minimal);

	assert_int_equal(
	    event_seal(f->arena, room_version_find("2"), &f->signer, event, &sealed),
	    M_OK);
	assert_string_equal(json_get_str(event, "event_id"), sealed.event_id);
	assert_string_equal(strchr(sealed.event_id, ':'), ":domain");
	event = json_of(f, minimal);
	assert_int_equal(
	    event_seal(f->arena, room_version_find("3"), &f->signer, event, &sealed),
	    M_OK);
	assert_null(json_get(event, "event_id"));
}

/* Seals a message whose canonical form has total bytes, if that can be. */
static enum mx_err
seal_sized(struct fixture *f, size_t total, size_t *n_out)
{
	struct json *event = json_of(f, minimal);
	struct json *content = json_object(f->arena);
	struct sealed_event sealed;
	char *body;

	json_set_str(f->arena, content, "body", "");
	json_set(f->arena, event, "content", content);
	assert_int_equal(
	    event_seal(f->arena, room_version_default(), &f->signer, event, &sealed),
	    M_OK);
	body = arena_alloc(f->arena, total - sealed.n + 1);
	memset(body, 'x', total - sealed.n);
	json_set_str(f->arena, content, "body", body);
	json_set(f->arena, event, "content", content);
	*n_out = 0;
	if (event_seal(f->arena, room_version_default(), &f->signer, event, &sealed) !=
	    M_OK)
		return M_TOO_LARGE;
	*n_out = sealed.n;
	return M_OK;
}

static void
an_event_has_at_most_65536_bytes(void **state)
{
	size_t n;

	assert_int_equal(seal_sized(*state, EVENT_SIZE_MAX, &n), M_OK);
	assert_int_equal(n, EVENT_SIZE_MAX);
	assert_int_equal(seal_sized(*state, EVENT_SIZE_MAX + 1, &n), M_TOO_LARGE);
}

static void
old_versions_name_events_with_their_hashes(void **state)
{
	struct fixture *f = *state;
	const struct json *event = json_of(f, redactable);
	struct json *ref;

	ref = event_ref_json(f->arena, room_version_find("3"), "$a", NULL);
	assert_string_equal(json_as_str(ref), "$a");
	ref = event_ref_json(f->arena, room_version_find("1"), "$0:domain", event);
	assert_int_equal(ref->n, 2);
	assert_string_equal(json_as_str(&ref->items[0]), "$0:domain");
	/* SHA-256 of the redacted event: what it says of itself is not covered. */
	assert_string_equal(json_get_str(&ref->items[1], "sha256"),
	    "ge4h5dDFqFrYJZr1R148fCEcCw3oXSSZD3+a+XNI/ws");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(objects_are_signed_as_in_the_specification),
		TEST(events_are_signed_as_in_the_specification),
		TEST(a_redacted_event_keeps_its_signature_and_id_but_not_its_hash),
		TEST(whatever_is_covered_cannot_be_changed),
		TEST(signatures_that_are_none_do_not_verify),
		TEST(bits_behind_the_last_byte_of_hash_and_signature_do_not_count),
		TEST(another_key_or_server_does_not_verify),
		TEST(another_signature_stands_beside_the_first),
		TEST(only_old_versions_are_given_an_event_id),
		TEST(an_event_has_at_most_65536_bytes),
		TEST(old_versions_name_events_with_their_hashes),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
