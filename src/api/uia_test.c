#include <semaphore.h>
#include "core/accounts_testing.h"
#include "api/uia.h"
#include "core/registration.h"

/* A request without sockets. */
struct asking {
	struct route route;
	struct req req;
};

static int
uia_fixture_setup(void **state)
{
	static const uint8_t secret[32] = "nobody else knows";

	uia_setup(secret);
	return fixture_setup(state);
}

static int
uia_fixture_teardown(void **state)
{
	uia_free();
	return fixture_teardown(state);
}

static void
ask(struct fixture *f, struct asking *a, const char *path, const char *body)
{
	memset(a, 0, sizeof *a);
	f->t.ctx.why = NULL;
	a->route = (struct route){ .method = HTTP_POST, .path = path };
	a->req = (struct req){ .core = &f->t.core,
		.ctx = &f->t.ctx,
		.arena = f->t.arena,
		.route = &a->route,
		.body = testing_json(f->t.arena, body) };
}

/* What the client reads; NULL: the request has passed. */
static const struct json *
answer(struct fixture *f, struct asking *a, int stages, const char *user_id)
{
	struct uia_result result;
	const struct json *json;
	enum mx_err err;

	if (uia_pass(&a->req, stages, user_id, &result, &err))
		return NULL;
	assert_ok(err);
	assert_int_equal(a->req.status, 401);
	buf_char(&a->req.out, '\0');
	json = testing_json(f->t.arena, a->req.out.p);
	buf_free(&a->req.out);
	return json;
}

static const char *
new_session(struct fixture *f, const char *path, int stages, const char *user_id)
{
	struct asking a;

	ask(f, &a, path, "{}");
	return json_get_str(answer(f, &a, stages, user_id), "session");
}

static const struct json *
try(struct fixture *f, const char *path, int stages, const char *user_id,
    const char *auth, const char *session)
{
	struct asking a;

	ask(f, &a, path,
	    arena_printf(f->t.arena, "{\"auth\":{%s%s\"session\":\"%s\"}}", auth,
		auth[0] == '\0' ? "" : ",", session));
	return answer(f, &a, stages, user_id);
}

#define DUMMY "\"type\":\"m.login.dummy\""

static void
without_auth_the_flows_are_named(void **state)
{
	struct fixture *f = *state;
	struct asking a;
	const struct json *got;

	ask(f, &a, "/register", "{}");
	got = answer(f, &a, UIA_DUMMY | UIA_REGISTRATION_TOKEN, NULL);
	assert_string_equal(json_text(f->t.arena, json_get(got, "flows"), NULL),
	    "[{\"stages\":[\"m.login.dummy\"]},"
	    "{\"stages\":[\"m.login.registration_token\"]}]");
	assert_non_null(json_get_str(got, "session"));
	assert_null(json_get(got, "errcode"));
}

static void
the_dummy_stage_passes_with_its_session(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_DUMMY, NULL);

	assert_null(try(f, "/register", UIA_DUMMY, NULL, DUMMY, session));
}

static void
a_session_is_for_one_endpoint_and_one_user(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_DUMMY, NULL);

	assert_non_null(try(f, "/other", UIA_DUMMY, NULL, DUMMY, session));
	assert_non_null(try(f, "/register", UIA_DUMMY, "@ann:x", DUMMY, session));
	assert_non_null(
	    try(f, "/register", UIA_DUMMY | UIA_PASSWORD, NULL, DUMMY, session));
}

static void
a_session_changed_or_expired_is_answered_by_a_new_one(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_DUMMY, NULL);
	char *changed = arena_strdup(f->t.arena, session);
	const struct json *got;

	for (size_t i = 0; changed[i] != '\0'; i++) {
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_non_null(try(f, "/register", UIA_DUMMY, NULL, DUMMY, changed));
		changed[i] = session[i];
	}
	clock_set_for_test(NOON + HOUR);
	got = try(f, "/register", UIA_DUMMY, NULL, DUMMY, session);
	assert_string_not_equal(json_get_str(got, "session"), session);
	assert_null(
	    try(f, "/register", UIA_DUMMY, NULL, DUMMY, json_get_str(got, "session")));
}

static void
a_stage_that_is_not_offered_does_not_pass(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_REGISTRATION_TOKEN, NULL);

	assert_non_null(
	    try(f, "/register", UIA_REGISTRATION_TOKEN, NULL, DUMMY, session));
	assert_non_null(try(f, "/register", UIA_REGISTRATION_TOKEN, NULL,
	    "\"type\":\"org.example\"", session));
	assert_non_null(try(f, "/register", UIA_REGISTRATION_TOKEN, NULL, "", session));
}

static const char *
password_auth(struct fixture *f, const char *user, const char *password)
{
	return arena_printf(f->t.arena,
	    "\"type\":\"m.login.password\",\"password\":\"%s\","
	    "\"identifier\":{\"type\":\"m.id.user\",\"user\":\"%s\"}",
	    password, user);
}

static void
a_password_passes_for_its_own_user_alone(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	const char *session = new_session(f, "/p", UIA_PASSWORD, ann);
	const struct json *got;

	assert_null(
	    try(f, "/p", UIA_PASSWORD, ann, password_auth(f, ann, "secret"), session));
	assert_null(try(
	    f, "/p", UIA_PASSWORD, ann, password_auth(f, "ann", "secret"), session));
	got = try(f, "/p", UIA_PASSWORD, ann, password_auth(f, ann, "wrong"), session);
	assert_string_equal(json_get_str(got, "errcode"), "M_FORBIDDEN");
	assert_string_equal(json_get_str(got, "session"), session);
}

static void
another_users_name_ends_the_request(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	const char *session = new_session(f, "/p", UIA_PASSWORD, ann);
	struct uia_result result;
	struct asking a;
	enum mx_err err;

	ask(f, &a, "/p",
	    arena_printf(f->t.arena, "{\"auth\":{%s,\"session\":\"%s\"}}",
		password_auth(f, ben, "secret"), session));
	assert_false(uia_pass(&a.req, UIA_PASSWORD, ann, &result, &err));
	assert_int_equal(err, M_FORBIDDEN);
	assert_int_equal(a.req.out.n, 0);
}

static void
a_registration_token_must_be_a_good_one(void **state)
{
	struct fixture *f = *state;
	struct registration_token_row row = { .token = "abc", .uses_allowed = -1 };
	const char *session = new_session(f, "/register", UIA_REGISTRATION_TOKEN, NULL);
	const char *good = "\"type\":\"m.login.registration_token\",\"token\":\"abc\"";
	const char *bad = "\"type\":\"m.login.registration_token\",\"token\":\"abd\"";
	const struct json *got;

	assert_ok(registration_token_add(&f->t.ctx, &row));
	got = try(f, "/register", UIA_REGISTRATION_TOKEN, NULL, bad, session);
	assert_string_equal(json_get_str(got, "errcode"), "M_UNAUTHORIZED");
	assert_null(try(f, "/register", UIA_REGISTRATION_TOKEN, NULL, good, session));
}

static void
a_stage_done_on_a_page_passes_with_the_session_alone(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_REGISTRATION_TOKEN, NULL);

	assert_true(uia_session_offers(session, UIA_REGISTRATION_TOKEN));
	assert_false(uia_session_offers(session, UIA_PASSWORD));
	assert_false(uia_session_offers("nonsense", UIA_REGISTRATION_TOKEN));
	assert_non_null(try(f, "/register", UIA_REGISTRATION_TOKEN, NULL, "", session));
	uia_complete(session, UIA_REGISTRATION_TOKEN, "abc");
	uia_complete(session, UIA_REGISTRATION_TOKEN, "abc");
	assert_true(uia_is_complete(session, UIA_REGISTRATION_TOKEN));
	assert_null(try(f, "/register", UIA_REGISTRATION_TOKEN, NULL, "", session));
}

static void
completed_stages_take_bounded_memory(void **state)
{
	struct fixture *f = *state;
	const char *first = new_session(f, "/register", UIA_DUMMY, NULL), *last = first;

	uia_complete(first, UIA_DUMMY, NULL);
	for (int i = 0; i < 4096; i++) {
		last = new_session(f, "/register", UIA_DUMMY, NULL);
		uia_complete(last, UIA_DUMMY, NULL);
	}
	assert_false(uia_is_complete(first, UIA_DUMMY));
	assert_true(uia_is_complete(last, UIA_DUMMY));
}

/* What a request with this session is told has been made; it keeps its turn. */
static const char *
made_by(struct fixture *f, const char *session, struct uia_turn *turn)
{
	struct asking a;

	ask(f, &a, "/register",
	    arena_printf(f->t.arena, "{\"auth\":{\"session\":\"%s\"}}", session));
	return uia_turn_take(&a.req, UIA_DUMMY, NULL, turn);
}

static void
what_a_session_has_made_is_told_to_who_comes_again(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_DUMMY, NULL);
	const char *other = new_session(f, "/register", UIA_DUMMY, NULL);
	struct uia_turn turn;

	assert_null(made_by(f, session, &turn));
	uia_turn_give(&turn, NULL);
	assert_null(made_by(f, session, &turn));
	uia_turn_give(&turn, "@ann:x");
	assert_string_equal(made_by(f, session, &turn), "@ann:x");
	assert_null(made_by(f, other, &turn));
	uia_turn_give(&turn, NULL);
	clock_set_for_test(NOON + HOUR);
	assert_null(made_by(f, session, &turn));
}

static void
what_is_no_session_of_this_endpoint_has_no_turn(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/other", UIA_DUMMY, NULL);
	struct uia_turn one, two;

	assert_null(made_by(f, session, &one));
	assert_null(made_by(f, session, &two));
	uia_turn_give(&one, "@ann:x");
	uia_turn_give(&two, NULL);
	assert_null(made_by(f, session, &one));
	assert_null(made_by(f, "nonsense", &one));
}

static void
a_page_that_is_opened_late_undoes_nothing(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_DUMMY, NULL);
	struct uia_turn turn;

	uia_complete(session, UIA_DUMMY, NULL);
	assert_null(made_by(f, session, &turn));
	uia_turn_give(&turn, "@ann:x");
	uia_complete(session, UIA_DUMMY, NULL);
	assert_string_equal(made_by(f, session, &turn), "@ann:x");
}

/* A request on another thread. */
struct rival {
	struct asking asking;
	const char *made;
	sem_t waits;
};

static void
note_wait(void *arg, bool begins)
{
	struct rival *rival = arg;

	if (begins)
		sem_post(&rival->waits);
}

static void *
take_and_give(void *arg)
{
	struct rival *rival = arg;
	struct uia_turn turn;

	thread_on_wait(note_wait, rival);
	rival->made = uia_turn_take(&rival->asking.req, UIA_DUMMY, NULL, &turn);
	if (rival->made == NULL)
		uia_turn_give(&turn, "@rival:x");
	return NULL;
}

static void
who_comes_meanwhile_waits_for_what_is_made(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/register", UIA_DUMMY, NULL);
	struct rival rival = { .made = NULL };
	struct timespec deadline;
	struct uia_turn turn;
	pthread_t thread;

	assert_null(made_by(f, session, &turn));
	ask(f, &rival.asking, "/register",
	    arena_printf(f->t.arena, "{\"auth\":{\"session\":\"%s\"}}", session));
	rival.asking.req.arena = arena_new();
	sem_init(&rival.waits, 0, 0);
	thread = thread_start("rival", ROLE_WORKER, take_and_give, &rival);
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 30;
	assert_int_equal(sem_timedwait(&rival.waits, &deadline), 0);
	uia_turn_give(&turn, "@ann:x");
	pthread_join(thread, NULL);
	assert_string_equal(rival.made, "@ann:x");
	arena_free(rival.asking.req.arena);
	sem_destroy(&rival.waits);
}

static void
a_session_knows_whose_password_it_wants(void **state)
{
	struct fixture *f = *state;
	const char *session = new_session(f, "/p", UIA_PASSWORD, "@ann:x");

	assert_true(uia_session_is_of(session, "@ann:x"));
	assert_false(uia_session_is_of(session, "@ben:x"));
}

static void
auth_of_a_wrong_type_is_refused(void **state)
{
	struct fixture *f = *state;
	struct uia_result result;
	struct asking a;
	enum mx_err err;

	ask(f, &a, "/register", "{\"auth\":[]}");
	assert_false(uia_pass(&a.req, UIA_DUMMY, NULL, &result, &err));
	assert_int_equal(err, M_BAD_JSON);
	ask(f, &a, "/register", "{\"auth\":{\"type\":5,\"session\":6}}");
	assert_non_null(answer(f, &a, UIA_DUMMY, NULL));
}

static void
a_nonce_serves_once(void **state)
{
	char one[UIA_NONCE_LEN + 1], two[UIA_NONCE_LEN + 1];

	uia_nonce_new(one);
	uia_nonce_new(two);
	assert_true(uia_nonce_take(one));
	assert_false(uia_nonce_take(one));
	assert_true(uia_nonce_take(two));
	assert_false(uia_nonce_take(""));
	assert_false(uia_nonce_take("invented"));
}

#undef TEST
#define TEST(name)                                                                     \
	cmocka_unit_test_setup_teardown(name, uia_fixture_setup, uia_fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_auth_the_flows_are_named),
		TEST(the_dummy_stage_passes_with_its_session),
		TEST(a_session_is_for_one_endpoint_and_one_user),
		TEST(a_session_changed_or_expired_is_answered_by_a_new_one),
		TEST(a_stage_that_is_not_offered_does_not_pass),
		TEST(a_password_passes_for_its_own_user_alone),
		TEST(another_users_name_ends_the_request),
		TEST(a_registration_token_must_be_a_good_one),
		TEST(a_stage_done_on_a_page_passes_with_the_session_alone),
		TEST(completed_stages_take_bounded_memory),
		TEST(what_a_session_has_made_is_told_to_who_comes_again),
		TEST(what_is_no_session_of_this_endpoint_has_no_turn),
		TEST(a_page_that_is_opened_late_undoes_nothing),
		TEST(who_comes_meanwhile_waits_for_what_is_made),
		TEST(a_session_knows_whose_password_it_wants),
		TEST(auth_of_a_wrong_type_is_refused),
		TEST(a_nonce_serves_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
