/*
 * Rooms over a temporary database, for tests: settings with a fixed key, the writer,
 * rooms, appends. Relies on what cmd_serve relies on, in the same order.
 */
#include "room/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/ids.h"
#include "room/append.h"
#include "room/changes.h"
#include "room/state_text.h"
#include "room/typing.h"

/* A test that cannot begin is over. */
static void
need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "testing: %s\n", what);
	abort();
}

static void
settings_fill(struct testing *t)
{
	static const uint8_t seed[ED25519_SEED_LEN] = "a seed that is always the same.";
	struct settings *set = &t->core.set;

	set->server_name = TESTING_SERVER;
	set->public_base_url = "https://" TESTING_SERVER;
	set->database = t->file;
	set->default_room_version = "12";
	set->public_list_without_token = true;
	set->signing_key_id = "ed25519:test";
	ed25519_from_seed(seed, set->signing_public, set->signing_secret);
	memcpy(set->secret, seed, sizeof set->secret);
	set->registration = REGISTRATION_OPEN;
	set->guests = GUESTS_JOIN;
	set->guest_lifetime_ms = 7LL * 86400 * 1000;
	set->password_memory_kib = 8;
	set->password_passes = 1;
	set->events_timeout_max_ms = 60000;
	set->presence_enabled = true;
}

static void
start(struct testing *t)
{
	char *error = NULL;

	t->core.writer = writer_open(t->file, &error);
	need(t->core.writer != NULL, error);
	t->core.changes = changes_new();
	t->core.rooms = rooms_new(&t->core);
	t->core.state_texts = state_texts_new(1 << 20);
	t->core.typing = t->typing = typing_new();
	t->arena = arena_new();
	testing_ctx_init(t, &t->ctx);
	need(append_setup(&t->core, t->ctx.db) == M_OK, "the database cannot be read");
	if (t->above != NULL)
		t->above->start(t);
}

static void
stop(struct testing *t)
{
	writer_close(t->core.writer);
	testing_ctx_fini(&t->ctx);
	arena_free(t->arena);
	if (t->above != NULL)
		t->above->stop(t);
	typing_free(t->typing);
	changes_free(t->core.changes);
	rooms_free(t->core.rooms);
	state_texts_free(t->core.state_texts);
	append_free(&t->core);
}

void
testing_open(struct testing *t)
{
	testing_open_with(t, NULL);
}

void
testing_open_with(struct testing *t, const struct testing_above *above)
{
	memset(t, 0, sizeof *t);
	t->above = above;
	crypto_init();
	snprintf(t->folder, sizeof t->folder, "/tmp/parlour-room-XXXXXX");
	need(mkdtemp(t->folder) != NULL, "no temporary folder");
	snprintf(t->file, sizeof t->file, "%s/test.db", t->folder);
	settings_fill(t);
	start(t);
}

void
testing_reopen(struct testing *t)
{
	stop(t);
	atomic_store(&t->core.visible, 0);
	start(t);
}

static void
remove_file(struct testing *t, const char *suffix)
{
	char path[128];

	snprintf(path, sizeof path, "%s%s", t->file, suffix);
	unlink(path);
}

void
testing_close(struct testing *t)
{
	stop(t);
	remove_file(t, "");
	remove_file(t, "-wal");
	remove_file(t, "-shm");
	rmdir(t->folder);
}

void
testing_ctx_init(struct testing *t, struct ctx *ctx)
{
	char *error = NULL;

	*ctx =
	    (struct ctx){ .core = &t->core, .db = db_open(t->file, DB_READ, &error) };
	need(ctx->db != NULL, error);
}

void
testing_ctx_fini(struct ctx *ctx)
{
	db_close(ctx->db);
}

const struct json *
testing_json(struct arena *arena, const char *text)
{
	struct json_error error = { .why = "" };
	const struct json *tree =
	    json_parse_copy(arena, text, strlen(text), JSON_STRICT, &error);

	need(tree != NULL, error.why);
	return tree;
}

enum mx_err
testing_append(struct testing *t, struct room *room, const char *sender,
    const char *type, const char *state_key, const char *content,
    const char **event_id_out)
{
	struct new_event e = { .sender = sender,
		.type = type,
		.state_key = state_key,
		.content = testing_json(t->arena, content) };
	enum mx_err err = room_append(&t->ctx, t->arena, room, &e, 1, NULL);

	if (err == M_OK)
		err = ctx_settle(&t->ctx);
	if (event_id_out != NULL)
		*event_id_out = e.event_id;
	return err;
}

void
testing_join(struct testing *t, struct room *room, const char *user_id)
{
	need(testing_append(t, room, user_id, "m.room.member", user_id,
		 "{\"membership\":\"join\"}", NULL) == M_OK,
	    t->ctx.why == NULL ? "a join failed" : t->ctx.why);
}

static const struct json *
create_content(
    struct testing *t, const struct room_version *version, const char *creator)
{
	struct json *content = json_object(t->arena);

	json_set_str(t->arena, content, "room_version", version->id);
	/* Version 12: rooms made within one millisecond are not the same room. */
	json_set_str(
	    t->arena, content, "org.example.nonce", id_new(t->arena, '+', NULL));
	if (!version->creator_is_sender)
		json_set_str(t->arena, content, "creator", creator);
	return content;
}

static const struct json *
levels_content(
    struct testing *t, const struct room_version *version, const char *creator)
{
	struct json *users = json_object(t->arena), *content = json_object(t->arena);

	if (!version->creators_power)
		json_set_int(t->arena, users, creator, 100);
	json_set(t->arena, content, "users", users);
	return content;
}

struct room *
testing_room(struct testing *t, const char *creator, const char *room_version)
{
	const struct room_version *version = room_version_find(room_version);
	const char *room_id =
	    version->create_is_room_id ? NULL : id_new(t->arena, '!', TESTING_SERVER);
	struct room *room = room_make(&t->ctx, room_id, version);
	struct new_event events[] = {
		{ .sender = creator,
		    .type = "m.room.create",
		    .state_key = "",
		    .content = create_content(t, version, creator) },
		{ .sender = creator,
		    .type = "m.room.member",
		    .state_key = creator,
		    .content = testing_json(t->arena, "{\"membership\":\"join\"}") },
		{ .sender = creator,
		    .type = "m.room.power_levels",
		    .state_key = "",
		    .content = levels_content(t, version, creator) },
		{ .sender = creator,
		    .type = "m.room.join_rules",
		    .state_key = "",
		    .content = testing_json(t->arena, "{\"join_rule\":\"public\"}") },
	};

	need(room_append(&t->ctx, t->arena, room, events, 4, NULL) == M_OK,
	    t->ctx.why == NULL ? "the room is refused" : t->ctx.why);
	need(ctx_settle(&t->ctx) == M_OK, "the room could not be written");
	return room;
}
