/*
 * Tests of the server's keys: made once, kept, and refused when they are not safe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/codec.h"
#include "base/str.h"
#include "keys.h"

/* A folder of its own; data does not exist in it yet. */
struct fixture {
	char folder[64], data[80], signing_key[100], secret[100];
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	strcpy(f->folder, "/tmp/parlour_keys_XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->data, sizeof f->data, "%s/data", f->folder);
	snprintf(
	    f->signing_key, sizeof f->signing_key, "%s/" SIGNING_KEY_FILE, f->data);
	snprintf(f->secret, sizeof f->secret, "%s/" SECRET_FILE, f->data);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->signing_key);
	unlink(f->secret);
	assert_int_equal(rmdir(f->data), 0); /* nothing else was left in it */
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static void
create(struct fixture *f)
{
	char *error = NULL;

	if (!keys_create(f->data, &error))
		fail_msg("%s", error);
}

static struct keys
load(struct fixture *f)
{
	struct keys keys = { 0 };
	char *error = NULL;

	if (!keys_load(f->data, &keys, &error))
		fail_msg("%s", error);
	return keys;
}

static void
assert_refused(struct fixture *f, const char *path, const char *sentence)
{
	struct keys keys;
	char *error = NULL;

	assert_false(keys_load(f->data, &keys, &error));
	assert_memory_equal(error, path, strlen(path));
	assert_non_null(strstr(error, sentence));
	free(error);
}

static void
put(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	close(fd);
}

static void
keys_are_made_once_and_stay_the_same(void **state)
{
	struct fixture *f = *state;
	struct keys first, second;

	create(f);
	first = load(f);
	create(f);
	second = load(f);
	assert_memory_equal(&first, &second, sizeof first);
	assert_memory_equal(first.signing_key_id, "ed25519:a_", 10);
}

static void
keys_are_for_their_owner_alone(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	create(f);
	assert_int_equal(stat(f->data, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(f->signing_key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(f->secret, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void
keys_that_others_may_read_are_refused(void **state)
{
	struct fixture *f = *state;

	create(f);
	chmod(f->secret, 0640);
	assert_refused(f, f->secret, "others may read it: chmod 600");
	chmod(f->signing_key, 0604);
	assert_refused(f, f->signing_key, "others may read it: chmod 600");
}

static void
a_signature_of_the_loaded_key_verifies(void **state)
{
	struct fixture *f = *state;
	uint8_t signature[ED25519_SIGNATURE_LEN];
	struct keys keys;

	create(f);
	keys = load(f);
	ed25519_sign(keys.signing_secret, "x", 1, signature);
	assert_true(ed25519_verify(keys.signing_public, "x", 1, signature));
}

/* The specification's own seed (whose text has a stray last bit) and what it signs {}
 * with. Spec: appendices/#cryptographic-test-vectors */
static void
a_key_file_as_synapse_writes_it_signs_as_the_specification_says(void **state)
{
	struct fixture *f = *state;
	const char *line = "ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0\n";
	uint8_t signature[ED25519_SIGNATURE_LEN];
	char signature_b64[B64_LEN(ED25519_SIGNATURE_LEN) + 1];
	struct keys keys;

	create(f);
	put(f->signing_key, line, strlen(line));
	keys = load(f);
	assert_string_equal(keys.signing_key_id, "ed25519:1");
	ed25519_sign(keys.signing_secret, "{}", 2, signature);
	b64_encode(signature, sizeof signature, signature_b64);
	assert_string_equal(signature_b64,
	    "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/"
	    "7Xg4ahLwYGYZz"
	    "uHGZKM5ZAQ");
}

static void
damaged_keys_are_refused(void **state)
{
	struct fixture *f = *state;
	const char *const lines[] = { "", "ed25519", "ed25519 a_b",
		"ed25519 a_b c2hvcnQ",
		"rsa a_b YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0",
		"ed25519 a:b YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0",
		"ed25519 a_b YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0 more" };

	create(f);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		put(f->signing_key, lines[i], strlen(lines[i]));
		assert_refused(f, f->signing_key, "is not 'ed25519 VERSION SEED'");
	}
	put(f->signing_key, "ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0\n",
	    54);
	put(f->secret, "short", 5);
	assert_refused(f, f->secret, "is not 32 bytes long");
}

static void
missing_keys_are_named(void **state)
{
	struct fixture *f = *state;

	create(f);
	unlink(f->secret);
	assert_refused(f, f->secret, "No such file");
	unlink(f->signing_key);
	assert_refused(f, f->signing_key, "No such file");
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(keys_are_made_once_and_stay_the_same),
		CASE(keys_are_for_their_owner_alone),
		CASE(keys_that_others_may_read_are_refused),
		CASE(a_signature_of_the_loaded_key_verifies),
		CASE(a_key_file_as_synapse_writes_it_signs_as_the_specification_says),
		CASE(damaged_keys_are_refused),
		CASE(missing_keys_are_named),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
