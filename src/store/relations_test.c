/*
 * Relations in the database: families, pages both ways, trees, threads, annotations.
 */
#include "store/relations.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "store/pack.h"
#include "store/testing.h"

#define ANN "@ann:x"
#define BEN "@ben:x"
#define NOW 1000000
#define EVERYWHERE INT64_MAX

static const char *
id_of(struct fixture *f, int64_t event)
{
	return arena_printf(f->arena, "$e%d:x", (int)event);
}

static void
add_event(struct fixture *f, int64_t event, int64_t room, const char *type,
    int64_t flags, int64_t ts)
{
	struct event_row row = { .event = event,
		.room = room,
		.line = event,
		.ts = ts,
		.flags = flags,
		.event_id = id_of(f, event),
		.type = type,
		.packed = pack_json(f->arena, "{}", 2),
		.segment = 1,
		.at = event };
	int64_t key;

	assert_ok(store_event_add(f->db, &row, &key));
}

static void
add_child(struct fixture *f, int64_t event, int64_t parent, const char *rel_type,
    const char *sender)
{
	struct relation_row row = { id_of(f, parent), rel_type, sender, NULL };

	add_event(f, event, 1, "m.room.message", EVENT_LIVE, 1000 + event);
	assert_ok(store_relation_add(f->db, event, &row));
}

static struct relation_ask
ask_of(struct fixture *f, int64_t parent, const char *rel_type)
{
	return (struct relation_ask){
		.room = 1, .upto = NOW, .parent = id_of(f, parent), .rel_type = rel_type
	};
}

/* --- what an event is a child of --- */

static void
a_child_names_a_parent_that_is_here_elsewhere_or_nowhere(void **state)
{
	struct fixture *f = *state;
	struct relation_up up;

	add_event(f, 1, 1, "m.room.message", EVENT_LIVE, 0);
	add_event(f, 2, 7, "m.room.message", EVENT_LIVE, 0);
	add_child(f, 3, 1, "m.thread", ANN);
	add_child(f, 4, 2, "m.thread", ANN);
	add_child(f, 5, 99, "m.reference", ANN);
	assert_ok(store_relation_get(f->db, f->arena, 3, false, &up));
	assert_string_equal(up.parent_id, "$e1:x");
	assert_string_equal(up.rel_type, "m.thread");
	assert_true(up.room == 1 && up.parent == 1 && up.parent_room == 1);
	assert_ok(store_relation_get(f->db, f->arena, 4, false, &up));
	assert_true(up.parent == 2 && up.parent_room == 7);
	assert_ok(store_relation_get(f->db, f->arena, 5, false, &up));
	assert_true(up.parent == 0 && up.parent_room == 0);
	assert_string_equal(up.parent_id, "$e99:x");
	assert_int_equal(
	    store_relation_get(f->db, f->arena, 1, false, &up), M_NOT_FOUND);
	/* It comes later. */
	add_event(f, 99, 1, "m.room.message", EVENT_LIVE, 0);
	assert_ok(store_relation_get(f->db, f->arena, 5, false, &up));
	assert_int_equal(up.parent, 99);
}

static void
an_event_that_clients_are_not_shown_is_no_child(void **state)
{
	static const int64_t flags[] = { EVENT_REJECTED, EVENT_LIVE | EVENT_SOFT_FAILED,
		EVENT_OUTLIER };
	struct fixture *f = *state;
	struct relation_row row = { "$e1:x", "m.reference", ANN, NULL };
	struct relation_up up;

	for (int i = 0; i < 3; i++) {
		add_event(f, 10 + i, 1, "m.room.message", flags[i], 0);
		assert_ok(store_relation_add(f->db, 10 + i, &row));
		assert_int_equal(
		    store_relation_get(f->db, f->arena, 10 + i, false, &up),
		    M_NOT_FOUND);
	}
}

/* --- families --- */

struct families {
	struct relation_family of[64];
	char kinds[64][32];
	int n;
};

static void
note_family(const struct relation_family *family, void *arg)
{
	struct families *families = arg;

	snprintf(families->kinds[families->n], 32, "%s", family->rel_type);
	families->of[families->n++] = *family;
}

static const struct relation_family *
family_of(const struct families *families, int index, const char *kind)
{
	for (int i = 0; i < families->n; i++)
		if (families->of[i].index == index &&
		    strcmp(families->kinds[i], kind) == 0)
			return &families->of[i];
	return NULL;
}

static void
the_families_of_a_page_are_told_at_once(void **state)
{
	struct fixture *f = *state;
	const char *ids[RELATION_PARENTS_MAX];
	struct families families = { .n = 0 };

	for (int i = 0; i < RELATION_PARENTS_MAX; i++)
		ids[i] = id_of(f, i);
	add_child(f, 40, 3, "m.thread", ANN);
	add_child(f, 41, 3, "m.thread", BEN);
	add_child(f, 42, 3, "m.replace", BEN);
	add_child(f, 43, 31, "m.reference", BEN);
	add_child(f, 44, 5, "m.annotation", ANN);
	add_child(f, 45, 5, "org.example.mine", ANN);
	add_child(f, 46, 50, "m.thread", ANN);
	add_child(f, NOW + 1, 6, "m.thread", ANN);
	assert_ok(store_relation_families(
	    f->db, 1, NOW, ids, RELATION_PARENTS_MAX, ANN, note_family, &families));
	assert_int_equal(families.n, 3);
	assert_int_equal(family_of(&families, 3, "m.thread")->count, 2);
	assert_int_equal(family_of(&families, 3, "m.thread")->first, 40);
	assert_true(family_of(&families, 3, "m.thread")->has_mine);
	assert_int_equal(family_of(&families, 3, "m.replace")->count, 1);
	assert_false(family_of(&families, 3, "m.replace")->has_mine);
	assert_int_equal(family_of(&families, 31, "m.reference")->first, 43);
}

static void
one_parent_and_few_are_asked_for_as_many_are(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = { "$e2:x", "$e1:x", "$e3:x" };
	struct families families = { .n = 0 };

	add_child(f, 10, 1, "m.thread", ANN);
	assert_ok(store_relation_families(
	    f->db, 1, NOW, ids, 3, NULL, note_family, &families));
	assert_int_equal(families.n, 1);
	assert_int_equal(families.of[0].index, 1);
	assert_false(families.of[0].has_mine);
	assert_ok(store_relation_families(
	    f->db, 1, NOW, &ids[1], 1, ANN, note_family, &families));
	assert_int_equal(families.n, 2);
	assert_int_equal(families.of[1].index, 0);
	assert_ok(store_relation_families(
	    f->db, 2, NOW, ids, 3, ANN, note_family, &families));
	assert_ok(store_relation_families(
	    f->db, 1, NOW, ids, 1, ANN, note_family, &families));
	assert_int_equal(families.n, 2);
}

static void
a_removed_child_is_in_no_list(void **state)
{
	struct fixture *f = *state;
	const char *id = "$e1:x";
	struct families families = { .n = 0 };
	struct relation_page page = { .ask = ask_of(f, 1, NULL),
		.depth = 1,
		.from = { 0, 0 },
		.to = { EVERYWHERE, 0 } };
	struct relation *children;
	struct relation_up up;
	int n;

	add_child(f, 10, 1, "m.thread", ANN);
	assert_int_equal(
	    store_relation_was(f->db, f->arena, 10, false, &up), M_NOT_FOUND);
	assert_ok(store_relation_remove(f->db, 10));
	assert_ok(store_relation_remove(f->db, 11));
	assert_ok(store_relation_remove(f->db, 10)); /* once is enough */
	assert_ok(store_relation_was(f->db, f->arena, 10, false, &up));
	assert_string_equal(up.rel_type, "m.thread");
	assert_string_equal(up.parent_id, id);
	assert_int_equal(
	    store_relation_was(f->db, f->arena, 11, false, &up), M_NOT_FOUND);
	assert_int_equal(
	    store_relation_get(f->db, f->arena, 10, false, &up), M_NOT_FOUND);
	assert_ok(store_relation_families(
	    f->db, 1, NOW, &id, 1, ANN, note_family, &families));
	assert_int_equal(families.n, 0);
	assert_ok(store_relations_page(f->db, f->arena, &page, 9, &children, &n));
	assert_int_equal(n, 0);
	assert_ok(store_threads(f->db, f->arena, 1, (struct place){ EVERYWHERE, 0 }, 9,
	    false, &children, &n));
	assert_int_equal(n, 0);
}

/* --- pages --- */

/* The children of a page as text: "12 10 ". */
static const char *
page_text(struct fixture *f, const struct relation_page *page, int limit)
{
	struct relation *children;
	char *text = "";
	int n;

	assert_ok(store_relations_page(f->db, f->arena, page, limit, &children, &n));
	for (int i = 0; i < n; i++) {
		assert_int_equal(children[i].place.line, children[i].event);
		text = arena_printf(f->arena, "%s%d ", text, (int)children[i].event);
	}
	return text;
}

static void
pages_go_both_ways_between_two_places(void **state)
{
	struct fixture *f = *state;
	const char *const kinds[] = { "m.thread", NULL };

	for (int64_t event = 10; event < 16; event++)
		add_child(f, event, 1, "m.thread", ANN);
	add_child(f, 16, 2, "m.thread", ANN);
	for (int k = 0; k < 2; k++) {
		struct relation_page page = { .ask = ask_of(f, 1, kinds[k]),
			.depth = 1,
			.from = { 15, 0 },
			.to = { 11, 0 },
			.backwards = true };

		assert_string_equal(page_text(f, &page, 9), "14 13 12 11 ");
		assert_string_equal(page_text(f, &page, 2), "14 13 ");
		page.backwards = false;
		page.from.line = 11;
		page.to.line = 15;
		assert_string_equal(page_text(f, &page, 9), "11 12 13 14 ");
		page.ask.upto = 12;
		assert_string_equal(page_text(f, &page, 9), "11 12 ");
		page.ask.room = 2;
		assert_string_equal(page_text(f, &page, 9), "");
	}
}

static void
a_page_holds_the_kind_and_type_that_are_asked_for(void **state)
{
	struct fixture *f = *state;
	struct relation_row row = { "$e1:x", "m.reference", ANN, NULL };
	struct relation_page page = {
		.ask = ask_of(f, 1, "m.reference"), .depth = 1, .to = { EVERYWHERE, 0 }
	};

	add_child(f, 10, 1, "m.reference", ANN);
	add_child(f, 11, 1, "m.thread", ANN);
	add_event(f, 12, 1, "org.example.poll", EVENT_LIVE, 0);
	assert_ok(store_relation_add(f->db, 12, &row));
	assert_string_equal(page_text(f, &page, 9), "10 12 ");
	page.type = "org.example.poll";
	assert_string_equal(page_text(f, &page, 9), "12 ");
	page.type = "org.example.unheard";
	assert_string_equal(page_text(f, &page, 9), "");
	page.type = "org.example.poll";
	page.ask.rel_type = NULL;
	assert_string_equal(page_text(f, &page, 9), "12 ");
}

static void
a_tree_is_followed_as_deep_as_asked_and_not_in_circles(void **state)
{
	struct fixture *f = *state;
	struct relation_page page = {
		.ask = ask_of(f, 1, NULL), .depth = 3, .to = { EVERYWHERE, 0 }
	};

	add_event(f, 1, 1, "m.room.message", EVENT_LIVE, 0);
	add_child(f, 10, 1, "m.thread", ANN);
	add_child(f, 11, 10, "m.annotation", ANN);
	add_child(f, 12, 11, "m.annotation", ANN);
	add_child(f, 13, 12, "m.annotation", ANN);
	assert_string_equal(page_text(f, &page, 9), "10 11 12 ");
	page.depth = 2;
	assert_string_equal(page_text(f, &page, 9), "10 11 ");
	page.depth = 3;
	page.ask.rel_type = "m.annotation"; /* the way there is of another kind */
	assert_string_equal(page_text(f, &page, 9), "");
	page.ask.rel_type = NULL;
	page.ask.parent = "$e21:x";
	add_child(f, 20, 21, "m.reference", ANN);
	add_child(f, 21, 20, "m.reference", ANN);
	page.depth = 1000;
	assert_string_equal(page_text(f, &page, 9), "20 21 ");
}

static bool
count_down(const struct relation *child, void *arg)
{
	assert_string_equal(child->sender, ANN);
	return --*(int *)arg > 0;
}

static void
a_walk_over_children_ends_when_it_is_told(void **state)
{
	struct fixture *f = *state;
	struct relation_ask ask = ask_of(f, 1, "m.thread");
	int left = 3;

	for (int64_t event = 10; event < 16; event++)
		add_child(f, event, 1, "m.thread", ANN);
	assert_ok(store_relations_each(f->db, &ask, count_down, &left));
	assert_int_equal(left, 0);
	ask.rel_type = NULL;
	left = 100;
	assert_ok(store_relations_each(f->db, &ask, count_down, &left));
	assert_int_equal(left, 94);
}

/* --- edits, threads, annotations --- */

static void
edits_come_by_their_time_and_from_one_sender(void **state)
{
	struct fixture *f = *state;
	struct relation_row by_ann = { "$e1:x", "m.replace", ANN, NULL };
	struct relation_row by_ben = { "$e1:x", "m.replace", BEN, NULL };
	struct relation_ask ask = ask_of(f, 1, "m.replace");
	struct relation *edits;
	int n;

	add_event(f, 10, 1, "m.room.message", EVENT_LIVE, 900);
	add_event(f, 11, 1, "m.room.message", EVENT_LIVE, 700);
	add_event(f, 12, 1, "m.room.message", EVENT_LIVE, 800);
	add_event(f, 13, 1, "m.sticker", EVENT_LIVE, 990);
	add_event(f, 14, 1, "m.room.message", EVENT_LIVE, 990);
	for (int64_t event = 10; event < 14; event++)
		assert_ok(store_relation_add(f->db, event, &by_ann));
	assert_ok(store_relation_add(f->db, 14, &by_ben));
	assert_ok(store_relations_by(
	    f->db, f->arena, &ask, ANN, "m.room.message", 9, &edits, &n));
	assert_int_equal(n, 3);
	assert_true(edits[0].event == 10 && edits[1].event == 12 && edits[2].ts == 700);
}

static void
what_is_said_in_threads_comes_newest_first(void **state)
{
	struct fixture *f = *state;
	struct relation *children;
	int n;

	add_child(f, 10, 1, "m.thread", ANN);
	add_child(f, 11, 2, "m.thread", BEN);
	add_child(f, 12, 2, "m.replace", BEN);
	add_child(f, 13, 1, "m.thread", ANN);
	assert_ok(store_threads(f->db, f->arena, 1, (struct place){ EVERYWHERE, 0 }, 9,
	    false, &children, &n));
	assert_int_equal(n, 3);
	assert_int_equal(children[0].event, 13);
	assert_string_equal(children[1].parent, "$e2:x");
	assert_string_equal(children[1].sender, BEN);
	assert_ok(store_threads(
	    f->db, f->arena, 1, children[0].place, 1, false, &children, &n));
	assert_int_equal(n, 1);
	assert_int_equal(children[0].event, 11);
}

static void
an_annotation_is_found_by_all_that_it_says(void **state)
{
	struct fixture *f = *state;
	struct relation_row row = { "$e1:x", "m.annotation", ANN, "+1" };
	struct relation_ask ask = ask_of(f, 1, NULL);
	const char *id;

	add_event(f, 10, 1, "m.reaction", EVENT_LIVE, 0);
	assert_ok(store_relation_add(f->db, 10, &row));
	assert_ok(store_annotation_find(
	    f->db, f->arena, &ask, ANN, "m.reaction", "+1", false, &id));
	assert_string_equal(id, "$e10:x");
	assert_int_equal(store_annotation_find(f->db, f->arena, &ask, BEN, "m.reaction",
			     "+1", false, &id),
	    M_NOT_FOUND);
	assert_int_equal(store_annotation_find(
			     f->db, f->arena, &ask, ANN, "m.other", "+1", false, &id),
	    M_NOT_FOUND);
	assert_int_equal(store_annotation_find(
			     f->db, f->arena, &ask, ANN, "m.reaction", "+", false, &id),
	    M_NOT_FOUND);
	ask.parent = "$e2:x";
	assert_int_equal(store_annotation_find(f->db, f->arena, &ask, ANN, "m.reaction",
			     "+1", false, &id),
	    M_NOT_FOUND);
}

static void
annotate(struct fixture *f, int64_t event, const char *key)
{
	struct relation_row row = { "$e1:x", "m.annotation", ANN, key };

	add_event(f, event, 1, "m.reaction", EVENT_LIVE, 0);
	assert_ok(store_relation_add(f->db, event, &row));
}

static void
keys_that_begin_alike_for_long_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct relation_ask ask = ask_of(f, 1, NULL);
	const char *begin = arena_printf(f->arena, "%0100d\xf0\x9f\x91\x8d", 7), *id;

	add_event(f, 1, 1, "m.room.message", EVENT_LIVE, 0);
	annotate(f, 10, arena_printf(f->arena, "%sa", begin));
	annotate(f, 11, arena_printf(f->arena, "%sb", begin));
	assert_ok(store_annotation_find(f->db, f->arena, &ask, ANN, "m.reaction",
	    arena_printf(f->arena, "%sb", begin), false, &id));
	assert_string_equal(id, "$e11:x");
	assert_int_equal(store_annotation_find(f->db, f->arena, &ask, ANN, "m.reaction",
			     begin, false, &id),
	    M_NOT_FOUND);
}

/* --- how deep --- */

static int
depth_of(struct fixture *f, const char *rel_type, int most, int limit)
{
	struct relation_ask ask = ask_of(f, 1, rel_type);
	int depth;

	assert_ok(store_relations_depth(f->db, &ask, most, limit, &depth));
	return depth;
}

static void
a_tree_is_as_deep_as_no_level_has_too_many(void **state)
{
	struct fixture *f = *state;

	add_event(f, 1, 1, "m.room.message", EVENT_LIVE, 0);
	assert_int_equal(depth_of(f, NULL, 3, 1), 3); /* of nothing */
	add_child(f, 2, 1, "m.thread", ANN);
	for (int i = 3; i < 6; i++)
		add_child(f, i, 2, "m.reference", ANN);
	for (int i = 6; i < 12; i++)
		add_child(f, i, 3, "m.thread", ANN);
	assert_int_equal(depth_of(f, NULL, 3, 6), 3);
	assert_int_equal(depth_of(f, NULL, 2, 6), 2);
	assert_int_equal(depth_of(f, NULL, 3, 5), 2);
	assert_int_equal(depth_of(f, NULL, 3, 2), 1);
	assert_int_equal(depth_of(f, NULL, 3, 0), 1);
	assert_int_equal(depth_of(f, "m.thread", 3, 1), 3); /* the second has none */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_child_names_a_parent_that_is_here_elsewhere_or_nowhere),
		TEST(an_event_that_clients_are_not_shown_is_no_child),
		TEST(the_families_of_a_page_are_told_at_once),
		TEST(one_parent_and_few_are_asked_for_as_many_are),
		TEST(a_removed_child_is_in_no_list),
		TEST(pages_go_both_ways_between_two_places),
		TEST(a_page_holds_the_kind_and_type_that_are_asked_for),
		TEST(a_tree_is_followed_as_deep_as_asked_and_not_in_circles),
		TEST(a_walk_over_children_ends_when_it_is_told),
		TEST(edits_come_by_their_time_and_from_one_sender),
		TEST(what_is_said_in_threads_comes_newest_first),
		TEST(an_annotation_is_found_by_all_that_it_says),
		TEST(keys_that_begin_alike_for_long_are_told_apart),
		TEST(a_tree_is_as_deep_as_no_level_has_too_many),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
