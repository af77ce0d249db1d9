/*
 * The grammar of Matrix identifiers, and new ones. Pure functions over NUL-terminated
 * UTF-8 (whoever parsed the JSON has checked the encoding). Spec:
 * appendices/#identifier-grammar
 */
#ifndef EVENT_IDS_H
#define EVENT_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "event/room_version.h"

#define ID_MAX 255 /* bytes, of any identifier, type or state_key */

/* hostname[:port], with IPv4 or [IPv6] literals; 230 bytes at most are recommended,
 * 255 allowed. Spec: appendices/#server-name */
bool id_server_name_valid(const char *name);

/* A user id as other servers may have made it: any localpart without ':' and NUL, even
 * an empty one. Spec: appendices/#historical-user-ids */
bool id_user_valid(const char *user_id);
/* A user id in today's grammar. Spec: appendices/#user-identifiers */
bool id_user_strict(const char *user_id);
/* Its localpart alone, without '@': 1 or more of a-z 0-9 . _ = - / + */
bool id_localpart_strict(const char *localpart);
/* "!opaque:domain" or a domainless "!hash". Spec: appendices/#room-ids */
bool id_room_valid(const char *room_id);
/* As the version wants it; version NULL: as id_room_valid. */
bool id_room_valid_in(const struct room_version *version, const char *room_id);
bool id_alias_valid(const char *alias);
/* As the version wants it; version NULL: "$" and 1 to 254 bytes. */
bool id_event_valid(const struct room_version *version, const char *event_id);

/* "mxc://server_name/media_id", the latter of A-Z a-z 0-9 _ - alone.
 * Spec: client-server-api/#matrix-content-mxc-uris */
bool id_mxc_valid(const char *uri);

/* The server name: what follows the first ':'. NULL if there is none. */
const char *id_server(const char *id);
/* Is server_name what follows the first ':' in id? */
bool id_is_of(const char *id, const char *server_name);
/* Do both have a server name, and the same? */
bool id_same_server(const char *a, const char *b);
/* The bytes between the sigil and the first ':' (or the end), copied. */
char *id_localpart(struct arena *arena, const char *id);

/* sigil + 18 random letters (+ ":" + server_name unless that is NULL). */
char *id_new(struct arena *arena, char sigil, const char *server_name);

#endif
