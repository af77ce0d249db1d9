/*
 * Uploaded files in a folder of the test's own: what counting, sweeping and removal
 * leave. Stands beside media.c and media_remove.c.
 */
#include "core/media_remove.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "core/testing.h"
#include "store/users.h"

#define HOUR_MS (3600 * 1000)

static const struct identity ann = { .user_id = "@ann:" TESTING_SERVER,
	.has_rows = true };
static const struct identity ben = { .user_id = "@ben:" TESTING_SERVER,
	.has_rows = true };

struct fixture {
	struct testing t;
	struct ctx *ctx;
	struct arena *arena;
};

static void
open_media(struct fixture *f)
{
	struct files_setup setup = { .folder = arena_printf(
					 f->t.arena, "%s/media", f->t.folder) };
	char *error = NULL;

	assert_true(media_open(&f->t.core, &setup, &error));
	assert_int_equal(media_count(&f->t.core, f->t.ctx.db), M_OK);
}

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	log_setup(LOG_ERROR, false);
	testing_open_core(&f->t);
	f->t.core.set.media_upload_max = 1000;
	f->ctx = &f->t.ctx;
	f->arena = f->t.arena;
	open_media(f);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	clock_set_for_test(0);
	clock_set_mono_for_test(0);
	writer_flush(f->t.core.writer);
	media_close(&f->t.core);
	testing_close(&f->t);
	free(f);
	return 0;
}

static enum mx_err
try_upload(struct fixture *f, const struct identity *who, const char *text,
    const char **id_out)
{
	struct media_about about = { 0 };
	struct file_new file;
	enum mx_err err;

	assert_int_equal(media_begin(f->ctx, &file), M_OK);
	assert_int_equal(file_add(&file, text, strlen(text)), M_OK);
	err = media_add(f->ctx, f->arena, who, &file, &about, id_out);
	file_end(&file);
	return err;
}

static const char *
upload(struct fixture *f, const struct identity *who, const char *text)
{
	const char *id;

	assert_int_equal(try_upload(f, who, text, &id), M_OK);
	return id;
}

/* M_OK: it is handed out. */
static enum mx_err
look(struct fixture *f, const char *id)
{
	struct media_row row;
	enum mx_err err = media_find(f->ctx, f->arena, TESTING_SERVER, id, &row);
	int fd;

	if (err == M_OK)
		err = media_read(f->ctx, row.sha256, true, &fd);
	if (err == M_OK)
		close(fd);
	return err;
}

static enum mx_err
count_one(void *arg, const uint8_t sha256[SHA256_LEN])
{
	++*(int *)arg;
	return M_OK;
}

/* On disk; and as many are told. */
static int
files_on_disk(struct fixture *f)
{
	char *folder = arena_printf(f->arena, "%s/media", f->t.folder), *error = NULL;
	struct files *files =
	    files_open(&(const struct files_setup){ .folder = folder }, &error);
	struct media_stats stats;
	int n = 0;

	assert_non_null(files);
	assert_int_equal(files_each(files, count_one, &n), M_OK);
	files_free(files);
	media_stats(&f->t.core, &stats);
	assert_int_equal(stats.files, n);
	return n;
}

static void
the_same_is_counted_and_kept_once(void **state)
{
	struct fixture *f = *state;
	const char *one = upload(f, &ann, "tea"), *two = upload(f, &ben, "tea");
	struct media_removed removed;
	struct media_stats stats;

	assert_int_equal(files_on_disk(f), 1);
	media_stats(&f->t.core, &stats);
	assert_int_equal(stats.bytes, 3);
	assert_int_equal(stats.uploads, 2);
	assert_int_equal(stats.bytes_in, 6);
	assert_int_equal(media_remove_ids(f->ctx, f->arena, &one, 1, &removed), M_OK);
	assert_int_equal(removed.files, 1);
	assert_int_equal(removed.freed_files, 0);
	assert_int_equal(look(f, one), M_NOT_FOUND);
	assert_int_equal(look(f, two), M_OK);
	assert_int_equal(media_remove_ids(f->ctx, f->arena, &two, 1, &removed), M_OK);
	assert_int_equal(removed.freed_files, 1);
	assert_int_equal(removed.freed_bytes, 3);
	assert_int_equal(files_on_disk(f), 0);
	assert_int_equal(look(f, upload(f, &ann, "tea")), M_OK);
	assert_int_equal(files_on_disk(f), 1);
}

static void
of_several_ids_one_that_is_not_there_saves_all(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = { upload(f, &ann, "tea"), "nothing" };
	struct media_removed removed;

	assert_int_equal(
	    media_remove_ids(f->ctx, f->arena, ids, 2, &removed), M_NOT_FOUND);
	assert_non_null(strstr(f->ctx->why, "'nothing'"));
	assert_int_equal(look(f, ids[0]), M_OK);
	assert_int_equal(files_on_disk(f), 1);
}

static void
more_than_a_portion_goes_by_a_filter(void **state)
{
	struct fixture *f = *state;
	struct media_filter filter = { .user_id = ann.user_id };
	struct media_removed removed;
	const char *bens = upload(f, &ben, "7");

	for (int i = 0; i < 201; i++)
		upload(f, &ann, arena_printf(f->arena, "%d", i));
	assert_int_equal(media_remove_some(f->ctx, &filter, &removed), M_OK);
	assert_int_equal(removed.files, 201);
	assert_int_equal(removed.freed_files, 200);
	assert_int_equal(files_on_disk(f), 1);
	assert_int_equal(look(f, bens), M_OK);
}

static void
a_file_without_a_row_is_dropped_at_the_next_start(void **state)
{
	struct fixture *f = *state;
	const char *kept = upload(f, &ann, "tea");
	struct file_new file;

	/* Whole on disk, and no row comes. */
	assert_int_equal(media_begin(f->ctx, &file), M_OK);
	assert_int_equal(file_add(&file, "x", 1), M_OK);
	assert_int_equal(file_keep(&file), M_OK);
	file_end(&file);
	media_close(&f->t.core);
	open_media(f);
	assert_int_equal(media_drop_orphans(f->ctx), M_OK);
	assert_int_equal(files_on_disk(f), 1);
	assert_int_equal(look(f, kept), M_OK);
}

static void
an_upload_that_never_came_is_forgotten_within_an_hour(void **state)
{
	struct fixture *f = *state;
	int64_t now = clock_now_ms(), mono = clock_mono_ms(), expires_ts;
	struct media_row row;
	const char *id;

	assert_int_equal(
	    media_announce(f->ctx, f->arena, &ann, &id, &expires_ts), M_OK);
	clock_set_for_test(now + MEDIA_AWAITED_MS + 1000);
	clock_set_mono_for_test(mono + HOUR_MS - 1000);
	media_tick(f->ctx);
	assert_int_equal(store_media_get(f->ctx->db, f->arena, id, &row), M_OK);
	clock_set_mono_for_test(mono + HOUR_MS + 1000);
	media_tick(f->ctx);
	assert_int_equal(store_media_get(f->ctx->db, f->arena, id, &row), M_NOT_FOUND);
}

static enum mx_err
end_account(void *arg, struct db *db)
{
	const char *user_id = arg;
	struct user_row row = { .user_id = user_id };
	enum mx_err err = store_user_add(db, &row);

	return err != M_OK ? err : store_user_deactivate(db, user_id);
}

static void
an_upload_that_comes_behind_the_end_of_its_account_is_not_kept(void **state)
{
	struct fixture *f = *state;
	struct media_about about = { 0 };
	struct file_new file;
	int64_t expires_ts;
	const char *id, *unused;

	assert_int_equal(
	    media_announce(f->ctx, f->arena, &ann, &id, &expires_ts), M_OK);
	assert_int_equal(ctx_write(f->ctx, end_account, (void *)ann.user_id), M_OK);
	assert_int_equal(try_upload(f, &ann, "tea", &unused), M_UNKNOWN_TOKEN);
	assert_int_equal(media_begin(f->ctx, &file), M_OK);
	assert_int_equal(
	    media_fill(f->ctx, f->arena, &ann, id, &file, &about), M_UNKNOWN_TOKEN);
	file_end(&file);
	assert_int_equal(look(f, id), M_NOT_YET_UPLOADED);
	assert_int_equal(files_on_disk(f), 0);
	assert_int_equal(look(f, upload(f, &ben, "tea")), M_OK);
}

/* One of several that come at once: all have been let in before the first is kept. */
struct at_once {
	struct fixture *f;
	pthread_barrier_t *begun;
	pthread_t thread;
	int n;
	const char *announced; /* its id; NULL: it has none yet */
	enum mx_err err;
};

static void *
upload_at_once(void *arg)
{
	struct at_once *one = arg;
	struct core *core = &one->f->t.core;
	struct arena *arena = arena_new();
	struct media_about about = { 0 };
	char *error = NULL;
	struct ctx ctx = { .core = core,
		.db = db_open(core->set.database, DB_READ, &error) };
	struct file_new file;
	const char *text = arena_printf(arena, "file %d", one->n), *unused;

	assert_int_equal(media_begin(&ctx, &file), M_OK);
	assert_int_equal(file_add(&file, text, strlen(text)), M_OK);
	assert_int_equal(media_may_upload(&ctx, &ann, file.size), M_OK);
	pthread_barrier_wait(one->begun);
	one->err = one->announced == NULL
		       ? media_add(&ctx, arena, &ann, &file, &about, &unused)
		       : media_fill(&ctx, arena, &ann, one->announced, &file, &about);
	if (one->err != M_OK)
		assert_non_null(ctx.why);
	file_end(&file);
	db_close(ctx.db);
	arena_free(arena);
	return NULL;
}

#define AT_ONCE 9

/* Half of them to ids that were announced. Returns how many were kept. */
static int
upload_many_at_once(struct fixture *f)
{
	struct at_once all[AT_ONCE];
	pthread_barrier_t begun;
	int64_t expires_ts;
	int kept = 0;

	pthread_barrier_init(&begun, NULL, AT_ONCE);
	for (int i = 0; i < AT_ONCE; i++) {
		all[i] = (struct at_once){ .f = f, .begun = &begun, .n = i };
		if (i % 2 == 0)
			assert_int_equal(media_announce(f->ctx, f->arena, &ann,
					     &all[i].announced, &expires_ts),
			    M_OK);
	}
	for (int i = 0; i < AT_ONCE; i++)
		all[i].thread =
		    thread_start("upload", ROLE_WORKER, upload_at_once, &all[i]);
	for (int i = 0; i < AT_ONCE; i++) {
		pthread_join(all[i].thread, NULL);
		kept += all[i].err == M_OK;
		if (all[i].err != M_OK)
			assert_int_equal(all[i].err, M_FORBIDDEN);
	}
	pthread_barrier_destroy(&begun);
	return kept;
}

static void
of_uploads_at_once_as_many_are_kept_as_the_user_may_have(void **state)
{
	struct fixture *f = *state;

	f->t.core.set.media_files_max = 4;
	assert_int_equal(upload_many_at_once(f), 4);
	assert_int_equal(files_on_disk(f), 4);
}

static void
uploads_at_once_take_no_more_space_than_the_user_may(void **state)
{
	struct fixture *f = *state;

	f->t.core.set.media_total_max = 3 * (int64_t)strlen("file 0") + 5;
	assert_int_equal(upload_many_at_once(f), 3);
	assert_int_equal(files_on_disk(f), 3);
}

static void
of_two_uploads_to_one_id_the_second_leaves_no_file(void **state)
{
	struct fixture *f = *state;
	struct media_about about = { 0 };
	int64_t expires_ts;
	const char *id;

	assert_int_equal(
	    media_announce(f->ctx, f->arena, &ann, &id, &expires_ts), M_OK);
	for (int i = 0; i < 2; i++) {
		struct file_new file;

		assert_int_equal(media_begin(f->ctx, &file), M_OK);
		assert_int_equal(file_add(&file, i == 0 ? "1" : "2", 1), M_OK);
		assert_int_equal(media_fill(f->ctx, f->arena, &ann, id, &file, &about),
		    i == 0 ? M_OK : M_CANNOT_OVERWRITE_MEDIA);
		file_end(&file);
	}
	assert_int_equal(files_on_disk(f), 1);
}

static void
note_settled(void *arg, const char *media_id)
{
	buf_printf(arg, "%s ", media_id);
}

static void
whoever_keeps_something_is_told_what_came_and_what_will_not(void **state)
{
	struct fixture *f = *state;
	struct media_removed removed;
	struct media_about about = { 0 };
	struct buf told = { 0 };
	struct file_new file;
	int64_t expires_ts;
	const char *ids[3];

	media_set_hooks(&f->t.core,
	    &(const struct media_hooks){ .settled = note_settled, .arg = &told });
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    media_announce(f->ctx, f->arena, &ann, &ids[i], &expires_ts), M_OK);
	ids[2] = upload(f, &ann, "tea");
	assert_int_equal(media_begin(f->ctx, &file), M_OK);
	assert_int_equal(
	    media_fill(f->ctx, f->arena, &ann, ids[0], &file, &about), M_OK);
	file_end(&file);
	assert_int_equal(media_remove_ids(f->ctx, f->arena, ids, 3, &removed), M_OK);
	buf_char(&told, '\0');
	assert_string_equal(told.p, arena_printf(f->arena, "%s %s ", ids[0], ids[1]));
	buf_free(&told);
	media_set_hooks(&f->t.core, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_same_is_counted_and_kept_once),
		CASE(of_several_ids_one_that_is_not_there_saves_all),
		CASE(more_than_a_portion_goes_by_a_filter),
		CASE(a_file_without_a_row_is_dropped_at_the_next_start),
		CASE(an_upload_that_comes_behind_the_end_of_its_account_is_not_kept),
		CASE(of_uploads_at_once_as_many_are_kept_as_the_user_may_have),
		CASE(uploads_at_once_take_no_more_space_than_the_user_may),
		CASE(of_two_uploads_to_one_id_the_second_leaves_no_file),
		CASE(whoever_keeps_something_is_told_what_came_and_what_will_not),
		CASE(an_upload_that_never_came_is_forgotten_within_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
