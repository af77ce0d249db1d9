/*
 * Getting what a preview is made of. Below core/preview.
 */
#ifndef CORE_PREVIEW_FETCH_H
#define CORE_PREVIEW_FETCH_H

#include "base/json.h"
#include "fetch/fetch.h"
#include "room/ctx.h"

/* Asks for the link and what it names. *result: if it is not FETCH_DONE, there is no
 * preview. Errors are our own, of disk and database. */
enum mx_err preview_fetch(struct ctx *ctx, struct arena *arena, struct fetcher *fetcher,
    const char *link, enum fetch_result *result, struct json **out) MUST_USE;

#endif
