/*
 * The write job that takes tokens away. Relies on the writer for the order of things,
 * on core/login for the tokens in memory, on room/changes for the word to listeners.
 * Behind logout, password changes, deactivation, and logins onto a known device.
 */
#include "core/revoke.h"

#include <stddef.h>

#include "base/str.h"
#include "core/login.h"
#include "core/presence.h"
#include "room/changes.h"

void
revoke_tell(struct core *core, const char *user_id, const char *device_id)
{
	struct change change = {
		.kind = device_id == NULL ? CHANGE_USER_GONE : CHANGE_TOKEN_GONE,
		.position = atomic_load(&core->visible),
		.user_id = xstrdup(user_id),
		.device_id = device_id == NULL ? NULL : xstrdup(device_id),
	};

	changes_add(core->changes, &change);
}

static struct revoke *
revoke_of(struct write_job *job)
{
	return (struct revoke *)((char *)job - offsetof(struct revoke, job));
}

static enum mx_err
run(struct write_job *job, struct db *db)
{
	struct revoke *r = revoke_of(job);

	return r->fn(r, db);
}

/* The writer's `finished` hook wakes the listeners behind it. */
static void
done(struct write_job *job, enum mx_err err)
{
	struct revoke *r = revoke_of(job);

	r->err = err;
	if (err != M_OK)
		return;
	if (r->whole_user) {
		login_forget(r->core->logins, r->user_id, NULL);
		presence_gone(r->core, r->user_id, NULL);
	}
	if (r->whole_user && !r->is_quiet)
		revoke_tell(r->core, r->user_id, NULL);
	for (int i = 0; !r->whole_user && i < r->device_count; i++) {
		login_forget(r->core->logins, r->user_id, r->devices[i]);
		presence_gone(r->core, r->user_id, r->devices[i]);
		if (!r->is_quiet)
			revoke_tell(r->core, r->user_id, r->devices[i]);
	}
}

enum mx_err
revoke_run(struct ctx *ctx, struct revoke *r)
{
	enum mx_err err;

	r->core = ctx->core;
	r->job = (struct write_job){ .run = run, .done = done };
	ctx_wrote(ctx, writer_queue(ctx->core->writer, &r->job));
	err = ctx_settle(ctx);
	return r->err != M_OK ? r->err : err;
}
