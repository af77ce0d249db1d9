/*
 * A body on its way into a file: portions come on an io thread and are written by a
 * worker, which then asks for the next. Between http/portions and media/files.
 */
#include "api/upload.h"

#include <stdlib.h>

#include "api/inside.h"

/* Handed on from thread to thread; one has it at a time. */
struct upload {
	struct task task;
	struct server *server;
	uint64_t whose; /* transfer_begin's */
	struct job *job;
	struct file_new file;
	int64_t size_max;
	enum http_portion what; /* the last portion that came */
	char *bytes;
	size_t n;
};

struct file_new *
upload_file(struct upload *upload)
{
	return &upload->file;
}

int64_t
upload_length(const struct req *req)
{
	return req->http->head.content_length;
}

enum mx_err
upload_too_large(struct ctx *ctx, struct arena *arena, int64_t size_max)
{
	return ctx_fail(ctx, M_TOO_LARGE,
	    arena_printf(
		arena, "A file has at most %lld bytes here", (long long)size_max));
}

static void
upload_free(struct upload *upload)
{
	transfer_end(upload->server, upload->whose);
	file_end(&upload->file);
	free(upload->bytes);
	free(upload);
}

/* And its request, unanswered. */
static void
upload_end(struct upload *upload)
{
	struct job *job = upload->job;

	upload_free(upload);
	job_free(job);
}

static void run_upload(struct task *task, struct ctx *ctx, struct arena *arena);

/* On an io thread; or, where the server has ended, on whoever ends it. */
static void
portion_came(void *arg, enum http_portion what, char *bytes, size_t n)
{
	struct upload *upload = arg;
	struct workers *workers = upload->server->files;

	upload->what = what;
	upload->bytes = bytes;
	upload->n = n;
	if (workers != NULL) {
		workers_queue(workers, &upload->task);
	} else {
		upload_end(upload);
	}
}

/* A body that is empty is here: nobody else needs to have a look at it. */
enum mx_err
upload_take(struct req *req, struct file_new *file, int64_t size_max)
{
	struct upload *upload;
	uint64_t whose;
	enum mx_err err = transfer_begin(req, &whose);

	if (err != M_OK) {
		file_end(file);
		return err;
	}
	upload = xcalloc(1, sizeof *upload);
	upload->whose = whose;
	upload->task.run = run_upload;
	upload->server = req->server;
	upload->job = req->job;
	upload->file = *file;
	upload->size_max = size_max;
	upload->what = HTTP_PORTION_LAST;
	if (req->http->comes_in_portions)
		http_body_next(req->http->exchange, portion_came, upload);
	else
		run_upload(&upload->task, req->ctx, req->arena);
	return REQ_TAKEN;
}

static enum mx_err
write_portion(struct upload *upload)
{
	enum mx_err err;

	if (upload->file.size + (int64_t)upload->n > upload->size_max)
		return M_TOO_LARGE;
	thread_waits(true);
	err = file_add(&upload->file, upload->bytes, upload->n);
	thread_waits(false);
	free(upload->bytes);
	upload->bytes = NULL;
	return err;
}

static void
answer_upload(struct task *task, struct ctx *ctx, struct arena *arena)
{
	struct upload *upload = (struct upload *)task;

	job_run(upload->job, ctx, arena, upload);
	upload_free(upload);
}

static void
run_upload(struct task *task, struct ctx *ctx, struct arena *arena)
{
	struct upload *upload = (struct upload *)task;
	struct job *job = upload->job;
	enum mx_err err = M_OK;

	if (upload->what != HTTP_PORTION_GONE)
		err = write_portion(upload);
	if (err == M_OK && upload->what == HTTP_PORTION) {
		http_body_next(job->http->exchange, portion_came, upload);
		return;
	}
	if (upload->what == HTTP_PORTION_GONE) {
		upload_end(upload);
		return;
	}
	if (err == M_TOO_LARGE)
		err = upload_too_large(ctx, arena, upload->size_max);
	if (err != M_OK) { /* who is told so may use the room that it took */
		upload_free(upload);
		job_fail(job, ctx, arena, err);
		return;
	}
	if (upload->server->uploads == NULL) {
		answer_upload(task, ctx, arena);
		return;
	}
	task->run = answer_upload;
	workers_queue(upload->server->uploads, task);
}
