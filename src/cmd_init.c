/*
 * `parlour init`: writes a commented configuration and makes the keys.
 * Relies on config_template and keys_create. Nothing that exists is overwritten.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "keys.h"

static int
complain(const char *file, const char *sentence)
{
	fprintf(stderr, "parlour init: %s: %s\n", file, sentence);
	return 1;
}

/* Is the text a configuration that `serve` would take? The names in it may be wrong. */
static bool
text_is_good(const char *file, const struct buf *text)
{
	char *error = NULL;
	struct config *config = config_parse(file, text->p, text->n, &error);

	if (config == NULL) {
		fprintf(stderr, "%s\n", error);
		free(error);
	}
	config_free(config);
	return config != NULL;
}

/* It may come to hold a shared secret: readable for its owner alone. */
static bool
file_write(const char *file, const struct buf *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool good;

	if (stream == NULL)
		return false;
	good = fwrite(text->p, 1, text->n, stream) == text->n;
	good = fclose(stream) == 0 && good;
	if (!good) {
		int err = errno;

		unlink(file);
		errno = err;
	}
	return good;
}

static bool
keys_exist(const char *data_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" SIGNING_KEY_FILE, data_dir);
	return access(path, F_OK) == 0;
}

static int
init(const char *file, const char *server_name, const char *data_dir)
{
	struct buf text = { 0 };
	char *error = NULL;
	int status = 1;

	if (keys_exist(data_dir))
		return complain(data_dir, "holds a server's keys already");
	if (access(file, F_OK) == 0)
		return complain(file, "is there already");
	config_template(server_name, data_dir, &text);
	if (!text_is_good(file, &text))
		goto out;
	/* The keys last: once they are there, init does not run again. */
	if (!file_write(file, &text)) {
		complain(file, strerror(errno));
		goto out;
	}
	if (!keys_create(data_dir, &error)) {
		fprintf(stderr, "parlour init: %s\n", error);
		unlink(file);
		goto out;
	}
	printf("Wrote %s, and the keys of %s in %s: keep those safe.\n"
	       "Next: parlour check --config %s\n",
	    file, server_name, data_dir, file);
	status = 0;
out:
	buf_free(&text);
	free(error);
	return status;
}

static int
run(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "server-name", required_argument, NULL, 'n' },
		{ "data", required_argument, NULL, 'd' },
		{ "config", required_argument, NULL, 'c' },
		{ 0 },
	};
	const char *file = CONFIG_FILE, *server_name = NULL, *data_dir = "./data";
	int option;

	while ((option = cmd_option(command, argc, argv, options)) != -1) {
		if (option == 'n')
			server_name = optarg;
		else if (option == 'd')
			data_dir = optarg;
		else
			file = optarg;
	}
	if (optind < argc)
		return cmd_misuse(command, "'%s' is one word too many", argv[optind]);
	if (server_name == NULL)
		return cmd_misuse(command, "--server-name is missing");
	return init(file, server_name, data_dir);
}

const struct command cmd_init = {
	"init",
	"writes a commented configuration and makes the keys",
	"usage: parlour init --server-name NAME [--data DIR] [--config FILE]\n\n"
	"Writes a commented configuration and makes the server's keys. Overwrites "
	"nothing.\n\n"
	"  --server-name NAME  what stands behind the colon in @user:NAME, for ever\n"
	"  --data DIR          holds the database and the keys (./data)\n"
	"  --config FILE       the configuration to write (" CONFIG_FILE ")\n",
	run,
};
