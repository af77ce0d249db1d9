/*
 * The server's two keys, files of mode 0600 in its data_dir: signing.key, with which it
 * signs events, and secret, from which its other keys are derived.
 */
#ifndef KEYS_H
#define KEYS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/crypto.h"

#define KEY_ID_MAX 64

struct keys {
	char signing_key_id[KEY_ID_MAX]; /* "ed25519:a_xyz" */
	uint8_t signing_secret[ED25519_SECRET_LEN];
	uint8_t signing_public[ED25519_PUBLIC_LEN];
	uint8_t secret[32];
};

#define SIGNING_KEY_FILE "signing.key" /* "ed25519 a_xyz BASE64-SEED", as Synapse's */
#define SECRET_FILE "secret"	       /* 32 bytes */

/* Makes data_dir (0700) if it is not there, and in it each key that is missing.
 * False with *error_out (malloc'ed): a sentence that names the file. */
bool keys_create(const char *data_dir, char **error_out);
/* Reads both; files that others than their owner may read are refused. */
bool keys_load(const char *data_dir, struct keys *keys_out, char **error_out);

#endif
