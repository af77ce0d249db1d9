/*
 * The rules of uploads. A row is written when its file is durable, and a file is
 * dropped on the writer thread alone, so that no row is without its file.
 */
#include "core/media.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "core/media_inside.h"
#include "event/ids.h"
#include "store/users.h"

#define SWEEP_MS (3600 * 1000)

bool
media_open(struct core *core, const struct files_setup *setup, char **error_out)
{
	struct files *files = files_open(setup, error_out);

	if (files == NULL)
		return false;
	core->media = xcalloc(1, sizeof *core->media);
	core->media->files = files;
	core->media->swept_ms = clock_mono_ms();
	core->media->pictures = pictures_new(&(const struct pictures_setup){ 0 });
	lock_init(&core->media->lock, RANK_LEAF);
	cond_init(&core->media->made);
	return true;
}

void
media_stop(struct core *core)
{
	if (core->media != NULL)
		files_stop(core->media->files);
}

bool
media_is_remote(const struct core *core)
{
	return core->media != NULL && files_are_remote(core->media->files);
}

void
media_close(struct core *core)
{
	if (core->media == NULL)
		return;
	files_free(core->media->files);
	pictures_free(core->media->pictures);
	lock_fini(&core->media->lock);
	pthread_cond_destroy(&core->media->made);
	free(core->media);
	core->media = NULL;
}

/* --- who is told --- */

void
media_set_hooks(struct core *core, const struct media_hooks *hooks)
{
	if (core->media != NULL)
		core->media->hooks =
		    hooks == NULL ? (struct media_hooks){ .arg = NULL } : *hooks;
}

void
media_settled(struct core *core, const char *media_id)
{
	const struct media_hooks *hooks = &core->media->hooks;

	if (hooks->settled != NULL)
		hooks->settled(hooks->arg, media_id);
}

void
media_changed(struct core *core, const uint8_t (*hashes)[SHA256_LEN], int n)
{
	const struct media *media = core->media;

	if (media != NULL && media->hooks.changed != NULL && n > 0)
		media->hooks.changed(media->hooks.arg, hashes, n);
}

/* --- what nobody names --- */

struct dropping {
	struct write_job job;
	struct files *files;
	const uint8_t (*hashes)[SHA256_LEN];
	int n;
	struct db *db; /* the writer's */
};

static struct dropping *
dropping_of(struct write_job *job)
{
	return (struct dropping *)((char *)job - offsetof(struct dropping, job));
}

static enum mx_err
begin_dropping(struct write_job *job, struct db *db)
{
	dropping_of(job)->db = db;
	return M_OK;
}

/* Of a group that failed nothing is certain: what it would have dropped stays until the
 * next start, as does what cannot be looked at (logged). */
static void
drop_unnamed(struct write_job *job, enum mx_err err)
{
	struct dropping *d = dropping_of(job);
	bool has;

	for (int i = 0; err == M_OK && i < d->n; i++) {
		err = store_media_has(d->db, d->hashes[i], &has);
		if (err == M_OK && !has &&
		    files_drop(d->files, d->hashes[i]) == M_NOT_FOUND)
			log_debug("media: a file was gone before it was dropped");
	}
}

enum mx_err
media_drop(struct ctx *ctx, const uint8_t (*hashes)[SHA256_LEN], int n)
{
	struct dropping d = { .files = ctx->core->media->files,
		.hashes = hashes,
		.n = n,
		.job = { .run = begin_dropping,
		    .done = drop_unnamed,
		    .falls_with_group = true } };

	ctx_wrote(ctx, writer_queue(ctx->core->writer, &d.job));
	return ctx_settle(ctx);
}

static enum mx_err
look_at_file(void *arg, const uint8_t sha256[SHA256_LEN])
{
	struct ctx *ctx = arg;
	bool has;
	enum mx_err err = store_media_has(ctx->db, sha256, &has);

	return err != M_OK || has
		   ? err
		   : media_drop(ctx, (const uint8_t(*)[SHA256_LEN])sha256, 1);
}

enum mx_err
media_drop_orphans(struct ctx *ctx)
{
	if (ctx->core->media == NULL)
		return M_OK;
	return files_each(ctx->core->media->files, look_at_file, ctx);
}

static enum mx_err
expire(void *arg, struct db *db)
{
	return store_media_expire(db, *(const int64_t *)arg);
}

enum mx_err
media_sweep(struct ctx *ctx)
{
	int64_t now_ts = clock_now_ms();

	return ctx_write(ctx, expire, &now_ts);
}

void
media_tick(struct ctx *ctx)
{
	struct media *media = ctx->core->media;
	int64_t now = clock_mono_ms();

	if (media == NULL || now - media->swept_ms < SWEEP_MS)
		return;
	media->swept_ms = now;
	if (media_sweep(ctx) != M_OK)
		log_warn("media: uploads that never came could not be forgotten; "
			 "the next sweep tries again");
}

/* --- how much there is --- */

enum mx_err
media_count(struct core *core, struct db *db)
{
	struct media_sum sum;
	int64_t files, bytes;
	enum mx_err err = store_media_sum(db, NULL, &sum);

	if (err == M_OK)
		err = store_thumbnails_sum(db, &files, &bytes);
	if (err != M_OK)
		return err;
	atomic_store(&core->media->contents, sum.contents + files);
	atomic_store(&core->media->stored_bytes, sum.stored_bytes + bytes);
	return M_OK;
}

void
media_count_new(struct media *media, int64_t size)
{
	atomic_fetch_add(&media->contents, 1);
	atomic_fetch_add(&media->stored_bytes, size);
}

static uint64_t
not_negative(int64_t n)
{
	return n < 0 ? 0 : (uint64_t)n;
}

void
media_stats(const struct core *core, struct media_stats *out)
{
	const struct media *media = core->media;

	*out = (struct media_stats){ 0 };
	if (media == NULL)
		return;
	out->files = not_negative(atomic_load(&media->contents));
	out->bytes = not_negative(atomic_load(&media->stored_bytes));
	out->uploads = atomic_load(&media->uploads);
	out->downloads = atomic_load(&media->downloads);
	out->bytes_in = atomic_load(&media->bytes_in);
	out->bytes_out = atomic_load(&media->bytes_out);
	out->has_bucket = files_remote_stats(media->files, &out->bucket);
}

void
media_downloaded(struct core *core)
{
	atomic_fetch_add(&core->media->downloads, 1);
}

void
media_sent(struct core *core, size_t bytes)
{
	atomic_fetch_add(&core->media->bytes_out, bytes);
}

/* --- uploads --- */

/* Has the user room for size bytes more? With a sentence, which is static: M_FORBIDDEN,
 * or M_USER_LIMIT_EXCEEDED where the operator has said who gives more. */
static enum mx_err
check_quota(const struct settings *set, struct db *db, const char *user_id,
    int64_t size, const char **why_out)
{
	int64_t files, bytes, awaited;
	enum mx_err err;

	if (set->media_files_max == 0 && set->media_total_max == 0)
		return M_OK;
	err = store_media_usage(db, user_id, clock_now_ms(), &files, &bytes, &awaited);
	if (err != M_OK)
		return err;
	if (set->media_files_max > 0 && files >= set->media_files_max)
		*why_out = "You have uploaded as many files as you may";
	else if (set->media_total_max > 0 &&
		 bytes + (size > 0 ? size : 0) > set->media_total_max)
		*why_out = "Your files would take more space than they may";
	else
		return M_OK;
	return set->media_quota_link == NULL ? M_FORBIDDEN : M_USER_LIMIT_EXCEEDED;
}

enum mx_err
media_may_upload(struct ctx *ctx, const struct identity *who, int64_t size)
{
	const struct settings *set = &ctx->core->set;

	if (size > set->media_upload_max)
		return ctx_fail(
		    ctx, M_TOO_LARGE, "This file is larger than one may be");
	return check_quota(set, ctx->db, who->user_id, size, &ctx->why);
}

enum mx_err
media_begin(struct ctx *ctx, struct file_new *out)
{
	return file_begin(ctx->core->media->files, out);
}

/* A row on its way, and the file that it names. */
struct adding {
	struct media_row row;
	struct file_new *file;
	const struct settings *set;
	int64_t now_ts;
	bool is_known;	 /* another row names what is in it */
	const char *why; /* it is refused; NULL: the error's own sentence will do */
};

static struct adding
adding_of(struct ctx *ctx, const struct identity *who, const char *media_id,
    struct file_new *file, const struct media_about *about)
{
	struct adding a = {
		.file = file, .set = &ctx->core->set, .now_ts = clock_now_ms()
	};

	a.row = (struct media_row){ .media_id = media_id,
		.user_id = who->user_id,
		.created_ts = a.now_ts,
		.has_content = true,
		.size = file->size,
		.content_type = about->content_type,
		.file_name = about->file_name };
	memcpy(a.row.sha256, file->sha256, SHA256_LEN);
	return a;
}

/* In the write itself, of which there is one at a time: an account that is erased keeps
 * no file whose upload was on its way meanwhile, and several that come at once are
 * judged each behind the one before. */
static enum mx_err
check_owner(struct adding *a, struct db *db)
{
	bool has_ended;
	enum mx_err err = store_user_has_ended(db, a->row.user_id, &has_ended);

	if (err == M_OK && has_ended)
		err = M_UNKNOWN_TOKEN;
	return err == M_OK
		   ? check_quota(a->set, db, a->row.user_id, a->row.size, &a->why)
		   : err;
}

static enum mx_err
add(void *arg, struct db *db)
{
	struct adding *a = arg;
	enum mx_err err = check_owner(a, db);

	if (err == M_OK)
		err = file_keep_again(a->file);
	if (err == M_OK)
		err = store_media_has(db, a->row.sha256, &a->is_known);
	return err == M_OK ? store_media_add(db, &a->row) : err;
}

/* Its row is durable. */
static void
count_added(struct media *media, const struct adding *a)
{
	atomic_fetch_add(&media->uploads, 1);
	atomic_fetch_add(&media->bytes_in, (uint64_t)a->row.size);
	if (!a->is_known)
		media_count_new(media, a->row.size);
}

static const char *
new_id(struct arena *arena)
{
	char *id = arena_alloc(arena, 25);

	random_letters(id, 24);
	return id;
}

/* The disk is waited for, and what was not known before is looked at again. */
static enum mx_err
keep(struct ctx *ctx, const struct identity *who, struct file_new *file)
{
	enum mx_err err = media_may_upload(ctx, who, file->size);

	if (err != M_OK)
		return err;
	thread_waits(true);
	err = file_keep(file);
	thread_waits(false);
	return err;
}

/* A file whose row is refused would stay until the next start, beyond anybody's quota.
 */
static enum mx_err
write_row(
    struct ctx *ctx, enum mx_err (*fn)(void *arg, struct db *db), struct adding *a)
{
	enum mx_err err = ctx_write(ctx, fn, a);

	if (err == M_OK)
		count_added(ctx->core->media, a);
	else if (media_drop(ctx, (const uint8_t(*)[SHA256_LEN])a->row.sha256, 1) !=
		 M_OK)
		log_warn("media: a refused file stays on disk until the next start");
	return a->why == NULL ? err : ctx_fail(ctx, err, a->why);
}

enum mx_err
media_add(struct ctx *ctx, struct arena *arena, const struct identity *who,
    struct file_new *file, const struct media_about *about, const char **media_id_out)
{
	enum mx_err err = keep(ctx, who, file);
	struct adding a;

	if (err != M_OK)
		return err;
	*media_id_out = new_id(arena);
	a = adding_of(ctx, who, *media_id_out, file, about);
	return write_row(ctx, add, &a);
}

/* --- uploads that are announced --- */

static enum mx_err
announce(void *arg, struct db *db)
{
	struct adding *a = arg;
	int64_t files, bytes, awaited;
	enum mx_err err =
	    store_media_usage(db, a->row.user_id, a->now_ts, &files, &bytes, &awaited);

	if (err == M_OK && awaited >= MEDIA_AWAITED_MAX)
		err = M_LIMIT_EXCEEDED;
	return err == M_OK ? store_media_add(db, &a->row) : err;
}

enum mx_err
media_announce(struct ctx *ctx, struct arena *arena, const struct identity *who,
    const char **media_id_out, int64_t *expires_ts_out)
{
	struct adding a = { .now_ts = clock_now_ms() };
	enum mx_err err = media_may_upload(ctx, who, 0);

	if (err != M_OK)
		return err;
	*media_id_out = new_id(arena);
	*expires_ts_out = a.now_ts + MEDIA_AWAITED_MS;
	a.row = (struct media_row){ .media_id = *media_id_out,
		.user_id = who->user_id,
		.created_ts = a.now_ts,
		.expires_ts = *expires_ts_out };
	err = ctx_write(ctx, announce, &a);
	return err == M_LIMIT_EXCEEDED
		   ? ctx_fail(ctx, err,
			 "You have announced many uploads: upload some of them first")
		   : err;
}

/* M_OK: the row awaits its content, from this user. */
static enum mx_err
judge(const struct media_row *row, const char *user_id, int64_t now_ts)
{
	if (strcmp(row->user_id, user_id) != 0)
		return M_FORBIDDEN;
	if (row->has_content)
		return M_CANNOT_OVERWRITE_MEDIA;
	return row->expires_ts <= now_ts ? M_NOT_FOUND : M_OK;
}

static enum mx_err
explain(struct ctx *ctx, enum mx_err err)
{
	switch (err) {
	case M_FORBIDDEN:
		return ctx_fail(ctx, err, "Somebody else made this id");
	case M_CANNOT_OVERWRITE_MEDIA:
		return ctx_fail(ctx, err, "This id has its file already");
	case M_NOT_FOUND:
		return ctx_fail(ctx, err, "No upload is awaited under this id");
	default:
		return err;
	}
}

enum mx_err
media_is_awaited(struct ctx *ctx, struct arena *arena, const struct identity *who,
    const char *server, const char *media_id)
{
	struct media_row row;
	enum mx_err err = M_NOT_FOUND;

	if (strcmp(server, ctx->core->set.server_name) == 0)
		err = store_media_get(ctx->db, arena, media_id, &row);
	if (err == M_OK)
		err = judge(&row, who->user_id, clock_now_ms());
	return explain(ctx, err);
}

/* Of two uploads to one id the first is kept. */
static enum mx_err
fill(void *arg, struct db *db)
{
	struct adding *a = arg;
	struct arena *arena = arena_new();
	struct media_row row;
	enum mx_err err = store_media_get(db, arena, a->row.media_id, &row);

	if (err == M_OK)
		err = judge(&row, a->row.user_id, a->now_ts);
	if (err == M_OK)
		err = check_owner(a, db);
	if (err == M_OK)
		err = file_keep_again(a->file);
	if (err == M_OK)
		err = store_media_has(db, a->row.sha256, &a->is_known);
	if (err == M_OK)
		err = store_media_fill(db, &a->row);
	arena_free(arena);
	return err;
}

enum mx_err
media_fill(struct ctx *ctx, struct arena *arena, const struct identity *who,
    const char *media_id, struct file_new *file, const struct media_about *about)
{
	enum mx_err err = keep(ctx, who, file);
	struct adding a;

	if (err != M_OK)
		return err;
	a = adding_of(ctx, who, media_id, file, about);
	err = write_row(ctx, fill, &a);
	if (err == M_OK)
		media_settled(ctx->core, media_id);
	return a.why == NULL ? explain(ctx, err) : err;
}

/* --- what is there --- */

enum mx_err
media_find(struct ctx *ctx, struct arena *arena, const char *server,
    const char *media_id, struct media_row *out)
{
	enum mx_err err = M_NOT_FOUND;

	if (strcmp(server, ctx->core->set.server_name) == 0)
		err = store_media_get(ctx->db, arena, media_id, out);
	if (err == M_OK && !out->has_content)
		err =
		    out->expires_ts > clock_now_ms() ? M_NOT_YET_UPLOADED : M_NOT_FOUND;
	if (err == M_OK && out->quarantined)
		err = M_NOT_FOUND;
	return err == M_NOT_FOUND ? ctx_fail(ctx, err, "There is no such file here")
				  : err;
}

/* One that is not there has been deleted since its row was read, or is lost. */
static enum mx_err
explain_missing(struct ctx *ctx, const uint8_t sha256[SHA256_LEN])
{
	char hex[2 * SHA256_LEN + 1];
	bool has;
	enum mx_err err = store_media_has(ctx->db, sha256, &has);

	hex_encode(sha256, SHA256_LEN, hex);
	if (err == M_OK && has)
		log_error("media: the file %s is not there", hex);
	return err == M_OK ? ctx_fail(ctx, M_NOT_FOUND, "There is no such file here")
			   : err;
}

enum mx_err
media_read(
    struct ctx *ctx, const uint8_t sha256[SHA256_LEN], bool may_wait, int *fd_out)
{
	int64_t size;
	enum mx_err err =
	    files_read(ctx->core->media->files, sha256, may_wait, fd_out, &size);

	if (err == M_UNAVAILABLE)
		return ctx_fail(
		    ctx, err, "The file cannot be had at the moment; try again");
	return err == M_NOT_FOUND ? explain_missing(ctx, sha256) : err;
}

/* --- thumbnails that are being made --- */

static bool
is_same(const struct thumbnail_row *a, const struct thumbnail_row *b)
{
	return memcmp(a->sha256, b->sha256, SHA256_LEN) == 0 && a->width == b->width &&
	       a->height == b->height && a->is_crop == b->is_crop &&
	       a->is_animated == b->is_animated;
}

static bool
is_making_locked(const struct media *media, const struct thumbnail_row *row)
{
	for (const struct media_making *m = media->making; m != NULL; m = m->next)
		if (is_same(m->row, row))
			return true;
	return false;
}

void
media_making_begin(struct media *media, const struct thumbnail_row *row)
{
	struct media_making *making = xcalloc(1, sizeof *making);

	making->row = row;
	thread_waits(true);
	lock_take(&media->lock);
	while (is_making_locked(media, row))
		lock_wait(&media->lock, &media->made, 0);
	making->next = media->making;
	media->making = making;
	lock_give(&media->lock);
	thread_waits(false);
}

void
media_making_end(struct media *media, const struct thumbnail_row *row)
{
	struct media_making **at, *making;

	lock_take(&media->lock);
	for (at = &media->making; (*at)->row != row;)
		at = &(*at)->next;
	making = *at;
	*at = making->next;
	pthread_cond_broadcast(&media->made);
	lock_give(&media->lock);
	free(making);
}
