/*
 * A guest's token: version, key id, id, device, issued, expires, the device's name if
 * it has one, MAC. Pure functions; relies on base/crypto. Read on the io thread for
 * each request of a guest.
 */
#include "core/guest_token.h"

#include <string.h>

#include "base/codec.h"
#include "base/str.h"

#define VERSION 1
#define VERSION_NAMED 2
#define AT_KEY 1
#define AT_ID 2
#define AT_DEVICE (AT_ID + GUEST_ID_LEN)
#define AT_ISSUED (AT_DEVICE + GUEST_DEVICE_LEN)
#define AT_EXPIRES (AT_ISSUED + 6)
#define AT_NAME (AT_EXPIRES + 6)
#define NAME_ROOM(n) (((n) + 2) / 3 * 3)
#define RAW_LEN (AT_NAME + MAC_LEN)
#define RAW_MAX (RAW_LEN + NAME_ROOM(GUEST_NAME_MAX))

_Static_assert(RAW_LEN % 3 == 0, "no spare bits in its Base64");
_Static_assert(GUEST_TOKEN_LEN == 4 + RAW_LEN / 3 * 4, "prefix and Base64");
_Static_assert(GUEST_TOKEN_MAX == 4 + RAW_MAX / 3 * 4, "prefix and Base64");
_Static_assert(
    RAW_MAX - MAC_LEN <= 128, "one block of BLAKE2b, with a name or without");

void
guest_key_init(struct guest_key *key, const uint8_t mac_key[MAC_KEY_LEN])
{
	uint8_t out[MAC_LEN];

	memcpy(key->key, mac_key, MAC_KEY_LEN);
	mac(key->key, "key id", 6, out);
	key->id = out[0];
}

void
guest_token_write(const struct guest_key *key, const struct guest_token *t,
    char out[GUEST_TOKEN_MAX + 1])
{
	size_t room = NAME_ROOM(strlen(t->name));
	uint8_t raw[RAW_MAX];

	raw[0] = room == 0 ? VERSION : VERSION_NAMED;
	raw[AT_KEY] = key->id;
	memcpy(raw + AT_ID, t->id, GUEST_ID_LEN);
	memcpy(raw + AT_DEVICE, t->device, GUEST_DEVICE_LEN);
	be48_put(raw + AT_ISSUED, t->issued_ms);
	be48_put(raw + AT_EXPIRES, t->expires_ms);
	memcpy(raw + AT_NAME, t->name, room);
	mac(key->key, raw, AT_NAME + room, raw + AT_NAME + room);
	memcpy(out, GUEST_PREFIX, 4);
	b64url_encode(raw, RAW_LEN + room, out + 4);
}

/* The bytes, and how many of them are the name's. */
static bool
decode(const char *token, uint8_t raw[RAW_MAX], size_t *room_out)
{
	size_t text_n = strlen(token), n;

	if (!starts_with(token, GUEST_PREFIX) || text_n < GUEST_TOKEN_LEN ||
	    text_n > GUEST_TOKEN_MAX ||
	    !b64url_decode(token + 4, text_n - 4, raw, RAW_MAX, &n) || n < RAW_LEN ||
	    n % 3 != 0)
		return false;
	*room_out = n - RAW_LEN;
	return true;
}

bool
guest_token_read(
    const struct guest_key *key, const char *token, struct guest_token *out)
{
	uint8_t raw[RAW_MAX], right[MAC_LEN];
	size_t room;

	if (!decode(token, raw, &room))
		return false;
	mac(key->key, raw, AT_NAME + room, right);
	if (!secret_eq(right, raw + AT_NAME + room, MAC_LEN) ||
	    raw[0] != (room == 0 ? VERSION : VERSION_NAMED) || raw[AT_KEY] != key->id)
		return false;
	memcpy(out->id, raw + AT_ID, GUEST_ID_LEN);
	memcpy(out->device, raw + AT_DEVICE, GUEST_DEVICE_LEN);
	out->issued_ms = be48_get(raw + AT_ISSUED);
	out->expires_ms = be48_get(raw + AT_EXPIRES);
	memcpy(out->name, raw + AT_NAME, room);
	out->name[room] = '\0';
	return true;
}

static const char lower[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* RFC 4648 6, n a multiple of 5: no padding. */
static void
base32(const uint8_t *p, size_t n, const char *letters, char *out)
{
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 5; have -= 5)
			*out++ = letters[bits >> (have - 5) & 31];
	}
	*out = '\0';
}

void
guest_localpart(const uint8_t id[GUEST_ID_LEN], char out[GUEST_LOCALPART_LEN + 1])
{
	memcpy(out, GUEST_LOCALPART_PREFIX, 6);
	base32(id, GUEST_ID_LEN, lower, out + 6);
}

void
guest_device_id(
    const uint8_t device[GUEST_DEVICE_LEN], char out[GUEST_DEVICE_TEXT_LEN + 1])
{
	base32(device, GUEST_DEVICE_LEN, upper, out);
}

bool
guest_id_of(const char *localpart, uint8_t id[GUEST_ID_LEN])
{
	size_t n = strcspn(localpart, ":"), at = 0;
	uint32_t bits = 0;
	int have = 0;

	if (n != GUEST_LOCALPART_LEN || !starts_with(localpart, GUEST_LOCALPART_PREFIX))
		return false;
	for (size_t i = 6; i < n; i++) {
		const char *letter = memchr(lower, localpart[i], 32);

		if (letter == NULL)
			return false;
		bits = bits << 5 | (uint32_t)(letter - lower);
		have += 5;
		if (have >= 8) {
			have -= 8;
			id[at++] = (uint8_t)(bits >> have);
		}
	}
	return true;
}
