/*
 * Who shares answers with whom: strangers, those who peek, members; and what is for one
 * of them alone. Relies on stream/testing.
 */
#include "stream/testing_sse.h"

#define MARY "@mary:" TESTING_SERVER

static void
set_visibility(struct fixture *f, const char *to)
{
	char content[64];

	snprintf(content, sizeof content, "{\"history_visibility\":\"%s\"}", to);
	assert_int_equal(testing_append(&f->t, f->room, ANN,
			     "m.room.history_visibility", "", content, NULL),
	    M_OK);
}

static void
members_share_an_answer(void **state)
{
	struct fixture *f = *state;
	struct hub_stats stats;
	int fds[20];

	testing_join(&f->t, f->room, MARY);
	for (int i = 0; i < 20; i++) {
		fds[i] = poll_as(f, i % 2 ? MARY : ANN, "");
		serve_look(f);
		await_parked(f, i + 1);
	}
	send_text(f, f->room, "to-all");
	for (int i = 0; i < 20; i++)
		expect_words(
		    fds[i], 200, WORDS("to-all", "\"membership\":\"join\""), NULL);
	hubs_stats(f->hubs, &stats);
	assert_int_equal(stats.bodies_made, 1);
	assert_int_equal(stats.answers_shared, 20);
	assert_int_equal(stats.looks, 20);
}

static void
another_devices_logout_is_none_of_theirs_who_share(void **state)
{
	struct fixture *f = *state;
	int peeker = poll_as(f, "@bob:x", ""), member;

	serve_look(f);
	member = poll_as(f, ANN, "");
	serve_look(f);
	await_parked(f, 2);
	tell_token_gone(f, "@bob:x", "ANOTHER");
	tell_token_gone(f, ANN, "ANOTHER");
	send_text(f, f->room, "still");
	expect_words(peeker, 200, WORDS("still"), NULL);
	expect_words(member, 200, WORDS("still"), NULL);
	member = poll_as(f, ANN, "");
	serve_look(f);
	await_parked(f, 1);
	tell_token_gone(f, ANN, "DEVICE");
	expect_answer(member, 401, "{}");
	close(member);
}

static void
members_share_a_block_and_those_who_peek_the_strangers(void **state)
{
	struct fixture *f = *state;
	struct hub_stats stats;
	int fds[6];

	testing_join(&f->t, f->room, MARY);
	for (int i = 0; i < 3; i++)
		fds[i] = open_stream(f, i == 0 ? ANN : MARY, "");
	for (int i = 3; i < 6; i++)
		fds[i] = open_stream(f, "@bob:x", "");
	await_parked(f, 6);
	for (int round = 0; round < 3; round++) {
		uint64_t looked = looks(f);

		send_text(f, f->room, "to all");
		for (int i = 0; i < 6; i++)
			expect_block(fds[i],
			    WORDS("to all", i < 3 ? "\"membership\":\"join\""
						  : "\"membership\":\"leave\""),
			    NULL);
		hubs_stats(f->hubs, &stats);
		assert_int_equal(looks(f), looked);
		assert_int_equal(stats.bodies_made, 2 * (round + 1));
	}
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

static void
append_by_transaction(struct fixture *f, const char *body)
{
	struct append_extra extra = {
		.device_id = "DEVICE", .txn_path = "/send", .txn_id = body
	};
	struct new_event e = { .sender = ANN,
		.type = "m.room.message",
		.content = testing_json(f->t.arena, "{\"body\":\"mine\"}") };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, &extra), M_OK);
	writer_flush(f->t.core.writer);
}

static void
what_is_not_the_same_for_all_members_is_looked_for(void **state)
{
	static const char topic[] = "m.room.topic";
	struct fixture *f = *state;
	int mary, ann;
	uint64_t looked;

	testing_join(&f->t, f->room, MARY);
	ann = open_stream(f, ANN, "");
	mary = open_stream(f, MARY, "");
	await_parked(f, 2);
	looked = looks(f);
	/* The sender alone is told by which transaction. */
	append_by_transaction(f, "t1");
	serve_look(f);
	expect_block(ann, WORDS("mine", "\"transaction_id\":\"t1\""), NULL);
	expect_block(mary, WORDS("mine"), "transaction_id");
	await_parked(f, 2);
	assert_int_equal(looks(f), looked + 1);
	/* What is said of somebody. */
	assert_int_equal(testing_append(&f->t, f->room, MARY, "m.room.member", MARY,
			     "{\"displayname\":\"M\",\"membership\":\"join\"}", NULL),
	    M_OK);
	serve_look(f);
	expect_block(ann, WORDS("\"state_key\":\"@mary:"), NULL);
	expect_block(mary, WORDS("\"state_key\":\"@mary:"), NULL);
	await_parked(f, 2);
	assert_int_equal(looks(f), looked + 2);
	/* What was replaced may have been seen by some of them only. */
	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, topic, "", "{\"topic\":\"a\"}", NULL),
	    M_OK);
	expect_block(ann, WORDS(topic), NULL);
	expect_block(mary, WORDS(topic), NULL);
	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, topic, "", "{\"topic\":\"b\"}", NULL),
	    M_OK);
	expect_block(mary, WORDS("\"prev_content\":{\"topic\":\"a\"}"), NULL);
	expect_block(ann, WORDS("\"prev_content\":{\"topic\":\"a\"}"), NULL);
	assert_int_equal(looks(f), looked + 2);
	set_visibility(f, "joined");
	expect_block(ann, WORDS("\"history_visibility\":\"joined\""), NULL);
	expect_block(mary, WORDS("\"history_visibility\":\"joined\""), NULL);
	assert_int_equal(looks(f), looked + 2);
	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, topic, "", "{\"topic\":\"c\"}", NULL),
	    M_OK);
	serve_look(f);
	serve_look(f);
	expect_block(mary, WORDS("\"prev_content\":{\"topic\":\"b\"}"), NULL);
	expect_block(ann, WORDS("\"prev_content\":{\"topic\":\"b\"}"), NULL);
	assert_int_equal(looks(f), looked + 4);
	close(ann);
	close(mary);
}

static void
queue_join(struct fixture *f, const char *user)
{
	struct new_event e = { .sender = user,
		.type = "m.room.member",
		.state_key = user,
		.content = testing_json(f->t.arena, "{\"membership\":\"join\"}") };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, NULL), M_OK);
}

/* Whoever is invited, or joins, was a stranger: what is told of that is for them. */
static void
who_peeks_and_is_let_in_is_told_as_what_it_is(void **state)
{
	struct fixture *f = *state;
	int stream, poll;
	struct gate gate;

	stream = open_stream(f, MARY, "");
	poll = poll_as(f, MARY, "");
	serve_look(f);
	await_parked(f, 2);
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.member", MARY,
			     "{\"membership\":\"invite\"}", NULL),
	    M_OK);
	serve_look(f);
	serve_look(f);
	expect_block(
	    stream, WORDS("\"unsigned\":{", "\"membership\":\"invite\""), NULL);
	expect_words(
	    poll, 200, WORDS("\"unsigned\":{", "\"membership\":\"invite\""), NULL);
	await_parked(f, 1);
	gate_close(f, &gate);
	queue_join(f, MARY);
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"welcome\"}");
	gate_open(f, &gate);
	serve_look(f);
	serve_look(f); /* the second one came while it was looked */
	expect_block(stream,
	    WORDS("\"unsigned\":{", "\"membership\":\"join\"", "welcome",
		"\"unsigned\":{", "\"membership\":\"join\""),
	    NULL);
	await_parked(f, 1);
	send_text(f, f->room, "to members");
	expect_block(stream, WORDS("to members", "\"membership\":\"join\""), NULL);
	close(stream);
}

static void
who_peeks_is_told_of_what_was_replaced_and_may_be_seen(void **state)
{
	static const char topic[] = "m.room.topic";
	struct fixture *f = *state;
	int fd;

	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, topic, "", "{\"topic\":\"one\"}", NULL),
	    M_OK);
	set_visibility(f, "shared");
	set_visibility(f, "world_readable");
	fd = open_stream(f, "@bob:x", "");
	await_parked(f, 1);
	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, topic, "", "{\"topic\":\"two\"}", NULL),
	    M_OK);
	serve_look(f);
	expect_block(fd, WORDS("\"prev_content\":{\"topic\":\"one\"}"), NULL);
	close(fd);
}

static void
a_member_who_leaves_hears_no_more_than_that(void **state)
{
	struct fixture *f = *state;
	int fd;

	testing_join(&f->t, f->room, MARY);
	set_visibility(f, "joined");
	fd = open_stream(f, MARY, "");
	await_parked(f, 1);
	send_text(f, f->room, "to members");
	expect_block(fd, WORDS("to members"), NULL);
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.member", MARY,
			     "{\"membership\":\"leave\"}", NULL),
	    M_OK);
	serve_look(f);
	expect_block(fd, WORDS("\"membership\":\"leave\""), NULL);
	await_parked(f, 1);
	send_text(f, f->room, "to those who stayed");
	serve_look(f);
	expect_stream_end(fd);
}

/* One portion of answers; what of it has come to fd, whose kernel is the same. */
struct portion {
	struct fixture *f;
	int fd;
	ssize_t got;
	bool done;
};

static void
answer_portion(struct http_io *io, void *arg)
{
	struct portion *portion = arg;
	char bytes[16];

	hub_tick(portion->f->hubs, io, clock_mono_ms()); /* reads what has come */
	hub_work(portion->f->hubs, io);
	portion->got = recv(portion->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
	lock_take(&portion->f->lock);
	portion->done = true;
	pthread_cond_broadcast(&portion->f->changed);
	lock_give(&portion->f->lock);
}

static void
a_member_does_not_wait_for_all_strangers(void **state)
{
	struct fixture *f = *state;
	int strangers[300], member;
	struct hold hold = { .f = f };
	struct portion portion;
	char id[32];

	for (int i = 0; i < 300; i++) {
		strangers[i] = stream_as(f, "@gee:x", "");
		if (i == 0)
			serve_look(f); /* the others find the room known */
		expect_opening(strangers[i], id);
	}
	member = open_stream(f, ANN, "");
	await_parked(f, 301);
	portion = (struct portion){ .f = f, .fd = member };
	hold_io(&hold);
	send_text(f, f->room, "to all");
	http_post(http_io_at(f->http, 0), answer_portion, &portion);
	let_io_go(&hold);
	lock_take(&f->lock);
	while (!portion.done)
		lock_wait(&f->lock, &f->changed, 0);
	lock_give(&f->lock);
	assert_true(portion.got > 0);
	expect_block(member, WORDS("to all"), NULL);
	for (int i = 0; i < 300; i++) {
		expect_block(strangers[i], WORDS("to all"), NULL);
		close(strangers[i]);
	}
	close(member);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(members_share_an_answer),
		T(another_devices_logout_is_none_of_theirs_who_share),
		T(members_share_a_block_and_those_who_peek_the_strangers),
		T(what_is_not_the_same_for_all_members_is_looked_for),
		T(who_peeks_and_is_let_in_is_told_as_what_it_is),
		T(who_peeks_is_told_of_what_was_replaced_and_may_be_seen),
		T(a_member_who_leaves_hears_no_more_than_that),
		T(a_member_does_not_wait_for_all_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
