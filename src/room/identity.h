/*
 * Who asks: what a valid access token says.
 */
#ifndef ROOM_IDENTITY_H
#define ROOM_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

struct identity {
	const char *user_id, *device_id; /* NULL: nobody (no token was needed) */
	const char *device_name; /* of a guest, as its token has it; NULL: none */
	bool is_guest;
	bool has_rows; /* accounts always; guests once they have written something */
	bool is_admin;
	int64_t expires_ms; /* of the token, in clock_now_ms; 0: never */
};

#endif
