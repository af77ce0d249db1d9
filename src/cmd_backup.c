/*
 * `parlour backup`: a copy of the database, as it was at one moment, with the keys and
 * the uploaded files. Relies on db_backup: a reader beside the server's own, so it does
 * not matter whether one runs, and nobody waits for it; and on files that never change.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/codec.h"
#include "base/log.h"
#include "base/str.h"
#include "config.h"
#include "db/db.h"
#include "keys.h"
#include "media/files.h"
#include "store/media.h"
#include "tar.h"

#define FILES_AT_ONCE 100

/* One backup under way. */
struct backup {
	const struct config *config;
	const char *file;
	bool has_media;
	int64_t elsewhere;	/* files with rows that are not in the folder */
	char part[PATH_MAX];	/* the archive until it is whole */
	char db_part[PATH_MAX]; /* the copy of the database, before it goes in */
	int fd;
};

static bool
complain(const char *what, const char *sentence)
{
	fprintf(stderr, "parlour backup: %s: %s\n", what, sentence);
	return false;
}

static struct db *
open_database(struct backup *b)
{
	const char *file = b->config->database_file;
	char *error = NULL;
	struct db *db = NULL;

	/* db_open would say so too, but in more words. */
	if (access(file, F_OK) < 0) {
		complain(file, strerror(errno));
		return NULL;
	}
	db = db_open(file, DB_READ, &error);
	if (db == NULL)
		fprintf(stderr, "parlour backup: %s\n", error);
	free(error);
	return db;
}

static bool
copy_database(struct backup *b, struct db *db)
{
	char *error = NULL;
	enum mx_err err = db_backup(db, b->db_part, &error);

	if (err != M_OK)
		fprintf(stderr, "parlour backup: %s\n", error);
	free(error);
	return err == M_OK;
}

/* Closes from. */
static bool
add_open(struct backup *b, int from, const char *name)
{
	struct stat st;
	bool good = fstat(from, &st) == 0 &&
		    tar_head(b->fd, name, (uint64_t)st.st_size, st.st_mtime) &&
		    tar_copy(b->fd, from, (uint64_t)st.st_size);

	if (!good)
		complain(b->part, strerror(errno));
	close(from);
	return good;
}

static bool
add_file(struct backup *b, const char *path, const char *name)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);

	return from < 0 ? complain(path, strerror(errno)) : add_open(b, from, name);
}

static bool
add_key(struct backup *b, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", b->config->data_dir, name);
	return add_file(b, path, name);
}

/* ---- uploaded files ---- */

/* One that is gone has been deleted since its name was read, or is in the bucket, or
 * lost: a row says. */
static bool
add_upload(struct backup *b, struct db *db, struct files *files,
    const uint8_t sha256[SHA256_LEN])
{
	char hex[2 * SHA256_LEN + 1], name[TAR_NAME_MAX];
	enum mx_err err;
	int64_t size;
	bool has;
	int fd;

	err = files_read(files, sha256, true, &fd, &size);
	if (err == M_NOT_FOUND) {
		err = store_media_has(db, sha256, &has);
		b->elsewhere += err == M_OK && has;
		return err == M_OK;
	}
	if (err != M_OK)
		return false; /* logged */
	hex_encode(sha256, SHA256_LEN, hex);
	snprintf(name, sizeof name, "media/%.2s/%.2s/%s", hex, hex + 2, hex);
	return add_open(b, fd, name);
}

static bool
add_page(struct backup *b, struct db *db, struct files *files,
    const uint8_t (*hashes)[SHA256_LEN], int n)
{
	for (int i = 0; i < n; i++)
		if (!add_upload(b, db, files, hashes[i]))
			return false;
	return true;
}

static bool
add_pages(struct backup *b, struct db *db, struct files *files)
{
	static uint8_t hashes[FILES_AT_ONCE][SHA256_LEN];
	uint8_t after[SHA256_LEN] = { 0 };
	int n = FILES_AT_ONCE;
	bool good = true;

	while (good && n == FILES_AT_ONCE) {
		good = store_media_page(db, after, hashes, FILES_AT_ONCE, &n) == M_OK &&
		       add_page(b, db, files, (const uint8_t(*)[SHA256_LEN])hashes, n);
		if (n > 0)
			memcpy(after, hashes[n - 1], SHA256_LEN);
	}
	return good;
}

static void
tell_elsewhere(const struct backup *b)
{
	const struct config *config = b->config;

	if (config->s3_bucket != NULL)
		fprintf(stderr,
		    "parlour backup: %lld uploaded files are not in %s but in the "
		    "bucket %s, and so not in this backup\n",
		    (long long)b->elsewhere, config->media_folder, config->s3_bucket);
	else
		fprintf(stderr,
		    "parlour backup: %lld uploaded files are lost: the database names "
		    "them, and %s has them not\n",
		    (long long)b->elsewhere, config->media_folder);
}

/* Behind the copy of the database: what that names and is not deleted is there. */
static bool
add_uploads(struct backup *b, struct db *db)
{
	struct files *files = files_look(b->config->media_folder);
	bool has_table;
	bool good = store_media_is_there(db, &has_table) == M_OK;

	if (good && has_table)
		good = add_pages(b, db, files);
	files_free(files);
	if (b->elsewhere > 0)
		tell_elsewhere(b);
	return good;
}

/* ---- the archive ---- */

/* Overwrites nothing; where the file system has no links, nothing that was there a
 * moment ago. */
static bool
give_name(const struct backup *b)
{
	if (link(b->part, b->file) == 0)
		return true;
	return (errno == EPERM || errno == EOPNOTSUPP) && rename(b->part, b->file) == 0;
}

/* The archive gets its name when it is whole and on the disk. */
static bool
finish(struct backup *b)
{
	char folder[PATH_MAX];
	int fd;
	bool good = tar_end(b->fd) && fsync(b->fd) == 0 && give_name(b);

	if (!good)
		return complain(b->file, strerror(errno));
	snprintf(folder, sizeof folder, "%s", b->file);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		good = complain(b->file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

static bool
write_archive(struct backup *b)
{
	struct db *db = open_database(b);
	bool good = db != NULL && copy_database(b, db) &&
		    add_file(b, b->db_part, "parlour.db") &&
		    add_key(b, SIGNING_KEY_FILE) && add_key(b, SECRET_FILE) &&
		    (!b->has_media || add_uploads(b, db)) && finish(b);

	db_close(db);
	return good;
}

static int
backup(const struct config *config, const char *file, bool has_media)
{
	struct backup b = {
		.config = config, .file = file, .has_media = has_media, .fd = -1
	};
	bool good;

	if (snprintf(b.part, sizeof b.part, "%s.part", file) >= PATH_MAX ||
	    snprintf(b.db_part, sizeof b.db_part, "%s.db.part", file) >= PATH_MAX)
		return !complain(file, strerror(ENAMETOOLONG));
	if (access(file, F_OK) == 0)
		return !complain(file, "is there already");
	b.fd = open(b.part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (b.fd < 0)
		return !complain(b.part, strerror(errno));
	good = write_archive(&b);
	close(b.fd);
	unlink(b.part);
	unlink(b.db_part);
	return !good;
}

static int
run(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "no-media", no_argument, NULL, 'm' },
		{ 0 },
	};
	const char *config_file = NULL;
	bool has_media = true;
	char *error = NULL;
	struct config *config;
	int option, status;

	while ((option = cmd_option(command, argc, argv, options)) != -1) {
		if (option == 'c')
			config_file = optarg;
		else
			has_media = false;
	}
	if (optind == argc)
		return cmd_misuse(command, "FILE is missing");
	if (optind + 1 < argc)
		return cmd_misuse(
		    command, "'%s' is one word too many", argv[optind + 1]);
	log_setup(LOG_WARN, false);
	config = config_load(config_file, &error);
	if (config == NULL) {
		fprintf(stderr, "%s\n", error);
		free(error);
		return 1;
	}
	status = backup(config, argv[optind], has_media);
	config_free(config);
	return status;
}

const struct command cmd_backup = {
	"backup",
	"writes a consistent copy of the database, the keys and the files",
	"usage: parlour backup FILE [--no-media] [--config FILE]\n\n"
	"Writes FILE, a tar archive of the database and the keys as they are at one "
	"moment,\n"
	"and of the uploaded files, while the server runs and while it does not. Keep "
	"it safe:\n"
	"who has it can speak as this server. To go back to it: mkdir data && tar -xf "
	"FILE\n"
	"-C data, and serve.\n\n"
	"  FILE           the archive; it must not be there yet\n"
	"  --no-media     without the uploaded files: copy their folder yourself, "
	"afterwards;\n"
	"                 they never change (rsync will do)\n"
	"  --config FILE  the server's configuration\n",
	run,
};
