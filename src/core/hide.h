/*
 * What operators keep off the server's pages (web/): rooms, whatever they say
 * themselves, and what some users say.
 */
#ifndef CORE_HIDE_H
#define CORE_HIDE_H

#include "room/room.h"

/* Durable when they return; whoever watches a page is told. */
enum mx_err room_hide(struct ctx *ctx, struct room *room, bool hidden) MUST_USE;
/* user_id: of any server. */
enum mx_err user_ignore(
    struct ctx *ctx, struct arena *arena, const char *user_id, bool ignored) MUST_USE;
/* An object whose keys are those users; NULL: there are none. */
enum mx_err users_ignored(
    struct ctx *ctx, struct arena *arena, const struct json **out) MUST_USE;

#endif
