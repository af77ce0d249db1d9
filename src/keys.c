/*
 * The server's two keys, made once and read at each start. Relies on base/crypto and
 * base/codec. A key file is whole or not there: it is linked into place when on disk.
 */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/codec.h"
#include "base/str.h"

enum { KEY_FILE_MAX = 512, KEY_VERSION_LETTERS = 4 };

__attribute__((format(printf, 2, 3))) static bool
fail(char **error_out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(error_out, fmt, ap) < 0)
		abort();
	va_end(ap);
	return false;
}

/* ---- making ---- */

static bool
write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		n -= (size_t)done;
	}
	return true;
}

/* Makes the new name itself survive a loss of power. */
static bool
folder_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

/* Two processes may do this at the same moment: the first link wins, both are fine. */
static bool
file_create(const char *folder, const char *path, const char *data, size_t n)
{
	char *draft = NULL;
	bool good;
	int fd;

	if (asprintf(&draft, "%s.XXXXXX", path) < 0)
		abort();
	fd = mkostemp(draft, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		free(draft);
		return false;
	}
	good = write_all(fd, data, n) && fsync(fd) == 0 &&
	       (link(draft, path) == 0 || errno == EEXIST) && folder_sync(folder);
	close(fd);
	unlink(draft);
	free(draft);
	return good;
}

static size_t
signing_key_make(char out[KEY_FILE_MAX])
{
	uint8_t seed[ED25519_SEED_LEN];
	char version[KEY_VERSION_LETTERS + 1], seed_b64[B64_LEN(sizeof seed) + 1];
	int n;

	random_bytes(seed, sizeof seed);
	random_letters(version, KEY_VERSION_LETTERS);
	b64_encode(seed, sizeof seed, seed_b64);
	n = snprintf(out, KEY_FILE_MAX, "ed25519 a_%s %s\n", version, seed_b64);
	return (size_t)n;
}

static size_t
secret_make(char out[KEY_FILE_MAX])
{
	random_bytes(out, 32);
	return 32;
}

static bool
key_create(
    const char *data_dir, const char *name, size_t (*make)(char *), char **error_out)
{
	char path[PATH_MAX], data[KEY_FILE_MAX];
	size_t n;

	snprintf(path, sizeof path, "%s/%s", data_dir, name);
	if (access(path, F_OK) == 0)
		return true;
	n = make(data);
	if (!file_create(data_dir, path, data, n))
		return fail(error_out, "%s: %s", path, strerror(errno));
	return true;
}

bool
keys_create(const char *data_dir, char **error_out)
{
	if (mkdir(data_dir, 0700) < 0 && errno != EEXIST)
		return fail(error_out, "%s: %s", data_dir, strerror(errno));
	return key_create(data_dir, SIGNING_KEY_FILE, signing_key_make, error_out) &&
	       key_create(data_dir, SECRET_FILE, secret_make, error_out);
}

/* ---- reading ---- */

/* Reads a small file that only its owner may touch; a NUL stands behind the data. */
static bool
file_load(
    const char *path, char data_out[KEY_FILE_MAX], size_t *n_out, char **error_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fail(error_out, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || (n = read(fd, data_out, KEY_FILE_MAX - 1)) < 0) {
		fail(error_out, "%s: %s", path, strerror(errno));
		close(fd);
		return false;
	}
	close(fd);
	if ((st.st_mode & 077) != 0)
		return fail(
		    error_out, "%s: others may read it: chmod 600 %s", path, path);
	data_out[n] = '\0';
	*n_out = (size_t)n;
	return true;
}

/* "ed25519 a_xyz BASE64" and a newline. */
static bool
signing_key_parse(const char *text, struct keys *keys)
{
	char version[KEY_ID_MAX - sizeof "ed25519:"], seed_b64[64], rest;
	uint8_t seed[ED25519_SEED_LEN];
	size_t n;

	if (sscanf(text, "ed25519 %54[a-zA-Z0-9_] %63[a-zA-Z0-9+/=] %c", version,
		seed_b64, &rest) != 2)
		return false;
	if (!b64_decode(seed_b64, strlen(seed_b64), seed, sizeof seed, &n) ||
	    n != sizeof seed)
		return false;
	snprintf(
	    keys->signing_key_id, sizeof keys->signing_key_id, "ed25519:%s", version);
	ed25519_from_seed(seed, keys->signing_public, keys->signing_secret);
	return true;
}

bool
keys_load(const char *data_dir, struct keys *keys_out, char **error_out)
{
	char path[PATH_MAX], data[KEY_FILE_MAX];
	size_t n;

	snprintf(path, sizeof path, "%s/%s", data_dir, SIGNING_KEY_FILE);
	if (!file_load(path, data, &n, error_out))
		return false;
	if (strlen(data) != n || !signing_key_parse(data, keys_out))
		return fail(error_out, "%s: is not 'ed25519 VERSION SEED'", path);

	snprintf(path, sizeof path, "%s/%s", data_dir, SECRET_FILE);
	if (!file_load(path, data, &n, error_out))
		return false;
	if (n != sizeof keys_out->secret)
		return fail(error_out, "%s: is not 32 bytes long", path);
	memcpy(keys_out->secret, data, sizeof keys_out->secret);
	return true;
}
