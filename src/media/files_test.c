/*
 * Files by their SHA-256, in a folder of the test's own. Stands beside files.c.
 */
#include "media/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char folder[64];
	struct files *files;
};

static struct files *
open_files(struct fixture *f)
{
	char *error = NULL;
	struct files *files =
	    files_open(&(const struct files_setup){ .folder = f->folder }, &error);

	assert_non_null(files);
	return files;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	crypto_init();
	strcpy(f->folder, "/tmp/parlour-files-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->files = open_files(f);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	files_free(f->files);
	snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static struct file_new
begin(struct fixture *f, const char *text)
{
	struct file_new file;

	assert_int_equal(file_begin(f->files, &file), M_OK);
	assert_int_equal(file_add(&file, text, strlen(text)), M_OK);
	return file;
}

static void
keep(struct fixture *f, const char *text, uint8_t sha256[SHA256_LEN])
{
	struct file_new file = begin(f, text);

	assert_int_equal(file_keep(&file), M_OK);
	memcpy(sha256, file.sha256, SHA256_LEN);
	file_end(&file);
}

static void
expect_text(struct fixture *f, const uint8_t sha256[SHA256_LEN], const char *text)
{
	char bytes[100] = "";
	int64_t size;
	int fd;

	assert_int_equal(files_read(f->files, sha256, true, &fd, &size), M_OK);
	assert_int_equal(size, strlen(text));
	assert_int_equal(read(fd, bytes, sizeof bytes - 1), size);
	assert_string_equal(bytes, text);
	close(fd);
}

static void
expect_nothing(struct fixture *f, const uint8_t sha256[SHA256_LEN])
{
	int64_t size;
	int fd;

	assert_int_equal(files_read(f->files, sha256, true, &fd, &size), M_NOT_FOUND);
}

static enum mx_err
count(void *arg, const uint8_t sha256[SHA256_LEN])
{
	(*(int *)arg)++;
	return M_OK;
}

static int
how_many(struct fixture *f)
{
	int n = 0;

	assert_int_equal(files_each(f->files, count, &n), M_OK);
	return n;
}

static void
what_is_kept_is_found_by_its_hash_and_is_there_once(void **state)
{
	struct fixture *f = *state;
	uint8_t one[SHA256_LEN], two[SHA256_LEN], hash[SHA256_LEN];

	sha256("tea", 3, hash);
	expect_nothing(f, hash);
	keep(f, "tea", one);
	assert_memory_equal(one, hash, SHA256_LEN);
	keep(f, "tea", two);
	assert_memory_equal(two, hash, SHA256_LEN);
	expect_text(f, hash, "tea");
	assert_int_equal(how_many(f), 1);
	keep(f, "coffee", two);
	assert_int_equal(how_many(f), 2);
	files_free(f->files);
	f->files = open_files(f);
	expect_text(f, hash, "tea");
}

static void
what_is_not_kept_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct file_new file = begin(f, "half");
	char path[100];
	struct stat st;

	snprintf(path, sizeof path, "%s", file.path);
	file_end(&file);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(how_many(f), 0);
}

static void
what_was_half_written_is_gone_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct file_new file = begin(f, "half");
	struct stat st;

	assert_int_equal(stat(file.path, &st), 0);
	files_free(open_files(f)); /* as a server that was killed, and comes again */
	assert_int_equal(stat(file.path, &st), -1);
	assert_int_equal(errno, ENOENT);
	file_end(&file);
}

static void
what_is_dropped_between_a_file_and_its_row_is_put_back(void **state)
{
	struct fixture *f = *state;
	struct file_new file = begin(f, "tea");

	assert_int_equal(file_keep(&file), M_OK);
	assert_int_equal(files_drop(f->files, file.sha256), M_OK);
	expect_nothing(f, file.sha256);
	assert_int_equal(file_keep_again(&file), M_OK);
	expect_text(f, file.sha256, "tea");
	assert_int_equal(file_keep_again(&file), M_OK);
	assert_int_equal(files_drop(f->files, file.sha256), M_OK);
	assert_int_equal(files_drop(f->files, file.sha256), M_NOT_FOUND);
	file_end(&file);
}

static void
a_folder_that_cannot_be_made_is_told(void **state)
{
	char *error = NULL;

	assert_null(files_open(
	    &(const struct files_setup){ .folder = "/proc/nowhere" }, &error));
	assert_non_null(strstr(error, "/proc/nowhere"));
	free(error);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_kept_is_found_by_its_hash_and_is_there_once),
		CASE(what_is_not_kept_leaves_nothing),
		CASE(what_was_half_written_is_gone_after_a_restart),
		CASE(what_is_dropped_between_a_file_and_its_row_is_put_back),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
