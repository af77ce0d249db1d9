/*
 * One request's view of the core: the sentence behind an error, and the writes that its
 * answer must wait for.
 */
#include "room/ctx.h"

#include "base/log.h"

void
ctx_wrote(struct ctx *ctx, uint64_t ticket)
{
	if (ctx->ticket_count == CTX_TICKETS_MAX && ctx_settle(ctx) != M_OK)
		log_warn("a write before the last failed; its request goes on");
	ctx->tickets[ctx->ticket_count++] = ticket;
}

/* The waiting thread's own place to be told at. */
struct settling {
	struct lock lock;
	pthread_cond_t cond;
	bool told;
	enum mx_err err;
};

static void
tell(void *arg, enum mx_err err)
{
	struct settling *s = arg;

	lock_take(&s->lock);
	s->told = true;
	s->err = err;
	pthread_cond_signal(&s->cond);
	lock_give(&s->lock);
}

enum mx_err
ctx_settle(struct ctx *ctx)
{
	enum mx_err err = M_OK;

	if (ctx->ticket_count == 0)
		return M_OK;
	thread_waits(true);
	for (int i = 0; i < ctx->ticket_count; i++) {
		struct settling s = { .told = false };

		lock_init(&s.lock, RANK_LEAF);
		cond_init(&s.cond);
		writer_when_durable(
		    ctx->core->writer, ctx->tickets[i], ctx->tickets[i], tell, &s);
		lock_take(&s.lock);
		while (!s.told)
			lock_wait(&s.lock, &s.cond, 0);
		lock_give(&s.lock);
		if (err == M_OK)
			err = s.err;
		pthread_cond_destroy(&s.cond);
		lock_fini(&s.lock);
	}
	thread_waits(false);
	ctx->ticket_count = 0;
	return err;
}

enum mx_err
ctx_fail(struct ctx *ctx, enum mx_err err, const char *why)
{
	ctx->why = why;
	return err;
}

enum mx_err
ctx_write(struct ctx *ctx, enum mx_err (*fn)(void *arg, struct db *db), void *arg)
{
	enum mx_err err;

	thread_waits(true);
	err = writer_run(ctx->core->writer, fn, arg);
	thread_waits(false);
	return err;
}
