/*
 * Pictures of previews: files like others, but nobody's, so that no quota counts them,
 * and dropped when no preview has had them for long. Below core/preview.
 */
#include <string.h>

#include "base/clock.h"
#include "core/media_inside.h"
#include "store/media_own.h"

#define DROPS_MAX 1000 /* in one sweep */

struct own {
	struct media_row row;
	struct file_new *file;
	struct arena *arena;
	const char *media_id;
};

/* What is quarantined is found too, and stays so. */
static enum mx_err
add(void *arg, struct db *db)
{
	struct own *own = arg;
	enum mx_err err = file_keep_again(own->file);

	if (err == M_OK)
		err = store_media_own_renew(db, own->arena, own->row.sha256,
		    own->row.created_ts, &own->media_id);
	if (err != M_NOT_FOUND)
		return err;
	own->media_id = own->row.media_id;
	return store_media_add(db, &own->row);
}

enum mx_err
media_add_own(struct ctx *ctx, struct arena *arena, struct file_new *file,
    const char *content_type, const char **media_id_out)
{
	char id[25];
	struct own own = { .file = file, .arena = arena };
	enum mx_err err = file_keep(file);

	if (err != M_OK)
		return err;
	random_letters(id, 24);
	own.row = (struct media_row){ .media_id = id,
		.user_id = "",
		.created_ts = clock_now_ms(),
		.has_content = true,
		.size = file->size,
		.content_type = content_type };
	memcpy(own.row.sha256, file->sha256, SHA256_LEN);
	err = ctx_write(ctx, add, &own);
	if (err == M_OK)
		*media_id_out = arena_strdup(arena, own.media_id);
	return err;
}

/* --- what is old --- */

struct old {
	const char *media_id;
	int64_t before_ts;
};

static enum mx_err
drop(void *arg, struct db *db)
{
	const struct old *old = arg;

	return store_media_own_drop(db, old->media_id, old->before_ts);
}

/* The row first, and durably: none is without its file. */
static enum mx_err
drop_one(struct ctx *ctx, struct arena *arena, int64_t before_ts)
{
	struct old old = { .before_ts = before_ts };
	uint8_t sha256[SHA256_LEN];
	enum mx_err err =
	    store_media_own_old(ctx->db, arena, before_ts, &old.media_id, sha256);

	if (err == M_OK)
		err = ctx_write(ctx, drop, &old);
	return err == M_OK ? media_drop_unnamed(ctx, sha256) : err;
}

enum mx_err
media_drop_own(struct ctx *ctx, int64_t before_ts)
{
	struct arena *arena = arena_new();
	enum mx_err err = M_OK;

	for (int i = 0; i < DROPS_MAX && err == M_OK; i++)
		err = drop_one(ctx, arena, before_ts);
	arena_free(arena);
	return err == M_NOT_FOUND ? M_OK : err;
}
