/*
 * `parlour check`: reads the configuration and looks whether this machine can serve it.
 * Relies on config and keys; changes nothing. Problems are told with what to do.
 */
#include "cmd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "files_config.h"
#include "http/tls.h"
#include "keys.h"
#include "machine.h"

/* What was found so far. Errors: `serve` would not start. */
struct findings {
	int errors, warnings;
};

__attribute__((format(printf, 2, 3))) static void
found_error(struct findings *f, const char *fmt, ...)
{
	va_list ap;

	f->errors++;
	fputs("error: ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

__attribute__((format(printf, 2, 3))) static void
found_warning(struct findings *f, const char *fmt, ...)
{
	va_list ap;

	f->warnings++;
	fputs("warning: ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* ---- files ---- */

static void
check_config_mode(const struct config *config, struct findings *f)
{
	struct stat st;

	if (config->file == NULL || (config->registration_shared_secret == NULL &&
					config->s3_secret_key == NULL))
		return;
	if (stat(config->file, &st) == 0 && (st.st_mode & 077) != 0)
		found_warning(f, "%s holds a secret that others may read: chmod 600 %s",
		    config->file, config->file);
}

static void
check_keys(const struct config *config, struct findings *f)
{
	struct keys keys;
	char *error = NULL;

	if (keys_load(config->data_dir, &keys, &error))
		printf("keys: %s in %s\n", keys.signing_key_id, config->data_dir);
	else
		found_error(f, "%s", error);
	free(error);
	explicit_bzero(&keys, sizeof keys);
}

/* No folder, or one without keys: `serve` makes them. */
static void
check_data_dir(const struct config *config, struct findings *f)
{
	char signing_key[PATH_MAX];

	if (access(config->data_dir, F_OK) != 0) {
		printf("data_dir: %s is not there yet; serve makes it\n",
		    config->data_dir);
		return;
	}
	if (access(config->data_dir, R_OK | W_OK | X_OK) != 0) {
		found_error(f, "data_dir: %s: %s", config->data_dir, strerror(errno));
		return;
	}
	snprintf(
	    signing_key, sizeof signing_key, "%s/" SIGNING_KEY_FILE, config->data_dir);
	if (access(signing_key, F_OK) == 0)
		check_keys(config, f);
	else
		printf("keys: none in %s yet; serve makes them\n", config->data_dir);
}

/* ---- pages ---- */

/* What a page links to begins with it: browsers that come by another name find neither
 * style nor script. */
static void
check_pages(const struct config *config, struct findings *f)
{
	bool serves = false;

	for (size_t i = 0; i < config->listeners.n; i++)
		serves = serves || (config->listeners.v[i].apis & API_VIEWER) != 0;
	if (!config->viewer_enabled || !serves)
		return;
	printf("pages: %s/rooms\n", config->public_base_url);
	if (!config->base_url_is_given &&
	    starts_with(config->public_base_url, "https://"))
		found_warning(f,
		    "public_base_url is not set: rooms' pages work at %s alone",
		    config->public_base_url);
}

/* ---- uploaded files ---- */

/* `serve` makes it, and data_dir, but no other folder above it. */
static void
check_media_made(const struct config *config, struct findings *f)
{
	const char *folder = config->media_folder;
	char copy[PATH_MAX];
	const char *parent;

	snprintf(copy, sizeof copy, "%s", folder);
	parent = dirname(copy);
	if (access(parent, W_OK | X_OK) == 0 ||
	    (errno == ENOENT &&
		(config->media_store == NULL || strcmp(parent, config->data_dir) == 0)))
		printf("media: %s is not there yet; serve makes it\n", folder);
	else
		found_error(f,
		    "media.store: %s is not there and cannot be made: %s: %s", folder,
		    parent, strerror(errno));
}

/* Files are linked from tmp/ to their names. */
static void
check_media_tmp(const char *folder, struct findings *f)
{
	char path[PATH_MAX];
	struct stat above, tmp;

	if (snprintf(path, sizeof path, "%s/tmp", folder) >= PATH_MAX ||
	    stat(folder, &above) != 0 || stat(path, &tmp) != 0)
		return;
	if (access(path, R_OK | W_OK | X_OK) != 0)
		found_error(f, "media.store: %s: %s", path, strerror(errno));
	else if (above.st_dev != tmp.st_dev)
		found_error(f,
		    "media.store: %s is not on the file system of %s: files cannot "
		    "be linked from one to the other",
		    path, folder);
}

/* False: what is said of files makes no sense. */
static bool
check_bucket(const struct config *config, struct findings *f)
{
	struct files_config files;
	struct bucket *bucket;
	struct keys keys;
	char *why = NULL;

	if (!keys_load(config->data_dir, &keys, &why))
		strcpy(keys.signing_key_id, "without keys");
	free(why);
	why = NULL;
	if (!files_config(config, keys.signing_key_id, &files, &why)) {
		found_error(f, "%s", why);
		free(why);
		return false;
	}
	if (files.files.bucket == NULL)
		return true;
	signal(SIGPIPE, SIG_IGN); /* as where it serves: a store may hang up */
	bucket = bucket_new(&files.bucket);
	switch (bucket_look(bucket, files.owner, &why)) {
	case M_OK:
	case M_NOT_FOUND:
		printf("media: the bucket %s answers\n", config->s3_bucket);
		break;
	default:
		found_error(f, "media.s3: %s", why);
	}
	free(why);
	explicit_bzero(&keys, sizeof keys);
	bucket_free(bucket);
	return true;
}

static void
check_media(const struct config *config, struct findings *f)
{
	const char *folder = config->media_folder;
	struct stat st;

	if (!check_bucket(config, f))
		return;
	if (stat(folder, &st) != 0 && errno == ENOENT) {
		check_media_made(config, f);
	} else if (stat(folder, &st) != 0) {
		found_error(f, "media.store: %s: %s", folder, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		found_error(f, "media.store: %s: %s", folder, strerror(ENOTDIR));
	} else if (access(folder, R_OK | W_OK | X_OK) != 0) {
		found_error(f, "media.store: %s: %s", folder, strerror(errno));
	} else {
		check_media_tmp(folder, f);
	}
}

/* ---- listeners ---- */

static socklen_t
socket_address(const struct config_address *address, struct sockaddr_storage *out)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, address->host, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(address->port);
		return sizeof *ipv4;
	}
	inet_pton(AF_INET6, address->host, &ipv6->sin6_addr);
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(address->port);
	return sizeof *ipv6;
}

/* Binds as `serve` would, without SO_REUSEPORT, so that a running server is noticed. */
static void
check_listener(const struct config_listener *listener, struct findings *f)
{
	const struct config_address *address = &listener->address;
	struct sockaddr_storage where;
	socklen_t n = socket_address(address, &where);
	int fd, on = 1;

	if (address->kind != ADDRESS_INET)
		return; /* a path, or what somebody else opens */
	fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		found_error(f, "listeners: %s: %s", address->host, strerror(errno));
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (where.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	/* In use is no mistake of the configuration: its own server may be running. */
	errno = 0;
	if (bind(fd, (struct sockaddr *)&where, n) < 0 && errno == EADDRINUSE)
		found_warning(f, "listeners: %s port %u is in use (by this server?)",
		    address->host, (unsigned)address->port);
	else if (errno != 0)
		found_error(f, "listeners: %s port %u: %s", address->host,
		    (unsigned)address->port, strerror(errno));
	close(fd);
}

static void
check_tls(const struct config_listener *listener, struct findings *f)
{
	char *error = NULL;

	if (listener->tls_certificate == NULL)
		return;
	http_tls_free(
	    http_tls_new(listener->tls_certificate, listener->tls_key, &error));
	if (error != NULL)
		found_error(f, "listeners: %s", error);
	free(error);
}

static void
check_listeners(const struct config *config, struct findings *f)
{
	int open_count = 0;

	for (size_t i = 0; i < config->listeners.n; i++) {
		if (!config_listener_opens(&config->listeners.v[i]))
			continue;
		check_listener(&config->listeners.v[i], f);
		check_tls(&config->listeners.v[i], f);
		open_count++;
	}
	if (open_count == 0)
		found_error(f, "listeners: none of them can be opened");
}

/* ---- the kernel's limits ---- */

static void
warn_of_machine(void *arg, const char *sentence)
{
	found_warning(arg, "%s", sentence);
}

static void
check_machine(const struct config *config, struct findings *f)
{
	printf("nofile: at most %llu connections and files at one time\n",
	    (unsigned long long)machine_nofile());
	machine_warn(config->limits_connections_max, warn_of_machine, f);
}

/* ---- the word ---- */

static int
check(const struct config *config)
{
	struct findings f = { 0 };

	for (size_t i = 0; i < config->warnings.n; i++)
		found_warning(&f, "%s", config->warnings.v[i]);
	check_config_mode(config, &f);
	check_data_dir(config, &f);
	check_media(config, &f);
	check_pages(config, &f);
	check_listeners(config, &f);
	check_machine(config, &f);
	printf("%s: %d error%s, %d warning%s\n",
	    config->file != NULL ? config->file : "built-in defaults", f.errors,
	    f.errors == 1 ? "" : "s", f.warnings, f.warnings == 1 ? "" : "s");
	return f.errors > 0;
}

static void
print(const struct config *config)
{
	struct buf text = { 0 };

	config_print(config, &text);
	fwrite(text.p, 1, text.n, stdout);
	buf_free(&text);
}

static int
run(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "print", no_argument, NULL, 'p' },
		{ 0 },
	};
	const char *file = NULL;
	bool wants_print = false;
	char *error = NULL;
	struct config *config;
	int option, status = 0;

	while ((option = cmd_option(command, argc, argv, options)) != -1) {
		if (option == 'c')
			file = optarg;
		else
			wants_print = true;
	}
	if (optind < argc)
		return cmd_misuse(command, "'%s' is one word too many", argv[optind]);
	config = config_load(file, &error);
	if (config == NULL) {
		fprintf(stderr, "%s\n", error);
		free(error);
		return 1;
	}
	if (wants_print)
		print(config);
	else
		status = check(config);
	config_free(config);
	return status;
}

const struct command cmd_check = {
	"check",
	"verifies the configuration and this machine",
	"usage: parlour check [--config FILE] [--print]\n\n"
	"Reads the configuration and looks whether this machine can serve it. Status 1 "
	"if\n"
	"serve would not start.\n\n"
	"  --config FILE  the configuration (" CONFIG_FILE
	" if it is there, else defaults)\n"
	"  --print        prints all settings in force instead, without secrets\n",
	run,
};
