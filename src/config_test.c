/*
 * Tests of the configuration: what every kind of value takes, and where each mistake is
 * said to stand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "config_table.h"
#include "suggest.h"

static struct config *
parse(const char *text)
{
	char *error = NULL;
	struct config *config = config_parse("f", text, strlen(text), &error);

	if (config == NULL)
		fail_msg("%s", error);
	return config;
}

static void
assert_error(const char *text, const char *expected)
{
	char *error = NULL;

	assert_null(config_parse("f", text, strlen(text), &error));
	assert_string_equal(error, expected);
	free(error);
}

static void
assert_is_default(const struct config *config)
{
	assert_string_equal(config->server_name, "localhost");
	assert_string_equal(config->public_base_url, "http://localhost:8008");
	assert_string_equal(config->data_dir, "./data");
	assert_string_equal(config->database_file, "./data/parlour.db");
	assert_int_equal(config->log_level, LOG_INFO);
	assert_int_equal(config->listeners.n, 1);
	assert_string_equal(config->listeners.v[0].address.host, "127.0.0.1");
	assert_int_equal(config->listeners.v[0].address.port, 8008);
	assert_int_equal(config->listeners.v[0].apis, API_CLIENT | API_VIEWER);
	assert_true(config->viewer_enabled);
	assert_int_equal(config->viewer_rooms, 0);
	assert_int_equal(config->viewer_languages, 0x3f); /* all six */
	assert_int_equal(config->guests_mode, GUESTS_JOIN);
	assert_int_equal(config->guests_lifetime_ms, INT64_C(7) * 24 * 3600 * 1000);
	assert_int_equal(config->registration_mode, REGISTRATION_CLOSED);
	assert_null(config->registration_shared_secret);
	assert_true(config->limits_rate);
	assert_int_equal(config->limits_body_max, 1 << 20);
	assert_int_equal(config->password_memory_kib, 65536);
	assert_int_equal(config->password_passes, 2);
	assert_string_equal(config->rooms_default_version, "12");
	assert_true(config->rooms_public_list_without_token);
	assert_int_equal(config->warnings.n, 0);
}

static void
an_empty_file_gives_the_defaults(void **state)
{
	const char *const texts[] = { "", "# nothing\n", "---\n", "{}",
		"log:\nguests: ~\n" };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct config *config = parse(texts[i]);

		assert_is_default(config);
		config_free(config);
	}
}

static void
no_file_gives_the_defaults(void **state)
{
	struct config *config = config_default();

	assert_null(config->file);
	assert_is_default(config);
	config_free(config);
}

static const char every_key[] =
    "server_name: example.org:8801\n"
    "public_base_url: https://example.org/\n"
    "data_dir: /var/lib/parlour\n"
    "log: {level: debug, format: json}\n"
    "listeners:\n"
    "  - {address: \"[::1]:8008\", serve: [client, viewer]}\n"
    "  - {address: \"127.0.0.1:9008\", serve: [metrics]}\n"
    "  - {address: \"0.0.0.0:8448\", tls: {certificate: a.pem, key: b.pem},"
    " serve: [client, federation]}\n"
    "database: sqlite:/tmp/x.db\n"
    "bus: local\n"
    "registration: {mode: token, shared_secret: hush,\n"
    "  recaptcha: {verify_url: 'http://v', public_key: p, private_key: k}}\n"
    "login: {access_token_lifetime: 90s}\n"
    "guests: {mode: read, lifetime: 12h}\n"
    "federation: {enabled: true, trusted_ca: FILE, allow_private_addresses: false,\n"
    "  public_rooms: true, device_names: false}\n"
    "identity: {verify_certificates: true}\n"
    "limits: {rate: off, body_max: 64K, connections_max: 9, events_timeout_max: 30s,\n"
    "  parked_per_address: 5, parked_per_token: 6}\n"
    "http: {io_threads: 3, workers: 4, head_timeout: 500ms, body_timeout: 2s,\n"
    "  idle_timeout: 1m, unread_max: 1M}\n"
    "trusted_proxies: [10.0.0.0/8, \"fd00::/8\", 192.0.2.7]\n"
    "password_hashing: {memory_kib: 1024, passes: 1}\n"
    "rooms: {default_version: 11, public_list_without_token: false}\n"
    "viewer: {enabled: true, rooms: listed, title: Talk, languages: [de, ar], "
    "language: ar,\n"
    "  search: false}\n"
    "previews: {enabled: false, allow_private_addresses: false}\n"
    "mail: {smtp: \"smtp://host:25\", from: \"a@b\"}\n"
    "media: {max_upload: 100M, store: ./data/media, allow_unauthenticated: false}\n"
    "appservices: [one.yaml, two.yaml]\n";

static void
every_key_is_read(void **state)
{
	struct config *c = parse(every_key);

	assert_string_equal(c->server_name, "example.org:8801");
	assert_string_equal(c->public_base_url, "https://example.org");
	assert_string_equal(c->database_file, "/tmp/x.db");
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->log_format, 1);
	assert_int_equal(c->listeners.n, 3);
	assert_string_equal(c->listeners.v[0].address.host, "::1");
	assert_int_equal(c->listeners.v[0].apis, API_CLIENT | API_VIEWER);
	assert_int_equal(c->viewer_rooms, 1);
	assert_string_equal(c->viewer_title, "Talk");
	assert_int_equal(c->viewer_languages, 1 << 1 | 1 << 5);
	assert_int_equal(c->viewer_language, 5);
	assert_false(c->viewer_search);
	assert_int_equal(c->listeners.v[1].apis, API_METRICS);
	assert_string_equal(c->listeners.v[2].tls_key, "b.pem");
	assert_int_equal(c->registration_mode, REGISTRATION_TOKEN);
	assert_string_equal(c->registration_shared_secret, "hush");
	assert_string_equal(c->recaptcha_verify_url, "http://v");
	assert_int_equal(c->access_token_lifetime_ms, 90000);
	assert_int_equal(c->guests_mode, GUESTS_READ);
	assert_int_equal(c->guests_lifetime_ms, 12 * 3600 * 1000);
	assert_false(c->limits_rate);
	assert_int_equal(c->limits_body_max, 65536);
	assert_int_equal(c->limits_connections_max, 9);
	assert_int_equal(c->http_io_threads, 3);
	assert_int_equal(c->http_head_timeout_ms, 500);
	assert_int_equal(c->http_unread_max, 1 << 20);
	assert_int_equal(c->trusted_proxies.n, 3);
	assert_int_equal(c->password_memory_kib, 1024);
	assert_string_equal(c->rooms_default_version, "11");
	assert_false(c->rooms_public_list_without_token);
	assert_int_equal(c->media_max_upload, 100 << 20);
	assert_int_equal(c->appservices.n, 2);
	assert_string_equal(c->appservices.v[1], "two.yaml");
	config_free(c);
}

static bool
has_warning(const struct config *config, const char *name)
{
	char warning[200];

	snprintf(
	    warning, sizeof warning, " %s: is not there yet; it has no effect", name);
	for (size_t i = 0; i < config->warnings.n; i++) {
		if (strstr(config->warnings.v[i], warning) != NULL)
			return true;
	}
	return false;
}

static void
every_later_key_is_warned_of_by_name_and_no_other(void **state)
{
	struct config *config = parse(every_key);
	size_t later = 0;

	for (size_t i = 0; i < settings_count; i++) {
		bool is_later = (settings[i].flags & SETTING_LATER) != 0;

		if (has_warning(config, settings[i].name) != is_later)
			fail_msg("%s", settings[i].name);
		later += is_later;
	}
	/* and federation */
	assert_int_equal(config->warnings.n, later + 1);
	assert_string_equal(config->warnings.v[0],
	    "f:8:86: listeners.serve: federation is not there yet; it has no effect");
	config_free(config);
}

static void
json_is_yaml(void **state)
{
	struct config *config =
	    parse("{\n\t\"server_name\": \"a.b\",\n\t\"limits\": {\"rate\":false},\n"
		  "\t\"trusted_proxies\": [\"::1\"], \"http\":{\"workers\":7}\n}\n");

	assert_string_equal(config->server_name, "a.b");
	assert_string_equal(config->public_base_url, "https://a.b");
	assert_false(config->limits_rate);
	assert_int_equal(config->http_workers, 7);
	assert_int_equal(config->trusted_proxies.n, 1);
	config_free(config);
}

/* One mistake a row: the text, and what is said of it. */
static const struct {
	const char *text, *error;
} mistakes[] = {
	/* keys */
	{ "server_nam: a",
	    "f:1:1: unknown key 'server_nam'; did you mean 'server_name'?" },
	{ "log:\n  level: info\n  fromat: text\n",
	    "f:3:3: log: unknown key 'fromat'; did you mean 'format'?" },
	{ "shared_secret: x", "f:1:1: unknown key 'shared_secret'; did you mean "
			      "'registration.shared_secret'?" },
	{ "zzzzzzzzzz: 1", "f:1:1: unknown key 'zzzzzzzzzz'" },
	{ "log.level: info", "f:1:1: unknown key 'log.level'" },
	{ "[a]: 1", "f:1:1: a key must be text" },
	{ "bus: local\nbus: local", "f:2:1: bus: stands there twice" },
	{ "listeners: [{adress: '127.0.0.1:1'}]",
	    "f:1:14: listeners: unknown key 'adress'; did you mean 'address'?" },
	/* shapes */
	{ "log: [a]", "f:1:6: log: must be a section of keys" },
	{ "- a", "f:1:1: must be a section of keys" },
	{ "server_name: [a]",
	    "f:1:14: server_name: must be a server name such as example.org or"
	    " example.org:8448" },
	{ "server_name:", "f:1:13: server_name: has no value" },
	{ "trusted_proxies: 127.0.0.1",
	    "f:1:18: trusted_proxies: must be a list of networks" },
	{ "data_dir: \"a\\0b\"", "f:1:11: data_dir: must be text" },
	{ "data_dir: ''", "f:1:11: data_dir: is empty" },
	{ "appservices: [[a]]", "f:1:15: appservices: must be text" },
	/* words */
	{ "log: {level: inof}",
	    "f:1:14: log.level: 'inof' is not one of error, warn, info, debug;"
	    " did you mean 'info'?" },
	{ "guests:\n  mode: jion",
	    "f:2:9: guests.mode: 'jion' is not one of off, read, join;"
	    " did you mean 'join'?" },
	{ "limits: {rate: ture}",
	    "f:1:16: limits.rate: 'ture' is not true or false; did you mean 'true'?" },
	{ "rooms: {default_version: '13'}", "f:1:26: rooms.default_version: '13' is "
					    "not one of 1, 2, 3, 4, 5, 6, 7, 8, 9,"
					    " 10, 11, 12; did you mean '10'?" },
	/* numbers */
	{ "http: {workers: many}",
	    "f:1:17: http.workers: 'many' is not a whole number" },
	{ "http: {workers: -1}", "f:1:17: http.workers: -1 is not between 0 and 1024" },
	{ "http: {workers: 1025}",
	    "f:1:17: http.workers: 1025 is not between 0 and 1024" },
	{ "http: {workers: 99999999999999999999}",
	    "f:1:17: http.workers: 99999999999999999999 is not between 0 and 1024" },
	{ "limits: {body_max: 1Q}",
	    "f:1:20: limits.body_max: '1Q' is not a size such as 64K or 100M" },
	{ "limits: {body_max: 9999999999G}",
	    "f:1:20: limits.body_max: 9999999999G is not between 64K and 1G" },
	{ "guests: {lifetime: 7}",
	    "f:1:20: guests.lifetime: has no unit: '7' is not a duration such as 500ms,"
	    " 30s, 12h or 7d" },
	{ "guests: {lifetime: 1ms}",
	    "f:1:20: guests.lifetime: 1ms is not between 100ms and 365d" },
	/* places */
	{ "server_name: a_b",
	    "f:1:14: server_name: 'a_b' is not a server name such as example.org or"
	    " example.org:8448" },
	{ "server_name: a:123456", "f:1:14: server_name: 'a:123456' is not a server "
				   "name such as example.org or"
				   " example.org:8448" },
	{ "server_name: '[1.2.3.4]'", "f:1:14: server_name: '[1.2.3.4]' is not a "
				      "server name such as example.org or"
				      " example.org:8448" },
	{ "public_base_url: example.org",
	    "f:1:18: public_base_url: 'example.org' is not an address such as"
	    " https://example.org" },
	{ "media: {quota_link: 'javascript:alert(1)'}",
	    "f:1:21: media.quota_link: 'javascript:alert(1)' is not a link such as "
	    "https://example.org/quota" },
	{ "media: {quota_link: 'https://example.org/a b'}",
	    "f:1:21: media.quota_link: 'https://example.org/a b' is not a link such as "
	    "https://example.org/quota" },
	{ "listeners:\n  - address: localhost:8008",
	    "f:2:14: listeners.address: 'localhost:8008' is not a numeric address with "
	    "a"
	    " port, such as 127.0.0.1:8008 or [::1]:8008, nor unix:/PATH or"
	    " systemd:NAME" },
	{ "listeners: [{serve: [client]}]", "f:1:13: listeners.address: is missing" },
	{ "listeners: [{address: '[::1]:1', serve: []}]",
	    "f:1:13: listeners.serve: is empty" },
	{ "viewer: {languages: []}", "f:1:21: viewer.languages: is empty" },
	{ "listeners:\n- {address: '127.0.0.1:1'}\n- {address: '127.0.0.1:1'}",
	    "f:3:3: listeners.address: stands there twice" },
	{ "listeners: [{address: '127.0.0.1:1', tls: {key: a}}]",
	    "f:1:13: listeners.tls: needs both certificate and key" },
	{ "listeners:\n- {address: '127.0.0.1:1', proxy_protocol: true}\n"
	  "trusted_proxies: []",
	    "f:2:3: listeners.proxy_protocol: lets nobody in: trusted_proxies is "
	    "empty" },
	{ "listeners: []", "f:1:12: listeners: is empty" },
	{ "listeners: [{address: '127.0.0.1:1', serve: [clinet]}]",
	    "f:1:46: listeners.serve: 'clinet' is not one of client, federation, "
	    "viewer,"
	    " metrics; did you mean 'client'?" },
	{ "trusted_proxies: [10.0.0.1/8]",
	    "f:1:19: trusted_proxies: '10.0.0.1/8' has bits behind its prefix;"
	    " did you mean '10.0.0.0/8'?" },
	{ "trusted_proxies: [\"::1/129\"]", "f:1:19: trusted_proxies: '::1/129' is not "
					    "a network such as 127.0.0.1/32 or"
					    " fd00::/8" },
	{ "database: postgresql://h/d", "f:1:11: database: PostgreSQL is not there "
					"yet; sqlite and sqlite:PATH are" },
	{ "database: mysql", "f:1:11: database: 'mysql' is not sqlite, sqlite:PATH or "
			     "postgresql://..." },
	{ "bus: nats://h", "f:1:6: bus: NATS is not there yet; local is" },
	/* YAML itself */
	{ "log: {level: info", "f:2:1: did not find expected ',' or '}'"
			       " (while parsing a flow mapping, from line 1)" },
	{ "a: b: c", "f:1:5: mapping values are not allowed in this context" },
	{ "bus: local\n---\nbus: local", "f:3:1: a second document stands here" },
};

static void
each_mistake_is_told_with_line_and_column(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
		assert_error(mistakes[i].text, mistakes[i].error);
}

static void
all_mistakes_are_told_at_once(void **state)
{
	assert_error("bus: lokal\nlog:\n  levle: info\nguests: 5\n",
	    "f:1:6: bus: 'lokal' is not local or nats://...\n"
	    "f:3:3: log: unknown key 'levle'; did you mean 'level'?\n"
	    "f:4:9: guests: must be a section of keys");
}

static void
bytes_that_are_no_text_are_an_error(void **state)
{
	char *error = NULL;

	assert_null(config_parse("f", "bus: \xff\xfe", 7, &error));
	assert_non_null(strstr(error, "f:1:"));
	free(error);
}

static void
anchors_may_not_grow_a_file_nor_make_circles(void **state)
{
	assert_error(
	    "log: &a {level: info, format: *a}", "f:1:6: log.format: must be a word");
}

static struct in6_addr
address(const char *text)
{
	struct in6_addr found;

	assert_int_equal(inet_pton(AF_INET6, text, &found), 1);
	return found;
}

static void
trusted_proxies_are_matched_by_prefix(void **state)
{
	struct config *config =
	    parse("trusted_proxies: [10.1.0.0/17, \"fd00::/9\", 1.2.3.4]");
	const char *const trusted[] = { "::ffff:10.1.127.255", "fd7f::1",
		"::ffff:1.2.3.4" };
	const char *const others[] = { "::ffff:10.1.128.0", "fd80::1", "::ffff:1.2.3.5",
		"::1", "::10.1.0.1" };

	for (size_t i = 0; i < sizeof trusted / sizeof *trusted; i++) {
		struct in6_addr a = address(trusted[i]);

		assert_true(config_trusts(config, &a));
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct in6_addr a = address(others[i]);

		assert_false(config_trusts(config, &a));
	}
	config_free(config);
}

static void
what_is_printed_reads_back_the_same_without_its_secrets(void **state)
{
	struct config *config = parse(every_key), *again;
	struct buf first = { 0 }, second = { 0 };
	char *error = NULL;

	config_print(config, &first);
	buf_reserve(&first, 1);
	first.p[first.n] = '\0';
	assert_null(strstr(first.p, "hush"));
	assert_null(strstr(first.p, "smtp://"));
	assert_non_null(
	    strstr(first.p, "trusted_proxies: [\"10.0.0.0/8\", \"fd00::/8\","
			    " \"192.0.2.7/32\"]\n"));
	assert_non_null(strstr(first.p, "  lifetime: 12h\n"));
	again = config_parse("f", first.p, first.n, &error);
	if (again == NULL)
		fail_msg("%s", error);
	config_print(again, &second);
	assert_int_equal(first.n, second.n);
	assert_memory_equal(first.p, second.p, first.n);
	config_free(config);
	config_free(again);
	buf_free(&first);
	buf_free(&second);
}

static void
the_template_names_every_key_and_holds_the_defaults(void **state)
{
	struct buf text = { 0 };
	struct config *config;

	config_template("example.org", "/srv/data", &text);
	buf_char(&text, '\0');
	config = parse(text.p);
	assert_string_equal(config->server_name, "example.org");
	assert_string_equal(config->data_dir, "/srv/data");
	assert_int_equal(config->warnings.n, 0);
	for (size_t i = 0; i < settings_count; i++) {
		if ((settings[i].flags & SETTING_INNER) == 0)
			assert_non_null(strstr(text.p, settings[i].help));
	}
	config_free(config);
	buf_free(&text);
}

static void
a_file_is_read_and_a_missing_one_is_an_error(void **state)
{
	char path[] = "/tmp/parlour_config_XXXXXX", *error = NULL;
	int fd = mkstemp(path);
	struct config *config;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "bus: local\nserver_name: x.y\n", 28), 28);
	close(fd);
	config = config_load(path, &error);
	assert_non_null(config);
	assert_string_equal(config->server_name, "x.y");
	assert_string_equal(config->file, path);
	config_free(config);
	unlink(path);
	assert_null(config_load(path, &error));
	assert_non_null(strstr(error, "No such file"));
	free(error);
}

static void
slips_of_the_finger_are_counted(void **state)
{
	const char *const words[] = { "serve", "init", "check" };

	assert_int_equal(word_distance("", "abc"), 3);
	assert_int_equal(word_distance("abc", "abc"), 0);
	assert_int_equal(word_distance("abc", "acb"), 1);
	assert_int_equal(word_distance("kitten", "sitting"), 3);
	assert_string_equal(suggest("sevre", words, 3), "serve");
	assert_string_equal(suggest("INIT", words, 3), "init");
	assert_null(suggest("frobnicate", words, 3));
	assert_null(suggest("x", words, 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(no_file_gives_the_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(every_later_key_is_warned_of_by_name_and_no_other),
		cmocka_unit_test(json_is_yaml),
		cmocka_unit_test(each_mistake_is_told_with_line_and_column),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(bytes_that_are_no_text_are_an_error),
		cmocka_unit_test(anchors_may_not_grow_a_file_nor_make_circles),
		cmocka_unit_test(trusted_proxies_are_matched_by_prefix),
		cmocka_unit_test(
		    what_is_printed_reads_back_the_same_without_its_secrets),
		cmocka_unit_test(the_template_names_every_key_and_holds_the_defaults),
		cmocka_unit_test(a_file_is_read_and_a_missing_one_is_an_error),
		cmocka_unit_test(slips_of_the_finger_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
