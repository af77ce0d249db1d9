/*
 * Thumbnails by the content of their originals, so that the same picture is made
 * smaller once, whoever uploads it. Between api/client/media_thumbnail and
 * media/pictures.
 */
#include "core/thumbnail.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "core/media_inside.h"

/* --- sizes --- */

/* Spec: "Servers SHOULD produce thumbnails with the following dimensions"; and two more
 * for today's screens. */
static const int scales[][2] = { { 320, 240 }, { 640, 480 }, { 800, 600 },
	{ 1600, 1200 } };
static const int crops[] = { 32, 96, 160, 320, 640, 1200 };

/* The picture as large as it is: mostly the original itself, but a still one of what
 * moves. */
static void
snap_whole(struct thumbnail_ask *ask)
{
	ask->width = ask->height = THUMBNAIL_WHOLE;
	ask->is_crop = false;
}

static void
snap_scale(struct thumbnail_ask *ask)
{
	for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
		if (ask->width <= scales[i][0] && ask->height <= scales[i][1]) {
			ask->width = scales[i][0];
			ask->height = scales[i][1];
			return;
		}
	snap_whole(ask);
}

static int
grown(int side, int longer, int to)
{
	int64_t n = ((int64_t)side * to + longer - 1) / longer;

	return n < 1 ? 1 : (int)n;
}

/* The aspect stays as it is asked for. */
static void
snap_crop(struct thumbnail_ask *ask, bool standard_alone)
{
	int longer = ask->width > ask->height ? ask->width : ask->height;

	for (size_t i = 0; i < sizeof crops / sizeof crops[0]; i++) {
		if (longer > crops[i])
			continue;
		ask->width =
		    standard_alone ? crops[i] : grown(ask->width, longer, crops[i]);
		ask->height =
		    standard_alone ? crops[i] : grown(ask->height, longer, crops[i]);
		return;
	}
	snap_whole(ask);
}

void
thumbnail_snap(struct thumbnail_ask *ask, bool standard_alone)
{
	if (ask->is_crop)
		snap_crop(ask, standard_alone);
	else
		snap_scale(ask);
}

/* --- those that are there --- */

enum mx_err
thumbnail_find(struct ctx *ctx, struct arena *arena, const struct media_row *row,
    const struct thumbnail_ask *ask, struct thumbnail_row *out)
{
	struct thumbnail_ask snapped = *ask;
	int count;
	enum mx_err err = store_thumbnails_of(ctx->db, row->sha256, &count);

	*out = (struct thumbnail_row){ .width = 0 };
	if (err != M_OK)
		return err;
	thumbnail_snap(&snapped, count >= THUMBNAILS_MAX);
	memcpy(out->sha256, row->sha256, SHA256_LEN);
	out->width = snapped.width;
	out->height = snapped.height;
	out->is_crop = snapped.is_crop;
	out->is_animated = snapped.is_animated;
	return store_thumbnail_get(ctx->db, arena, out);
}

/* --- making --- */

struct keeping {
	struct thumbnail_row *row;
	struct file_new *file; /* NULL: the original will do */
	bool is_known;	       /* a row names what is in the file already */
};

static enum mx_err
keep_row(void *arg, struct db *db)
{
	struct keeping *k = arg;
	bool has_original;
	enum mx_err err = store_media_is_uploaded(db, k->row->sha256, &has_original);

	/* It was deleted while this was made. */
	if (err == M_OK && !has_original)
		err = M_NOT_FOUND;
	if (err == M_OK && k->file != NULL)
		err = file_keep_again(k->file);
	if (err == M_OK && k->file != NULL)
		err = store_media_has(db, k->row->file, &k->is_known);
	return err == M_OK ? store_thumbnail_add(db, k->row) : err;
}

/* It may be the last of its original that is made, and then others are not what they
 * were. */
static enum mx_err
write_row(struct ctx *ctx, struct keeping *k)
{
	enum mx_err err = ctx_write(ctx, keep_row, k);

	if (err == M_OK)
		media_changed(
		    ctx->core, (const uint8_t(*)[SHA256_LEN])k->row->sha256, 1);
	return err;
}

/* What was made is read once to know its hash. */
static enum mx_err
keep_file(struct ctx *ctx, struct thumbnail_row *out, struct file_new *file)
{
	struct keeping k = { .row = out, .file = file };
	enum mx_err err;

	thread_waits(true);
	err = file_reread(file);
	if (err == M_OK)
		err = file_keep(file);
	thread_waits(false);
	if (err != M_OK)
		return err;
	memcpy(out->file, file->sha256, SHA256_LEN);
	out->size = file->size;
	err = write_row(ctx, &k);
	if (err == M_OK && !k.is_known)
		media_count_new(ctx->core->media, out->size);
	if (err != M_OK &&
	    media_drop(ctx, (const uint8_t(*)[SHA256_LEN])out->file, 1) != M_OK)
		log_warn("media: a refused file stays on disk until the next start");
	return err;
}

static enum mx_err
make(struct ctx *ctx, int fd, const struct media_row *row, struct thumbnail_row *out,
    struct file_new *file)
{
	struct picture_ask ask = { .width = out->width,
		.height = out->height,
		.method = out->is_crop ? PICTURE_CROP : PICTURE_SCALE,
		.animated = out->is_animated,
		.original_will_do = true };
	struct picture_made made;
	struct keeping k = { .row = out };
	enum mx_err err;

	thread_waits(true);
	err = pictures_thumbnail(ctx->core->media->pictures, fd, &ask, file->fd, &made);
	thread_waits(false);
	if (err == M_REFUSED)
		return ctx_fail(ctx, err, "This file is no picture that is read here");
	if (err == M_TOO_LARGE)
		return ctx_fail(ctx, err, "This picture is too large for a thumbnail");
	if (err != M_OK)
		return err;
	out->content_type = made.content_type;
	if (!made.is_original)
		return keep_file(ctx, out, file);
	out->is_original = true;
	out->size = row->size;
	return write_row(ctx, &k);
}

static enum mx_err
make_from(
    struct ctx *ctx, int fd, const struct media_row *row, struct thumbnail_row *out)
{
	struct file_new file;
	enum mx_err err = media_begin(ctx, &file);

	if (err != M_OK)
		return err;
	err = make(ctx, fd, row, out, &file);
	file_end(&file);
	return err;
}

/* Of several who ask for the same at once one makes it; the others find it made. The
 * original is waited for by all at once, before: a bucket may be out of reach, and one
 * behind the other they would each wait for it anew. */
enum mx_err
thumbnail_make(struct ctx *ctx, struct arena *arena, const struct media_row *row,
    struct thumbnail_row *out)
{
	int fd;
	enum mx_err err = media_read(ctx, row->sha256, true, &fd);

	if (err != M_OK)
		return err;
	media_making_begin(ctx->core->media, out);
	err = store_thumbnail_get(ctx->db, arena, out);
	if (err == M_NOT_FOUND)
		err = make_from(ctx, fd, row, out);
	media_making_end(ctx->core->media, out);
	close(fd);
	return err;
}
