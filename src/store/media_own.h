/*
 * Files that are nobody's upload but the server's own: pictures of previews. They are
 * rows like others, with "" for a user.
 */
#ifndef STORE_MEDIA_OWN_H
#define STORE_MEDIA_OWN_H

#include "base/crypto.h"
#include "db/db.h"

/* The one with this content, made new at now_ts: its id, in the arena. M_NOT_FOUND. */
enum mx_err store_media_own_renew(struct db *db, struct arena *arena,
    const uint8_t sha256[SHA256_LEN], int64_t now_ts,
    const char **media_id_out) MUST_USE;

#endif
