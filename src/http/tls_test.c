/*
 * TLS as a client sees it: versions, tickets, certificates that are read again, and
 * that nothing is lost, kept or stuck between OpenSSL and the socket. Relies on
 * http/testing and a certificate that is made here.
 */
#include "http/h2_testing.h"

#include <malloc.h>
#include <signal.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#define HOUR_MS 3600000
#define LISTENER_MAX 16384 /* bytes that OpenSSL may keep of one that waits */

static char folder[64], certificate[96], key[96];

/* ---- a certificate ---- */

/* For this name, by itself, written to these files. */
static void
make_certificate(const char *name, const char *to, const char *key_to)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	FILE *f;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, subject);
	X509_set_pubkey(x, pair);
	assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
	f = fopen(to, "w");
	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
	f = fopen(key_to, "w");
	assert_int_equal(PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pair);
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

/* ---- the server and a client ---- */

struct secure_app {
	struct app *app;
	struct http_tls *tls;
};

static struct secure_app *
secure_start(int head_timeout_ms, uint32_t connections_max)
{
	struct secure_app *s = xcalloc(1, sizeof *s);
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	char *error;

	make_certificate("first", certificate, key);
	s->tls = http_tls_new(certificate, key, &error);
	if (s->tls == NULL)
		fail_msg("%s", error);
	listener.tls = s->tls;
	config.head_timeout_ms = head_timeout_ms;
	config.connections_max = connections_max;
	s->app = app_start(&config);
	return s;
}

static void
secure_free(struct secure_app *s)
{
	app_free(s->app);
	http_tls_free(s->tls);
	free(s);
}

static int
begin(void **state)
{
	*state = secure_start(20000, 10000);
	return 0;
}

static int
end(void **state)
{
	secure_free(*state);
	clock_set_for_test(0);
	return 0;
}

struct wish {
	int version;	      /* 0: any */
	const char *alpn;     /* as in the extension; NULL: none */
	SSL_SESSION *session; /* to go on with; NULL: none */
	int receive_buffer;   /* 0: the kernel's own */
};

/* NULL: the server would not have it. The socket is the caller's, SSL_get_fd. */
static SSL *
dial_wishing(const struct app *app, const struct wish *wish)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = new_socket();
	SSL *ssl;

	if (wish->receive_buffer != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wish->receive_buffer,
		    sizeof wish->receive_buffer);
	connect_socket(fd, app->port);
	SSL_CTX_set_security_level(ctx, 0);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_min_proto_version(ssl, wish->version);
	SSL_set_max_proto_version(ssl, wish->version);
	if (wish->alpn != NULL)
		SSL_set_alpn_protos(ssl, (const unsigned char *)wish->alpn,
		    (unsigned)strlen(wish->alpn));
	if (wish->session != NULL)
		SSL_set_session(ssl, wish->session);
	SSL_set_fd(ssl, fd);
	ERR_clear_error();
	if (SSL_connect(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static SSL *
dial_secure(const struct app *app)
{
	SSL *ssl = dial_wishing(app, &(struct wish){ 0 });

	assert_non_null(ssl);
	return ssl;
}

static void
hang_up(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

static void
say_secure(SSL *ssl, const char *text)
{
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), strlen(text));
}

static void
read_secure(SSL *ssl, char *out, size_t n)
{
	while (n > 0) {
		int got = SSL_read(ssl, out, (int)n);

		assert_true(got > 0);
		out += got;
		n -= (size_t)got;
	}
}

/* The body; freed by the caller. */
static char *
read_secure_answer(SSL *ssl, size_t *n_out)
{
	struct answer answer;
	size_t n = 0;

	do {
		assert_true(n < sizeof answer.head - 1);
		read_secure(ssl, answer.head + n, 1);
		answer.head[++n] = '\0';
	} while (n < 4 || memcmp(answer.head + n - 4, "\r\n\r\n", 4) != 0);
	answer.n = length_of(&answer);
	answer.body = malloc(answer.n + 1);
	read_secure(ssl, answer.body, answer.n);
	answer.body[answer.n] = '\0';
	*n_out = answer.n;
	return answer.body;
}

static void
expect_secure(SSL *ssl, const char *body)
{
	size_t n;
	char *got = read_secure_answer(ssl, &n);

	assert_string_equal(got, body);
	free(got);
}

static void
expect_goodbye(SSL *ssl)
{
	char c;
	int got = SSL_read(ssl, &c, 1);

	assert_int_equal(got, 0);
	assert_int_equal(SSL_get_error(ssl, got), SSL_ERROR_ZERO_RETURN);
	hang_up(ssl);
}

/* ---- handshakes ---- */

static void
it_speaks_tls_1_2_and_1_3_and_nothing_older(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL *ssl = dial_wishing(app, &(struct wish){ .version = version });

		assert_non_null(ssl);
		assert_int_equal(SSL_version(ssl), version);
		say_secure(ssl, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
		expect_secure(ssl, "/hello");
		hang_up(ssl);
	}
	assert_null(dial_wishing(app, &(struct wish){ .version = TLS1_1_VERSION }));
	assert_null(dial_wishing(app, &(struct wish){ .version = TLS1_VERSION }));
}

static void
a_protocol_is_agreed_upon_or_the_handshake_fails(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	const unsigned char *name;
	unsigned n;
	SSL *ssl = dial_wishing(app, &(struct wish){ .alpn = "\x08http/1.1\x02h2" });

	SSL_get0_alpn_selected(ssl, &name, &n);
	assert_int_equal(n, 2);
	assert_memory_equal(name, "h2", 2);
	hang_up(ssl);
	ssl = dial_wishing(app, &(struct wish){ .alpn = "\x08http/1.1" });
	SSL_get0_alpn_selected(ssl, &name, &n);
	assert_memory_equal(name, "http/1.1", 8);
	hang_up(ssl);
	assert_null(dial_wishing(app, &(struct wish){ .alpn = "\x03irc" }));
}

/* A ticket, as this version gives it. */
static SSL_SESSION *
ticket_of(const struct app *app, int version)
{
	SSL *ssl = dial_wishing(app, &(struct wish){ .version = version });
	SSL_SESSION *session;

	assert_non_null(ssl);
	say_secure(ssl, "GET /t HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_secure(ssl, "/t"); /* of 1.3 a ticket comes before this */
	session = SSL_get1_session(ssl);
	assert_true(SSL_SESSION_is_resumable(session));
	SSL_shutdown(ssl); /* else its client thinks badly of it */
	hang_up(ssl);
	return session;
}

static bool
resumes(const struct app *app, SSL_SESSION *session, int version)
{
	/* A session of 1.3 is meant for one use; another try wants another copy. */
	SSL_SESSION *copy = SSL_SESSION_dup(session);
	SSL *ssl =
	    dial_wishing(app, &(struct wish){ .version = version, .session = copy });
	bool is_reused;

	assert_non_null(ssl);
	is_reused = SSL_session_reused(ssl) == 1;
	say_secure(ssl, "GET /r HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_secure(ssl, "/r");
	SSL_SESSION_free(copy);
	hang_up(ssl);
	return is_reused;
}

static void
tickets_outlive_one_change_of_their_key_and_not_two(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	int64_t now = 1800000000000;

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_SESSION *session;

		clock_set_for_test(now);
		session = ticket_of(app, version);
		assert_true(resumes(app, session, version));
		clock_set_for_test(now += 7 * HOUR_MS);
		assert_true(resumes(app, session, version));
		clock_set_for_test(now += 7 * HOUR_MS);
		assert_false(resumes(app, session, version));
		SSL_SESSION_free(session);
	}
}

static void
a_ticket_is_forgotten_though_nobody_came_meanwhile(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	int64_t now = 1800000000000;
	SSL_SESSION *session;

	clock_set_for_test(now);
	session = ticket_of(app, TLS1_3_VERSION);
	clock_set_for_test(now + 13 * HOUR_MS);
	assert_false(resumes(app, session, TLS1_3_VERSION));
	SSL_SESSION_free(session);
}

static void
plain_http_on_a_tls_port_is_closed(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	char c[64];
	int fd = dial(app);

	say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	while (recv(fd, c, sizeof c, 0) > 0)
		;
	close(fd);
	while (stats_of(app).connections > 0)
		sched_yield();
	assert_int_equal(stats_of(app).requests, 0);
}

static void
a_handshake_that_does_not_end_is_closed_in_time(void **state)
{
	struct secure_app *s = secure_start(1000, 10000);
	int silent = dial(s->app), half = dial(s->app);

	say_n(half, "\x16\x03\x01\x02\x00\x01\x00", 7);
	expect_end(silent);
	expect_end(half);
	secure_free(s);
}

static void
one_above_the_limit_is_closed(void **state)
{
	struct secure_app *s = secure_start(20000, 1);
	SSL *ssl = dial_secure(s->app);

	assert_null(dial_wishing(s->app, &(struct wish){ 0 }));
	say_secure(ssl, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_secure(ssl, "/hello");
	hang_up(ssl);
	secure_free(s);
}

/* ---- certificates ---- */

static void
expect_name(const struct app *app, const char *wanted)
{
	SSL *ssl = dial_secure(app);
	X509 *x = SSL_get1_peer_certificate(ssl);
	char name[64];

	X509_NAME_get_text_by_NID(
	    X509_get_subject_name(x), NID_commonName, name, sizeof name);
	assert_string_equal(name, wanted);
	X509_free(x);
	hang_up(ssl);
}

static void
a_certificate_that_is_read_again_is_for_those_who_come(void **state)
{
	struct secure_app *s = *state;
	SSL *old = dial_secure(s->app);
	char *error;

	expect_name(s->app, "first");
	make_certificate("second", certificate, key);
	assert_true(http_tls_reload(s->tls, &error));
	expect_name(s->app, "second");
	say_secure(old, "GET /still HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_secure(old, "/still");
	hang_up(old);
}

static void
a_damaged_certificate_leaves_the_old_one(void **state)
{
	struct secure_app *s = *state;
	char *error;

	write_text(certificate, "-----BEGIN CERTIFICATE-----\nnonsense\n");
	assert_false(http_tls_reload(s->tls, &error));
	assert_non_null(strstr(error, certificate));
	free(error);
	unlink(key);
	make_certificate("second", certificate, "/dev/null");
	assert_false(http_tls_reload(s->tls, &error));
	assert_non_null(strstr(error, key));
	assert_non_null(strstr(error, "No such file"));
	free(error);
	expect_name(s->app, "first");
}

static void
a_key_of_another_certificate_is_named(void **state)
{
	char other[128], *error;

	snprintf(other, sizeof other, "%s/other.pem", folder);
	make_certificate("first", certificate, key);
	make_certificate("other", other, "/dev/null");
	assert_null(http_tls_new(other, key, &error));
	assert_non_null(strstr(error, key));
	free(error);
	unlink(other);
}

static void
a_key_under_a_passphrase_is_refused_without_asking(void **state)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	FILE *f = fopen(key, "w");
	char *error;

	assert_int_equal(PEM_write_PrivateKey(f, pair, EVP_aes_128_cbc(),
			     (const unsigned char *)"word", 4, NULL, NULL),
	    1);
	fclose(f);
	EVP_PKEY_free(pair);
	make_certificate("first", certificate, "/dev/null");
	assert_null(http_tls_new(certificate, key, &error));
	assert_non_null(strstr(error, key));
	free(error);
}

/* ---- bytes ---- */

static void
requests_in_one_record_and_one_in_many_are_understood(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	static const char text[] = "POST /p HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 5\r\n\r\nhello";
	SSL *ssl = dial_secure(app);

	say_secure(ssl, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
			"GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_secure(ssl, "/one");
	expect_secure(ssl, "/two");
	for (size_t i = 0; i < sizeof text - 1; i++)
		assert_int_equal(SSL_write(ssl, text + i, 1), 1);
	expect_secure(ssl, "hello");
	hang_up(ssl);
}

static void
a_big_body_comes_whole(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	char *body = malloc(BODY_MAX + 1), head[128];
	SSL *ssl = dial_secure(app);

	for (int i = 0; i < BODY_MAX; i++)
		body[i] = (char)('A' + i % 47);
	body[BODY_MAX] = '\0';
	snprintf(head, sizeof head,
	    "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BODY_MAX);
	say_secure(ssl, head);
	say_secure(ssl, body);
	expect_secure(ssl, body);
	free(body);
	hang_up(ssl);
}

static void
a_megabyte_arrives_whole_at_a_slow_reader(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	SSL *ssl = dial_wishing(app, &(struct wish){ .receive_buffer = 4096 });
	size_t n;
	char *body;

	say_secure(ssl, "GET /big?1000000 HTTP/1.1\r\nHost: x\r\n\r\n"
			"GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	/* What the socket does not take is kept. */
	while (stats_of(app).pinned_bytes == 0)
		sched_yield();
	body = read_secure_answer(ssl, &n);
	assert_int_equal(n, 1000000);
	for (size_t i = 0; i < n; i++)
		if (body[i] != (char)('a' + i % 23))
			fail_msg("byte %zu is wrong", i);
	free(body);
	expect_secure(ssl, "/next");
	settle(app);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	hang_up(ssl);
}

static void
the_last_answer_is_followed_by_a_goodbye(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	SSL *ssl = dial_secure(app);

	say_secure(ssl, "GET /bye HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_secure(ssl, "bye");
	expect_goodbye(ssl);
}

static void
what_is_refused_half_way_is_followed_by_a_goodbye(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	SSL *ssl = dial_secure(app);

	say_secure(ssl, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
			"and so on");
	expect_secure(ssl, "{\"status\":413}");
	expect_goodbye(ssl);
}

static void
a_parked_client_that_goes_is_gone_once(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	SSL *ssl = dial_secure(app);

	say_secure(ssl, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 1);
	SSL_shutdown(ssl);
	hang_up(ssl);
	wait_until(app, &app->gone_n, 1);
	settle(app);
	assert_int_equal(app->gone_n, 1);
}

static void
streams_of_http_2_are_answered_through_tls(void **state)
{
	struct app *app = ((struct secure_app *)*state)->app;
	SSL *ssl = dial_wishing(app, &(struct wish){ .alpn = "\x02h2" });
	struct h2_client *client = h2_dial_over(SSL_get_fd(ssl), ssl, 1 << 20, false);
	char *text = calloc(1, BODY_MAX);
	struct str body = { text, BODY_MAX };
	int32_t ids[50], big;

	memset(text, 'b', BODY_MAX);
	for (int i = 0; i < 50; i++)
		ids[i] = h2_ask(client, "/park");
	wait_until(app, &app->parked_n, 50);
	big = h2_ask(client, "/big?1000000");
	assert_int_equal(
	    h2_await(client, h2_ask_with(client, "POST", "/p", &body))->body.n,
	    BODY_MAX);
	assert_int_equal(h2_await(client, big)->body.n, 1000000);
	for (int i = 0; i < 50; i++)
		answer_text(app->parked[i], "woken", 5, false);
	for (int i = 0; i < 50; i++)
		h2_expect(client, ids[i], 200, "woken");
	h2_ask(client, "/park");
	wait_until(app, &app->parked_n, 51);
	h2_hang_up(client);
	wait_until(app, &app->gone_n, 1);
	free(text);
}

/* ---- memory ---- */

static _Atomic int64_t openssl_bytes;

static void *
counted_realloc(void *p, size_t n, const char *file, int line)
{
	int64_t before = (int64_t)malloc_usable_size(p);

	p = realloc(p, n);
	openssl_bytes += (int64_t)malloc_usable_size(p) - before;
	return p;
}

static void *
counted_malloc(size_t n, const char *file, int line)
{
	return counted_realloc(NULL, n, file, line);
}

static void
counted_free(void *p, const char *file, int line)
{
	openssl_bytes -= (int64_t)malloc_usable_size(p);
	free(p);
}

static void
a_listener_that_waits_keeps_little_of_openssl(void **state)
{
	enum { MANY = 100 };
	struct app *app = ((struct secure_app *)*state)->app;
	int64_t before;
	int fds[MANY];

	hang_up(dial_secure(app)); /* what is made once */
	while (stats_of(app).connections > 0)
		sched_yield();
	before = openssl_bytes;
	for (int i = 0; i < MANY; i++) {
		SSL *ssl = dial_secure(app);

		say_secure(ssl, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
		wait_until(app, &app->parked_n, i + 1);
		fds[i] = SSL_get_fd(ssl);
		SSL_free(ssl); /* the client's part; the connection stays */
	}
	settle(app);
	print_message("%lld bytes each\n", (long long)(openssl_bytes - before) / MANY);
	assert_in_range((openssl_bytes - before) / MANY, 1000, LISTENER_MAX);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

#define S(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		S(it_speaks_tls_1_2_and_1_3_and_nothing_older),
		S(a_protocol_is_agreed_upon_or_the_handshake_fails),
		S(tickets_outlive_one_change_of_their_key_and_not_two),
		S(a_ticket_is_forgotten_though_nobody_came_meanwhile),
		S(plain_http_on_a_tls_port_is_closed),
		cmocka_unit_test(a_handshake_that_does_not_end_is_closed_in_time),
		cmocka_unit_test(one_above_the_limit_is_closed),
		S(a_certificate_that_is_read_again_is_for_those_who_come),
		S(a_damaged_certificate_leaves_the_old_one),
		cmocka_unit_test(a_key_of_another_certificate_is_named),
		cmocka_unit_test(a_key_under_a_passphrase_is_refused_without_asking),
		S(requests_in_one_record_and_one_in_many_are_understood),
		S(a_big_body_comes_whole),
		S(a_megabyte_arrives_whole_at_a_slow_reader),
		S(the_last_answer_is_followed_by_a_goodbye),
		S(what_is_refused_half_way_is_followed_by_a_goodbye),
		S(a_parked_client_that_goes_is_gone_once),
		S(streams_of_http_2_are_answered_through_tls),
		S(a_listener_that_waits_keeps_little_of_openssl),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as in the program */
	CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free);
	strcpy(folder, "/tmp/parlour-tls-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
	snprintf(key, sizeof key, "%s/key.pem", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(certificate);
	unlink(key);
	rmdir(folder);
	return failed;
}
