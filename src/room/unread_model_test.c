/*
 * Counts of what is unread in made-up rooms, against a model that counts every event
 * anew. UNREAD_MODEL_SEEDS=N for more of them.
 * Stands beside unread.c, run by the test suite.
 */
#include "room/unread_testing.h"

/* The model knows every event and what it was to whom when it was sent, and counts all
 * of them each time. */
#define EVENTS 220
#define USERS 3
#define THREADS 12 /* 0 is the main timeline */

struct model_event {
	const char *id;
	int sender, thread;
	bool notifies[USERS], highlights[USERS], redacted;
};

struct model {
	struct fixture *f;
	struct model_event events[EVENTS];
	int count;
	const char *roots[THREADS];
	/* Up to which count: of everything, of each thread. */
	int whole[USERS], read[USERS][THREADS];
	bool joined[USERS], muted[USERS], likes_cake[USERS], deaf[USERS];
};

static const char *const names[USERS] = { ANN, BEN, CAT };

static void
model_say(struct model *m, int sender)
{
	struct model_event *e = &m->events[m->count++];
	int thread = rand() % THREADS, whom = rand() % 6;
	bool room = rand() % 8 == 0, cake = rand() % 4 == 0, notice = rand() % 6 == 0;
	struct buf text = { 0 };

	if (thread != 0 && m->roots[thread] == NULL)
		thread = 0;
	buf_printf(&text, "{\"msgtype\":\"%s\",\"body\":\"%s\",\"m.mentions\":{",
	    notice ? "m.notice" : "m.text", cake ? "cake" : "pie");
	if (room)
		buf_lit(&text, "\"room\":true");
	if (whom < USERS)
		buf_printf(
		    &text, "%s\"user_ids\":[\"%s\"]", room ? "," : "", names[whom]);
	buf_lit(&text, "}");
	if (thread != 0)
		buf_printf(&text,
		    ",\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"%s\"}",
		    m->roots[thread]);
	buf_lit(&text, "}");
	buf_char(&text, '\0');
	e->id = say(m->f, names[sender], text.p);
	buf_free(&text);
	e->sender = sender;
	e->thread = thread;
	for (int u = 0; u < USERS; u++) {
		bool named = !notice && (whom == u || (room && sender == 0));

		if (u == sender || notice || !m->joined[u])
			continue;
		e->highlights[u] = named || (cake && m->likes_cake[u]);
		e->notifies[u] =
		    e->highlights[u] || !(m->muted[u] || (m->deaf[u] && sender == 0));
	}
	m->read[sender][thread] = m->count;
}

static void
model_read(struct model *m, int user)
{
	int at, thread = rand() % (THREADS + 1) - 1, *place;

	if (m->count == 0)
		return;
	at = rand() % m->count;
	if (thread > 0 && m->roots[thread] == NULL)
		return;
	place = thread < 0 ? &m->whole[user] : &m->read[user][thread];
	if (at + 1 <= *place)
		return; /* receipts go forward alone */
	*place = at + 1;
	receipt(m->f, names[user], rand() % 2,
	    thread < 0	  ? ""
	    : thread == 0 ? "main"
			  : m->roots[thread],
	    m->events[at].id);
}

static void
model_redact(struct model *m)
{
	struct model_event *e;

	if (m->count == 0)
		return;
	e = &m->events[rand() % m->count];
	e->redacted = true;
	redact(m->f, ANN, e->id);
}

static void
model_move(struct model *m, int user)
{
	if (user == 0)
		return;
	m->joined[user] = !m->joined[user];
	member(m->f, names[user], names[user], m->joined[user] ? "join" : "leave");
	m->whole[user] = m->count;
}

static void
model_change(struct model *m, int user)
{
	static const char cake[] = "{\"pattern\":\"cake\",\"actions\":[\"notify\","
				   "{\"set_tweak\":\"highlight\"}]}";
	struct push_change drop = { .what = PUSH_DELETE };
	bool *flag;

	switch (rand() % 3) {
	case 0:
		flag = &m->muted[user];
		drop.kind = "room";
		drop.rule_id = m->f->room->room_id;
		break;
	case 1:
		flag = &m->likes_cake[user];
		drop.kind = "content";
		drop.rule_id = "cake";
		break;
	default:
		flag = &m->deaf[user];
		drop.kind = "sender";
		drop.rule_id = ANN;
		break;
	}
	if (*flag)
		change(m->f, names[user], &drop);
	else
		put(m->f, names[user], drop.kind, drop.rule_id,
		    strcmp(drop.kind, "content") == 0 ? cake : "{\"actions\":[]}");
	*flag = !*flag;
}

static struct unread
model_count(const struct model *m, int user, int thread)
{
	struct unread out = { 0, 0 };

	for (int i = m->whole[user]; m->joined[user] && i < m->count; i++) {
		const struct model_event *e = &m->events[i];

		if ((thread >= 0 && e->thread != thread) || e->redacted ||
		    i < m->read[user][e->thread])
			continue;
		out.notifications += e->notifies[user];
		out.highlights += e->highlights[user];
	}
	return out;
}

static void
model_check_threads(const struct model *m, int user)
{
	struct unread_thread *threads;
	struct unread expected = model_count(m, user, 0);
	int n, expected_n = 0;

	assert_unread(main_of(m->f, names[user], &threads, &n), expected.notifications,
	    expected.highlights);
	for (int thread = 1; thread < THREADS; thread++) {
		expected = model_count(m, user, thread);
		expected_n += expected.notifications > 0;
		for (int i = 0; i < n; i++)
			if (strcmp(threads[i].thread, m->roots[thread]) == 0)
				assert_unread(threads[i].unread, expected.notifications,
				    expected.highlights);
	}
	assert_int_equal(n, expected_n);
}

static void
model_check(const struct model *m)
{
	for (int user = 0; user < USERS; user++) {
		struct unread expected = model_count(m, user, -1);

		assert_unread(all_of(m->f, names[user]), expected.notifications,
		    expected.highlights);
		model_check_threads(m, user);
	}
}

static void
model_step(struct model *m)
{
	int user = rand() % USERS, what = rand() % 20;

	if (what < 12 && m->joined[user])
		model_say(m, user);
	else if (what < 15 && m->joined[user])
		model_read(m, user);
	else if (what == 15)
		model_redact(m);
	else if (what == 16)
		model_move(m, user);
	else if (what == 17)
		model_change(m, user);
}

static void
counts_are_those_of_a_model_that_counts_every_event(void **state)
{
	const char *seeds = getenv("UNREAD_MODEL_SEEDS");
	int runs = seeds == NULL ? 6 : atoi(seeds);

	for (int seed = 0; seed < runs; seed++) {
		struct model m = { .f = *state, .joined = { true, true, true } };

		srand((unsigned)seed);
		room_put(m.f->room);
		m.f->room = testing_room(&m.f->t, ANN, "11");
		testing_join(&m.f->t, m.f->room, BEN);
		testing_join(&m.f->t, m.f->room, CAT);
		for (int i = 1; i < THREADS; i++)
			m.roots[i] = say(m.f, ANN, "{\"msgtype\":\"m.notice\"}");
		while (m.count < EVENTS) {
			model_step(&m);
			model_check(&m);
		}
		for (int u = 0; u < USERS; u++) /* the next room begins without */
			while (m.likes_cake[u] || m.deaf[u])
				model_change(&m, u);
		arena_reset(m.f->t.arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_are_those_of_a_model_that_counts_every_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
