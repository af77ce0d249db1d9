/*
 * Pictures of previews: files like others, but nobody's, so that no quota counts them,
 * and dropped when no preview has had them for long. Below core/preview.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/media_inside.h"
#include "core/media_remove.h"
#include "store/media_own.h"

struct own {
	struct media_row row;
	struct file_new *file;
	struct arena *arena;
	const char *media_id;
	bool is_known; /* what is in it, by a row before */
};

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
	err = store_media_has(db, own->row.sha256, &own->is_known);
	return err == M_OK ? store_media_add(db, &own->row) : err;
}

enum mx_err
media_add_own(struct ctx *ctx, struct arena *arena, struct file_new *file,
    const char *content_type, const char **media_id_out)
{
	char id[25];
	struct own own = { .file = file, .arena = arena, .is_known = true };
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
	if (err != M_OK &&
	    media_drop(ctx, (const uint8_t(*)[SHA256_LEN])own.row.sha256, 1) != M_OK)
		log_warn("media: a refused file stays on disk until the next start");
	if (err != M_OK)
		return err;
	if (!own.is_known)
		media_count_new(ctx->core->media, file->size);
	*media_id_out = arena_strdup(arena, own.media_id);
	return M_OK;
}

enum mx_err
media_drop_own(struct ctx *ctx, int64_t before_ts)
{
	struct media_filter filter = { .user_id = "", .before_ts = before_ts };
	struct media_removed removed;

	return media_remove_some(ctx, &filter, &removed);
}
