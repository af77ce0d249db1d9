/*
 * The settings of a server: defaults, the file over them, and what follows from both.
 * Relies on config_table (the keys) and config_read (YAML). Read once, at start.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config_read.h"
#include "config_table.h"

enum { FILE_MAX = 1 << 20 };

/* ---- what follows from the settings ---- */

bool
config_listener_opens(const struct config_listener *listener)
{
	return (listener->apis & (API_CLIENT | API_VIEWER | API_METRICS)) != 0;
}

bool
config_trusts(const struct config *config, const struct in6_addr *address)
{
	for (size_t i = 0; i < config->trusted_proxies.n; i++) {
		const struct config_network *network = &config->trusted_proxies.v[i];
		size_t whole = (size_t)network->bits / 8,
		       rest = (size_t)network->bits % 8;
		uint8_t mask = (uint8_t)(0xff << (8 - rest));

		if (memcmp(address, &network->address, whole) != 0)
			continue;
		if (rest == 0 ||
		    ((address->s6_addr[whole] ^ network->address.s6_addr[whole]) &
			mask) == 0)
			return true;
	}
	return false;
}

static bool
is_loopback_name(const char *server_name)
{
	return starts_with(server_name, "localhost") ||
	       starts_with(server_name, "127.") || starts_with(server_name, "[::1]");
}

/* Without a public_base_url: https at the server's name; on this machine alone, where
 * the first client listener stands. */
static char *
base_url_make(const struct config *config)
{
	struct buf url = { 0 };
	uint16_t port = 0;

	for (size_t i = 0; i < config->listeners.n && port == 0; i++) {
		const struct config_listener *listener = &config->listeners.v[i];

		if (config_listener_opens(listener) &&
		    (listener->apis & API_CLIENT) != 0)
			port = listener->address.port;
	}
	if (is_loopback_name(config->server_name) && port != 0)
		buf_printf(&url, "http://localhost:%u", (unsigned)port);
	else
		buf_printf(&url, "https://%s", config->server_name);
	return buf_take(&url, NULL);
}

static char *
database_file_make(const struct config *config)
{
	struct buf path = { 0 };

	if (starts_with(config->database, "sqlite:"))
		buf_str(&path, config->database + strlen("sqlite:"));
	else
		buf_printf(&path, "%s/parlour.db", config->data_dir);
	return buf_take(&path, NULL);
}

static char *
media_folder_make(const struct config *config)
{
	struct buf path = { 0 };

	if (config->media_store != NULL)
		buf_str(&path, config->media_store);
	else
		buf_printf(&path, "%s/media", config->data_dir);
	return buf_take(&path, NULL);
}

static char *
s3_endpoint_make(const struct config *config)
{
	struct buf url = { 0 };

	buf_printf(&url, "https://s3.%s.amazonaws.com", config->s3_region);
	return buf_take(&url, NULL);
}

static void
config_finish(struct config *config)
{
	static const struct config_listener local = {
		.address = { ADDRESS_INET, "127.0.0.1", 8008 },
		.apis = API_CLIENT | API_VIEWER,
	};

	if (config->listeners.n == 0)
		vec_push(&config->listeners, local);
	config->base_url_is_given = config->public_base_url != NULL;
	if (!config->base_url_is_given)
		config->public_base_url = base_url_make(config);
	config->database_file = database_file_make(config);
	config->media_folder = media_folder_make(config);
	if (config->s3_endpoint == NULL)
		config->s3_endpoint = s3_endpoint_make(config);
}

/* ---- reading ---- */

static struct config *
config_new(const char *file)
{
	struct config *config = xcalloc(1, sizeof *config);

	config->file = file != NULL ? xstrdup(file) : NULL;
	settings_default("", config);
	return config;
}

struct config *
config_default(void)
{
	struct config *config = config_new(NULL);

	config_finish(config);
	return config;
}

struct config *
config_parse(const char *name, const char *text, size_t n, char **error_out)
{
	struct config *config = config_new(name);
	struct buf errors = { 0 };

	if (!config_read(config, name, text, n, &errors)) {
		errors.n--; /* the last newline */
		*error_out = buf_take(&errors, NULL);
		config_free(config);
		return NULL;
	}
	buf_free(&errors);
	config_finish(config);
	return config;
}

static bool
file_read(const char *file, struct buf *text_out, char **error_out)
{
	FILE *stream = fopen(file, "re");
	struct buf sentence = { 0 };

	if (stream != NULL) {
		buf_reserve(text_out, FILE_MAX + 1);
		text_out->n = fread(text_out->p, 1, FILE_MAX + 1, stream);
		if (!ferror(stream) && text_out->n <= FILE_MAX) {
			fclose(stream);
			return true;
		}
		errno = ferror(stream) ? errno : EFBIG;
	}
	buf_printf(&sentence, "%s: %s", file, strerror(errno));
	*error_out = buf_take(&sentence, NULL);
	if (stream != NULL)
		fclose(stream);
	return false;
}

struct config *
config_load(const char *file, char **error_out)
{
	struct config *config = NULL;
	struct buf text = { 0 };

	if (file == NULL && access(CONFIG_FILE, F_OK) != 0)
		return config_default();
	if (file == NULL)
		file = CONFIG_FILE;
	if (file_read(file, &text, error_out))
		config = config_parse(file, text.p, text.n, error_out);
	buf_free(&text);
	return config;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *row = &settings[i];

		if (row->type->clear != NULL && (row->flags & SETTING_INNER) == 0)
			row->type->clear(setting_field(row, config));
	}
	type_texts.clear(&config->warnings);
	free(config->database_file);
	free(config->media_folder);
	free(config->file);
	free(config);
}

/* ---- writing ---- */

static int
depth(const char *name)
{
	int dots = 0;

	for (; *name != '\0'; name++)
		dots += *name == '.';
	return dots;
}

static const char *
last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

/* "MARK KEY: VALUE\n"; what has no value stands there as a comment. */
static void
print_row(
    const struct setting *row, const char *mark, const void *holder, struct buf *out)
{
	const void *field = (const char *)holder + row->offset;
	struct buf value = { 0 };

	if (row->type->print != NULL)
		row->type->print(row, field, &value);
	else
		buf_lit(&value, " ");
	if ((row->flags & SETTING_SECRET) != 0 && value.n > 0) {
		buf_reset(&value);
		buf_lit(&value, "(secret)");
	}
	buf_printf(
	    out, "%s%s%s: ", mark, value.n == 0 ? "# " : "", last_part(row->name));
	buf_add(out, value.p, value.n);
	while (out->p[out->n - 1] == ' ')
		out->n--;
	buf_char(out, '\n');
	buf_free(&value);
}

static void
print_listeners(const struct config *config, struct buf *out)
{
	buf_str(out, "listeners:\n");
	for (size_t i = 0; i < config->listeners.n; i++) {
		const struct config_listener *listener = &config->listeners.v[i];
		const char *first = "  - ";

		for (size_t j = 0; j < settings_count; j++) {
			const struct setting *row = &settings[j];
			bool is_nested = depth(row->name) == 2;

			if ((row->flags & SETTING_INNER) == 0)
				continue;
			print_row(row, is_nested ? "      " : first, listener, out);
			first = "    ";
		}
	}
}

void
config_print(const struct config *config, struct buf *out)
{
	static const char *const indents[] = { "", "  ", "    " };

	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *row = &settings[i];

		if (row->type == &type_listeners)
			print_listeners(config, out);
		else if ((row->flags & SETTING_INNER) == 0)
			print_row(row, indents[depth(row->name)], config, out);
	}
}

static void
template_row(const struct setting *row, const char *value, struct buf *out)
{
	int indent = 2 * depth(row->name);

	if (indent == 0)
		buf_char(out, '\n');
	buf_printf(out, "%*s# %s%s\n", indent, "", row->help,
	    (row->flags & SETTING_LATER) != 0 ? " Not there yet." : "");
	if (value != NULL) {
		buf_printf(out, "%s: ", row->name);
		buf_json_str(out, value);
	} else if (row->type->is_section) {
		buf_printf(out, "%*s%s:", indent, "", last_part(row->name));
	} else {
		buf_printf(out, "%*s# %s:", indent, "", last_part(row->name));
		if (row->value != NULL)
			buf_printf(
			    out, row->type->is_list ? " [%s]" : " %s", row->value);
	}
	buf_char(out, '\n');
}

void
config_template(const char *server_name, const char *data_dir, struct buf *out)
{
	buf_str(out,
	    "# The configuration of a Parlour server. What is commented out shows "
	    "the default.\n# `parlour check` tells whether this file is right.\n");
	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *row = &settings[i];
		const char *value = NULL;

		if ((row->flags & SETTING_INNER) != 0)
			continue;
		if (strcmp(row->name, "server_name") == 0)
			value = server_name;
		else if (strcmp(row->name, "data_dir") == 0)
			value = data_dir;
		template_row(row, value, out);
		if (row->type == &type_listeners)
			buf_str(out, "  - address: \"127.0.0.1:8008\"\n"
				     "    serve: [client, viewer]\n");
	}
}
