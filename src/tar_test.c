/*
 * Tests of the archives that `parlour backup` writes, read back by tar itself and field
 * by field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tar.h"

struct fixture {
	char path[64];
	int fd;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->path, "/tmp/parlour_tar_XXXXXX");
	f->fd = mkstemp(f->path);
	*state = f;
	return f->fd < 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	unlink(f->path);
	free(f);
	return 0;
}

static off_t
size_of(const struct fixture *f)
{
	struct stat st;

	assert_int_equal(fstat(f->fd, &st), 0);
	return st.st_size;
}

/* What a shell command with the archive for $A prints, 4 KB at most. */
static void
shell(const struct fixture *f, const char *command, char out[4096])
{
	FILE *pipe;
	size_t n;

	assert_int_equal(setenv("A", f->path, 1), 0);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	n = fread(out, 1, 4095, pipe);
	out[n] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static void
tar_reads_back_what_was_written(void **state)
{
	struct fixture *f = *state;
	char out[4096];

	assert_true(tar_head(f->fd, "signing.key", 5, 1700000000));
	assert_true(tar_data(f->fd, "hello", 5));
	assert_true(tar_head(f->fd, "empty", 0, 0));
	assert_true(tar_data(f->fd, "", 0));
	assert_true(tar_end(f->fd));
	shell(f, "tar -tvf $A --numeric-owner --utc", out);
	assert_non_null(strstr(out, "-rw------- 0/0"));
	assert_non_null(strstr(out, "5 2023-11-14 22:13 signing.key\n"));
	assert_non_null(strstr(out, "0 1970-01-01 00:00 empty\n"));
	shell(f, "tar -xOf $A signing.key", out);
	assert_string_equal(out, "hello");
}

static void
every_size_fills_whole_blocks(void **state)
{
	struct fixture *f = *state;
	static const int sizes[] = { 0, 1, 511, 512, 513, 1024 };
	static const char zeros[1024];

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		off_t before = size_of(f), blocks = (sizes[i] + 511) / 512;

		assert_true(tar_head(f->fd, "x", (uint64_t)sizes[i], 0));
		assert_true(tar_data(f->fd, zeros, (uint64_t)sizes[i]));
		assert_int_equal(size_of(f) - before, 512 + blocks * 512);
	}
}

static void
a_copy_holds_the_other_files_bytes(void **state)
{
	struct fixture *f = *state;
	FILE *from = tmpfile();
	char out[4096];

	assert_non_null(from);
	for (int i = 0; i < 20000; i++)
		fprintf(from, "%06d\n", i); /* more than one chunk */
	assert_int_equal(fflush(from), 0);
	assert_int_equal(lseek(fileno(from), 0, SEEK_SET), 0);
	assert_true(tar_head(f->fd, "numbers", 140000, 0));
	assert_true(tar_copy(f->fd, fileno(from), 140000));
	assert_true(tar_end(f->fd));
	shell(f,
	    "test \"$(tar -xOf $A | sha256sum)\" = \"$(seq -f %06.f 0 19999 |"
	    " sha256sum)\" && echo same",
	    out);
	assert_string_equal(out, "same\n");
	fclose(from);
}

static void
a_file_that_shrank_meanwhile_is_an_error(void **state)
{
	struct fixture *f = *state;
	FILE *from = tmpfile();

	assert_non_null(from);
	assert_true(tar_head(f->fd, "short", 10, 0));
	errno = 0;
	assert_false(tar_copy(f->fd, fileno(from), 10));
	assert_int_equal(errno, EIO);
	fclose(from);
}

static void
sizes_from_8_gib_on_are_known_to_tar(void **state)
{
	struct fixture *f = *state;
	char out[4096];

	/* The head alone: tar lists it, and finds nothing behind it. */
	assert_true(tar_head(f->fd, "large", UINT64_C(9876543210), 0));
	shell(f, "tar -tvf $A 2>&1; true", out);
	assert_non_null(strstr(out, " 9876543210 "));
}

static void
the_last_size_below_8_gib_is_octal(void **state)
{
	struct fixture *f = *state;
	char head[512];

	assert_true(tar_head(f->fd, "x", (UINT64_C(1) << 33) - 1, 0));
	assert_int_equal(pread(f->fd, head, sizeof head, 0), sizeof head);
	assert_memory_equal(head + 124, "77777777777", 12);
}

static void
a_name_that_does_not_fit_is_refused(void **state)
{
	struct fixture *f = *state;
	char name[TAR_NAME_MAX + 1];

	memset(name, 'n', TAR_NAME_MAX);
	name[TAR_NAME_MAX] = '\0';
	assert_false(tar_head(f->fd, name, 0, 0));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(size_of(f), 0);
	assert_true(tar_head(f->fd, name + 1, 0, 0));
}

static void
a_full_disk_is_an_error(void **state)
{
	int fd = open("/dev/full", O_WRONLY);

	assert_true(fd >= 0);
	assert_false(tar_head(fd, "x", 0, 0));
	assert_int_equal(errno, ENOSPC);
	assert_false(tar_end(fd));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tar_reads_back_what_was_written),
		TEST(every_size_fills_whole_blocks),
		TEST(a_copy_holds_the_other_files_bytes),
		TEST(a_file_that_shrank_meanwhile_is_an_error),
		TEST(sizes_from_8_gib_on_are_known_to_tar),
		TEST(the_last_size_below_8_gib_is_octal),
		TEST(a_name_that_does_not_fit_is_refused),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
