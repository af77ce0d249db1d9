/*
 * Relations and threads of events that were stored before the server kept them: read a
 * portion at a time, after an upgrade, while the server serves already.
 */
#ifndef ROOM_RELATIONS_FILL_H
#define ROOM_RELATIONS_FILL_H

#include "room/ctx.h"

/* One portion; it goes on behind it at the next call, or after the next start. Not on
 * the writer. */
enum mx_err relations_fill(struct ctx *ctx, bool *more_out) MUST_USE;

#endif
