/*
 * From a configuration to a core over its database, and back. Relies on all of core;
 * the order in which its parts come up and go down is here.
 * Before the first request and after the last.
 */
#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "core/guests.h"
#include "core/login.h"
#include "core/media.h"
#include "core/presence.h"
#include "core/preview.h"
#include "core/public_rooms.h"
#include "core/user_directory.h"
#include "event/ids.h"
#include "room/append.h"
#include "room/changes.h"
#include "room/room.h"
#include "room/state_text.h"
#include "room/typing.h"
#include "store/users.h"

#define LOCK_FILE "lock"

__attribute__((format(printf, 2, 3))) static void
explain(char **error_out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(error_out, fmt, ap) < 0)
		abort();
	va_end(ap);
}

enum running_lock
running_lock(struct running *r, char **error_out)
{
	const char *data_dir = r->config->data_dir;
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" LOCK_FILE, data_dir);
	r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (r->lock_fd < 0) {
		explain(error_out, "%s cannot be opened: %s", path, strerror(errno));
		return RUNNING_FAILED;
	}
	if (flock(r->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return RUNNING_LOCKED;
	explain(error_out,
	    "data_dir %s is in use by another parlour (its lock is held)", data_dir);
	close(r->lock_fd);
	r->lock_fd = -1;
	return RUNNING_IN_USE;
}

static void
fill_settings(struct running *r)
{
	const struct config *c = r->config;
	struct settings *set = &r->core.set;

	set->server_name = c->server_name;
	set->public_base_url = c->public_base_url;
	set->base_url_is_given = c->base_url_is_given;
	set->database = c->database_file;
	set->default_room_version = c->rooms_default_version;
	set->public_list_without_token = c->rooms_public_list_without_token;
	set->signing_key_id = r->keys.signing_key_id;
	memcpy(set->signing_secret, r->keys.signing_secret, sizeof set->signing_secret);
	memcpy(set->signing_public, r->keys.signing_public, sizeof set->signing_public);
	memcpy(set->secret, r->keys.secret, sizeof set->secret);
	set->registration = (enum registration_mode)c->registration_mode;
	set->registration_shared_secret = c->registration_shared_secret;
	set->guests = (enum guests_mode)c->guests_mode;
	set->guest_lifetime_ms = c->guests_lifetime_ms;
	set->password_memory_kib = (unsigned)c->password_memory_kib;
	set->password_passes = (unsigned)c->password_passes;
	set->presence_enabled = c->presence_enabled;
	set->events_timeout_max_ms = c->limits_events_timeout_max_ms;
	set->media_upload_max = c->media_max_upload;
	set->media_files_max = c->media_max_files;
	set->media_total_max = c->media_max_total;
	set->media_quota_link = c->media_quota_link;
	set->media_without_token = c->media_allow_unauthenticated;
}

static bool
database_is_readable(const struct running *r, enum mx_err err, char **error_out)
{
	if (err != M_OK)
		explain(
		    error_out, "the database %s cannot be read", r->core.set.database);
	return err == M_OK;
}

/* The core's parts over a database that is open for writing. */
static bool
make_core(struct running *r, struct db *db, char **error_out)
{
	struct core *core = &r->core;
	enum mx_err appends, guests, presence, media; /* all: close_core frees all */

	core->changes = changes_new();
	core->rooms = rooms_new(core);
	core->state_texts = state_texts_new((size_t)r->config->rooms_state_memory);
	core->typing = typing_new();
	core->public_rooms = public_rooms_new(core);
	core->user_directory = user_directory_new(core);
	logins_setup(core, r->config->access_token_lifetime_ms);
	appends = append_setup(core, db);
	guests = guests_setup(core, db);
	presence = presence_setup(core, db);
	media = media_count(core, db);
	if (appends == M_OK)
		appends = guests;
	if (appends == M_OK)
		appends = media;
	return database_is_readable(r, appends != M_OK ? appends : presence, error_out);
}

/* Its users' ids tell the name for which the database was made: under another, nobody
 * in it would be of this server. */
static bool
name_is_its_own(struct running *r, struct db *db, char **error_out)
{
	const char *name = r->core.set.server_name, *user_id;
	struct arena *arena = arena_new();
	enum mx_err err = store_users_any(db, arena, &user_id);
	bool good = err == M_NOT_FOUND || database_is_readable(r, err, error_out);

	if (err == M_OK && !id_is_of(user_id, name)) {
		const char *colon = strchr(user_id, ':');

		explain(error_out,
		    "server_name is %s, but the database %s is that of %s; the name"
		    " can never change",
		    name, r->core.set.database, colon == NULL ? user_id : colon + 1);
		good = false;
	}
	arena_free(arena);
	return good;
}

static bool
open_media(struct running *r, char **error_out)
{
	if (!files_config(r->config, r->keys.signing_key_id, &r->files, error_out) ||
	    !media_open(&r->core, &r->files.files, error_out))
		return false;
	if (r->config->previews_enabled)
		previews_open(&r->core, r->config->previews_private_addresses);
	return true;
}

bool
running_open(struct running *r, char **error_out)
{
	struct core *core = &r->core;
	struct db *db;
	bool good;

	if (!keys_load(r->config->data_dir, &r->keys, error_out))
		return false;
	fill_settings(r);
	core->writer = writer_open(core->set.database, error_out);
	if (core->writer == NULL)
		return false;
	db = db_open(core->set.database, DB_READ, error_out);
	if (db == NULL)
		return false;
	good = name_is_its_own(r, db, error_out) && open_media(r, error_out) &&
	       make_core(r, db, error_out);
	db_close(db);
	return good;
}

static void
close_core(struct core *core)
{
	if (core->writer != NULL)
		writer_close(core->writer);
	previews_close(core);
	media_close(core);
	if (core->changes == NULL)
		return;
	guests_free(core);
	logins_free(core);
	public_rooms_free(core->public_rooms);
	typing_free(core->typing);
	presence_free(core);
	user_directory_free(core->user_directory);
	rooms_free(core->rooms);
	state_texts_free(core->state_texts);
	append_free(core);
	changes_free(core->changes);
}

void
running_close(struct running *r)
{
	close_core(&r->core);
	explicit_bzero(&r->keys, sizeof r->keys);
	if (r->lock_fd >= 0)
		close(r->lock_fd);
	r->lock_fd = -1;
}
