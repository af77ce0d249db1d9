/*
 * The one error enum, named after the specification's errcodes.
 * It travels up unchanged; only api/error.c turns it into a status and a sentence.
 * Spec: client-server-api/#common-error-codes, #other-error-codes
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* clang-format off */
#define MX_ERRORS(X)                                                                   \
	X(M_FORBIDDEN) X(M_UNKNOWN_TOKEN) X(M_MISSING_TOKEN) X(M_USER_LOCKED)           \
	X(M_USER_SUSPENDED) X(M_USER_DEACTIVATED) X(M_BAD_JSON) X(M_NOT_JSON)           \
	X(M_NOT_FOUND) X(M_LIMIT_EXCEEDED) X(M_UNRECOGNIZED) X(M_UNKNOWN)               \
	X(M_UNAUTHORIZED) X(M_USER_IN_USE) X(M_INVALID_USERNAME) X(M_ROOM_IN_USE)       \
	X(M_INVALID_ROOM_STATE) X(M_UNSUPPORTED_ROOM_VERSION)                           \
	X(M_INCOMPATIBLE_ROOM_VERSION) X(M_BAD_STATE) X(M_GUEST_ACCESS_FORBIDDEN)       \
	X(M_MISSING_PARAM) X(M_INVALID_PARAM) X(M_TOO_LARGE) X(M_EXCLUSIVE)             \
	X(M_RESOURCE_LIMIT_EXCEEDED) X(M_CANNOT_LEAVE_SERVER_NOTICE_ROOM)               \
	X(M_WEAK_PASSWORD) X(M_DUPLICATE_ANNOTATION) X(M_BAD_ALIAS)                     \
	X(M_UNABLE_TO_AUTHORISE_JOIN) X(M_UNABLE_TO_GRANT_JOIN) X(M_CAPTCHA_NEEDED)     \
	X(M_CAPTCHA_INVALID) X(M_BAD_PAGINATION) X(M_USER_LIMIT_EXCEEDED)               \
	X(M_PROFILE_TOO_LARGE) X(M_KEY_TOO_LARGE) X(M_THREEPID_NOT_FOUND)               \
	X(M_THREEPID_IN_USE) X(M_THREEPID_AUTH_FAILED) X(M_THREEPID_DENIED)             \
	X(M_SERVER_NOT_TRUSTED) X(M_UNACTIONABLE) X(M_INVITE_BLOCKED)                   \
	X(M_UNSUPPORTED) X(M_BAD_STATUS) X(M_NOT_YET_UPLOADED)                          \
	X(M_CANNOT_OVERWRITE_MEDIA)
/* clang-format on */

enum mx_err {
	M_OK = 0,
#define X(name) name,
	MX_ERRORS(X)
#undef X
	    M_UNAVAILABLE, /* ours for now: disk full, stopping; 503, M_UNKNOWN on the
			      wire */
	M_REFUSED, /* a wrong request for which there is no code; 400, M_UNKNOWN on
		      the wire */
	M_PARKED,  /* not an error: the answer comes later (stream/hub, durable writes)
		    */
	M_ERR_COUNT
};

/* The errcode as it stands on the wire, "M_FORBIDDEN"; never NULL. */
const char *err_name(enum mx_err err);

#define MUST_USE __attribute__((warn_unused_result))

#endif
