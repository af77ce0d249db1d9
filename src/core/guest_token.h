/*
 * A guest's token as a pure function: bytes under a MAC, nothing else. 45 bytes, and
 * more in threes where the guest's device has a name, so that its Base64 has no spare
 * bits and each of its characters counts.
 */
#ifndef CORE_GUEST_TOKEN_H
#define CORE_GUEST_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/crypto.h"

#define GUEST_PREFIX "plg_"
#define GUEST_ID_LEN 10 /* bytes: 80 random bits */
#define GUEST_DEVICE_LEN 5
#define GUEST_LOCALPART_PREFIX "guest-"
#define GUEST_LOCALPART_LEN (6 + 16)
#define GUEST_DEVICE_TEXT_LEN 8
#define GUEST_NAME_MAX 64	 /* bytes */
#define GUEST_TOKEN_LEN (4 + 60) /* without a name */
#define GUEST_TOKEN_MAX (4 + 148)

struct guest_token {
	uint8_t id[GUEST_ID_LEN];
	uint8_t device[GUEST_DEVICE_LEN];
	int64_t issued_ms, expires_ms; /* below 2^48 */
	char name[GUEST_NAME_MAX + 3]; /* of the device, padded with NULs; "": none */
};

struct guest_key {
	uint8_t key[MAC_KEY_LEN];
	uint8_t id; /* names the key without giving it away, so that a later one can
		     * stand beside it */
};

/* mac_key: derive_key(settings.secret, "guest token"). */
void guest_key_init(struct guest_key *key, const uint8_t mac_key[MAC_KEY_LEN]);

void guest_token_write(const struct guest_key *key, const struct guest_token *t,
    char out[GUEST_TOKEN_MAX + 1]);
/* False: not made with this key, or changed since. Looks at no clock. */
bool guest_token_read(
    const struct guest_key *key, const char *token, struct guest_token *out);

/* "guest-" and the id in lower-case base32. */
void guest_localpart(const uint8_t id[GUEST_ID_LEN], char out[GUEST_LOCALPART_LEN + 1]);
/* Back again from "guest-...", to its end or a ':'. False: no guest's. */
bool guest_id_of(const char *localpart, uint8_t id[GUEST_ID_LEN]);
void guest_device_id(
    const uint8_t device[GUEST_DEVICE_LEN], char out[GUEST_DEVICE_TEXT_LEN + 1]);

#endif
