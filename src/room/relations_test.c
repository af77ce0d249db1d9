/*
 * What content says of relations, what may be sent, which thread an event is in, and
 * what is summed up with an event for whom. Of room/relations, bundle and threads.
 */
#include "room/relations.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "room/account_data.h"
#include "room/bundle.h"
#include "room/testing.h"
#include "room/threads.h"
#include "store/relations.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define CAT "@cat:" TESTING_SERVER

struct fixture {
	struct testing t;
	struct room *room;
	struct snapshot *s;
	struct seer seer;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	testing_open(&f->t);
	f->room = testing_room(&f->t, ANN, "12");
	testing_join(&f->t, f->room, BEN);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	snapshot_unref(f->s);
	room_put(f->room);
	testing_close(&f->t);
	free(f);
	return 0;
}

/* The room as user_id sees it now. */
static struct seer *
look(struct fixture *f, const char *user_id)
{
	if (f->s != NULL)
		snapshot_unref(f->s);
	f->s = room_snapshot(f->room);
	seer_init(&f->seer, &f->t.ctx, f->t.arena, f->room, f->s, user_id, "DEVICE");
	return &f->seer;
}

static const char *
say_at(struct fixture *f, const char *sender, const char *content, int64_t ts)
{
	struct new_event e = { .sender = sender,
		.type = "m.room.message",
		.content = testing_json(f->t.arena, content),
		.ts = ts };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, NULL), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	return e.event_id;
}

static const char *
say(struct fixture *f, const char *sender)
{
	return say_at(f, sender, "{\"body\":\"x\"}", 0);
}

static const char *
relate(struct fixture *f, const char *sender, const char *parent, const char *rel_type)
{
	return say_at(f, sender,
	    arena_printf(f->t.arena,
		"{\"m.new_content\":{},\"m.relates_to\":{\"event_id\":\"%s\","
		"\"rel_type\":\"%s\"}}",
		parent, rel_type),
	    0);
}

static void
redact(struct fixture *f, const char *event_id)
{
	struct new_event e = { .sender = ANN,
		.type = "m.room.redaction",
		.content = testing_json(f->t.arena, "{}"),
		.redacts = event_id };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, NULL), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
}

/* --- what content says --- */

static bool
says(struct fixture *f, const char *version, const char *content)
{
	struct relation_to to;

	return relation_of(
	    room_version_find(version), testing_json(f->t.arena, content), &to);
}

#define HASH43 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
a_relation_has_a_kind_and_an_id_as_the_version_writes_them(void **state)
{
	struct fixture *f = *state;
	const char *const none[] = { "{}", "{\"m.relates_to\":5}",
		"{\"m.relates_to\":{\"event_id\":\"$" HASH43 "\"}}",
		"{\"m.relates_to\":{\"rel_type\":\"m.thread\"}}",
		"{\"m.relates_to\":{\"event_id\":\"$" HASH43 "\",\"rel_type\":\"\"}}",
		"{\"m.relates_to\":{\"event_id\":\"" HASH43 "\",\"rel_type\":\"a\"}}" };
	const char *plain =
	    "{\"m.relates_to\":{\"event_id\":\"$" HASH43 "\",\"rel_type\":\"a\"}}";
	const char *url_safe =
	    "{\"m.relates_to\":{\"event_id\":\"$-_" HASH43 "\",\"rel_type\":\"a\"}}";
	char *text;

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_false(says(f, "12", none[i]));
	assert_true(says(f, "12", plain));
	assert_true(says(f, "3", plain));
	assert_false(says(f, "1", plain));
	/* Two characters of its alphabet instead of two of the hash. */
	text = arena_strdup(f->t.arena, url_safe);
	memmove(strstr(text, "AA"), strstr(text, "AA") + 2,
	    strlen(strstr(text, "AA") + 2) + 1);
	assert_true(says(f, "12", text));
	assert_false(says(f, "3", text));
	assert_true(says(
	    f, "1", "{\"m.relates_to\":{\"event_id\":\"$a:b.c\",\"rel_type\":\"a\"}}"));
}

/* --- what may be sent --- */

static enum mx_err
react(struct fixture *f, const char *sender, const char *parent, const char *key)
{
	struct new_event e = { .sender = sender,
		.type = "m.reaction",
		.content = testing_json(f->t.arena,
		    arena_printf(f->t.arena,
			"{\"m.relates_to\":{\"event_id\":\"%s\",\"key\":\"%s\","
			"\"rel_type\":\"m.annotation\"}}",
			parent, key)) };
	struct append_extra extra = { .judge = relations_judge };

	return room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, &extra);
}

/* A write that is refused holds up nothing before it. */
static enum mx_err
refuse(void *arg, struct db *db)
{
	return M_LIMIT_EXCEEDED;
}

static void
an_annotation_on_its_way_to_the_disk_is_known(void **state)
{
	struct fixture *f = *state;
	const char *said = say(f, ANN);

	for (int i = 0; i < 50; i++) {
		const char *key = arena_printf(f->t.arena, "%d", i);

		assert_int_equal(react(f, ANN, said, key), M_OK);
		assert_int_equal(react(f, ANN, said, key), M_DUPLICATE_ANNOTATION);
		assert_int_equal(react(f, BEN, said, key), M_OK);
	}
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	assert_int_equal(react(f, ANN, said, "0"), M_DUPLICATE_ANNOTATION);
}

static void
an_annotation_that_could_not_be_written_may_be_said_again(void **state)
{
	struct fixture *f = *state;
	const char *said = say(f, ANN);
	struct new_event e = { .sender = ANN,
		.type = "m.reaction",
		.content = testing_json(f->t.arena,
		    arena_printf(f->t.arena,
			"{\"m.relates_to\":{\"event_id\":\"%s\",\"key\":\"+\","
			"\"rel_type\":\"m.annotation\"}}",
			said)) };
	struct append_extra extra = { .also = refuse };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, &extra), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_LIMIT_EXCEEDED);
	assert_int_equal(react(f, ANN, said, "+"), M_OK);
	assert_int_equal(react(f, ANN, said, "+"), M_DUPLICATE_ANNOTATION);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
}

static void
a_thread_is_refused_at_a_child_alone(void **state)
{
	struct fixture *f = *state;
	const char *root = say(f, ANN), *child = relate(f, ANN, root, "m.reference");
	const char *const parents[] = { root, child, "$" HASH43 };

	for (int i = 0; i < 3; i++) {
		const struct json *content = testing_json(f->t.arena,
		    arena_printf(f->t.arena,
			"{\"m.relates_to\":{\"event_id\":\"%s\",\"rel_type\":"
			"\"m.thread\"}}",
			parents[i]));

		assert_int_equal(
		    relations_check(&f->t.ctx, f->t.arena, f->room, content),
		    i == 1 ? M_REFUSED : M_OK);
	}
}

/* --- threads of events --- */

static int64_t
number_of(struct fixture *f, const char *event_id)
{
	int64_t event, room;

	assert_int_equal(store_event_find(f->t.ctx.db, event_id, &event, &room), M_OK);
	return event;
}

static const char *
thread_of(struct fixture *f, const char *event_id)
{
	const char *root;

	assert_int_equal(relations_thread_of(&f->t.ctx, f->t.arena, f->room,
			     number_of(f, event_id), &root),
	    M_OK);
	return root;
}

static void
an_event_is_in_the_thread_that_it_or_what_it_relates_to_names(void **state)
{
	static const char *const versions[] = { "1", "3", "12" };
	struct fixture *f = *state;

	for (int v = 0; v < 3; v++) {
		const char *root, *in, *one, *two, *three, *four;

		room_put(f->room);
		f->room = testing_room(&f->t, ANN, versions[v]);
		root = say(f, ANN);
		in = relate(f, ANN, root, "m.thread");
		one = relate(f, ANN, in, "m.annotation");
		two = relate(f, ANN, one, "m.reference");
		three = relate(f, ANN, two, "org.example.kind");
		four = relate(f, ANN, three, "m.reference");
		assert_string_equal(thread_of(f, root), "main");
		assert_string_equal(thread_of(f, in), root);
		assert_string_equal(thread_of(f, one), root);
		assert_string_equal(thread_of(f, two), root);
		assert_string_equal(thread_of(f, three), root);
		assert_string_equal(thread_of(f, four), "main"); /* too far away */
		assert_string_equal(
		    thread_of(f, relate(f, ANN, root, "m.reference")), "main");
		redact(f, one);
		assert_string_equal(thread_of(f, one), "main");
		assert_string_equal(thread_of(f, two), "main");
	}
}

/* "An event is considered to be in a thread if it has a rel_type of m.thread": whatever
 * stands there for a root, clients take it for one. */
static void
an_event_says_itself_which_thread_it_is_in(void **state)
{
	struct fixture *f = *state;
	const char *root = say(f, ANN), *child = relate(f, ANN, root, "m.reference"),
		   *elsewhere, *main_id;
	struct room *other = testing_room(&f->t, ANN, "12"), *here = f->room;

	assert_string_equal(thread_of(f, relate(f, ANN, child, "m.thread")), child);
	assert_string_equal(thread_of(f, child), "main");
	f->room = other;
	elsewhere = relate(f, ANN, say(f, ANN), "m.thread");
	f->room = here;
	assert_string_equal(
	    thread_of(f, relate(f, ANN, elsewhere, "m.thread")), elsewhere);
	assert_string_equal(
	    thread_of(f, relate(f, ANN, elsewhere, "m.reference")), "main");
	/* Its root may come yet. */
	assert_string_equal(
	    thread_of(f, relate(f, ANN, "$" HASH43, "m.thread")), "$" HASH43);
	assert_string_equal(
	    thread_of(f, relate(f, ANN, "$" HASH43, "m.reference")), "main");
	assert_int_equal(
	    relations_thread_of(&f->t.ctx, f->t.arena, f->room, 999999, &main_id),
	    M_OK);
	assert_string_equal(main_id, THREAD_MAIN);
	room_put(other);
}

/* --- bundles --- */

/* Ann's list of whom she ignores. */
static void
ignore(struct fixture *f, const char *content)
{
	assert_int_equal(account_data_set(&f->t.ctx, f->t.arena, ANN, NULL,
			     "m.ignored_user_list", testing_json(f->t.arena, content)),
	    M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
}

#define WITH_BEN "{\"ignored_users\":{\"" BEN "\":{}}}"
#define WITHOUT "{\"ignored_users\":{}}"

/* What the seer's user is shown of an event's children; NULL: nothing. */
static const struct json *
bundle_of(struct fixture *f, struct seer *seer, const char *event_id)
{
	struct sliced e;

	assert_int_equal(seer_get(seer, number_of(f, event_id), &e), M_OK);
	assert_int_equal(
	    bundle_events(seer, &e, 1, seer->s->position, FORMAT_CLIENT), M_OK);
	return e.relations == NULL ? NULL : testing_json(f->t.arena, e.relations);
}

static const char *
edit_of(struct fixture *f, const char *event_id)
{
	return json_get_str(
	    json_get(bundle_of(f, look(f, ANN), event_id), "m.replace"), "event_id");
}

static void
of_edits_of_one_moment_the_largest_id_is_the_newest(void **state)
{
	struct fixture *f = *state;
	const char *said = say(f, ANN), *largest = "", *newer;
	const char *content = arena_printf(f->t.arena,
	    "{\"m.new_content\":{},\"m.relates_to\":{\"event_id\":\"%s\",\"rel_type\":"
	    "\"m.replace\"}}",
	    said);

	for (int i = 0; i < 12; i++) {
		const char *id = say_at(f, ANN, content, 5000);

		if (strcmp(id, largest) > 0)
			largest = id;
		assert_string_equal(edit_of(f, said), largest);
	}
	/* Sent later, and yet older. */
	say_at(f, ANN, content, 4999);
	assert_string_equal(edit_of(f, said), largest);
	newer = say_at(f, ANN, content, 5001);
	assert_string_equal(edit_of(f, said), newer);
}

static void
an_edit_is_found_behind_others_that_are_none(void **state)
{
	struct fixture *f = *state;
	const char *said = say(f, ANN), *good;
	const char *empty = arena_printf(f->t.arena,
	    "{\"m.relates_to\":{\"event_id\":\"%s\",\"rel_type\":\"m.replace\"}}",
	    said);

	good = relate(f, ANN, said, "m.replace");
	for (int i = 0; i < 20; i++)
		say_at(f, ANN, empty, 0);
	assert_string_equal(edit_of(f, said), good);
}

static int64_t
count_of(const struct json *bundle)
{
	int64_t n = 0;

	json_get_int(json_get(bundle, "m.thread"), "count", &n);
	return n;
}

static const char *
latest_of(const struct json *bundle)
{
	return json_get_str(
	    json_at(bundle, "m.thread", "latest_event", NULL), "event_id");
}

static void
whom_one_ignores_is_left_out(void **state)
{
	struct fixture *f = *state;
	const char *root = say(f, ANN), *mine, *bens;
	const struct json *bundle;
	struct seer *seer;

	mine = relate(f, ANN, root, "m.thread");
	bens = relate(f, BEN, root, "m.thread");
	relate(f, BEN, root, "m.reference");
	seer = look(f, ANN);
	bundle = bundle_of(f, seer, root);
	assert_int_equal(count_of(bundle), 2);
	assert_string_equal(latest_of(bundle), bens);
	assert_int_equal(json_at(bundle, "m.reference", "chunk", NULL)->n, 1);
	ignore(f, WITH_BEN);
	bundle = bundle_of(f, look(f, ANN), root);
	assert_int_equal(count_of(bundle), 1);
	assert_string_equal(latest_of(bundle), mine);
	assert_null(json_get(bundle, "m.reference"));
	/* Ben's own is summed up without Ben. */
	root = say(f, BEN);
	relate(f, BEN, root, "m.replace");
	relate(f, BEN, root, "m.thread");
	assert_null(bundle_of(f, look(f, ANN), root));
	assert_int_equal(bundle_of(f, look(f, BEN), root)->n, 2);
	ignore(f, WITHOUT);
	assert_int_equal(bundle_of(f, look(f, ANN), root)->n, 2);
}

/* Counted at once and one by one: for all who see all it comes to the same. */
static void
a_count_is_the_same_either_way(void **state)
{
	static const char *const settings[] = { "joined", "invited", "shared",
		"world_readable" };
	struct fixture *f = *state;
	const char *users[] = { ANN, BEN, CAT };

	for (int i = 0; i < 4; i++) {
		const char *root;

		assert_int_equal(
		    testing_append(&f->t, f->room, ANN, "m.room.history_visibility", "",
			arena_printf(
			    f->t.arena, "{\"history_visibility\":\"%s\"}", settings[i]),
			NULL),
		    M_OK);
		root = say(f, ANN);
		relate(f, ANN, root, "m.thread");
		assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.member",
				     BEN, "{\"membership\":\"leave\"}", NULL),
		    M_OK);
		relate(f, ANN, root, "m.thread");
		testing_join(&f->t, f->room, BEN);
		relate(f, BEN, root, "m.thread");
		for (int u = 0; u < 3; u++) {
			struct seer *seer = look(f, users[u]);
			int64_t first = number_of(f, root);
			int64_t wanted = u == 0 || i == 3 ? 3 : u == 2 ? 0 : 2;

			if (i == 2 && u == 1) /* shared with who is in the room now */
				wanted = 3;
			assert_int_equal(count_of(bundle_of(f, seer, root)), wanted);
			assert_int_equal(seer_sees_all_since(seer, first), wanted == 3);
		}
	}
}

static void
a_bundle_is_of_its_moment(void **state)
{
	struct fixture *f = *state;
	const char *root = say(f, ANN), *first = relate(f, ANN, root, "m.thread");
	struct seer *seer = look(f, ANN);
	struct snapshot *then = snapshot_ref(f->s);

	relate(f, ANN, root, "m.thread");
	relate(f, ANN, root, "m.reference");
	seer = look(f, ANN);
	assert_int_equal(count_of(bundle_of(f, seer, root)), 2);
	seer_init(seer, &f->t.ctx, f->t.arena, f->room, then, ANN, NULL);
	assert_int_equal(count_of(bundle_of(f, seer, root)), 1);
	assert_string_equal(latest_of(bundle_of(f, seer, root)), first);
	assert_int_equal(bundle_of(f, seer, root)->n, 1);
	snapshot_unref(then);
}

/* The encoding that all share is made once and holds nothing of it. */
static void
the_shared_bytes_of_a_parent_stay_as_they_are(void **state)
{
	struct fixture *f = *state;
	const char *root = say(f, ANN), *child;
	struct json_event_stats before, after;
	struct live_event *live;

	child = relate(f, ANN, root, "m.reference");
	for (int round = 0; round < 2; round++) {
		struct page page = { .backwards = true, .limit = 10 };
		struct seer *seer = look(f, ANN);
		struct buf out = { 0 };
		struct sliced *e = NULL;

		page.from.line = f->s->position + 1;
		assert_int_equal(timeline_page(seer, &page), M_OK);
		for (int i = 0; i < page.count; i++)
			if (strcmp(page.events[i].stored.event_id, root) == 0)
				e = &page.events[i];
		assert_non_null(e);
		live = e->live;
		assert_non_null(live);
		assert_int_equal(bundle_events(seer, page.events, page.count,
				     f->s->position, FORMAT_CLIENT),
		    M_OK);
		json_event_stats(&before);
		seer_write_sliced(seer, &out, e, FORMAT_CLIENT);
		json_event_stats(&after);
		assert_int_equal(after.encoded - before.encoded, round == 0);
		assert_int_equal(
		    memmem(out.p, out.n, "m.relations", 11) != NULL, round == 0);
		assert_null(memmem(live->shared[FORMAT_CLIENT]->bytes,
		    live->shared[FORMAT_CLIENT]->n, "unsigned", 8));
		buf_reset(&out);
		seer_write_live(seer, &out, live, FORMAT_CLIENT);
		assert_null(memmem(out.p, out.n, "m.relations", 11));
		buf_free(&out);
		if (round == 0)
			redact(f, child);
	}
}

static void
a_page_of_any_length_is_bundled_to_its_end(void **state)
{
	struct fixture *f = *state;
	const char *ids[70];
	struct page page = { .limit = 1000 };
	struct seer *seer;
	int n = 0;

	for (int i = 0; i < 70; i++)
		ids[i] = say(f, ANN);
	for (int i = 0; i < 70; i += 3)
		relate(f, ANN, ids[i], "m.reference");
	seer = look(f, ANN);
	assert_int_equal(timeline_page(seer, &page), M_OK);
	assert_int_equal(
	    bundle_events(seer, page.events, page.count, f->s->position, FORMAT_CLIENT),
	    M_OK);
	for (int i = 0; i < page.count; i++) {
		bool is_parent = false;

		for (int k = 0; k < 70; k += 3)
			is_parent = is_parent ||
				    strcmp(ids[k], page.events[i].stored.event_id) == 0;
		assert_int_equal(page.events[i].relations != NULL, is_parent);
		n += is_parent;
	}
	assert_int_equal(n, 24);
}

/* --- lists of threads --- */

static void
the_root_of_whom_one_ignores_is_listed_redacted(void **state)
{
	struct fixture *f = *state;
	const char *bens = say(f, BEN), *anns = say(f, ANN);
	struct page page = { .limit = 10 };
	struct buf out = { 0 };
	struct seer *seer;
	const struct json *shown;

	relate(f, ANN, bens, "m.thread");
	relate(f, BEN, anns, "m.thread");
	seer = look(f, ANN);
	page.from.line = f->s->position + 1;
	assert_int_equal(threads_page(seer, false, &page), M_OK);
	assert_int_equal(page.count, 2);
	ignore(f, WITH_BEN);
	seer = look(f, ANN);
	assert_int_equal(threads_page(seer, false, &page), M_OK);
	assert_int_equal(page.count, 1); /* of the other, Ben alone has spoken */
	assert_string_equal(page.events[0].stored.event_id, bens);
	assert_int_equal(
	    bundle_events(seer, page.events, 1, f->s->position, FORMAT_CLIENT), M_OK);
	seer_write_sliced(seer, &out, &page.events[0], FORMAT_CLIENT);
	shown = json_parse_copy(f->t.arena, out.p, out.n, JSON_STRICT, NULL);
	assert_int_equal(json_get(shown, "content")->n, 0);
	assert_string_equal(json_get_str(shown, "sender"), BEN);
	assert_int_equal(count_of(json_at(shown, "unsigned", "m.relations", NULL)), 1);
	buf_free(&out);
}

static void
a_long_thread_hides_no_older_one(void **state)
{
	struct fixture *f = *state;
	const char *old = say(f, ANN), *busy = say(f, ANN);
	struct page page = { .limit = 10 };
	struct seer *seer;

	relate(f, ANN, old, "m.thread");
	for (int i = 0; i < 300; i++)
		relate(f, ANN, busy, "m.thread");
	seer = look(f, ANN);
	page.from.line = f->s->position + 1;
	assert_int_equal(threads_page(seer, false, &page), M_OK);
	assert_int_equal(page.count, 2);
	assert_false(page.more);
	assert_string_equal(page.events[1].stored.event_id, old);
	page.limit = 1;
	assert_int_equal(threads_page(seer, false, &page), M_OK);
	assert_int_equal(page.count, 1);
	assert_true(page.more);
	page.from = page.end;
	assert_int_equal(threads_page(seer, false, &page), M_OK);
	assert_int_equal(page.count, 1);
	assert_string_equal(page.events[0].stored.event_id, old);
	assert_false(page.more);
}

/* --- pages --- */

#define HIDDEN 3000

/* A parent that ben has seen, and many children from after he left. */
static const char *
hidden_children(struct fixture *f)
{
	const char *parent = say(f, ANN);

	assert_int_equal(testing_append(&f->t, f->room, BEN, "m.room.member", BEN,
			     "{\"membership\":\"leave\"}", NULL),
	    M_OK);
	for (int i = 0; i < HIDDEN; i++) {
		struct new_event e = { .sender = ANN,
			.type = "m.room.message",
			.content = testing_json(
			    f->t.arena, arena_printf(f->t.arena,
					    "{\"m.relates_to\":{\"event_id\":\"%s\","
					    "\"rel_type\":\"m.thread\"}}",
					    parent)) };

		assert_int_equal(
		    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, NULL), M_OK);
	}
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	return parent;
}

/* Each run of a tree costs the whole of it: a run for each two would take minutes. */
static void
a_page_of_children_that_are_hidden_costs_a_few_runs(void **state)
{
	struct fixture *f = *state;
	struct relations_query query = { .parent = hidden_children(f),
		.depth = RELATIONS_DEPTH };
	struct page page = { .from = { INT64_MAX, 0 }, .backwards = true, .limit = 1 };
	int64_t began_ms = clock_mono_ms();

	assert_int_equal(relations_page(look(f, BEN), &query, &page), M_OK);
	assert_true(clock_mono_ms() - began_ms < 2000);
	assert_int_equal(query.depth, RELATIONS_DEPTH);
	assert_true(page.count == 0 && page.more);
	page.from = page.end;
	assert_int_equal(relations_page(look(f, BEN), &query, &page), M_OK);
	assert_true(page.count == 0 && !page.more);
	assert_int_equal(relations_page(look(f, ANN), &query, &page), M_OK);
	assert_int_equal(page.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_relation_has_a_kind_and_an_id_as_the_version_writes_them),
		TEST(an_annotation_on_its_way_to_the_disk_is_known),
		TEST(an_annotation_that_could_not_be_written_may_be_said_again),
		TEST(a_thread_is_refused_at_a_child_alone),
		TEST(an_event_is_in_the_thread_that_it_or_what_it_relates_to_names),
		TEST(an_event_says_itself_which_thread_it_is_in),
		TEST(of_edits_of_one_moment_the_largest_id_is_the_newest),
		TEST(an_edit_is_found_behind_others_that_are_none),
		TEST(whom_one_ignores_is_left_out),
		TEST(a_count_is_the_same_either_way),
		TEST(a_bundle_is_of_its_moment),
		TEST(the_shared_bytes_of_a_parent_stay_as_they_are),
		TEST(a_page_of_any_length_is_bundled_to_its_end),
		TEST(the_root_of_whom_one_ignores_is_listed_redacted),
		TEST(a_long_thread_hides_no_older_one),
		TEST(a_page_of_children_that_are_hidden_costs_a_few_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
