/*
 * The names of the errors, made from the one list in err.h.
 * Relies on nothing. Where answers, logs and tests need an errcode's spelling.
 */
#include "base/err.h"

#include <stddef.h>

const char *
err_name(enum mx_err err)
{
	static const char *const names[M_ERR_COUNT] = {
		[M_OK] = "M_OK",
#define X(name) [name] = #name,
		MX_ERRORS(X)
#undef X
		    [M_UNAVAILABLE] =
			"M_UNKNOWN", /* the specification has no word for it */
		[M_REFUSED] = "M_UNKNOWN",
		[M_PARKED] = "M_PARKED",
	};

	if ((size_t)err >= M_ERR_COUNT)
		return "M_UNKNOWN";
	return names[err];
}
