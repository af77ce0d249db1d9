/*
 * Hashes and signatures of events and of JSON in general, on trees. Relies on
 * base/json, base/crypto and event/redact. Pure: keys are handed in. Spec:
 * server-server-api/#signing-events, appendices/#signing-json
 */
#ifndef EVENT_EVENT_SIGN_H
#define EVENT_EVENT_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/json.h"
#include "event/room_version.h"

/* An event id is "$", a hash in Base64 (43) and a NUL. */
#define EVENT_HASH_ID_LEN 45

/* Who signs. Borrowed. */
struct signer {
	const char *server_name;
	const char *key_id;    /* "ed25519:a_xyz" */
	const uint8_t *secret; /* ED25519_SECRET_LEN */
};

/* SHA-256 of the event without unsigned, signatures and hashes.
 * Spec: server-server-api/#calculating-the-content-hash-for-an-event */
void event_content_hash(const struct json *event, uint8_t out[SHA256_LEN]);
/* Does hashes.sha256 say what event_content_hash finds? */
bool event_content_hash_matches(const struct json *event);
/* SHA-256 of the redacted event without signatures and unsigned.
 * Spec: server-server-api/#calculating-the-reference-hash-for-an-event */
void event_reference_hash(struct arena *arena, const struct room_version *version,
    const struct json *event, uint8_t out[SHA256_LEN]);
/* The id of an event of version 3 and above, in the arena; of 1 and 2: what the event
 * says, or NULL. */
const char *event_id_of(
    struct arena *arena, const struct room_version *version, const struct json *event);

/* A finished event. */
struct sealed_event {
	const char *event_id;
	const char *bytes; /* canonical, NUL-terminated: ready to be stored and sent */
	size_t n;
};

/*
 * Turns event (everything but hashes, signatures and id) into a finished one: sets its
 * `hashes` and `signatures` (replacing what was there) and, in versions 1 and 2, an
 * `event_id` if it has none; writes it down. All in the arena, event itself too.
 * M_TOO_LARGE above EVENT_SIZE_MAX.
 * Spec: server-server-api/#adding-hashes-and-signatures-to-outgoing-events
 */
enum mx_err event_seal(struct arena *arena, const struct room_version *version,
    const struct signer *signer, struct json *event, struct sealed_event *out) MUST_USE;

/* Adds one more signature to a finished event (invites, restricted joins). */
void event_add_signature(struct arena *arena, const struct room_version *version,
    const struct signer *signer, struct json *event);
/* Is the signature that event carries of server_name under key_id valid? False if there
 * is none. */
bool event_verify(struct arena *arena, const struct room_version *version,
    const struct json *event, const char *server_name, const char *key_id,
    const uint8_t public_key[ED25519_PUBLIC_LEN]);

/* The same for any object: adds signatures.<server>.<key_id>; unsigned is not covered.
 * Spec: appendices/#signing-details */
void json_sign(struct arena *arena, const struct signer *signer, struct json *object);
bool json_verify(const struct json *object, const char *server_name, const char *key_id,
    const uint8_t public_key[ED25519_PUBLIC_LEN]);
/* Where many signatures of one object are looked at: what they cover (the canonical
 * object without signatures and unsigned), and whether `said` is one of it by this key.
 */
void json_covered(struct buf *out, const struct json *object);
bool json_verify_covered(const struct buf *covered, const struct json *said,
    const uint8_t public_key[ED25519_PUBLIC_LEN]);
/* How an event is named in prev_events and auth_events: its id, or in versions 1 and 2
 * [id, {"sha256": reference hash}]. event may be NULL in version 3 and above. */
struct json *event_ref_json(struct arena *arena, const struct room_version *version,
    const char *event_id, const struct json *event);

#endif
