/*
 * Previews of links: asked for once, kept for an hour. Spec:
 * client-server-api/#get_matrixclientv1mediapreview_url
 */
#ifndef CORE_PREVIEW_H
#define CORE_PREVIEW_H

#include "room/ctx.h"

#define PREVIEW_LIFETIME_MS (3600LL * 1000)
#define PREVIEWS_MAX 10000
#define PREVIEW_TIME_LIMIT_MS 10000
#define PREVIEW_PAGE_MAX (1 << 20) /* bytes that are read of a page */
#define PREVIEW_IMAGE_MAX (10 << 20)

/* Behind media_open. Without it there are none. private_too: links to networks around
 * the server as well, for tests. */
void previews_open(struct core *core, bool private_too);
/* Those under way end, at once; new ones do not begin. */
void previews_stop(struct core *core);
void previews_close(struct core *core);

struct preview {
	const char *link; /* as it is asked for */
	const char *json; /* the answer, an object */
	/* What was asked for could not be had; with M_UNKNOWN, which is not ours then.
	 */
	bool is_out_of_reach;
};

/* One that has been made. M_INVALID_PARAM: this is no link; M_NOT_FOUND: it has not,
 * *out is for preview_make. */
enum mx_err preview_find(struct ctx *ctx, struct arena *arena, const char *url,
    struct preview *out) MUST_USE;
/* Makes it, or waits for somebody else who does. Takes up to PREVIEW_TIME_LIMIT_MS.
 * M_FORBIDDEN: it is not to be asked for. */
enum mx_err preview_make(
    struct ctx *ctx, struct arena *arena, struct preview *preview) MUST_USE;
/* Once in a while: what is over, and pictures that no preview has had for long. */
enum mx_err previews_sweep(struct ctx *ctx) MUST_USE;

#endif
