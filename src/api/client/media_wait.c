/*
 * A list of those who wait for files, looked through when one arrives and once a
 * second: few wait at any time. Between api/client/media_read and the workers.
 */
#include "api/client/media_wait.h"

#include <stdlib.h>
#include <string.h>

#include "api/inside.h"
#include "base/clock.h"
#include "core/media.h"

struct media_wait {
	struct media_wait *next;
	struct job *job;
	char *media_id;
	int64_t deadline_ms; /* clock_mono_ms */
};

/* Shared. */
struct media_waits {
	struct lock lock; /* RANK_LEAF */
	struct media_wait *first;
	bool has_ended; /* nobody waits any more */
	int waking;	/* threads that hand on those they took out */
	pthread_cond_t handed_on;
};

struct media_waits *
media_waits_new(void)
{
	struct media_waits *waits = xcalloc(1, sizeof *waits);

	lock_init(&waits->lock, RANK_LEAF);
	cond_init(&waits->handed_on);
	return waits;
}

void
media_waits_free(struct media_waits *waits)
{
	lock_fini(&waits->lock);
	pthread_cond_destroy(&waits->handed_on);
	free(waits);
}

static void
wait_free(struct media_wait *wait)
{
	free(wait->media_id);
	free(wait);
}

/* Which are taken out: of media_id (NULL: any), due before due_ms, or of one request.
 */
struct choice {
	const char *media_id;
	int64_t due_ms;
	uint64_t request; /* 0: any; by number, since a job's address may be another's
			     by now */
};

static bool
is_chosen(const struct media_wait *wait, const struct choice *choice)
{
	if (choice->request != 0)
		return wait->job->id == choice->request;
	return (choice->media_id == NULL ||
		   strcmp(wait->media_id, choice->media_id) == 0) &&
	       wait->deadline_ms <= choice->due_ms;
}

/* As a list of its own. */
static struct media_wait *
take_out_locked(struct media_waits *waits, const struct choice *choice)
{
	struct media_wait *taken = NULL, **at;

	for (at = &waits->first; *at != NULL;) {
		struct media_wait *wait = *at;

		if (!is_chosen(wait, choice)) {
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		wait->next = taken;
		taken = wait;
	}
	return taken;
}

static struct media_wait *
take_out(struct media_waits *waits, const struct choice *choice)
{
	struct media_wait *taken;

	lock_take(&waits->lock);
	taken = take_out_locked(waits, choice);
	lock_give(&waits->lock);
	return taken;
}

static void
run_again(struct server *server, const struct choice *choice, bool is_late)
{
	struct media_waits *waits = server->media_waits;
	struct media_wait *taken;

	lock_take(&waits->lock);
	taken = take_out_locked(waits, choice);
	waits->waking++;
	lock_give(&waits->lock);
	while (taken != NULL) {
		struct media_wait *next = taken->next;

		taken->job->is_late = is_late;
		workers_queue(server->workers, &taken->job->task);
		wait_free(taken);
		taken = next;
	}
	lock_take(&waits->lock);
	waits->waking--;
	pthread_cond_signal(&waits->handed_on);
	lock_give(&waits->lock);
}

/* expires_ts is by the clock that may be set, so that what is due then must be told
 * from it once more: not a moment too early. */
static int64_t
deadline(int64_t timeout_ms, int64_t expires_ts)
{
	int64_t left_ms = expires_ts - clock_now_ms() + 1;

	return clock_mono_ms() + (left_ms < timeout_ms ? left_ms : timeout_ms);
}

static bool
put(struct media_waits *waits, struct req *req, const char *media_id,
    int64_t deadline_ms)
{
	struct media_wait *wait = xcalloc(1, sizeof *wait);
	bool has_ended;

	wait->job = req->job;
	wait->media_id = xstrdup(media_id);
	wait->deadline_ms = deadline_ms;
	lock_take(&waits->lock);
	has_ended = waits->has_ended;
	if (!has_ended) {
		wait->next = waits->first;
		waits->first = wait;
	}
	lock_give(&waits->lock);
	if (has_ended)
		wait_free(wait);
	return !has_ended;
}

/* It stands in the list before it is looked again: what happens in between finds it. */
enum mx_err
media_wait(struct req *req, const char *server_name, const char *media_id,
    int64_t timeout_ms, int64_t expires_ts)
{
	struct media_waits *waits = req->server->media_waits;
	struct choice own = { .request = req->id };
	struct media_wait *taken;
	struct media_row row;

	if (!put(waits, req, media_id, deadline(timeout_ms, expires_ts)))
		return M_OK;
	if (media_find(req->ctx, req->arena, server_name, media_id, &row) ==
	    M_NOT_YET_UPLOADED)
		return REQ_TAKEN;
	taken = take_out(waits, &own);
	if (taken == NULL) /* it runs already */
		return REQ_TAKEN;
	wait_free(taken);
	return M_OK;
}

void
media_wait_is_over(struct server *server, const char *media_id)
{
	struct choice choice = { .media_id = media_id, .due_ms = INT64_MAX };

	run_again(server, &choice, false);
}

int
media_waits_count(struct media_waits *waits)
{
	int n = 0;

	lock_take(&waits->lock);
	for (const struct media_wait *wait = waits->first; wait != NULL;
	     wait = wait->next)
		n++;
	lock_give(&waits->lock);
	return n;
}

void
media_waits_tick(struct server *server, int64_t mono_ms)
{
	struct choice choice = { .due_ms = mono_ms };

	run_again(server, &choice, true);
}

void
media_waits_end(struct server *server)
{
	struct media_waits *waits = server->media_waits;
	struct choice all = { .due_ms = INT64_MAX };
	struct media_wait *taken;

	lock_take(&waits->lock);
	waits->has_ended = true;
	taken = take_out_locked(waits, &all);
	while (waits->waking > 0) /* the workers end next */
		lock_wait(&waits->lock, &waits->handed_on, 0);
	lock_give(&waits->lock);
	while (taken != NULL) {
		struct media_wait *next = taken->next;

		job_free(taken->job);
		wait_free(taken);
		taken = next;
	}
}
