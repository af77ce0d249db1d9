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

#include "core/membership.h"
#include "core/testing.h"
#include "room/account_data.h"
#include "room/append.h"
#include "room/receipts.h"
#include "room/tags.h"
#include "room/typing.h"
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
	"\"account_data\":{\"not_types\":[\"m.tag\"]}}}",
	"{\"room\":{\"include_leave\":true}}",
	"{\"room\":{\"include_leave\":true,\"timeline\":{\"limit\":1}}}",
	"{\"room\":{\"include_leave\":true,\"timeline\":{\"types\":[]}}}",
	"{\"room\":{\"include_leave\":true,\"state\":{\"types\":[\"m.room.member\"]},"
	"\"timeline\":{\"types\":[\"m.room.message\"],\"limit\":3}}}",
	"{\"room\":{\"timeline\":{\"types\":[]},\"state\":{\"types\":[]}}}",
	"{\"room\":{\"rooms\":[\"%s\"]}}",
	"{\"room\":{\"not_rooms\":[\"%s\"],\"include_leave\":true}}",
	"{\"room\":{\"timeline\":{\"rooms\":[\"%s\"],\"limit\":2}}}",
	"{\"room\":{\"state\":{\"not_rooms\":[\"%s\"]},\"timeline\":{\"limit\":2}}}" };

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
	const char *set[ROOMS][SENT_MAX]; /* state events that may be redacted */
	int set_n[ROOMS];
	int number;
	struct sync_members *members;
	struct sync_filters *table;
	struct sync_filter *read[FILTERS]; /* %s in them is the first room */
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
	if (err == M_OK && state_key != NULL && h->set_n[room] < SENT_MAX)
		h->set[room][h->set_n[room]++] = e.event_id;
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

	if (chance(h, 2) == 0 && h->set_n[room] > 0)
		e.redacts = h->set[room][chance(h, (uint64_t)h->set_n[room])];
	else if (h->sent_n[room] > 0)
		e.redacts = h->sent[room][chance(h, (uint64_t)h->sent_n[room])];
	else
		return;
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
forget(struct history *h, int room, const char *who)
{
	if (membership_forget(&h->t->ctx, h->rooms[room], who) != M_OK)
		return;
	for (int i = 0; i < CLIENTS; i++)
		if (h->clients[i].user_id == who)
			model_forgets(&h->clients[i], h->rooms[room]->room_id);
}

static void
forget_typing(struct model *m)
{
	struct json *joined = (struct json *)json_get(m->has, "joined");

	for (uint32_t r = 0; joined != NULL && r < joined->n; r++)
		json_del(&joined->members[r].value, "typing");
}

/* What lies in memory alone is gone: what was typed, and which members were told. */
static void
restart(struct history *h)
{
	const char *room_ids[ROOMS];

	for (int i = 0; i < ROOMS; i++) {
		room_ids[i] = arena_strdup(h->arena, h->rooms[i]->room_id);
		room_put(h->rooms[i]);
	}
	testing_reopen(h->t);
	for (int i = 0; i < ROOMS; i++)
		assert_int_equal(room_get(&h->t->ctx, room_ids[i], &h->rooms[i]), M_OK);
	for (int i = 0; i < CLIENTS; i++) {
		forget_typing(&h->clients[i]);
		if (h->clients[i].kept != NULL)
			forget_typing(h->clients[i].kept);
	}
}

static void
happen(struct history *h)
{
	int room = (int)chance(h, ROOMS);
	const char *who = h->users[chance(h, USERS)],
		   *other = h->users[chance(h, USERS)];
	uint64_t what = chance(h, 100);

	if (chance(h, 150) == 0 && ctx_settle(&h->t->ctx) == M_OK)
		restart(h);
	if (chance(h, 50) == 0)
		forget(h, room, who);
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
read_filters(struct history *h)
{
	const char *why;

	for (size_t i = 0; i < FILTERS; i++) {
		const char *at = strstr(filters[i], "%s"), *text = filters[i];

		if (at != NULL)
			text = arena_printf(h->arena, "%.*s%s%s", (int)(at - text),
			    text, h->rooms[0]->room_id, at + 2);
		assert_int_equal(
		    sync_filter_get(h->table, text, &h->read[i], &why), M_OK);
	}
}

static void
begin(struct history *h, struct testing *t, uint64_t seed)
{
	*h = (struct history){ .t = t,
		.arena = arena_new(),
		.seed = seed,
		.next = seed,
		.members = sync_members_new(),
		.table = sync_filters_new() };
	for (int i = 0; i < USERS; i++)
		h->users[i] = arena_printf(h->arena, "@u%d-%llu:" TESTING_SERVER, i,
		    (unsigned long long)h->seed);
	for (int i = 0; i < ROOMS; i++)
		h->rooms[i] = testing_room(h->t, h->users[0], "12");
	read_filters(h);
	for (int i = 0; i < CLIENTS; i++)
		model_init(&h->clients[i], h->t, h->arena, h->members,
		    h->read[chance(h, FILTERS)], h->users[i % USERS],
		    i < USERS ? "ONE" : "TWO", chance(h, 3) == 0);
}

static void
end(struct history *h)
{
	for (size_t i = 0; i < FILTERS; i++)
		sync_filter_put(h->table, h->read[i]);
	for (int r = 0; r < ROOMS; r++)
		room_put(h->rooms[r]);
	sync_filters_free(h->table);
	sync_members_free(h->members);
	arena_free(h->arena);
	arena_reset(h->t->arena);
}

/* As a rule it goes on; at times it asks for all state, or an answer was lost and it
 * asks from an older token. */
static void
some_client_syncs(struct history *h)
{
	struct model *m = &h->clients[chance(h, CLIENTS)];

	if (chance(h, 8) == 0)
		model_go_back(m);
	m->full_state = chance(h, 10) == 0;
	model_sync(m);
	if (chance(h, 8) == 0)
		model_keep(m);
}

static const char *
play(struct history *h)
{
	for (int i = 0; i < STEPS; i++) {
		happen(h);
		if (chance(h, 2) == 0) {
			if (ctx_settle(&h->t->ctx) != M_OK)
				return "a write failed";
			some_client_syncs(h);
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
	const char *fault = NULL;
	struct testing t;

	testing_open_core(&t);
	for (uint64_t i = 1; i <= n && fault == NULL; i++) {
		struct history *h = calloc(1, sizeof *h);

		begin(h, &t, alone > 0 ? alone : i);
		fault = play(h);
		if (fault != NULL)
			fprintf(stderr, "SYNC_SEED=%llu: %s\n",
			    (unsigned long long)h->seed, fault);
		end(h);
		free(h);
	}
	testing_close(&t);
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
