/*
 * `parlour backup`: a copy of the database, as it was at one moment, with the keys.
 * Relies on db_backup: a reader beside the server's own, so it does not matter whether
 * one runs, and nobody waits for it.
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
#include "base/log.h"
#include "base/str.h"
#include "config.h"
#include "db/db.h"
#include "keys.h"
#include "tar.h"

/* One backup under way. */
struct backup {
	const struct config *config;
	const char *file;
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

static bool
copy_database(struct backup *b)
{
	char *error = NULL;
	struct db *db;
	enum mx_err err = M_UNKNOWN;

	/* db_open would say so too, but in more words. */
	if (access(b->config->database_file, F_OK) < 0)
		return complain(b->config->database_file, strerror(errno));
	db = db_open(b->config->database_file, DB_READ, &error);
	if (db != NULL)
		err = db_backup(db, b->db_part, &error);
	db_close(db);
	if (err != M_OK)
		fprintf(stderr, "parlour backup: %s\n", error);
	free(error);
	return err == M_OK;
}

static bool
add_file(struct backup *b, const char *path, const char *name)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool good;

	if (from < 0)
		return complain(path, strerror(errno));
	good = fstat(from, &st) == 0 &&
	       tar_head(b->fd, name, (uint64_t)st.st_size, st.st_mtime) &&
	       tar_copy(b->fd, from, (uint64_t)st.st_size);
	if (!good)
		complain(b->part, strerror(errno));
	close(from);
	return good;
}

static bool
add_key(struct backup *b, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", b->config->data_dir, name);
	return add_file(b, path, name);
}

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
	return copy_database(b) && add_file(b, b->db_part, "parlour.db") &&
	       add_key(b, SIGNING_KEY_FILE) && add_key(b, SECRET_FILE) && finish(b);
}

static int
backup(const struct config *config, const char *file)
{
	struct backup b = { .config = config, .file = file, .fd = -1 };
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
		{ 0 },
	};
	const char *config_file = NULL;
	char *error = NULL;
	struct config *config;
	int status;

	while (cmd_option(command, argc, argv, options) != -1)
		config_file = optarg;
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
	status = backup(config, argv[optind]);
	config_free(config);
	return status;
}

const struct command cmd_backup = {
	"backup",
	"writes a consistent copy of the database and the keys",
	"usage: parlour backup FILE [--config FILE]\n\n"
	"Writes FILE, a tar archive of the database and the keys as they are at one "
	"moment,\n"
	"while the server runs and while it does not. Keep it safe: who has it can "
	"speak "
	"as\n"
	"this server. To go back to it: mkdir data && tar -xf FILE -C data, and "
	"serve.\n\n"
	"  FILE           the archive; it must not be there yet\n"
	"  --config FILE  the server's configuration\n",
	run,
};
