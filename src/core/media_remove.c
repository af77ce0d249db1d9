/*
 * Removal: rows first, then the files that no row names any more. Between the two a
 * kill leaves a file without a row, which the next start drops. Relies on core/media
 * for the dropping; behind control_media and core/users.
 */
#include "core/media_remove.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/media_inside.h"

#define ROWS_AT_ONCE 100
#define HASHES_AT_ONCE 200
#define DROPPED_AT_ONCE 16 /* by the writer, between two groups of others' writes */

/* --- removal --- */

struct removing {
	struct arena *arena;
	const char *const *ids;
	int id_count;
	const struct media_filter *filter; /* instead of ids */
	struct media_row *rows;		   /* which are gone */
	int count;
	struct buf hashes; /* of what was in them, and of thumbnails of that */
	const char *missing;
	struct media_removed sum;
};

static enum mx_err
find_ids(struct removing *r, struct db *db)
{
	enum mx_err err = M_OK;

	r->rows = ARENA_ARRAY(r->arena, struct media_row, (size_t)r->id_count);
	for (; err == M_OK && r->count < r->id_count; r->count++) {
		r->missing = r->ids[r->count];
		err = store_media_get(db, r->arena, r->missing, &r->rows[r->count]);
	}
	return err;
}

/* What was in a row that is gone: freed unless another row names it. */
static enum mx_err
let_go(struct removing *r, struct db *db, const void *sha256, int64_t size)
{
	bool has;
	enum mx_err err = store_media_has(db, sha256, &has);

	buf_add(&r->hashes, sha256, SHA256_LEN);
	if (err == M_OK && !has) {
		r->sum.freed_files++;
		r->sum.freed_bytes += size;
	}
	return err;
}

static enum mx_err
remove_thumbnails(struct removing *r, struct db *db, const uint8_t sha256[SHA256_LEN])
{
	struct buf gone = { 0 };
	enum mx_err err = store_thumbnails_remove(db, sha256, &gone);
	int64_t size;

	for (size_t at = 0; err == M_OK && at < gone.n;
	     at += SHA256_LEN + sizeof size) {
		memcpy(&size, gone.p + at + SHA256_LEN, sizeof size);
		err = let_go(r, db, gone.p + at, size);
	}
	buf_free(&gone);
	return err;
}

static enum mx_err
remove_row(struct removing *r, struct db *db, const struct media_row *row)
{
	bool is_uploaded;
	enum mx_err err = store_media_remove(db, row->media_id);

	r->sum.files += row->has_content;
	r->sum.bytes += row->size;
	if (err != M_OK || !row->has_content)
		return err;
	err = store_media_is_uploaded(db, row->sha256, &is_uploaded);
	if (err == M_OK && !is_uploaded)
		err = let_go(r, db, row->sha256, row->size);
	if (err == M_OK && !is_uploaded)
		err = remove_thumbnails(r, db, row->sha256);
	return err;
}

static enum mx_err
remove_rows(void *arg, struct db *db)
{
	struct removing *r = arg;
	enum mx_err err = r->filter == NULL ? find_ids(r, db)
					    : store_media_list(db, r->arena, r->filter,
						  ROWS_AT_ONCE, &r->rows, &r->count);

	for (int i = 0; err == M_OK && i < r->count; i++)
		err = remove_row(r, db, &r->rows[i]);
	return err;
}

/* What cannot be dropped now is at the next start: the rows are gone, and nobody is
 * handed it. */
static void
drop_files(struct ctx *ctx, const struct removing *r)
{
	const uint8_t(*hashes)[SHA256_LEN] = (const void *)r->hashes.p;
	int left = (int)(r->hashes.n / SHA256_LEN);
	enum mx_err err = M_OK;

	while (left > 0 && err == M_OK) {
		int n = left < DROPPED_AT_ONCE ? left : DROPPED_AT_ONCE;

		err = media_drop(ctx, hashes, n);
		hashes += n;
		left -= n;
	}
	if (err != M_OK)
		log_warn("media: deleted files stay on disk until the next start");
}

/* What is removed is known to nobody any more; then its files go. */
static void
tell(struct core *core, const struct removing *r)
{
	uint8_t(*hashes)[SHA256_LEN] =
	    arena_alloc(r->arena, (size_t)r->count * SHA256_LEN);
	int n = 0;

	for (int i = 0; i < r->count; i++)
		if (r->rows[i].has_content)
			memcpy(hashes[n++], r->rows[i].sha256, SHA256_LEN);
		else
			media_settled(core, r->rows[i].media_id);
	media_changed(core, (const uint8_t(*)[SHA256_LEN])hashes, n);
}

static enum mx_err
remove_portion(struct ctx *ctx, struct removing *r, struct media_removed *out)
{
	struct media *media = ctx->core->media;
	enum mx_err err = ctx_write(ctx, remove_rows, r);

	if (err != M_OK) {
		buf_free(&r->hashes);
		return err;
	}
	atomic_fetch_sub(&media->contents, r->sum.freed_files);
	atomic_fetch_sub(&media->stored_bytes, r->sum.freed_bytes);
	out->files += r->sum.files;
	out->bytes += r->sum.bytes;
	out->freed_files += r->sum.freed_files;
	out->freed_bytes += r->sum.freed_bytes;
	tell(ctx->core, r);
	drop_files(ctx, r);
	buf_free(&r->hashes);
	return M_OK;
}

static enum mx_err
not_there(struct ctx *ctx, struct arena *arena, const char *id)
{
	return ctx_fail(
	    ctx, M_NOT_FOUND, arena_printf(arena, "There is no file '%s' here", id));
}

enum mx_err
media_remove_ids(struct ctx *ctx, struct arena *arena, const char *const *ids,
    int count, struct media_removed *out)
{
	struct removing r = { .arena = arena, .ids = ids, .id_count = count };
	enum mx_err err;

	*out = (struct media_removed){ 0 };
	err = remove_portion(ctx, &r, out);
	return err == M_NOT_FOUND ? not_there(ctx, arena, r.missing) : err;
}

enum mx_err
media_remove_some(
    struct ctx *ctx, const struct media_filter *filter, struct media_removed *out)
{
	struct arena *arena;
	enum mx_err err = M_OK;
	int count = ROWS_AT_ONCE;

	*out = (struct media_removed){ 0 };
	if (ctx->core->media == NULL)
		return M_OK;
	arena = arena_new();
	while (err == M_OK && count == ROWS_AT_ONCE) {
		struct removing r = { .arena = arena, .filter = filter };

		err = remove_portion(ctx, &r, out);
		count = r.count;
		arena_reset(arena);
	}
	arena_free(arena);
	return err;
}

/* --- quarantine --- */

struct quarantining {
	const uint8_t (*hashes)[SHA256_LEN];
	int n;
	bool release;
	int64_t now_ts;
};

static enum mx_err
quarantine(void *arg, struct db *db)
{
	const struct quarantining *q = arg;
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < q->n; i++)
		err = q->release ? store_media_release(db, q->hashes[i])
				 : store_media_quarantine(db, q->hashes[i], q->now_ts);
	return err;
}

static enum mx_err
write_quarantine(struct ctx *ctx, struct quarantining *q)
{
	enum mx_err err = ctx_write(ctx, quarantine, q);

	if (err == M_OK)
		media_changed(ctx->core, q->hashes, q->n);
	return err;
}

enum mx_err
media_quarantine_ids(struct ctx *ctx, struct arena *arena, const char *const *ids,
    int count, bool release, int64_t *contents_out)
{
	uint8_t(*hashes)[SHA256_LEN] = arena_alloc(arena, (size_t)count * SHA256_LEN);
	struct quarantining q = { .hashes = (const uint8_t(*)[SHA256_LEN])hashes,
		.n = count,
		.release = release,
		.now_ts = clock_now_ms() };

	for (int i = 0; i < count; i++) {
		struct media_row row;
		enum mx_err err = store_media_get(ctx->db, arena, ids[i], &row);

		if (err == M_NOT_FOUND || (err == M_OK && !row.has_content))
			return not_there(ctx, arena, ids[i]);
		if (err != M_OK)
			return err;
		memcpy(hashes[i], row.sha256, SHA256_LEN);
	}
	*contents_out = count;
	return write_quarantine(ctx, &q);
}

enum mx_err
media_quarantine_user(struct ctx *ctx, struct arena *arena, const char *user_id,
    bool release, int64_t *contents_out)
{
	uint8_t(*hashes)[SHA256_LEN];
	int count;
	enum mx_err err =
	    store_media_contents(ctx->db, arena, user_id, &hashes, &count);

	*contents_out = 0;
	for (int at = 0; err == M_OK && at < count; at += HASHES_AT_ONCE) {
		int left = count - at;
		struct quarantining q = { .hashes =
					      (const uint8_t(*)[SHA256_LEN])hashes + at,
			.n = left < HASHES_AT_ONCE ? left : HASHES_AT_ONCE,
			.release = release,
			.now_ts = clock_now_ms() };

		err = write_quarantine(ctx, &q);
		*contents_out += q.n;
	}
	return err;
}
