/*
 * Many answers in one system call: while a batch is open, shared answers are noted
 * down, and io_uring sends them all when it is full or ends. Relies on liburing; where
 * the kernel has no rings, or does not give us one, there are no batches. A hub opens
 * one around each slice of a fan-out (http/answer asks whether one is open).
 */
#include "http/batch.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#define BATCH_MAX 512

/* Owned by its io thread, the one that submits. */
struct batch {
	struct io_uring ring;
	bool is_open;
	int count;
	struct {
		uint32_t slot;
		struct http_shared *shared; /* counted */
		int result;
	} sends[BATCH_MAX];
};

struct batch *
batch_new(void)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER |
						   IORING_SETUP_DEFER_TASKRUN |
						   IORING_SETUP_SUBMIT_ALL };
	struct batch *batch = xcalloc(1, sizeof *batch);
	int rc = io_uring_queue_init_params(BATCH_MAX, &batch->ring, &params);

	if (rc == 0)
		return batch;
	log_info(
	    "http: answers are sent one by one: io_uring: %s", strerrordesc_np(-rc));
	free(batch);
	return NULL;
}

void
batch_free(struct batch *batch)
{
	if (batch == NULL)
		return;
	io_uring_queue_exit(&batch->ring);
	free(batch);
}

bool
batch_is_open(const struct http_io *io)
{
	return io->batch != NULL && io->batch->is_open;
}

/* Results by their place in the batch. */
static void
collect(struct batch *batch)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_for_each_cqe(&batch->ring, head, cqe)
	{
		batch->sends[io_uring_cqe_get_data64(cqe)].result = cqe->res;
		n++;
	}
	io_uring_cq_advance(&batch->ring, n);
}

static void
submit(struct batch *batch)
{
	for (int left = batch->count; left > 0;) {
		int rc = io_uring_submit_and_wait(&batch->ring, (unsigned)left);

		if (rc == -EINTR || rc == -EAGAIN || rc == -EBUSY)
			continue;
		if (rc < 0) {
			log_error("http: io_uring: %s", strerrordesc_np(-rc));
			abort();
		}
		left -= rc;
	}
}

void
batch_flush(struct http_io *io)
{
	struct batch *batch = io->batch;
	int count = batch->count;

	if (count == 0)
		return;
	submit(batch);
	collect(batch);
	batch->count = 0;
	for (int i = 0; i < count; i++) {
		struct conn *c = slot_at(io, batch->sends[i].slot);

		answer_sent(io, c, batch->sends[i].shared, batch->sends[i].result);
		http_shared_unref(batch->sends[i].shared);
	}
}

void
batch_add(struct http_io *io, struct conn *c, struct http_shared *shared)
{
	struct batch *batch = io->batch;
	struct io_uring_sqe *sqe;

	assert(!(c->flags & CONN_BATCHED));
	if (batch->count == BATCH_MAX)
		batch_flush(io);
	c->flags |= CONN_BATCHED;
	sqe = io_uring_get_sqe(&batch->ring);
	io_uring_prep_send(
	    sqe, c->fd, shared->bytes, shared->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	io_uring_sqe_set_data64(sqe, (uint64_t)batch->count);
	batch->sends[batch->count].slot = c->slot;
	batch->sends[batch->count].result = -EAGAIN;
	batch->sends[batch->count++].shared = http_shared_ref(shared);
}

void
http_batch_begin(struct http_io *io)
{
	if (io->batch != NULL)
		io->batch->is_open = true;
}

void
http_batch_end(struct http_io *io)
{
	if (!batch_is_open(io))
		return;
	/* What a connection does next is not a batch's. */
	io->batch->is_open = false;
	batch_flush(io);
}
