/*
 * Files named by their SHA-256: FOLDER/ab/cd/abcd..., and FOLDER/tmp/ for what is
 * coming in; with a bucket FOLDER/cache/ for what is read of it. Relies on the file
 * system's own promises: a name is there or it is not, and what was synced before its
 * name is whole.
 */
#include "media/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/str.h"

#define HEX_LEN (2 * SHA256_LEN)
#define BEGIN_WRITING_BYTES (4 << 20)

struct files {
	char *folder;
	struct remote *remote; /* NULL: there is no bucket */
};

/* --- names --- */

static char *
path_in(const struct files *files, const char *name)
{
	struct buf path = { 0 };

	buf_printf(&path, "%s/%s", files->folder, name);
	return buf_take(&path, NULL);
}

/* "ab/cd/abcd...": no folder gets more than some thousands of a million. */
static char *
path_of(const struct files *files, const uint8_t sha256[SHA256_LEN])
{
	char hex[HEX_LEN + 1], name[HEX_LEN + 8];

	hex_encode(sha256, SHA256_LEN, hex);
	snprintf(name, sizeof name, "%.2s/%.2s/%s", hex, hex + 2, hex);
	return path_in(files, name);
}

static enum mx_err
fail(const char *what, const char *path)
{
	log_error("media: %s %s: %s", what, path, strerror(errno));
	return M_UNAVAILABLE;
}

/* The folder's own entry is durable, too. */
static enum mx_err
sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum mx_err err = M_OK;

	if (fd < 0)
		return fail("cannot open", path);
	if (fsync(fd) != 0)
		err = fail("cannot sync", path);
	close(fd);
	return err;
}

/* The first n bytes of path: a folder, whose entry is durable too. */
static enum mx_err
make_folder(char *path, size_t n)
{
	enum mx_err err = M_OK;

	path[n] = '\0';
	if (mkdir(path, 0700) == 0) {
		char *slash = strrchr(path, '/');

		*slash = '\0';
		err = sync_folder(path);
		*slash = '/';
	} else if (errno != EEXIST) {
		err = fail("cannot make", path);
	}
	path[n] = '/';
	return err;
}

/* Of a path in the folder: makes the two folders above it that may be missing. */
static enum mx_err
make_folders(char *path, size_t folder_n)
{
	enum mx_err err = make_folder(path, folder_n + 3);

	return err == M_OK ? make_folder(path, folder_n + 6) : err;
}

/* --- the folder --- */

static bool
folder_made(const char *path, char **error_out)
{
	struct buf text = { 0 };

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	buf_printf(&text, "the folder %s cannot be made: %s", path, strerror(errno));
	*error_out = buf_take(&text, NULL);
	return false;
}

static void
empty_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' &&
		    unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			log_warn(
			    "media: %s/%s: %s", path, entry->d_name, strerror(errno));
	if (dir != NULL)
		closedir(dir);
}

struct files *
files_look(const char *folder)
{
	struct files *files = xcalloc(1, sizeof *files);

	files->folder = xstrdup(folder);
	return files;
}

static bool
open_remote(struct files *files, const struct files_setup *setup, char **error_out)
{
	char *cache;

	if (setup->bucket == NULL)
		return true;
	cache = path_in(files, "cache");
	files->remote = remote_open(
	    setup->bucket, setup->owner, cache, setup->cache_max, error_out);
	free(cache);
	return files->remote != NULL;
}

struct files *
files_open(const struct files_setup *setup, char **error_out)
{
	struct files *files = files_look(setup->folder);
	char *temporary;
	bool made;

	temporary = path_in(files, "tmp");
	made =
	    folder_made(files->folder, error_out) && folder_made(temporary, error_out);
	if (made)
		empty_folder(temporary);
	free(temporary);
	if (made && open_remote(files, setup, error_out))
		return files;
	files_free(files);
	return NULL;
}

void
files_stop(struct files *files)
{
	if (files->remote != NULL)
		remote_stop(files->remote);
}

bool
files_are_remote(const struct files *files)
{
	return files->remote != NULL;
}

bool
files_remote_stats(const struct files *files, struct remote_stats *out)
{
	if (files->remote != NULL)
		remote_stats(files->remote, out);
	return files->remote != NULL;
}

void
files_free(struct files *files)
{
	if (files == NULL)
		return;
	remote_free(files->remote);
	free(files->folder);
	free(files);
}

/* --- one that is coming in --- */

enum mx_err
file_begin(struct files *files, struct file_new *out)
{
	char *path = path_in(files, "tmp/XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0) {
		enum mx_err err = fail("cannot make", path);

		free(path);
		return err;
	}
	*out = (struct file_new){
		.files = files, .hash = sha256_new(), .fd = fd, .path = path
	};
	return M_OK;
}

/* The disk writes while the rest comes, so that file_keep has less to wait for. What
 * goes wrong with it is told by fsync. */
static void
begin_writing(struct file_new *file)
{
	if (file->size - file->begun < BEGIN_WRITING_BYTES)
		return;
	(void)sync_file_range(
	    file->fd, file->begun, file->size - file->begun, SYNC_FILE_RANGE_WRITE);
	file->begun = file->size;
}

/* What is only lent to the cache gives way to what has no other place. */
static bool
makes_room(struct file_new *file, size_t n)
{
	return (errno == ENOSPC || errno == EDQUOT) && file->files->remote != NULL &&
	       remote_make_room(file->files->remote, (int64_t)n);
}

enum mx_err
file_add(struct file_new *file, const void *bytes, size_t n)
{
	const char *p = bytes;

	sha256_add(file->hash, bytes, n);
	file->size += (int64_t)n;
	while (n > 0) {
		ssize_t done = write(file->fd, p, n);

		if (done < 0 && (errno == EINTR || makes_room(file, n)))
			continue;
		if (done < 0)
			return fail("cannot write", file->path);
		p += done;
		n -= (size_t)done;
	}
	begin_writing(file);
	return M_OK;
}

enum mx_err
file_reread(struct file_new *file)
{
	char bytes[65536];
	ssize_t n;

	file->size = 0;
	while ((n = pread(file->fd, bytes, sizeof bytes, file->size)) > 0) {
		sha256_add(file->hash, bytes, (size_t)n);
		file->size += n;
	}
	return n < 0 ? fail("cannot read", file->path) : M_OK;
}

static enum mx_err
link_it(struct file_new *file)
{
	char *path = path_of(file->files, file->sha256);
	enum mx_err err = make_folders(path, strlen(file->files->folder));

	if (err == M_OK && link(file->path, path) != 0 && errno != EEXIST)
		err = fail("cannot link", path);
	if (err == M_OK) {
		*strrchr(path, '/') = '\0';
		err = sync_folder(path);
	}
	free(path);
	return err;
}

/* Synced first: the cache outlives this process. */
static enum mx_err
send_it(struct file_new *file)
{
	struct remote *remote = file->files->remote;

	remote_begin(remote, file->sha256);
	file->is_remote = true;
	return remote_keep(remote, file->sha256, file->fd, file->path, file->size);
}

enum mx_err
file_keep(struct file_new *file)
{
	sha256_end(file->hash, file->sha256);
	file->hash = NULL;
	if (fsync(file->fd) != 0)
		return fail("cannot sync", file->path);
	return file->files->remote == NULL ? link_it(file) : send_it(file);
}

enum mx_err
file_keep_again(struct file_new *file)
{
	char *path;
	bool is_there;

	if (file->is_remote) {
		remote_keep_again(file->files->remote, file->sha256);
		return M_OK;
	}
	path = path_of(file->files, file->sha256);
	is_there = access(path, F_OK) == 0;
	free(path);
	return is_there ? M_OK : link_it(file);
}

void
file_end(struct file_new *file)
{
	uint8_t unused[SHA256_LEN];

	if (file->is_remote)
		remote_end(file->files->remote, file->sha256);
	if (file->hash != NULL)
		sha256_end(file->hash, unused);
	unlink(file->path);
	close(file->fd);
	free(file->path);
	*file = (struct file_new){ .fd = -1 };
}

/* --- from the bucket --- */

/* One that comes from there; its hash is looked at like an upload's. */
struct coming {
	struct file_new file;
	const uint8_t *sha256;
};

static bool
take_piece(void *arg, const void *bytes, size_t n)
{
	return file_add(&((struct coming *)arg)->file, bytes, n) == M_OK;
}

static bool
begin_again(void *arg)
{
	struct file_new *file = &((struct coming *)arg)->file;
	uint8_t unused[SHA256_LEN];

	sha256_end(file->hash, unused);
	file->hash = sha256_new();
	file->size = file->begun = 0;
	if (ftruncate(file->fd, 0) == 0 && lseek(file->fd, 0, SEEK_SET) == 0)
		return true;
	(void)fail("cannot truncate", file->path);
	return false;
}

static const char *
is_whole(void *arg, int64_t *size_out)
{
	struct coming *coming = arg;
	struct file_new *file = &coming->file;
	char hex[HEX_LEN + 1];

	sha256_end(file->hash, file->sha256);
	file->hash = NULL;
	hex_encode(coming->sha256, SHA256_LEN, hex);
	if (memcmp(file->sha256, coming->sha256, SHA256_LEN) != 0) {
		log_error("media: the bucket has something else under %s", hex);
		return NULL;
	}
	if (fsync(file->fd) != 0) {
		(void)fail("cannot sync", file->path);
		return NULL;
	}
	*size_out = file->size;
	return file->path;
}

/* fd is one for reading alone: what it is given to must not change it. */
static enum mx_err
open_come(const struct coming *coming, int *fd_out)
{
	*fd_out = open(coming->file.path, O_RDONLY | O_CLOEXEC);
	return *fd_out < 0 ? fail("cannot open", coming->file.path) : M_OK;
}

static enum mx_err
fetch(struct files *files, const uint8_t sha256[SHA256_LEN], int *fd_out)
{
	struct coming coming = { .sha256 = sha256 };
	struct remote_taker taker = { { take_piece, begin_again, &coming }, is_whole };
	enum mx_err err;

	do {
		err = remote_read(files->remote, sha256, fd_out);
		if (err != M_NOT_FOUND)
			return err;
		err = file_begin(files, &coming.file);
		if (err != M_OK)
			return err;
		err = remote_fetch(files->remote, sha256, &taker);
		if (err == M_OK)
			err = open_come(&coming, fd_out);
		file_end(&coming.file);
	} while (err == M_PARKED);
	return err;
}

/* --- those that are there --- */

static enum mx_err
read_own(struct files *files, const uint8_t sha256[SHA256_LEN], int *fd_out)
{
	char *path = path_of(files, sha256);
	enum mx_err err = M_OK;

	*fd_out = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd_out < 0)
		err = errno == ENOENT ? M_NOT_FOUND : fail("cannot open", path);
	free(path);
	return err;
}

static enum mx_err
read_remote(
    struct files *files, const uint8_t sha256[SHA256_LEN], bool may_wait, int *fd_out)
{
	enum mx_err err = remote_read(files->remote, sha256, fd_out);

	if (err != M_NOT_FOUND)
		return err;
	err = read_own(files, sha256, fd_out); /* of before there was a bucket */
	if (err != M_NOT_FOUND)
		return err;
	return may_wait ? fetch(files, sha256, fd_out) : M_PARKED;
}

enum mx_err
files_read(struct files *files, const uint8_t sha256[SHA256_LEN], bool may_wait,
    int *fd_out, int64_t *size_out)
{
	struct stat st;
	enum mx_err err = files->remote == NULL
			      ? read_own(files, sha256, fd_out)
			      : read_remote(files, sha256, may_wait, fd_out);

	if (err != M_OK)
		return err;
	if (fstat(*fd_out, &st) != 0) {
		close(*fd_out);
		return fail("cannot look at", files->folder);
	}
	*size_out = st.st_size;
	return M_OK;
}

enum mx_err
files_drop(struct files *files, const uint8_t sha256[SHA256_LEN])
{
	char *path = path_of(files, sha256);
	enum mx_err err = M_OK;

	if (unlink(path) != 0)
		err = errno == ENOENT ? M_NOT_FOUND : fail("cannot remove", path);
	free(path);
	if (files->remote == NULL)
		return err;
	remote_drop(files->remote, sha256);
	return err == M_NOT_FOUND ? M_OK : err;
}

/* A walk over two levels of folders, and the files in them. */
struct walk {
	enum mx_err (*fn)(void *arg, const uint8_t sha256[SHA256_LEN]);
	void *arg;
};

static enum mx_err
walk_folder(const struct walk *walk, int parent, const char *name, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	enum mx_err err = M_OK;
	uint8_t sha256[SHA256_LEN];

	if (dir == NULL)
		return fail("cannot read", name);
	while (err == M_OK && (entry = readdir(dir)) != NULL) {
		size_t n = strlen(entry->d_name);

		if (depth < 2 && n == 2 && entry->d_name[0] != '.')
			err = walk_folder(walk, dirfd(dir), entry->d_name, depth + 1);
		else if (depth == 2 && n == HEX_LEN &&
			 hex_decode(entry->d_name, n, sha256))
			err = walk->fn(walk->arg, sha256);
	}
	closedir(dir);
	return err;
}

enum mx_err
files_each(struct files *files,
    enum mx_err (*fn)(void *arg, const uint8_t sha256[SHA256_LEN]), void *arg)
{
	struct walk walk = { fn, arg };
	enum mx_err err = walk_folder(&walk, AT_FDCWD, files->folder, 0);

	return err == M_OK && files->remote != NULL
		   ? remote_each(files->remote, fn, arg)
		   : err;
}
