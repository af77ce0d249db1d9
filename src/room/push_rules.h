/*
 * Each user's push rules: read, changed, told to /sync. Changes are updates
 * (room/update), so that whoever listens hears of them in order. Spec:
 * client-server-api/#push-rules-api, #push-rules-events; legacy-v1 pushrules.yaml
 */
#ifndef ROOM_PUSH_RULES_H
#define ROOM_PUSH_RULES_H

#include "event/push_ruleset.h"
#include "room/ctx.h"

#define PUSH_RULES_MAX 65536 /* bytes of one set, as JSON */
#define PUSH_DEVICES_MAX 50  /* profile tags with rules of one user */

/* scope: "" for the account's rules, else a device's profile tag (2015's). legacy: as
 * clients of 2015 are shown them. out lies in the arena. */
enum mx_err push_rules_read(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *scope, bool legacy, struct push_ruleset *out) MUST_USE;
/* The profile tags that have rules. */
enum mx_err push_rules_devices(struct ctx *ctx, struct arena *arena,
    const char *user_id, const char ***tags_out, int *count_out) MUST_USE;

/*
 * Changes them; the answer waits until it is durable. M_NOT_FOUND; M_BAD_STATE: before
 * or after is none of the user's own; M_TOO_LARGE: they would be more than
 * PUSH_RULES_MAX, or of more than PUSH_DEVICES_MAX devices. M_BAD_JSON: too deep.
 */
enum mx_err push_rules_change(struct ctx *ctx, struct arena *arena,
    const struct push_ruleset *set, const char *scope,
    const struct push_change *change) MUST_USE;

/* The account's rules that name the one room are set for the other as well
 * (PUSH_CARRY), unless they would become too many. */
enum mx_err push_rules_carry(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *from, const char *to) MUST_USE;

/* Has /sync something to say of them: did they change behind `since`, up to `until`?
 * since 0: yes, a client that has heard nothing yet is told what they are. */
enum mx_err push_rules_changed_since(struct ctx *ctx, const char *user_id,
    int64_t since, int64_t until, bool *changed_out) MUST_USE;
/* Appends the content of m.push_rules. */
enum mx_err push_rules_account_data(struct ctx *ctx, struct arena *arena,
    const char *user_id, struct buf *out) MUST_USE;

/*
 * For whoever writes account data: a new m.ignored_user_list changes whose events
 * notify. The first in the update's write, the second in its apply.
 */
enum mx_err push_rules_write_ignored(struct db *db, const char *user_id) MUST_USE;
void push_rules_apply_ignored(struct core *core, const char *user_id);

#endif
