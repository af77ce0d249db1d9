/*
 * FOLDER/ab/abcd...; a table of them in memory, in the order in which they were asked
 * for. Whoever reads a file that is dropped reads on. Behind media/remote.
 */
#include "media/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/link.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "base/thread.h"

#define HEX_LEN (2 * SHA256_LEN)
#define BLOCK 4096 /* the least that a file takes, however small */

struct cached {
	uint8_t sha256[SHA256_LEN];
	int64_t size; /* in whole blocks */
	bool is_sure; /* the bucket has it */
	struct link by_use;
};

struct cache {
	char *folder;
	int64_t bytes_max;
	struct lock lock; /* RANK_LEAF; guards the rest */
	struct map files; /* by sha256 */
	struct link by_use;
	int64_t bytes;
};

static char *
path_of(const struct cache *cache, const uint8_t sha256[SHA256_LEN])
{
	char hex[HEX_LEN + 1];
	struct buf path = { 0 };

	hex_encode(sha256, SHA256_LEN, hex);
	buf_printf(&path, "%s/%.2s/%s", cache->folder, hex, hex);
	return buf_take(&path, NULL);
}

/* --- the order --- */

/* There is one. */
static struct cached *
oldest_locked(const struct cache *cache)
{
	return LINK_OF(struct cached, by_use, cache->by_use.next);
}

static int64_t
in_blocks(int64_t size)
{
	return size <= BLOCK ? BLOCK : (size + BLOCK - 1) / BLOCK * BLOCK;
}

static struct cached *
add_locked(struct cache *cache, const uint8_t sha256[SHA256_LEN], int64_t size)
{
	struct cached *c = xcalloc(1, sizeof *c);

	memcpy(c->sha256, sha256, SHA256_LEN);
	c->size = in_blocks(size);
	cache->bytes += c->size;
	link_before(&cache->by_use, &c->by_use);
	map_put(&cache->files, c->sha256, SHA256_LEN, c);
	return c;
}

static void
drop_locked(struct cache *cache, struct cached *c)
{
	char *path = path_of(cache, c->sha256);

	if (unlink(path) != 0 && errno != ENOENT)
		log_warn("media: cannot remove %s: %s", path, strerror(errno));
	free(path);
	map_del(&cache->files, c->sha256, SHA256_LEN);
	link_out(&c->by_use);
	cache->bytes -= c->size;
	free(c);
}

static void
make_room_locked(struct cache *cache)
{
	while (cache->bytes > cache->bytes_max)
		drop_locked(cache, oldest_locked(cache));
}

/* --- the folder --- */

static void
take_up_file(struct cache *cache, int folder, const char *name)
{
	uint8_t sha256[SHA256_LEN];
	struct stat st;

	if (strlen(name) == HEX_LEN && hex_decode(name, HEX_LEN, sha256) &&
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		add_locked(cache, sha256, st.st_size);
}

static void
take_up_folder(struct cache *cache, int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		log_warn("media: cannot read %s/%s: %s", cache->folder, name,
		    strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		take_up_file(cache, dirfd(dir), entry->d_name);
	closedir(dir);
}

static bool
take_up(struct cache *cache)
{
	DIR *dir = opendir(cache->folder);
	const struct dirent *entry;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL)
		if (strlen(entry->d_name) == 2 && entry->d_name[0] != '.')
			take_up_folder(cache, dirfd(dir), entry->d_name);
	closedir(dir);
	make_room_locked(cache);
	return true;
}

struct cache *
cache_open(const char *folder, int64_t bytes_max, char **error_out)
{
	struct cache *cache = xcalloc(1, sizeof *cache);
	struct buf text = { 0 };

	cache->folder = xstrdup(folder);
	cache->bytes_max = bytes_max;
	lock_init(&cache->lock, RANK_LEAF);
	link_init(&cache->by_use);
	if ((mkdir(folder, 0700) == 0 || errno == EEXIST) && take_up(cache))
		return cache;
	buf_printf(
	    &text, "the folder %s cannot be made or read: %s", folder, strerror(errno));
	*error_out = buf_take(&text, NULL);
	cache_free(cache);
	return NULL;
}

void
cache_free(struct cache *cache)
{
	struct cached *c;

	if (cache == NULL)
		return;
	for (size_t at = 0; (c = map_next(&cache->files, &at)) != NULL;)
		free(c);
	map_fini(&cache->files);
	lock_fini(&cache->lock);
	free(cache->folder);
	free(cache);
}

/* --- files --- */

bool
cache_has(struct cache *cache, const uint8_t sha256[SHA256_LEN])
{
	bool has;

	lock_take(&cache->lock);
	has = map_get(&cache->files, sha256, SHA256_LEN) != NULL;
	lock_give(&cache->lock);
	return has;
}

bool
cache_is_sure(struct cache *cache, const uint8_t sha256[SHA256_LEN])
{
	const struct cached *c;
	bool is_sure;

	lock_take(&cache->lock);
	c = map_get(&cache->files, sha256, SHA256_LEN);
	is_sure = c != NULL && c->is_sure;
	lock_give(&cache->lock);
	return is_sure;
}

/* What cannot be opened is no use to anybody, and is brought anew; but where it is this
 * process that has too many files open, the cache stays. */
static enum mx_err
open_it(struct cache *cache, const uint8_t sha256[SHA256_LEN], int *fd_out)
{
	char *path = path_of(cache, sha256);
	enum mx_err err = M_OK;

	*fd_out = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd_out < 0) {
		err = errno == EMFILE || errno == ENFILE ? M_UNAVAILABLE : M_NOT_FOUND;
		if (errno != ENOENT) /* else somebody has emptied the folder */
			log_warn("media: cannot open %s: %s", path, strerror(errno));
	}
	free(path);
	return err;
}

enum mx_err
cache_read(struct cache *cache, const uint8_t sha256[SHA256_LEN], int *fd_out)
{
	struct cached *c;
	enum mx_err err;

	lock_take(&cache->lock);
	c = map_get(&cache->files, sha256, SHA256_LEN);
	if (c != NULL)
		link_used(&cache->by_use, &c->by_use);
	lock_give(&cache->lock);
	if (c == NULL)
		return M_NOT_FOUND;
	err = open_it(cache, sha256, fd_out);
	if (err == M_NOT_FOUND)
		cache_drop(cache, sha256);
	return err;
}

/* What lies there and is in no table is nobody's: its bytes are not known. */
static bool
link_it(struct cache *cache, const uint8_t sha256[SHA256_LEN], const char *from)
{
	char *path = path_of(cache, sha256), *slash = strrchr(path, '/');
	bool good;

	*slash = '\0';
	good = mkdir(path, 0700) == 0 || errno == EEXIST;
	*slash = '/';
	good = good &&
	       (link(from, path) == 0 ||
		   (errno == EEXIST && unlink(path) == 0 && link(from, path) == 0));
	if (!good)
		log_warn("media: cannot make %s: %s", path, strerror(errno));
	free(path);
	return good;
}

/* Under the lock, so that no drop of it passes by between the name and the entry. */
void
cache_put(struct cache *cache, const uint8_t sha256[SHA256_LEN], const char *path,
    int64_t size)
{
	struct cached *c;

	lock_take(&cache->lock);
	c = map_get(&cache->files, sha256, SHA256_LEN);
	if (c == NULL && in_blocks(size) <= cache->bytes_max &&
	    link_it(cache, sha256, path))
		c = add_locked(cache, sha256, size);
	if (c != NULL)
		c->is_sure = true;
	make_room_locked(cache);
	lock_give(&cache->lock);
}

void
cache_drop(struct cache *cache, const uint8_t sha256[SHA256_LEN])
{
	struct cached *c;

	lock_take(&cache->lock);
	c = map_get(&cache->files, sha256, SHA256_LEN);
	if (c != NULL)
		drop_locked(cache, c);
	lock_give(&cache->lock);
}

bool
cache_shrink(struct cache *cache, int64_t bytes)
{
	int64_t before;
	bool has_some;

	lock_take(&cache->lock);
	before = cache->bytes;
	has_some = before > 0;
	while (link_has(&cache->by_use) && before - cache->bytes < bytes)
		drop_locked(cache, oldest_locked(cache));
	lock_give(&cache->lock);
	return has_some;
}

int64_t
cache_bytes(struct cache *cache)
{
	int64_t bytes;

	lock_take(&cache->lock);
	bytes = cache->bytes;
	lock_give(&cache->lock);
	return bytes;
}
