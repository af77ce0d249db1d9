/*
 * `parlour serve`: the configuration becomes a core and a server; signals end it.
 * Relies on running (lock, keys, core), api/server (HTTP) and control (the operator's
 * words). What comes up first goes down last.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/server.h"
#include "base/log.h"
#include "activation.h"
#include "cmd.h"
#include "config.h"
#include "control.h"
#include "machine.h"
#include "running.h"
#include "web/web.h"

#define TRANSFERS_MAX 1024 /* files on their way in or out at a time */
#define GRACE_MS 4000

/* Everything that one run of the server holds. */
struct serving {
	const char *config_file; /* as it was given; NULL: not given */
	struct config *config;
	struct running running;
	struct web *web; /* NULL: no pages */
	struct server *server;
	struct control *control;
	struct http_listener *listeners;
	struct http_tls **tls; /* of config->listeners; NULL: plain */
	int *serves;
	struct trusted_proxy *trusted;
	bool outlives_terminal; /* nohup */
};

static int
fail_owned(char *error)
{
	fprintf(stderr, "parlour: %s\n", error);
	free(error);
	return 1;
}

/* Each line of it names file, line and column. */
static int
fail_config(char *error)
{
	fprintf(stderr, "%s\n", error);
	free(error);
	return 1;
}

/* ---- the configuration as the server wants it ---- */

static struct http_listener
listener_of(const struct config_listener *l, struct http_tls *tls)
{
	struct http_listener listener = { .host = l->address.host,
		.port = l->address.port,
		.tls = tls,
		.proxied = l->proxy_protocol };

	if (l->address.kind == ADDRESS_UNIX)
		listener.path = l->address.host;
	return listener;
}

static void
fill_listeners(struct serving *s, struct server_options *options)
{
	const struct config *c = s->config;
	int n = 0;

	s->listeners = xcalloc(c->listeners.n + 1, sizeof *s->listeners);
	s->serves = xcalloc(c->listeners.n + 1, sizeof *s->serves);
	for (size_t i = 0; i < c->listeners.n; i++) {
		const struct config_listener *l = &c->listeners.v[i];

		if (!config_listener_opens(l))
			continue;
		s->listeners[n] = listener_of(l, s->tls[i]);
		s->serves[n++] = l->apis;
	}
	options->http.listeners = s->listeners;
	options->http.listener_count = n;
	options->serves = s->serves;
}

/* Of the listeners of systemd's, those with a name or those without one. */
static bool
take_sockets(struct serving *s, struct activation *a, bool named)
{
	const struct config *c = s->config;
	int n = 0;

	for (size_t i = 0; i < c->listeners.n; i++) {
		const struct config_listener *l = &c->listeners.v[i];
		const char *name = l->address.host;

		if (!config_listener_opens(l))
			continue;
		if (l->address.kind == ADDRESS_SYSTEMD && named == (name[0] != '\0')) {
			s->listeners[n].fd = activation_take(a, named ? name : NULL);
			if (s->listeners[n].fd == 0)
				return false;
		}
		n++;
	}
	return true;
}

/* Names before all others, which take what is left. A socket that nobody took would let
 * its clients wait for ever. */
static bool
fill_sockets(struct serving *s, char **error_out)
{
	struct activation activation = { 0 };

	if (!take_sockets(s, &activation, true) ||
	    !take_sockets(s, &activation, false)) {
		*error_out = xstrdup("systemd has handed over no socket of that "
				     "name, or too few (sd_listen_fds)");
		return false;
	}
	if (!activation_is_done(&activation)) {
		*error_out = xstrdup("systemd has handed over a socket that is no "
				     "listener's address (sd_listen_fds)");
		return false;
	}
	return true;
}

/* Certificates are read before anything listens. */
static bool
open_tls(struct serving *s, char **error_out)
{
	const struct config *c = s->config;

	s->tls = xcalloc(c->listeners.n + 1, sizeof(struct http_tls *));
	for (size_t i = 0; i < c->listeners.n; i++) {
		const struct config_listener *l = &c->listeners.v[i];

		if (l->tls_certificate == NULL || !config_listener_opens(l))
			continue;
		s->tls[i] = http_tls_new(l->tls_certificate, l->tls_key, error_out);
		if (s->tls[i] == NULL)
			return false;
	}
	return true;
}

static bool
has_tls(const struct serving *s)
{
	for (size_t i = 0; i < s->config->listeners.n; i++)
		if (s->tls[i] != NULL)
			return true;
	return false;
}

/* SIGHUP: new certificates for new connections; what is damaged stays as it was. */
static void
reload_tls(struct serving *s)
{
	char *error;

	if (!has_tls(s))
		log_info("serve: no listener has a certificate to be read again");
	for (size_t i = 0; i < s->config->listeners.n; i++) {
		if (s->tls[i] == NULL)
			continue;
		if (http_tls_reload(s->tls[i], &error)) {
			log_info("serve: %s is read again",
			    s->config->listeners.v[i].tls_certificate);
		} else {
			log_error("serve: the old certificate stays: %s", error);
			free(error);
		}
	}
}

static void
fill_trusted(struct serving *s, struct server_options *options)
{
	const struct config *c = s->config;

	s->trusted = xcalloc(c->trusted_proxies.n + 1, sizeof *s->trusted);
	for (size_t i = 0; i < c->trusted_proxies.n; i++)
		s->trusted[i] = (struct trusted_proxy){ c->trusted_proxies.v[i].address,
			c->trusted_proxies.v[i].bits };
	options->trusted = s->trusted;
	options->trusted_count = (int)c->trusted_proxies.n;
}

/* An eighth of what nofile leaves, up to TRANSFERS_MAX. */
static int
transfers_max(const struct core *core, const struct server_options *options)
{
	uint64_t nofile = machine_nofile_raise();
	uint64_t kept = (uint64_t)server_descriptors(core, options);
	uint64_t max = nofile > kept ? (nofile - kept) / 8 : 0;

	return max > TRANSFERS_MAX ? TRANSFERS_MAX : max < 8 ? 8 : (int)max;
}

/* As many as nofile allows, less what files, the store, the log, the threads and the
 * operator's words need: those must never find that no descriptor is left. */
static uint32_t
connections_max(const struct config *c, const struct core *core,
    const struct server_options *options)
{
	uint64_t nofile = machine_nofile_raise();
	uint64_t kept = (uint64_t)server_descriptors(core, options);
	uint64_t max = nofile > kept + 16 ? nofile - kept : 16;

	if (c->limits_connections_max > 0 && (uint64_t)c->limits_connections_max < max)
		max = (uint64_t)c->limits_connections_max;
	return max > UINT32_MAX ? UINT32_MAX : (uint32_t)max;
}

static void
open_web(struct serving *s, struct server_options *options)
{
	const struct config *c = s->config;
	struct web_settings settings = { .listed_only = c->viewer_rooms == 1,
		.search = c->viewer_search,
		.title = c->viewer_title,
		.languages = (unsigned)c->viewer_languages,
		.language = c->viewer_language };

	if (!c->viewer_enabled)
		return;
	s->web = web_new(&s->running.core, &settings);
	options->pages = web_pages(s->web);
}

static bool
open_server(struct serving *s, char **error_out)
{
	const struct config *c = s->config;
	struct server_options options = { .rate_limits = c->limits_rate,
		.workers = (int)c->http_workers,
		.parked_per_address = (uint32_t)c->limits_parked_per_address,
		.parked_per_token = (uint32_t)c->limits_parked_per_token,
		.http = { .io_threads = (int)c->http_io_threads,
		    .no_batches = !c->http_io_uring,
		    .body_max = (size_t)c->limits_body_max,
		    .head_timeout_ms = (int)c->http_head_timeout_ms,
		    .body_timeout_ms = (int)c->http_body_timeout_ms,
		    .idle_timeout_ms = (int)c->http_idle_timeout_ms,
		    .connections_per_address =
			(uint32_t)c->limits_connections_per_address,
		    .write_max = (size_t)c->http_unread_max,
		    .pinned_max = 512 << 20 } };

	fill_listeners(s, &options);
	if (!fill_sockets(s, error_out))
		return false;
	fill_trusted(s, &options);
	open_web(s, &options);
	options.transfers_max = transfers_max(&s->running.core, &options);
	options.http.connections_max = connections_max(c, &s->running.core, &options);
	s->server = server_new(&s->running.core, &options, error_out);
	return s->server != NULL;
}

/* ---- what people are told ---- */

/* Where clients reach it from this machine; false: no plain listener is for clients. */
static bool
client_url(const struct serving *s, char *out, size_t cap)
{
	const char *host;
	int i = 0;

	while (s->listeners[i].host != NULL &&
	       ((s->serves[i] & SERVES_CLIENT) == 0 || s->listeners[i].tls != NULL ||
		   s->listeners[i].path != NULL || s->listeners[i].fd > 0))
		i++;
	host = s->listeners[i].host;
	if (host == NULL)
		return false;
	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	if (strcmp(host, "::") == 0)
		host = "::1";
	snprintf(out, cap, strchr(host, ':') ? "http://[%s]:%u" : "http://%s:%u", host,
	    (unsigned)server_port(s->server, i));
	return true;
}

/* How the operator's words are called for this very server. */
static void
print_word(const struct serving *s, const char *word)
{
	printf("%s %s", program_path, word);
	if (s->config_file != NULL)
		printf(" --config '%s'", s->config_file);
}

/* What a newcomer needs next, ready to be pasted in another terminal. Not where the log
 * is for programs to read. */
static void
greet(const struct serving *s)
{
	char url[128];

	if (s->config->log_format != 0 || !client_url(s, url, sizeof url))
		return;
	printf("parlour " PARLOUR_VERSION " serves %s on %s\n\n"
	       "Make an account:\n"
	       "  ",
	    s->config->server_name, url);
	print_word(s, "user add ann --password secret");
	printf("\nMake a public room:\n"
	       "  ROOM=$(");
	print_word(s, "room add lobby --creator ann --world-readable");
	printf("); echo $ROOM\n");
	if (s->web != NULL)
		printf("See it as a page:\n  %s/rooms\n", s->config->public_base_url);
	if (s->config->guests_mode != GUESTS_OFF)
		printf(
		    "Listen to it as a guest, until somebody speaks or 30 s are "
		    "over:\n"
		    "  curl -s \"%s/_matrix/client/api/v1/events?room_id=${ROOM%%%% *}"
		    "&access_token=$(curl -s -d '{}' "
		    "'%s/_matrix/client/v3/register?kind=guest'"
		    " | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')\"\n",
		    url, url);
	putchar('\n');
	fflush(stdout);
}

static void
warn(void *arg, const char *sentence)
{
	log_warn("serve: %s", sentence);
}

static void
warn_all(const struct serving *s)
{
	for (size_t i = 0; i < s->config->warnings.n; i++)
		log_warn("%s", s->config->warnings.v[i]);
	machine_warn(s->config->limits_connections_max, warn, NULL);
}

/* ---- the run ---- */

/* A hang-up that a program sends asks for new certificates, and ends no server that has
 * none; that of the terminal itself says that nobody is there any more, which ends all
 * but who was started to outlive it (nohup). */
static bool
ends(const siginfo_t *info, bool outlives_terminal)
{
	return info->si_signo != SIGHUP ||
	       (info->si_code == SI_KERNEL && !outlives_terminal);
}

static void
wait_for_signal(struct serving *s, const sigset_t *signals)
{
	siginfo_t info;

	for (;;) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (ends(&info, s->outlives_terminal))
			break;
		reload_tls(s);
	}
	log_info("serve: stopping on %s", strsignal(info.si_signo));
}

/* The store's descriptors are opened before the sockets. */
static bool
open_all(struct serving *s, char **error_out)
{
	const char *data_dir = s->config->data_dir;

	if (!open_tls(s, error_out))
		return false;
	if (!keys_create(data_dir, error_out) ||
	    running_lock(&s->running, error_out) != RUNNING_LOCKED ||
	    !running_open(&s->running, error_out))
		return false;
	if (!open_server(s, error_out))
		return false;
	s->control = control_start(&s->running.core, data_dir, error_out);
	return s->control != NULL;
}

static int
serve(struct serving *s, const sigset_t *signals)
{
	char *error = NULL;

	if (!open_all(s, &error))
		return fail_owned(error);
	server_start(s->server);
	greet(s);
	warn_all(s);
	wait_for_signal(s, signals);
	control_stop(s->control);
	s->control = NULL;
	server_stop(s->server, GRACE_MS);
	return 0;
}

static void
serving_free(struct serving *s)
{
	control_stop(s->control);
	if (s->server != NULL)
		server_free(s->server);
	if (s->web != NULL)
		web_free(s->web);
	running_close(&s->running);
	for (size_t i = 0; s->tls != NULL && i < s->config->listeners.n; i++)
		http_tls_free(s->tls[i]);
	free(s->tls);
	free(s->listeners);
	free(s->serves);
	free(s->trusted);
	config_free(s->config);
}

static int
run_serve(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ 0 },
	};
	struct serving s = { .running = { .lock_fd = -1 } };
	sigset_t signals;
	char *error = NULL;
	int status;

	while (cmd_option(command, argc, argv, options) != -1)
		s.config_file = optarg;
	if (optind < argc)
		return cmd_misuse(command, "'%s' is one word too many", argv[optind]);
	s.config = config_load(s.config_file, &error);
	if (s.config == NULL)
		return fail_config(error);
	s.running.config = s.config;
	/* Before any thread starts: all inherit the mask, this one waits for them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	/* What is ignored cannot be waited for. */
	s.outlives_terminal = signal(SIGHUP, SIG_DFL) == SIG_IGN;
	signal(SIGPIPE, SIG_IGN);
	log_setup((enum log_level)s.config->log_level, s.config->log_format == 1);
	status = serve(&s, &signals);
	serving_free(&s);
	return status;
}

const struct command cmd_serve = {
	.word = "serve",
	.summary = "run the server",
	.usage =
	    "usage: parlour serve [--config FILE]\n"
	    "\n"
	    "Runs the server until SIGINT or SIGTERM. Without --config it reads\n"
	    "parlour.yaml if that is there; else it serves `localhost` on\n"
	    "127.0.0.1:8008, with its data in ./data.\n"
	    "SIGHUP makes it read the certificates of its TLS listeners again.\n"
	    "\n"
	    "  --config FILE  the configuration (YAML; `parlour init` writes one)\n"
	    "  --help         this text\n",
	.run = run_serve,
};
