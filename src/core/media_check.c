/*
 * First all files, then all rows: what is uploaded meanwhile has a row whose file is
 * not among those that were listed, and so is looked for once more. Behind
 * control_media.
 */
#include "core/media_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "core/media_inside.h"
#include "store/thumbnails.h"

#define HASHES_AT_ONCE 500

struct hash {
	uint8_t sha256[SHA256_LEN];
};

struct checking {
	struct ctx *ctx;
	struct arena *arena;
	int max;
	struct media_checked *out;
	VEC(struct hash) there; /* in order, once all are in it */
};

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

/* --- files --- */

static enum mx_err
on_file(void *arg, const uint8_t sha256[SHA256_LEN])
{
	struct checking *c = arg;
	struct hash hash;
	bool has;
	enum mx_err err = store_media_has(c->ctx->db, sha256, &has);

	if (err != M_OK)
		return err;
	memcpy(hash.sha256, sha256, SHA256_LEN);
	vec_push(&c->there, hash);
	c->out->stored++;
	if (has)
		return M_OK;
	c->out->dropped++;
	return media_drop(c->ctx, (const uint8_t(*)[SHA256_LEN])sha256, 1);
}

/* --- rows --- */

static bool
was_listed(const struct checking *c, const uint8_t sha256[SHA256_LEN])
{
	return c->there.n > 0 && bsearch(sha256, c->there.v, c->there.n,
				     sizeof *c->there.v, compare) != NULL;
}

/* M_OK: it is there after all, or its row is gone. */
static enum mx_err
look_again(const struct checking *c, const uint8_t sha256[SHA256_LEN])
{
	struct files *files = c->ctx->core->media->files;
	int64_t size;
	bool has;
	int fd;
	enum mx_err err = files_read(files, sha256, true, &fd, &size);

	if (err == M_OK)
		close(fd);
	if (err != M_NOT_FOUND)
		return err;
	err = store_media_has(c->ctx->db, sha256, &has);
	return err == M_OK && has ? M_NOT_FOUND : err;
}

struct forgetting {
	struct hash hash;
	int64_t size;
};

static enum mx_err
write_forgetting(void *arg, struct db *db)
{
	struct forgetting *f = arg;

	return store_thumbnails_forget(db, f->hash.sha256, &f->size);
}

static enum mx_err
forget_thumbnails(struct ctx *ctx, const uint8_t sha256[SHA256_LEN])
{
	struct media *media = ctx->core->media;
	struct forgetting f = { .size = 0 };
	enum mx_err err;

	memcpy(f.hash.sha256, sha256, SHA256_LEN);
	err = ctx_write(ctx, write_forgetting, &f);
	if (err != M_OK)
		return err;
	atomic_fetch_sub(&media->contents, 1);
	atomic_fetch_sub(&media->stored_bytes, f.size);
	media_changed(ctx->core, (const uint8_t(*)[SHA256_LEN])sha256, 1);
	return M_OK;
}

/* Thumbnails are of no user, and made again; what was uploaded is told. */
static enum mx_err
tell_lost(struct checking *c, const uint8_t sha256[SHA256_LEN])
{
	struct media_checked *out = c->out;
	struct media_row *rows;
	int count;
	enum mx_err err = store_media_with(c->ctx->db, c->arena, sha256, &rows, &count);

	if (err != M_OK)
		return err;
	if (count == 0) {
		out->lost_thumbnails++;
		return forget_thumbnails(c->ctx, sha256);
	}
	out->lost++;
	for (int i = 0; i < count && out->count < c->max; i++)
		out->rows[out->count++] = rows[i];
	return M_OK;
}

static enum mx_err
check_hash(struct checking *c, const uint8_t sha256[SHA256_LEN])
{
	enum mx_err err;

	if (was_listed(c, sha256))
		return M_OK;
	err = look_again(c, sha256);
	return err == M_NOT_FOUND ? tell_lost(c, sha256) : err;
}

static enum mx_err
check_rows(struct checking *c)
{
	uint8_t hashes[HASHES_AT_ONCE][SHA256_LEN], after[SHA256_LEN] = { 0 };
	int n = HASHES_AT_ONCE;
	enum mx_err err = M_OK;

	while (err == M_OK && n == HASHES_AT_ONCE) {
		err = store_media_page(c->ctx->db, after, hashes, HASHES_AT_ONCE, &n);
		for (int i = 0; err == M_OK && i < n; i++)
			err = check_hash(c, hashes[i]);
		if (n > 0)
			memcpy(after, hashes[n - 1], SHA256_LEN);
	}
	return err;
}

enum mx_err
media_check(struct ctx *ctx, struct arena *arena, int max, struct media_checked *out)
{
	struct checking c = { .ctx = ctx, .arena = arena, .max = max, .out = out };
	enum mx_err err;

	*out = (struct media_checked){ .rows = ARENA_ARRAY(
					   arena, struct media_row, (size_t)max) };
	err = files_each(ctx->core->media->files, on_file, &c);
	if (err == M_OK && c.there.n > 0)
		qsort(c.there.v, c.there.n, sizeof *c.there.v, compare);
	if (err == M_OK)
		err = check_rows(&c);
	vec_free(&c.there);
	return err;
}
