/*
 * Content hash, reference hash, event id, signatures. Relies on event/redact for what a
 * signature covers; the last step of every local send (event_seal) and the first check
 * of every event from elsewhere.
 */
#include "event/event_sign.h"

#include <string.h>
#include "base/codec.h"
#include "event/event.h"
#include "event/ids.h"
#include "event/redact.h"

#define SIGNATURE_B64_LEN B64_LEN(ED25519_SIGNATURE_LEN)
#define HASH_B64_LEN B64_LEN(SHA256_LEN)

static void
write_member(struct buf *out, const struct json_member *m)
{
	if (out->p[out->n - 1] != '{')
		buf_char(out, ',');
	buf_json(out, m->key, m->key_n);
	buf_char(out, ':');
	json_write(out, &m->value);
}

static bool
key_is(const struct json_member *m, const char *key)
{
	return m->key_n == strlen(key) && memcmp(m->key, key, m->key_n) == 0;
}

void
json_covered(struct buf *out, const struct json *object)
{
	buf_char(out, '{');
	for (uint32_t i = 0; i < object->n; i++)
		if (!key_is(&object->members[i], "signatures") &&
		    !key_is(&object->members[i], "unsigned"))
			write_member(out, &object->members[i]);
	buf_char(out, '}');
}

/* Not covered by the content hash. */
static bool
is_unhashed(const struct json_member *m)
{
	return key_is(m, "hashes") || key_is(m, "signatures") || key_is(m, "unsigned");
}

/*
 * The canonical object without hashes, signatures and unsigned: what the content hash
 * covers. ends (one for each member, or NULL) receives where each written member ends.
 */
static void
write_hashed(struct buf *out, const struct json *object, size_t *ends)
{
	buf_char(out, '{');
	for (uint32_t i = 0; json_is(object, JSON_OBJECT) && i < object->n; i++) {
		if (is_unhashed(&object->members[i]))
			continue;
		write_member(out, &object->members[i]);
		if (ends != NULL)
			*ends++ = out->n;
	}
	buf_char(out, '}');
}

void
event_content_hash(const struct json *event, uint8_t out[SHA256_LEN])
{
	struct buf buf = { 0 };

	write_hashed(&buf, event, NULL);
	sha256(buf.p, buf.n, out);
	buf_free(&buf);
}

bool
event_content_hash_matches(const struct json *event)
{
	const struct json *said = json_at(event, "hashes", "sha256", NULL);
	uint8_t expected[SHA256_LEN], got[SHA256_LEN];
	size_t n;

	if (!json_is(said, JSON_STR) ||
	    !b64_decode_lenient(said->s, said->n, got, SHA256_LEN, &n) ||
	    n != SHA256_LEN)
		return false;
	event_content_hash(event, expected);
	return memcmp(got, expected, SHA256_LEN) == 0;
}

void
event_reference_hash(struct arena *arena, const struct room_version *version,
    const struct json *event, uint8_t out[SHA256_LEN])
{
	struct buf buf = { 0 };

	json_covered(&buf, redact_event(arena, version, event));
	sha256(buf.p, buf.n, out);
	buf_free(&buf);
}

static const char *
id_from_hash(struct arena *arena, const struct room_version *version,
    const uint8_t hash[SHA256_LEN])
{
	char *id = arena_raw(arena, EVENT_HASH_ID_LEN);

	id[0] = '$';
	if (version->event_id_format == EVENT_ID_BASE64)
		b64_encode(hash, SHA256_LEN, id + 1);
	else
		b64url_encode(hash, SHA256_LEN, id + 1);
	return id;
}

const char *
event_id_of(
    struct arena *arena, const struct room_version *version, const struct json *event)
{
	uint8_t hash[SHA256_LEN];

	if (version->event_id_format == EVENT_ID_GIVEN)
		return json_get_str(event, "event_id");
	event_reference_hash(arena, version, event, hash);
	return id_from_hash(arena, version, hash);
}

/* object.signatures.<server>.<key_id> = signature, beside those already there. */
static void
set_signature(struct arena *arena, const struct signer *signer, struct json *object,
    const char *signature)
{
	const struct json *old = json_get_object(object, "signatures");
	const struct json *old_ours = json_get_object(old, signer->server_name);
	struct json *all = old ? json_shallow(arena, old) : json_object(arena);
	struct json *ours =
	    old_ours ? json_shallow(arena, old_ours) : json_object(arena);

	json_set_str(arena, ours, signer->key_id, signature);
	json_set(arena, all, signer->server_name, ours);
	json_set(arena, object, "signatures", all);
}

static void
sign_bytes(const struct signer *signer, const struct buf *bytes,
    char out[SIGNATURE_B64_LEN + 1])
{
	uint8_t signature[ED25519_SIGNATURE_LEN];

	ed25519_sign(signer->secret, bytes->p, bytes->n, signature);
	b64_encode(signature, sizeof signature, out);
}

/*
 * The finished event from the bytes that were hashed: hashes and signatures are put
 * where their keys belong, and nothing is written a second time.
 */
static enum mx_err
splice(struct arena *arena, const struct json *event, const struct buf *hashed,
    const size_t *ends, struct sealed_event *out)
{
	struct buf buf = { 0 };
	size_t at = 1;

	buf_reserve(&buf, hashed->n + 512);
	buf_char(&buf, '{');
	for (uint32_t i = 0; i < event->n; i++) {
		if (is_unhashed(&event->members[i])) {
			write_member(&buf, &event->members[i]);
			continue;
		}
		if (hashed->p[at] == ',')
			at++;
		if (buf.n > 1)
			buf_char(&buf, ',');
		buf_add(&buf, hashed->p + at, *ends - at);
		at = *ends++;
	}
	buf_char(&buf, '}');
	out->bytes = arena_strndup(arena, buf.p, buf.n);
	out->n = buf.n;
	buf_free(&buf);
	return out->n > EVENT_SIZE_MAX ? M_TOO_LARGE : M_OK;
}

static void
set_content_hash(struct arena *arena, struct json *event, const struct buf *hashed)
{
	uint8_t hash[SHA256_LEN];
	char text[HASH_B64_LEN + 1];
	struct json *hashes = json_object(arena);

	sha256(hashed->p, hashed->n, hash);
	b64_encode(hash, sizeof hash, text);
	json_set_str(arena, hashes, "sha256", text);
	json_set(arena, event, "hashes", hashes);
}

/* Signs the redacted event; what is signed is also what the event id is the hash of. */
static void
sign_and_name(struct arena *arena, const struct room_version *version,
    const struct signer *signer, struct json *event, struct sealed_event *out)
{
	struct buf covered = { 0 };
	char signature[SIGNATURE_B64_LEN + 1];
	uint8_t hash[SHA256_LEN];

	json_covered(&covered, redact_event(arena, version, event));
	sign_bytes(signer, &covered, signature);
	if (version->event_id_format == EVENT_ID_GIVEN) {
		out->event_id = json_get_str(event, "event_id");
	} else {
		sha256(covered.p, covered.n, hash);
		out->event_id = id_from_hash(arena, version, hash);
	}
	buf_free(&covered);
	json_del(event, "signatures");
	set_signature(arena, signer, event, signature);
}

enum mx_err
event_seal(struct arena *arena, const struct room_version *version,
    const struct signer *signer, struct json *event, struct sealed_event *out)
{
	struct buf hashed = { 0 };
	size_t *ends;
	enum mx_err err;

	if (version->event_id_format == EVENT_ID_GIVEN &&
	    json_get_str(event, "event_id") == NULL)
		json_set_str(
		    arena, event, "event_id", id_new(arena, '$', signer->server_name));
	ends = arena_raw(arena, (event->n + 1) * sizeof *ends);
	write_hashed(&hashed, event, ends);
	set_content_hash(arena, event, &hashed);
	sign_and_name(arena, version, signer, event, out);
	err = splice(arena, event, &hashed, ends, out);
	buf_free(&hashed);
	return err;
}

void
json_sign(struct arena *arena, const struct signer *signer, struct json *object)
{
	struct buf covered = { 0 };
	char signature[SIGNATURE_B64_LEN + 1];

	json_covered(&covered, object);
	sign_bytes(signer, &covered, signature);
	buf_free(&covered);
	set_signature(arena, signer, object, signature);
}

void
event_add_signature(struct arena *arena, const struct room_version *version,
    const struct signer *signer, struct json *event)
{
	struct buf covered = { 0 };
	char signature[SIGNATURE_B64_LEN + 1];

	json_covered(&covered, redact_event(arena, version, event));
	sign_bytes(signer, &covered, signature);
	buf_free(&covered);
	set_signature(arena, signer, event, signature);
}

bool
json_verify_covered(const struct buf *covered, const struct json *said,
    const uint8_t public_key[ED25519_PUBLIC_LEN])
{
	uint8_t signature[ED25519_SIGNATURE_LEN];
	size_t n;

	return json_is(said, JSON_STR) &&
	       b64_decode_lenient(said->s, said->n, signature, sizeof signature, &n) &&
	       n == sizeof signature &&
	       ed25519_verify(public_key, covered->p, covered->n, signature);
}

bool
json_verify(const struct json *object, const char *server_name, const char *key_id,
    const uint8_t public_key[ED25519_PUBLIC_LEN])
{
	const struct json *said =
	    json_at(object, "signatures", server_name, key_id, NULL);
	struct buf covered = { 0 };
	bool valid;

	if (said == NULL)
		return false;
	json_covered(&covered, object);
	valid = json_verify_covered(&covered, said, public_key);
	buf_free(&covered);
	return valid;
}

bool
event_verify(struct arena *arena, const struct room_version *version,
    const struct json *event, const char *server_name, const char *key_id,
    const uint8_t public_key[ED25519_PUBLIC_LEN])
{
	return json_verify(
	    redact_event(arena, version, event), server_name, key_id, public_key);
}

struct json *
event_ref_json(struct arena *arena, const struct room_version *version,
    const char *event_id, const struct json *event)
{
	uint8_t hash[SHA256_LEN];
	char text[HASH_B64_LEN + 1];
	struct json *pair, *hashes;

	if (!version->refs_with_hashes)
		return json_str(arena, event_id);
	event_reference_hash(arena, version, event, hash);
	b64_encode(hash, sizeof hash, text);
	hashes = json_object(arena);
	json_set_str(arena, hashes, "sha256", text);
	pair = json_array(arena);
	json_push(arena, pair, json_str(arena, event_id));
	json_push(arena, pair, hashes);
	return pair;
}
