/*
 * Operations on files, `parlour media`. Relies on core/media_remove and store/media.
 * Run by control, on the running server or beside its database.
 */
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "control_inside.h"
#include "core/media_check.h"
#include "core/media_remove.h"
#include "core/users.h"
#include "store/thumbnails.h"

#define LIMIT 1000 /* of what is listed, where no other is given */
#define LIMIT_MAX 1000000

/* ---- arguments ---- */

/* A media id, or the whole URI of one that is ours. */
static enum mx_err
read_id(struct ctx *ctx, struct arena *arena, const char *text, const char **id_out)
{
	static const char scheme[] = "mxc://";
	const char *server = ctx->core->set.server_name;
	size_t n = strlen(server);

	*id_out = text;
	if (!starts_with(text, scheme))
		return M_OK;
	text += sizeof scheme - 1;
	if (strncmp(text, server, n) != 0 || text[n] != '/')
		return ctx_fail(ctx, M_INVALID_PARAM,
		    arena_printf(
			arena, "'%s' is no file of this server, %s", *id_out, server));
	*id_out = text + n + 1;
	return M_OK;
}

static bool
is_among(const char *const *ids, int count, const char *id)
{
	for (int i = 0; i < count; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

/* Each once. *count_out 0: none was given. */
static enum mx_err
read_ids(struct ctx *ctx, struct arena *arena, const struct json *args,
    const char ***ids_out, int *count_out)
{
	const struct json *list = json_get_array(args, "ids");

	*count_out = 0;
	*ids_out = list == NULL ? NULL : ARENA_ARRAY(arena, const char *, list->n);
	for (uint32_t i = 0; list != NULL && i < list->n; i++) {
		const char *text = json_as_str(&list->items[i]), *id;
		enum mx_err err;

		if (text == NULL)
			return ctx_fail(ctx, M_INVALID_PARAM, "ids are strings");
		err = read_id(ctx, arena, text, &id);
		if (err != M_OK)
			return err;
		if (!is_among(*ids_out, *count_out, id))
			(*ids_out)[(*count_out)++] = id;
	}
	return M_OK;
}

/* NULL in *user_id_out: none is named. One that is deactivated may have files. */
static enum mx_err
read_user(struct ctx *ctx, struct arena *arena, const struct json *args,
    const char **user_id_out)
{
	const char *name = json_get_str(args, "user");
	enum mx_err err = M_NOT_FOUND;
	struct user_row row;

	*user_id_out = NULL;
	if (name == NULL)
		return M_OK;
	*user_id_out = users_login_id(ctx->core, arena, name);
	if (*user_id_out != NULL)
		err = store_user_get(ctx->db, arena, *user_id_out, &row);
	return err == M_NOT_FOUND
		   ? ctx_fail(ctx, err,
			 arena_printf(arena, "There is no account '%s' here", name))
		   : err;
}

static enum mx_err
read_filter(struct ctx *ctx, struct arena *arena, const struct json *args,
    struct media_filter *out)
{
	int64_t age_ms;

	*out = (struct media_filter){ 0 };
	if (json_get_int(args, "older_than_ms", &age_ms)) {
		out->before_ts = clock_now_ms() - age_ms;
		if (age_ms < 0 || out->before_ts <= 0)
			return ctx_fail(ctx, M_INVALID_PARAM, "Nothing is so old");
	}
	if (json_get_int(args, "larger_than", &out->larger_than) &&
	    out->larger_than < 1)
		return ctx_fail(ctx, M_INVALID_PARAM, "larger_than is from 1");
	return read_user(ctx, arena, args, &out->user_id);
}

/* ---- showing ---- */

static struct json *
describe(struct ctx *ctx, struct arena *arena, const struct media_row *row)
{
	struct json *out = json_object(arena);
	char hex[2 * SHA256_LEN + 1];

	hex_encode(row->sha256, SHA256_LEN, hex);
	json_set_str(arena, out, "uri",
	    arena_printf(
		arena, "mxc://%s/%s", ctx->core->set.server_name, row->media_id));
	json_set_str(arena, out, "user_id", row->user_id);
	json_set_int(arena, out, "created_ts", row->created_ts);
	json_set_int(arena, out, "size", row->size);
	json_set_str(arena, out, "sha256", hex);
	json_set_bool(arena, out, "quarantined", row->quarantined);
	if (row->content_type != NULL)
		json_set_str(arena, out, "content_type", row->content_type);
	if (row->file_name != NULL)
		json_set_str(arena, out, "file_name", row->file_name);
	return out;
}

/* One more is read than is shown, to know whether there are more. */
static enum mx_err
add_files(struct ctx *ctx, struct arena *arena, const struct media_filter *filter,
    int limit, struct json *answer)
{
	struct json *list = json_array(arena);
	struct media_row *rows;
	int count;
	enum mx_err err =
	    store_media_list(ctx->db, arena, filter, limit + 1, &rows, &count);

	if (err != M_OK)
		return err;
	for (int i = 0; i < count && i < limit; i++)
		json_push(arena, list, describe(ctx, arena, &rows[i]));
	json_set(arena, answer, "files", list);
	json_set_bool(arena, answer, "more", count > limit);
	return M_OK;
}

static enum mx_err
media_list(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct media_filter filter;
	int64_t limit = LIMIT;
	enum mx_err err = read_filter(ctx, arena, args, &filter);

	if (err != M_OK)
		return err;
	if (json_get_int(args, "limit", &limit) && (limit < 1 || limit > LIMIT_MAX))
		return ctx_fail(ctx, M_INVALID_PARAM, "limit is from 1 to 1000000");
	return add_files(ctx, arena, &filter, (int)limit, answer);
}

static struct json *
describe_sum(struct arena *arena, const struct media_sum *sum)
{
	struct json *out = json_object(arena);

	if (sum->user_id != NULL)
		json_set_str(arena, out, "user_id", sum->user_id);
	json_set_int(arena, out, "files", sum->files);
	json_set_int(arena, out, "bytes", sum->bytes);
	json_set_int(arena, out, "stored_files", sum->contents);
	json_set_int(arena, out, "stored_bytes", sum->stored_bytes);
	return out;
}

/* Of one user, or of each and all together. */
static enum mx_err
media_usage(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct json *list = json_array(arena);
	struct media_sum total, *sums = &total;
	int64_t files, bytes; /* of thumbnails, which are nobody's */
	const char *user_id;
	int count = 1;
	enum mx_err err = read_user(ctx, arena, args, &user_id);

	if (err == M_OK)
		err = store_media_sum(ctx->db, user_id, &total);
	if (err == M_OK && user_id == NULL)
		err = store_media_sums(ctx->db, arena, &sums, &count);
	if (err == M_OK)
		err = store_thumbnails_sum(ctx->db, &files, &bytes);
	if (err != M_OK)
		return err;
	for (int i = 0; i < count; i++)
		json_push(arena, list, describe_sum(arena, &sums[i]));
	json_set(arena, answer, "users", list);
	if (user_id != NULL)
		return M_OK;
	json_set(arena, answer, "total", describe_sum(arena, &total));
	json_set_int(arena, answer, "thumbnail_files", files);
	json_set_int(arena, answer, "thumbnail_bytes", bytes);
	return M_OK;
}

/* ---- quarantine ---- */

static enum mx_err
media_quarantine(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	bool release = json_get_bool(args, "release", false);
	const char **ids, *user_id = NULL;
	int64_t contents = 0;
	int count;
	enum mx_err err = read_ids(ctx, arena, args, &ids, &count);

	if (err == M_OK)
		err = read_user(ctx, arena, args, &user_id);
	if (err != M_OK)
		return err;
	if ((count > 0) == (user_id != NULL))
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "It needs ids, or a user, and not both");
	err = user_id == NULL
		  ? media_quarantine_ids(ctx, arena, ids, count, release, &contents)
		  : media_quarantine_user(ctx, arena, user_id, release, &contents);
	json_set_int(arena, answer, "contents", contents);
	json_set_bool(arena, answer, "released", release);
	return err;
}

/* ---- removal ---- */

static void
add_removed(
    struct arena *arena, const struct media_removed *removed, struct json *answer)
{
	json_set_int(arena, answer, "deleted_files", removed->files);
	json_set_int(arena, answer, "deleted_bytes", removed->bytes);
	json_set_int(arena, answer, "freed_files", removed->freed_files);
	json_set_int(arena, answer, "freed_bytes", removed->freed_bytes);
}

/* What would go. */
static enum mx_err
show_filtered(struct ctx *ctx, struct arena *arena, const struct media_filter *filter,
    struct json *answer)
{
	int64_t files, bytes;
	enum mx_err err = add_files(ctx, arena, filter, LIMIT, answer);

	if (err == M_OK)
		err = store_media_count(ctx->db, filter, &files, &bytes);
	if (err != M_OK)
		return err;
	json_set_int(arena, answer, "would_delete_files", files);
	json_set_int(arena, answer, "would_delete_bytes", bytes);
	return M_OK;
}

static enum mx_err
delete_filtered(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct media_removed removed;
	struct media_filter filter;
	enum mx_err err = read_filter(ctx, arena, args, &filter);

	if (err != M_OK)
		return err;
	if (json_get_bool(args, "dry_run", false))
		return show_filtered(ctx, arena, &filter, answer);
	err = media_remove_some(ctx, &filter, &removed);
	add_removed(arena, &removed, answer);
	return err;
}

static enum mx_err
show_ids(struct ctx *ctx, struct arena *arena, const char *const *ids, int count,
    struct json *answer)
{
	struct json *list = json_array(arena);
	int64_t files = 0, bytes = 0;

	for (int i = 0; i < count; i++) {
		struct media_row row;
		enum mx_err err = store_media_get(ctx->db, arena, ids[i], &row);

		if (err == M_NOT_FOUND)
			return ctx_fail(ctx, err,
			    arena_printf(arena, "There is no file '%s' here", ids[i]));
		if (err != M_OK)
			return err;
		files += row.has_content;
		bytes += row.size;
		json_push(arena, list, describe(ctx, arena, &row));
	}
	json_set(arena, answer, "files", list);
	json_set_int(arena, answer, "would_delete_files", files);
	json_set_int(arena, answer, "would_delete_bytes", bytes);
	return M_OK;
}

static enum mx_err
media_delete(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	bool has_filter =
	    json_get(args, "user") != NULL || json_get(args, "older_than_ms") != NULL;
	struct media_removed removed;
	const char **ids;
	int count;
	enum mx_err err = read_ids(ctx, arena, args, &ids, &count);

	if (err != M_OK)
		return err;
	if ((count > 0) == has_filter)
		return ctx_fail(ctx, M_INVALID_PARAM,
		    "It needs ids, or a user or an age, and not both");
	if (has_filter)
		return delete_filtered(ctx, arena, args, answer);
	if (json_get_bool(args, "dry_run", false))
		return show_ids(ctx, arena, ids, count, answer);
	err = media_remove_ids(ctx, arena, ids, count, &removed);
	add_removed(arena, &removed, answer);
	return err;
}

/* ---- files and rows against each other ---- */

static enum mx_err
media_checks(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct json *list = json_array(arena);
	struct media_checked checked;
	enum mx_err err = media_check(ctx, arena, LIMIT, &checked);

	if (err == M_UNAVAILABLE || err == M_FORBIDDEN)
		return ctx_fail(ctx, err,
		    "Not all files can be looked at; the server's log says why");
	if (err != M_OK)
		return err;
	json_set_int(arena, answer, "stored_files", checked.stored);
	json_set_int(arena, answer, "dropped_files", checked.dropped);
	json_set_int(arena, answer, "lost_files", checked.lost);
	json_set_int(arena, answer, "lost_thumbnails", checked.lost_thumbnails);
	for (int i = 0; i < checked.count; i++)
		json_push(arena, list, describe(ctx, arena, &checked.rows[i]));
	json_set(arena, answer, "files", list);
	json_set_bool(arena, answer, "more", checked.count == LIMIT);
	return M_OK;
}

const struct operation control_media[] = {
	{ "media list",
	    { { "user", JSON_STR, false }, { "older_than_ms", JSON_INT, false },
		{ "larger_than", JSON_INT, false }, { "limit", JSON_INT, false } },
	    media_list },
	{ "media check", .run = media_checks },
	{ "media usage", { { "user", JSON_STR, false } }, media_usage },
	{ "media quarantine",
	    { { "ids", JSON_ARRAY, false }, { "user", JSON_STR, false },
		{ "release", JSON_BOOL, false } },
	    media_quarantine },
	{ "media delete",
	    { { "ids", JSON_ARRAY, false }, { "user", JSON_STR, false },
		{ "older_than_ms", JSON_INT, false }, { "dry_run", JSON_BOOL, false } },
	    media_delete },
};
const int control_media_count = sizeof control_media / sizeof *control_media;
