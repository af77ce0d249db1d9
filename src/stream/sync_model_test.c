/*
 * Generated histories: whatever happens, the increments add up to a first sync. The
 * seed of one that does not is printed; SYNC_SEED runs it alone, SYNC_HISTORIES says
 * how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/account_data.h"
#include "core/append.h"
#include "core/receipts.h"
#include "core/tags.h"
#include "core/typing.h"
#include "stream/sync_model.h"

#define USERS 3
#define ROOMS 2
#define CLIENTS 6
#define STEPS 40
#define SENT_MAX 400
#define HISTORIES 300

static const char *const filters[] = { "", "{\"room\":{\"timeline\":{\"limit\":1}}}",
	"{\"room\":{\"timeline\":{\"limit\":3}}}",
	"{\"room\":{\"timeline\":{\"limit\":50}}}",
	"{\"room\":{\"state\":{\"lazy_load_members\":true},\"timeline\":{\"limit\":2}}"
	"}",
	"{\"room\":{\"state\":{\"lazy_load_members\":true,"
	"\"include_redundant_members\":true}}}",
	"{\"room\":{\"timeline\":{\"limit\":2,\"types\":[\"m.room.message\"]}}}",
	"{\"room\":{\"timeline\":{\"not_types\":[\"m.room.member\"]}}}",
	"{\"room\":{\"state\":{\"types\":[\"m.room.name\",\"m.room.topic\"]},"
	"\"timeline\":{\"limit\":2}}}",
	"{\"room\":{\"ephemeral\":{\"types\":[]},"
	"\"account_data\":{\"not_types\":[\"m.tag\"]}}}" };

#define FILTERS (sizeof filters / sizeof *filters)

/* A few people and rooms, and what happens to them. */
struct history {
	struct testing *t;
	struct arena *arena;
	uint64_t seed, next;
	const char *users[USERS];
	struct room *rooms[ROOMS];
	const char *sent[ROOMS][SENT_MAX];
	int sent_n[ROOMS];
	int number;
	struct model clients[CLIENTS];
};

/* splitmix64: the same on every machine. */
static uint64_t
chance(struct history *h, uint64_t n)
{
	uint64_t z = h->next += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % n;
}

/* What is not allowed just does not happen. */
static void
append(struct history *h, int room, const char *sender, const char *type,
    const char *state_key, const char *content)
{
	struct new_event e = { .sender = sender,
		.type = type,
		.state_key = state_key,
		.content = testing_json(h->arena, content) };
	enum mx_err err =
	    room_append(&h->t->ctx, h->arena, h->rooms[room], &e, 1, NULL);

	if (err == M_OK && state_key == NULL && h->sent_n[room] < SENT_MAX)
		h->sent[room][h->sent_n[room]++] = e.event_id;
}

static void
say(struct history *h, int room, const char *who)
{
	append(h, room, who, "m.room.message", NULL,
	    arena_printf(h->arena, "{\"body\":\"%d\"}", h->number++));
}

static void
set_name(struct history *h, int room)
{
	static const char *const types[] = { "m.room.name", "m.room.topic",
		"org.example.thing" };
	const char *type = types[chance(h, 3)];

	append(h, room, h->users[0], type, "",
	    arena_printf(h->arena, "{\"name\":\"%s %d\"}",
		chance(h, 4) == 0 ? "" : type, h->number++));
}

static void
set_member(struct history *h, int room, const char *who, const char *other)
{
	static const char *const memberships[] = { "join", "join", "join", "leave",
		"invite", "ban", "knock" };
	const char *membership = memberships[chance(h, 7)];
	bool is_own = strcmp(membership, "join") == 0 ||
		      strcmp(membership, "knock") == 0 || chance(h, 2) == 0;

	if (is_own && who == h->users[0] && strcmp(membership, "join") != 0)
		return;
	append(h, room, is_own ? who : h->users[0], "m.room.member",
	    is_own ? who : other,
	    arena_printf(h->arena, "{\"membership\":\"%s\",\"displayname\":\"%d\"}",
		membership, h->number++));
}

static void
set_visibility(struct history *h, int room)
{
	static const char *const all[] = { "shared", "joined", "invited",
		"world_readable" };

	append(h, room, h->users[0], "m.room.history_visibility", "",
	    arena_printf(
		h->arena, "{\"history_visibility\":\"%s\"}", all[chance(h, 4)]));
}

static void
redact(struct history *h, int room, const char *who)
{
	struct new_event e = { .sender = who,
		.type = "m.room.redaction",
		.content = json_object(h->arena) };

	if (h->sent_n[room] == 0)
		return;
	e.redacts = h->sent[room][chance(h, (uint64_t)h->sent_n[room])];
	if (room_append(&h->t->ctx, h->arena, h->rooms[room], &e, 1, NULL) != M_OK)
		return;
}

static void
mark_read(struct history *h, int room, const char *who)
{
	struct mark mark = { .kind = (enum mark_kind)chance(h, 3) };

	if (h->sent_n[room] == 0 || ctx_settle(&h->t->ctx) != M_OK)
		return;
	mark.event_id = h->sent[room][chance(h, (uint64_t)h->sent_n[room])];
	if (mark.kind != MARK_FULLY_READ && chance(h, 3) == 0)
		mark.thread = "main";
	if (receipts_mark(&h->t->ctx, h->arena, h->rooms[room], who, &mark, 1) != M_OK)
		return;
}

static void
keep(struct history *h, int room, const char *who)
{
	const char *content = arena_printf(h->arena, "{\"n\":%d}", (int)chance(h, 3));
	const char *type = chance(h, 2) == 0 ? "org.example.a" : "m.tag";

	if (account_data_set(&h->t->ctx, h->arena, who,
		chance(h, 2) == 0 ? h->rooms[room] : NULL, type,
		testing_json(h->arena, content)) != M_OK)
		return;
}

static void
ignore(struct history *h, const char *who, const char *other)
{
	const char *content =
	    chance(h, 2) == 0
		? "{\"ignored_users\":{}}"
		: arena_printf(h->arena, "{\"ignored_users\":{\"%s\":{}}}", other);

	if (account_data_set(&h->t->ctx, h->arena, who, NULL, "m.ignored_user_list",
		testing_json(h->arena, content)) != M_OK)
		return;
}

static void
happen(struct history *h)
{
	int room = (int)chance(h, ROOMS);
	const char *who = h->users[chance(h, USERS)],
		   *other = h->users[chance(h, USERS)];
	uint64_t what = chance(h, 100);

	if (what < 30)
		say(h, room, who);
	else if (what < 34)
		for (uint64_t i = chance(h, 80); i > 0; i--)
			say(h, room, who);
	else if (what < 42)
		set_name(h, room);
	else if (what < 68)
		set_member(h, room, who, other);
	else if (what < 72)
		set_visibility(h, room);
	else if (what < 78)
		redact(h, room, who);
	else if (what < 88)
		mark_read(h, room, who);
	else if (what < 93)
		keep(h, room, who);
	else if (what < 95)
		ignore(h, who, other);
	else
		typing_set(
		    &h->t->core, h->rooms[room], who, chance(h, 2) == 0 ? 60000 : 0);
}

static void
begin(struct history *h, struct sync_members *members, struct sync_filter **read)
{
	for (int i = 0; i < USERS; i++)
		h->users[i] = arena_printf(h->arena, "@u%d-%llu:" TESTING_SERVER, i,
		    (unsigned long long)h->seed);
	for (int i = 0; i < ROOMS; i++)
		h->rooms[i] = testing_room(h->t, h->users[0], "12");
	for (int i = 0; i < CLIENTS; i++)
		model_init(&h->clients[i], h->t, h->arena, members,
		    read[chance(h, FILTERS)], h->users[i % USERS],
		    i < USERS ? "ONE" : "TWO", chance(h, 3) == 0);
}

static const char *
play(struct history *h)
{
	for (int i = 0; i < STEPS; i++) {
		happen(h);
		if (chance(h, 2) == 0) {
			if (ctx_settle(&h->t->ctx) != M_OK)
				return "a write failed";
			model_sync(&h->clients[chance(h, CLIENTS)]);
		}
	}
	if (ctx_settle(&h->t->ctx) != M_OK)
		return "a write failed";
	for (int i = 0; i < CLIENTS; i++)
		if (!model_adds_up(&h->clients[i]))
			return h->clients[i].fault;
	return NULL;
}

static uint64_t
number_of(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text == NULL ? fallback : strtoull(text, NULL, 10);
}

static void
increments_add_up_to_a_first_sync(void **state)
{
	uint64_t alone = number_of("SYNC_SEED", 0);
	uint64_t n = alone > 0 ? 1 : number_of("SYNC_HISTORIES", HISTORIES);
	struct sync_members *members = sync_members_new();
	struct sync_filters *table = sync_filters_new();
	struct sync_filter *read[FILTERS];
	const char *why, *fault = NULL;
	struct testing t;

	testing_open(&t);
	for (size_t i = 0; i < FILTERS; i++)
		assert_int_equal(
		    sync_filter_get(table, filters[i], &read[i], &why), M_OK);
	for (uint64_t i = 1; i <= n && fault == NULL; i++) {
		struct history *h = calloc(1, sizeof *h);

		h->t = &t;
		h->arena = arena_new();
		h->seed = h->next = alone > 0 ? alone : i;
		begin(h, members, read);
		fault = play(h);
		if (fault != NULL)
			fprintf(stderr, "SYNC_SEED=%llu: %s\n",
			    (unsigned long long)h->seed, fault);
		for (int r = 0; r < ROOMS; r++)
			room_put(h->rooms[r]);
		arena_free(h->arena);
		arena_reset(t.arena);
		free(h);
	}
	for (size_t i = 0; i < FILTERS; i++)
		sync_filter_put(table, read[i]);
	testing_close(&t);
	sync_filters_free(table);
	sync_members_free(members);
	assert_true(fault == NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(increments_add_up_to_a_first_sync),
	};

	return cmocka_run_group_tests_name("sync_model", tests, NULL, NULL);
}
