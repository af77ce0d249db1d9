/*
 * Files named by their SHA-256: FOLDER/ab/cd/abcd..., and FOLDER/tmp/ for what is
 * coming in. Relies on the file system's own promises: a name is there or it is not,
 * and what was synced before its name is whole.
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

struct files *
files_open(const char *folder, char **error_out)
{
	struct files *files = files_look(folder);
	char *temporary;
	bool made;

	temporary = path_in(files, "tmp");
	made = folder_made(folder, error_out) && folder_made(temporary, error_out);
	if (made)
		empty_folder(temporary);
	free(temporary);
	if (made)
		return files;
	files_free(files);
	return NULL;
}

void
files_free(struct files *files)
{
	if (files == NULL)
		return;
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

enum mx_err
file_add(struct file_new *file, const void *bytes, size_t n)
{
	const char *p = bytes;

	sha256_add(file->hash, bytes, n);
	file->size += (int64_t)n;
	while (n > 0) {
		ssize_t done = write(file->fd, p, n);

		if (done < 0 && errno == EINTR)
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

enum mx_err
file_keep(struct file_new *file)
{
	sha256_end(file->hash, file->sha256);
	file->hash = NULL;
	if (fsync(file->fd) != 0)
		return fail("cannot sync", file->path);
	return link_it(file);
}

enum mx_err
file_keep_again(struct file_new *file)
{
	char *path = path_of(file->files, file->sha256);
	bool is_there = access(path, F_OK) == 0;

	free(path);
	return is_there ? M_OK : link_it(file);
}

void
file_end(struct file_new *file)
{
	uint8_t unused[SHA256_LEN];

	if (file->hash != NULL)
		sha256_end(file->hash, unused);
	unlink(file->path);
	close(file->fd);
	free(file->path);
	*file = (struct file_new){ .fd = -1 };
}

/* --- those that are there --- */

enum mx_err
files_read(struct files *files, const uint8_t sha256[SHA256_LEN], int *fd_out,
    int64_t *size_out)
{
	char *path = path_of(files, sha256);
	enum mx_err err = M_OK;
	struct stat st;

	*fd_out = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd_out < 0)
		err = errno == ENOENT ? M_NOT_FOUND : fail("cannot open", path);
	else if (fstat(*fd_out, &st) != 0)
		err = fail("cannot look at", path);
	else
		*size_out = st.st_size;
	if (err != M_OK && *fd_out >= 0)
		close(*fd_out);
	free(path);
	return err;
}

enum mx_err
files_drop(struct files *files, const uint8_t sha256[SHA256_LEN])
{
	char *path = path_of(files, sha256);
	enum mx_err err = M_OK;

	if (unlink(path) != 0)
		err = errno == ENOENT ? M_NOT_FOUND : fail("cannot remove", path);
	free(path);
	return err;
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

	return walk_folder(&walk, AT_FDCWD, files->folder, 0);
}
