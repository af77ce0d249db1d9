/*
 * The rules of uploads. A row is written when its file is durable, and a file is
 * dropped on the writer thread alone, so that no row is without its file.
 */
#include "core/media.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/media_inside.h"

bool
media_open(struct core *core, const char *folder, char **error_out)
{
	struct files *files = files_open(folder, error_out);

	if (files == NULL)
		return false;
	core->media = xcalloc(1, sizeof *core->media);
	core->media->files = files;
	core->media->pictures = pictures_new(&(const struct pictures_setup){ 0 });
	lock_init(&core->media->lock, RANK_LEAF);
	cond_init(&core->media->made);
	return true;
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

/* --- what nobody names --- */

struct orphan {
	struct files *files;
	const uint8_t *sha256;
};

/* On the writer: nobody writes a row meanwhile. */
static enum mx_err
drop_if_unnamed(void *arg, struct db *db)
{
	const struct orphan *o = arg;
	bool has;
	enum mx_err err = store_media_has(db, o->sha256, &has);

	return err != M_OK || has ? err : files_drop(o->files, o->sha256);
}

enum mx_err
media_drop_unnamed(struct ctx *ctx, const uint8_t sha256[SHA256_LEN])
{
	struct orphan o = { ctx->core->media->files, sha256 };

	return ctx_write(ctx, drop_if_unnamed, &o);
}

static enum mx_err
look_at_file(void *arg, const uint8_t sha256[SHA256_LEN])
{
	struct ctx *ctx = arg;
	bool has;
	enum mx_err err = store_media_has(ctx->db, sha256, &has);

	return err != M_OK || has ? err : media_drop_unnamed(ctx, sha256);
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

/* --- uploads --- */

static enum mx_err
check_quota(struct ctx *ctx, const struct identity *who, int64_t size)
{
	const struct settings *set = &ctx->core->set;
	int64_t files, bytes, awaited;
	enum mx_err err = store_media_usage(
	    ctx->db, who->user_id, clock_now_ms(), &files, &bytes, &awaited);

	if (err != M_OK)
		return err;
	if (set->media_files_max > 0 && files >= set->media_files_max)
		return ctx_fail(
		    ctx, M_FORBIDDEN, "You have uploaded as many files as you may");
	if (set->media_total_max > 0 &&
	    bytes + (size > 0 ? size : 0) > set->media_total_max)
		return ctx_fail(
		    ctx, M_FORBIDDEN, "Your files would take more space than they may");
	return M_OK;
}

enum mx_err
media_may_upload(struct ctx *ctx, const struct identity *who, int64_t size)
{
	const struct settings *set = &ctx->core->set;

	if (size > set->media_upload_max)
		return ctx_fail(
		    ctx, M_TOO_LARGE, "This file is larger than one may be");
	if (set->media_files_max == 0 && set->media_total_max == 0)
		return M_OK;
	return check_quota(ctx, who, size);
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
	int64_t now_ts;
};

static struct adding
adding_of(struct ctx *ctx, const struct identity *who, const char *media_id,
    struct file_new *file, const struct media_about *about)
{
	struct adding a = { .file = file, .now_ts = clock_now_ms() };

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

static enum mx_err
add(void *arg, struct db *db)
{
	struct adding *a = arg;
	enum mx_err err = file_keep_again(a->file);

	return err == M_OK ? store_media_add(db, &a->row) : err;
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
	return ctx_write(ctx, add, &a);
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
		err = file_keep_again(a->file);
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
	return explain(ctx, ctx_write(ctx, fill, &a));
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

enum mx_err
media_read(struct ctx *ctx, const uint8_t sha256[SHA256_LEN], int *fd_out)
{
	int64_t size;

	return files_read(ctx->core->media->files, sha256, fd_out, &size);
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
