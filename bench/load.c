/*
 * The load of `./dev bench`: asks a homeserver as fast as it answers, on one thread,
 * and prints one line of JSON: how many answers, how soon, and the server's CPU for
 * each. Relies on bench/load_conn; bench/bench.py writes its lists of requests.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/vec.h"
#include "load_conn.h"
#include "load_tools.h"

static const char usage[] =
    "usage: load repeat|each|listen|hold [OPTION...] FILE\n"
    "\n"
    "FILE holds requests, one a line: METHOD, target, token, body, between tabs. In\n"
    "targets {n} becomes a new number each time, {from} a listener's place.\n"
    "  repeat  connection number C asks line C over and over\n"
    "  each    asks every line once, all connections taking the next\n"
    "  listen  line 1 is what the sender asks; the others park, each on a connection;\n"
    "          measures from the sender's answer to the last listener's\n"
    "  hold    parks every line and keeps it so until standard input ends\n"
    "\n"
    "  --server ADDRESS:PORT   127.0.0.1:8008 if not given\n"
    "  --connections N         one if not given; listen and hold: one a line\n"
    "  --seconds S, --warm S   repeat: how long (3), and how long before that (0.3)\n"
    "  --rounds N, --every MS  listen: how often (20), and the pause before each "
    "(300)\n"
    "  --from TOKEN            listen and hold: where the listeners start\n"
    "  --gzip 1                answers may come packed\n"
    "  --pid PID               the server's process, for its CPU time\n"
    "  --out FILE              each: the answers, one a line\n";

struct options {
	const char *server, *from, *out, *file;
	int connections, rounds, every_ms;
	double seconds, warm_s;
	pid_t pid;
	bool gzip;
};

/* What was measured, from begin() to end(). */
struct figures {
	VEC(int64_t) latency_us;
	int64_t body_bytes, from_us, took_us;
	double cpu_from_us, cpu_us;
};

struct run {
	struct options options;
	char *text; /* of the file; the requests point into it */
	VEC(struct load_request) requests;
	struct figures figures;
	struct load load;
	bool is_over;
	int64_t next;	/* each: the line to ask next */
	char **answers; /* each: by line */
	/* listen */
	int answered;
	int64_t sent_us, acked_us, heard_us;
	VEC(int64_t) send_us, wake_us;
};

/* ---- figures ---- */

static void
begin(struct run *run)
{
	run->figures.latency_us.n = 0;
	run->figures.body_bytes = 0;
	run->figures.cpu_from_us = load_cpu_us(run->options.pid);
	run->figures.from_us = clock_mono_us();
}

static void
end(struct run *run)
{
	run->figures.took_us = clock_mono_us() - run->figures.from_us;
	run->figures.cpu_us = load_cpu_us(run->options.pid) - run->figures.cpu_from_us;
}

static void
note(struct run *run, const struct load_conn *conn, const struct answer *answer)
{
	if (answer->status / 100 != 2)
		load_die("line %lld was answered %d %.300s", (long long)conn->line + 1,
		    answer->status, answer->body);
	vec_push(&run->figures.latency_us, conn->answered_us - conn->asked_us);
	run->figures.body_bytes += (int64_t)answer->body_n;
}

static void
print_figures(struct run *run)
{
	struct figures *f = &run->figures;
	size_t n = f->latency_us.n;
	double each = n > 0 ? (double)n : 1, took_s = (double)f->took_us / 1e6;

	printf(
	    "{\"answers\": %zu, \"seconds\": %.3f, \"per_s\": %.1f, \"p50_us\": %lld,"
	    " \"p99_us\": %lld, \"cpu_us\": %.2f, \"bytes\": %.0f}\n",
	    n, took_s, (double)n / took_s,
	    (long long)load_quantile(f->latency_us.v, n, 0.5),
	    (long long)load_quantile(f->latency_us.v, n, 0.99), f->cpu_us / each,
	    (double)f->body_bytes / each);
}

/* ---- repeat ---- */

static void
ask_line(struct load *load, struct load_conn *conn, int64_t line)
{
	struct run *run = load->arg;

	conn->line = line;
	load_ask(load, conn, &run->requests.v[line]);
}

static void
repeat_answer(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	struct run *run = load->arg;

	note(run, conn, answer);
	if (!run->is_over)
		ask_line(load, conn, conn->line);
}

static void
turn_for(struct load *load, double seconds)
{
	int64_t until_us = clock_mono_us() + (int64_t)(seconds * 1e6), now_us;

	while ((now_us = clock_mono_us()) < until_us)
		load_turn(load, (int)((until_us - now_us + 999) / 1000));
}

static void
repeat(struct run *run)
{
	struct load *load = &run->load;

	load->on_answer = repeat_answer;
	for (int i = 0; i < load->n; i++)
		ask_line(load, &load->conns[i], i % (int64_t)run->requests.n);
	turn_for(load, run->options.warm_s);
	begin(run);
	turn_for(load, run->options.seconds);
	end(run);
	print_figures(run);
	run->is_over = true;
	load_await(load);
}

/* ---- each ---- */

static void
ask_next(struct load *load, struct load_conn *conn)
{
	struct run *run = load->arg;

	if (run->next < (int64_t)run->requests.n)
		ask_line(load, conn, run->next++);
}

static void
each_answer(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	struct run *run = load->arg;

	note(run, conn, answer);
	run->answers[conn->line] = xstrndup(answer->body, answer->body_n);
	ask_next(load, conn);
}

static void
write_answers(struct run *run)
{
	FILE *out = fopen(run->options.out, "w");

	if (out == NULL)
		load_die("%s: %s", run->options.out, strerror(errno));
	for (size_t i = 0; i < run->requests.n; i++)
		fprintf(out, "%s\n", run->answers[i]);
	if (fclose(out) != 0)
		load_die("%s: %s", run->options.out, strerror(errno));
}

static void
each(struct run *run)
{
	struct load *load = &run->load;

	load->on_answer = each_answer;
	run->answers = xcalloc(run->requests.n, sizeof *run->answers);
	begin(run);
	for (int i = 0; i < load->n; i++)
		ask_next(load, &load->conns[i]);
	load_await(load);
	end(run);
	print_figures(run);
	if (run->options.out != NULL)
		write_answers(run);
	for (size_t i = 0; i < run->requests.n; i++)
		free(run->answers[i]);
	free(run->answers);
}

/* ---- listen ---- */

/* An answer of /sync, not of /events. */
static bool
is_sync(const struct answer *answer)
{
	return strstr(answer->body, "\"next_batch\":\"") != NULL;
}

static bool
tells_nothing(const struct answer *answer)
{
	return is_sync(answer) ? strstr(answer->body, "\"rooms\":") == NULL
			       : strstr(answer->body, "\"chunk\":[]") != NULL;
}

/* Where the listener goes on. */
static void
follow(struct load_conn *conn, const struct answer *answer)
{
	struct str end = answer_member_of(
	    answer, is_sync(answer) ? "\"next_batch\":\"" : "\"end\":\"");

	free(conn->from);
	conn->from = xstrndup(end.p, end.n);
}

/* A listener that has heard waits until all have: its next poll is not to disturb. */
static void
listen_answer(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	struct run *run = load->arg;

	note(run, conn, answer);
	if (conn->index == 0) {
		run->acked_us = conn->answered_us;
		vec_push(&run->send_us, conn->answered_us - run->sent_us);
		return;
	}
	if (tells_nothing(answer))
		load_die("a listener was answered with nothing");
	follow(conn, answer);
	run->heard_us = conn->answered_us;
	run->answered++;
}

static void
park_all(struct load *load)
{
	for (int i = 1; i < load->n; i++)
		ask_line(load, &load->conns[i], i);
}

static void
listen_round(struct run *run)
{
	struct load *load = &run->load;

	run->answered = 0;
	run->acked_us = 0;
	run->sent_us = clock_mono_us();
	ask_line(load, &load->conns[0], 0);
	while (run->acked_us == 0 || run->answered < load->n - 1)
		load_turn(load, -1);
	vec_push(&run->wake_us, run->heard_us - run->acked_us);
	park_all(load);
	turn_for(load, run->options.every_ms / 1e3);
}

static void
print_wake(struct run *run)
{
	size_t n = run->wake_us.n;
	double answers = (double)n * (run->load.n - 1);

	printf("{\"rounds\": %zu, \"listeners\": %d, \"wake_us\": %lld, \"worst_us\": "
	       "%lld, \"send_us\": %lld, \"cpu_us\": %.2f}\n",
	    n, run->load.n - 1, (long long)load_quantile(run->wake_us.v, n, 0.5),
	    (long long)load_quantile(run->wake_us.v, n, 1),
	    (long long)load_quantile(run->send_us.v, run->send_us.n, 0.5),
	    run->figures.cpu_us / answers);
}

static void
listen_all(struct run *run)
{
	struct load *load = &run->load;

	load->on_answer = listen_answer;
	park_all(load);
	turn_for(load, run->options.every_ms / 1e3);
	if (run->answered > 0)
		load_die("%d listeners did not park", run->answered);
	begin(run);
	for (int i = 0; i < run->options.rounds; i++)
		listen_round(run);
	end(run);
	print_wake(run);
}

/* ---- hold ---- */

static void
hold_answer(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	note(load->arg, conn, answer);
	follow(conn, answer);
	ask_line(load, conn, conn->line);
}

static bool
has_input_ended(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void
hold(struct run *run)
{
	struct load *load = &run->load;

	load->on_answer = hold_answer;
	for (int i = 0; i < load->n; i++)
		ask_line(load, &load->conns[i], i);
	puts("holding");
	fflush(stdout);
	while (!has_input_ended())
		load_turn(load, 50);
}

/* ---- the command line ---- */

static void
read_requests(struct run *run)
{
	FILE *in = fopen(run->options.file, "r");
	struct buf text = { 0 };
	char *line, *rest;
	size_t n;

	if (in == NULL)
		load_die("%s: %s", run->options.file, strerror(errno));
	do {
		buf_reserve(&text, 65536);
		n = fread(text.p + text.n, 1, 65536, in);
		text.n += n;
	} while (n > 0);
	fclose(in);
	buf_char(&text, '\0');
	run->text = rest = text.p;
	while ((line = strsep(&rest, "\n")) != NULL) {
		struct load_request request = { .method = strsep(&line, "\t") };

		request.target = line != NULL ? strsep(&line, "\t") : NULL;
		request.token = line != NULL ? strsep(&line, "\t") : "";
		request.body = line != NULL ? line : "";
		if (request.target != NULL)
			vec_push(&run->requests, request);
	}
	if (run->requests.n == 0)
		load_die("%s holds no request", run->options.file);
}

static void
read_options(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = { { "server", 1, NULL, 'S' },
		{ "connections", 1, NULL, 'c' }, { "seconds", 1, NULL, 's' },
		{ "warm", 1, NULL, 'w' }, { "rounds", 1, NULL, 'r' },
		{ "every", 1, NULL, 'e' }, { "from", 1, NULL, 'f' },
		{ "pid", 1, NULL, 'p' }, { "out", 1, NULL, 'o' },
		{ "gzip", 1, NULL, 'z' }, { "help", 0, NULL, 'h' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'S':
			options->server = optarg;
			break;
		case 'c':
			options->connections = atoi(optarg);
			break;
		case 's':
			options->seconds = atof(optarg);
			break;
		case 'w':
			options->warm_s = atof(optarg);
			break;
		case 'r':
			options->rounds = atoi(optarg);
			break;
		case 'e':
			options->every_ms = atoi(optarg);
			break;
		case 'f':
			options->from = optarg;
			break;
		case 'z':
			options->gzip = atoi(optarg) != 0;
			break;
		case 'p':
			options->pid = atoi(optarg);
			break;
		case 'o':
			options->out = optarg;
			break;
		default:
			fputs(usage, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
}

static void
run_open(struct run *run, bool is_one_a_line)
{
	int n = is_one_a_line ? (int)run->requests.n : run->options.connections;

	load_open(&run->load, run->options.server, n);
	run->load.arg = run;
	run->load.gzip = run->options.gzip;
	for (int i = 0; i < n && run->options.from != NULL; i++)
		run->load.conns[i].from = xstrdup(run->options.from);
}

static void
run_close(struct run *run)
{
	load_close(&run->load);
	vec_free(&run->requests);
	vec_free(&run->figures.latency_us);
	vec_free(&run->send_us);
	vec_free(&run->wake_us);
	free(run->text);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct run *);
		bool is_one_a_line;
	} modes[] = { { "repeat", repeat, false }, { "each", each, false },
		{ "listen", listen_all, true }, { "hold", hold, true } };
	struct run run = { .options = { .server = "127.0.0.1:8008",
			       .connections = 1,
			       .rounds = 20,
			       .every_ms = 300,
			       .seconds = 3,
			       .warm_s = 0.3 } };

	read_options(&run.options, argc, argv);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (optind + 2 != argc || strcmp(argv[optind], modes[i].name) != 0)
			continue;
		run.options.file = argv[optind + 1];
		load_raise_nofile();
		signal(SIGPIPE, SIG_IGN);
		read_requests(&run);
		run_open(&run, modes[i].is_one_a_line);
		modes[i].run(&run);
		run_close(&run);
		return 0;
	}
	fputs(usage, stderr);
	return 2;
}
