/*
 * Guests: people without an account, who cost nothing until they write something. A
 * guest is a signed token (doc/events.md); rows appear with its first write and go when
 * it has expired. In memory: who is denied, and who has rows. Spec:
 * client-server-api/#guest-access
 */
#ifndef CORE_GUESTS_H
#define CORE_GUESTS_H

#include "room/ctx.h"
#include "room/identity.h"

/* Makes core->guests and reads denials and guests with rows. At start, once. */
enum mx_err guests_setup(struct core *core, struct db *db) MUST_USE;
void guests_free(struct core *core);

/* A guest to be; all of it lies in the arena. */
struct new_guest {
	const char *user_id, *device_id, *token;
	int64_t expires_ms;
};
/* Any thread; no I/O. device_name (NULL: none) goes into the token, cut to
 * 64 bytes of whole characters. M_FORBIDDEN: there are no guests here. */
enum mx_err guests_issue(struct core *core, struct arena *arena,
    const char *device_name, struct new_guest *out) MUST_USE;

/* Is it a guest's token by its look? */
bool guests_is_token(const char *token);
/* Is it the localpart of a guest by its look? Nobody may register it. */
bool guests_is_localpart(const char *localpart);
/*
 * Who is this? Any thread; no I/O. M_UNKNOWN_TOKEN if the token is not ours, denied, or
 * its time is up: its own expiry, for guests with rows guests.lifetime unused.
 */
enum mx_err guests_identify(struct core *core, struct arena *arena, const char *token,
    struct identity *who) MUST_USE;

/*
 * To be called before whatever writes for who; does nothing for accounts. Makes a
 * guest's rows when this is its first write, waits for them, and sets who->has_rows.
 * M_GUEST_ACCESS_FORBIDDEN where guests may only read; M_UNKNOWN_TOKEN if it was denied
 * meanwhile.
 */
enum mx_err guests_make_row(struct ctx *ctx, struct identity *who) MUST_USE;

/* A guest logs out: its token is denied, its rooms and rows go with the next sweep. */
enum mx_err guests_deny(struct ctx *ctx, const struct identity *who) MUST_USE;

/* An upgrade, in two steps: inside the write job, and once it is durable. */
enum mx_err guests_write_upgrade(struct db *db, const struct identity *who,
    const char *password_hash, int64_t now_ms) MUST_USE;
void guests_upgraded(struct core *core, const struct identity *who);

/* Every guests_sweep_ms, on a thread with a reader's connection: expired guests leave
 * their rooms and lose their rows; denials that no longer matter are forgotten. */
void guests_sweep(struct ctx *ctx);
/* A minute; less where guests live for minutes only. */
int64_t guests_sweep_ms(const struct core *core);

/* For /metrics. */
struct guests_stats {
	uint64_t issued;       /* tokens since the start */
	uint64_t rows, denied; /* guests in memory now */
};
void guests_stats(struct guests *guests, struct guests_stats *out);

#endif
