#include "core/accounts_testing.h"
#include "api/auth.h"

/* A request without sockets. */
struct asking {
	struct http_request http;
	struct route route;
	struct req req;
};

static void
ask(struct fixture *f, struct asking *a, enum who who, const char *token)
{
	memset(a, 0, sizeof *a);
	a->route.who = who;
	a->req = (struct req){ .core = &f->t.core,
		.ctx = &f->t.ctx,
		.arena = f->t.arena,
		.http = &a->http,
		.route = &a->route,
		.token = token };
}

static enum mx_err
identify(struct fixture *f, enum who who, const char *token, struct identity *out)
{
	struct asking a;
	enum mx_err err;

	ask(f, &a, who, token);
	err = auth_identify(&a.req);
	*out = a.req.who;
	return err;
}

static struct session
opened(struct fixture *f, bool is_admin)
{
	struct session s = { 0 };
	struct new_account account = {
		.user_id = "@ann:" TESTING_SERVER, .is_admin = is_admin, .session = &s
	};

	s.user_id = account.user_id;
	assert_ok(users_create(&f->t.ctx, f->t.arena, &account));
	return s;
}

static struct new_guest
new_guest(struct fixture *f)
{
	struct new_guest guest;

	assert_ok(guests_issue(&f->t.core, f->t.arena, NULL, &guest));
	return guest;
}

static void
a_row_for_nobody_looks_at_no_token(void **state)
{
	struct fixture *f = *state;
	struct identity who;

	assert_ok(identify(f, NOBODY, "nonsense", &who));
	assert_null(who.user_id);
}

static void
a_token_is_needed_unless_anybody_may_ask(void **state)
{
	struct fixture *f = *state;
	struct identity who;

	assert_int_equal(identify(f, USER, NULL, &who), M_MISSING_TOKEN);
	assert_int_equal(identify(f, GUEST, NULL, &who), M_MISSING_TOKEN);
	assert_ok(identify(f, ANYBODY, NULL, &who));
	assert_null(who.user_id);
	assert_int_equal(identify(f, ANYBODY, "nonsense", &who), M_UNKNOWN_TOKEN);
	assert_int_equal(identify(f, USER, "", &who), M_UNKNOWN_TOKEN);
}

static void
a_guest_may_ask_what_guests_may_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct new_guest guest = new_guest(f);
	struct identity who;

	assert_ok(identify(f, GUEST, guest.token, &who));
	assert_true(who.is_guest);
	assert_ok(identify(f, ANYBODY, guest.token, &who));
	assert_int_equal(
	    identify(f, USER, guest.token, &who), M_GUEST_ACCESS_FORBIDDEN);
	assert_int_equal(
	    identify(f, ADMIN, guest.token, &who), M_GUEST_ACCESS_FORBIDDEN);
}

static void
only_an_administrator_may_ask_what_is_theirs(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, false);
	struct identity who;

	assert_ok(identify(f, USER, s.access_token, &who));
	assert_int_equal(identify(f, ADMIN, s.access_token, &who), M_FORBIDDEN);
}

static void
an_administrator_is_known_as_one(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, true);
	struct identity who;

	assert_ok(identify(f, ADMIN, s.access_token, &who));
	assert_true(who.is_admin);
}

static void
without_a_database_only_what_is_remembered_is_known(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, false);
	struct new_guest guest = new_guest(f);
	struct ctx ctx = { .core = &f->t.core };
	struct asking a;

	ask(f, &a, USER, s.access_token);
	a.req.ctx = &ctx;
	assert_int_equal(auth_identify(&a.req), REQ_TO_WORKER);
	a.req.ctx = &f->t.ctx;
	assert_ok(auth_identify(&a.req));
	a.req.ctx = &ctx;
	assert_ok(auth_identify(&a.req));
	ask(f, &a, GUEST, guest.token);
	a.req.ctx = &ctx;
	assert_ok(auth_identify(&a.req));
}

/* The token in a head of one header and a query. */
static const char *
token_of(struct fixture *f, const char *authorization, const char *query, bool *encoded)
{
	struct http_head head = { .query = str_of(query), .header_count = 1 };
	struct str token;

	head.headers[0] =
	    (struct http_header){ STR("Authorization"), str_of(authorization) };
	if (authorization == NULL)
		head.header_count = 0;
	token = auth_token(&head, encoded);
	return arena_strndup(f->t.arena, token.p == NULL ? "" : token.p, token.n);
}

static void
a_token_stands_in_the_header_or_else_in_the_query(void **state)
{
	struct fixture *f = *state;
	bool encoded;

	assert_string_equal(
	    token_of(f, "Bearer abc", "access_token=q", &encoded), "abc");
	assert_false(encoded);
	assert_string_equal(token_of(f, "bEARER   abc", NULL, &encoded), "abc");
	assert_string_equal(
	    token_of(f, NULL, "a=b&access_token=q%2B", &encoded), "q%2B");
	assert_true(encoded);
	assert_string_equal(token_of(f, "Basic abc", "access_token=q", &encoded), "q");
	assert_string_equal(token_of(f, "Bearer", "", &encoded), "");
	assert_string_equal(token_of(f, "Bearer ", "", &encoded), "");
	assert_string_equal(token_of(f, NULL, "", &encoded), "");
	assert_string_equal(token_of(f, NULL, "access_token=", &encoded), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_for_nobody_looks_at_no_token),
		TEST(a_token_is_needed_unless_anybody_may_ask),
		TEST(a_guest_may_ask_what_guests_may_and_no_more),
		TEST(only_an_administrator_may_ask_what_is_theirs),
		TEST(an_administrator_is_known_as_one),
		TEST(without_a_database_only_what_is_remembered_is_known),
		TEST(a_token_stands_in_the_header_or_else_in_the_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
