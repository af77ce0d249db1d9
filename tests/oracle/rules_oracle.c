/*
 * Our side of the comparison with another implementation: reads questions about events,
 * one JSON object a line, and answers each with one line. Relies on event/ alone;
 * driven by test_oracle.py, which puts the same questions to Synapse's library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include "base/codec.h"
#include "base/crypto.h"
#include "event/auth_rules.h"
#include "event/event_sign.h"
#include "event/redact.h"

#define STATE_MAX 64

/* The events that stand in the state of the question. */
struct given {
	struct event *events[STATE_MAX];
	int n;
};

static const struct event *
given_get(void *arg, const char *type, const char *state_key)
{
	const struct given *given = arg;

	for (int i = 0; i < given->n; i++)
		if (event_is(given->events[i], type, state_key))
			return given->events[i];
	return NULL;
}

static void
answer_hash(struct arena *arena, struct json *to, const char *key, const uint8_t *hash)
{
	char text[B64_LEN(SHA256_LEN) + 1];

	b64_encode(hash, SHA256_LEN, text);
	json_set_str(arena, to, key, text);
}

/* Hashes, id, redacted form and sealed form of an event. */
static void
answer_seal(struct arena *arena, const struct room_version *version,
    const struct json *question, struct json *to)
{
	const struct json *event = json_get(question, "event");
	const struct json *seed = json_get(question, "seed");
	struct json *own = json_shallow(arena, event);
	uint8_t raw[ED25519_SEED_LEN], public[ED25519_PUBLIC_LEN];
	uint8_t secret[ED25519_SECRET_LEN], hash[SHA256_LEN];
	struct signer signer = { json_get_str(question, "server"),
		json_get_str(question, "key_id"), secret };
	struct sealed_event sealed;
	size_t n;

	if (!b64_decode(seed->s, seed->n, raw, sizeof raw, &n))
		exit(2);
	ed25519_from_seed(raw, public, secret);
	event_content_hash(event, hash);
	answer_hash(arena, to, "content_hash", hash);
	event_reference_hash(arena, version, event, hash);
	answer_hash(arena, to, "reference_hash", hash);
	json_set(arena, to, "redacted", redact_event(arena, version, event));
	if (event_seal(arena, version, &signer, own, &sealed) != M_OK)
		return;
	json_set_str(arena, to, "event_id", sealed.event_id);
	json_set(arena, to, "sealed", json_strn(arena, sealed.bytes, sealed.n));
	json_set_bool(arena, to, "verified",
	    event_verify(
		arena, version, own, signer.server_name, signer.key_id, public) &&
		event_content_hash_matches(own));
}

static struct event *
parse(struct arena *arena, const struct room_version *version, const struct json *from,
    const char **why_out)
{
	struct event *e;

	if (event_parse(arena, version, json_get(from, "json"),
		json_get_str(from, "event_id"), why_out, &e) != M_OK)
		return NULL;
	return e;
}

/* The rules' verdict on an event, by state and by auth_events (the same list; create
 * is for version 12, where it is not in auth_events). */
static void
answer_auth(struct arena *arena, const struct room_version *version,
    const struct json *question, struct json *to)
{
	const struct json *list = json_get_array(question, "state");
	struct given given = { .n = 0 };
	struct auth_state state = { .get = given_get, .arg = &given };
	struct auth_ref refs[STATE_MAX];
	const char *why = "";
	struct event *e = parse(arena, version, json_get(question, "event"), &why);
	bool allowed = false, refs_allowed = false;

	for (uint32_t i = 0; list != NULL && i < list->n && i < STATE_MAX; i++) {
		struct event *held = parse(arena, version, &list->items[i], &why);

		if (held == NULL)
			break;
		refs[given.n] = (struct auth_ref){ held,
			json_get_bool(&list->items[i], "rejected", false) };
		given.events[given.n++] = held;
	}
	if (e != NULL && (list == NULL || given.n == (int)list->n)) {
		struct event *create =
		    parse(arena, version, json_get(question, "create"), &why);

		json_set_bool(arena, to, "parsed", true);
		refs_allowed =
		    auth_check_events(e, refs, given.n, create, &why) == M_OK;
		json_set_str(arena, to, "refs_why", refs_allowed ? "" : why);
		allowed = auth_check(e, &state, &why) == M_OK;
	}
	json_set_bool(arena, to, "allowed", allowed);
	json_set_bool(arena, to, "refs_allowed", refs_allowed);
	json_set_str(arena, to, "why", allowed ? "" : why);
}

/* The auth events selection of an event. */
static void
answer_types(struct arena *arena, const struct room_version *version,
    const struct json *question, struct json *to)
{
	const struct json *event = json_get(question, "event");
	struct json *list = json_array(arena);
	struct auth_type types[AUTH_TYPES_MAX];
	int n = auth_types_for_event(version, json_get_str(event, "type"),
	    json_get_str(event, "sender"), json_get_str(event, "state_key"),
	    json_get(event, "content"), types);

	for (int i = 0; i < n; i++) {
		struct json *pair = json_array(arena);

		json_push(arena, pair, json_str(arena, types[i].type));
		json_push(arena, pair, json_str(arena, types[i].state_key));
		json_push(arena, list, pair);
	}
	json_set(arena, to, "types", list);
}

static void
answer(struct arena *arena, char *line, size_t n)
{
	const struct json *question = json_parse(arena, line, n, JSON_LENIENT, NULL);
	const struct room_version *version =
	    room_version_find(json_get_str(question, "version"));
	const char *op = json_get_str(question, "op");
	struct json *to = json_object(arena);

	if (op == NULL || version == NULL)
		exit(2);
	if (strcmp(op, "seal") == 0)
		answer_seal(arena, version, question, to);
	else if (strcmp(op, "auth") == 0)
		answer_auth(arena, version, question, to);
	else if (strcmp(op, "types") == 0)
		answer_types(arena, version, question, to);
	else
		exit(2);
	puts(json_text(arena, to, NULL));
}

int
main(void)
{
	struct arena *arena = arena_new();
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	crypto_init();
	while ((n = getline(&line, &cap, stdin)) > 0) {
		answer(arena, line, (size_t)n);
		arena_reset(arena);
	}
	free(line);
	arena_free(arena);
	return 0;
}
