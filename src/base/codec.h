/*
 * Base64 (standard and URL-safe, unpadded), hex, varints, compression of stored JSON.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define B64_LEN(n) (((n)*4 + 2) / 3) /* characters, unpadded, without NUL */

/* Unpadded; writes B64_LEN(n) characters and a NUL. */
void b64_encode(const void *data, size_t n, char *out);
void b64url_encode(const void *data, size_t n, char *out);
/*
 * Padded or not; false on a foreign character, an impossible length or more than cap
 * bytes. out needs n * 3 / 4 bytes at most. Non-zero trailing bits are refused.
 */
bool b64_decode(const char *s, size_t n, void *out, size_t cap, size_t *n_out);
bool b64url_decode(const char *s, size_t n, void *out, size_t cap, size_t *n_out);
/* The same in either alphabet and with whatever trailing bits, as other servers read
 * the keys, hashes and signatures that events are judged by: many texts are one value,
 * so nothing may be named by it. */
bool b64_decode_lenient(const char *s, size_t n, void *out, size_t cap, size_t *n_out);
void hex_encode(const void *data, size_t n, char *out); /* lower case, and a NUL */
bool hex_decode(const char *s, size_t n, void *out);	/* n even; n / 2 bytes */

/* LEB128. Returns bytes written (10 at most) / read (0: malformed or cut off). */
size_t varint_put(uint8_t *out, uint64_t v);
size_t varint_get(const uint8_t *p, size_t n, uint64_t *v_out);

/* The low 48 bits, big-endian: times in tokens. */
void be48_put(uint8_t out[6], int64_t v);
int64_t be48_get(const uint8_t p[6]);

#endif
