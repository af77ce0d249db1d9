/*
 * Listeners of `./dev bench listen` and `./dev soak listen`: registers guests, holds
 * them all by real requests in as many processes as it takes, and checks each answer.
 * Its standard input says what is to happen, its standard output what came of it;
 * tests/lib/crowd.py speaks with it. Relies on bench/load_conn for the sender,
 * listen_worker for listeners.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "listen_desk.h"

#define SETTLE_US 20000
#define SETTLE_LOOKS 250
#define SPARE_DESCRIPTORS 64

static const char usage[] =
    "usage: listen [OPTION...] ROOM...\n"
    "\n"
    "  --server ADDRESS:PORT, --pid PID   the server, and its process\n"
    "  --mode MODE         how they listen: poll, tls, h2, sse or page (poll)\n"
    "  --tls ADDRESS:PORT  where they do so in mode tls; all else goes to --server\n"
    "  --languages LIST    of mode page, in turn, by commas (en)\n"
    "  --gzip 1            modes sse and page: streams come packed\n"
    "  --listeners N       how many (1,000), in turn in each room\n"
    "  --listened N        only in the first N rooms (all)\n"
    "  --sender TOKEN      who sends to the rooms\n"
    "  --quiet ROOM        where a probe sends to, and nobody listens\n"
    "  --each N            listeners in a process (as many as nofile allows)\n"
    "\n"
    "Reads one line at a time, and answers each by one of JSON; numbers are whole:\n"
    "  open                connects everybody\n"
    "  park [timeout_ms=120000] [over_ms=0] [until_ms=0]\n"
    "                      everybody asks, within over_ms; until_ms: all time out "
    "then\n"
    "  again on=1          whoever is answered asks again at once\n"
    "  reopen [over_ms=0]  everybody leaves and comes back\n"
    "  send [count=1] [senders=1] [room=0] [rooms=1] [within_s=120]\n"
    "       [every_ms=0 seconds=0 [burst=0 burst_every_ms=0]]\n"
    "                      returns when all have heard it\n"
    "  await empty=N [within_s=60] [more=0] [poke=0]\n"
    "                      until so many answers were empty, since the last await "
    "with\n"
    "                      more=1; a floor wants a poke\n"
    "  probe on=1, probe on=0\n"
    "                      sends to the quiet room, newcomers; their latencies\n"
    "  slow n=N            so many connections of no use; 0: ends them\n"
    "  figures             counted since the last time\n"
    "  check               has everybody heard what was sent, once and in order?\n";

/* ---- sums ---- */

int64_t
desk_arg(const char *line, const char *name, int64_t otherwise)
{
	size_t n = strlen(name);

	for (const char *p = line; (p = strstr(p, name)) != NULL; p += n)
		if (p > line && p[-1] == ' ' && p[n] == '=')
			return atoll(p + n + 1);
	return otherwise;
}

void
desk_sum(const struct crowd *crowd, struct tally *sum_out)
{
	memset(sum_out, 0, sizeof *sum_out);
	for (int i = 0; i < crowd->worker_count; i++) {
		const struct tally *one = &crowd->tallies[i];

		sum_out->answers += one->answers;
		sum_out->empty += one->empty;
		sum_out->events += one->events;
		sum_out->bytes += one->bytes;
		sum_out->lost += one->lost;
		sum_out->wrong += one->wrong;
		for (int b = 0; b < WAKE_BUCKETS; b++)
			sum_out->wake[b] += one->wake[b];
		if (one->wrong > 0)
			memcpy(sum_out->first_wrong, one->first_wrong, TEXT_MAX);
	}
}

/* The time within which that part of all deliveries since then lie. */
static long long
wake_quantile(const struct tally *now, const struct tally *before, double part)
{
	uint64_t all = now->events - before->events, passed = 0;
	int b = 0;

	for (; b < WAKE_BUCKETS - 1; b++) {
		passed += now->wake[b] - before->wake[b];
		if ((double)passed >= part * (double)all)
			break;
	}
	return (long long)wake_bucket_us(b);
}

void
desk_print_since(const struct crowd *crowd, const struct tally *before)
{
	struct tally now;
	struct buf text = { 0 };

	desk_sum(crowd, &now);
	buf_json_str(&text, now.first_wrong);
	buf_char(&text, '\0');
	printf("\"answers\": %llu, \"empty\": %llu, \"events\": %llu, \"bytes\": %llu, "
	       "\"lost\": %llu, \"wrong\": %llu, \"first_wrong\": %s, \"wake_p50_us\": "
	       "%lld, \"wake_p99_us\": %lld, \"wake_max_us\": %lld",
	    (unsigned long long)(now.answers - before->answers),
	    (unsigned long long)(now.empty - before->empty),
	    (unsigned long long)(now.events - before->events),
	    (unsigned long long)(now.bytes - before->bytes),
	    (unsigned long long)(now.lost - before->lost),
	    (unsigned long long)now.wrong, text.p, wake_quantile(&now, before, 0.5),
	    wake_quantile(&now, before, 0.99), wake_quantile(&now, before, 1));
	buf_free(&text);
}

/* Until it takes less than 1 % of a core; with others about, it has no end to wait for.
 */
double
desk_settled_cpu_us(struct desk *desk)
{
	double before = load_cpu_us(desk->crowd->pid), now;
	int quiet = desk->is_probing || desk->slow_count > 0 ? 2 : 0;

	for (int i = 0; i < SETTLE_LOOKS && quiet < 2; i++, before = now) {
		usleep(SETTLE_US);
		now = load_cpu_us(desk->crowd->pid);
		quiet = now - before < SETTLE_US / 100.0 ? quiet + 1 : 0;
	}
	return before;
}

/* ---- what may be told ---- */

void
desk_order(struct desk *desk, const struct order *order)
{
	char done;

	for (int i = 0; i < desk->crowd->worker_count; i++)
		if (write(desk->order_fds[i], order, sizeof *order) != sizeof *order)
			load_die("a worker has ended");
	for (int i = 0; i < desk->crowd->worker_count; i++)
		if (read(desk->order_fds[i], &done, 1) != 1)
			load_die("a worker has ended");
}

static void
order_and_print(struct desk *desk, const struct order *order)
{
	double cpu_us = desk_settled_cpu_us(desk);
	int64_t from_us = clock_mono_us(), took_us;

	desk_order(desk, order);
	took_us = clock_mono_us() - from_us;
	printf("{\"took_us\": %lld, \"cpu_us\": %.1f}\n", (long long)took_us,
	    desk_settled_cpu_us(desk) - cpu_us);
}

static void
desk_open(struct desk *desk, const char *line)
{
	struct order order = { .kind = ORDER_OPEN };

	(void)line;
	order_and_print(desk, &order);
}

static void
desk_park(struct desk *desk, const char *line)
{
	int64_t until_ms = desk_arg(line, "until_ms", 0);
	struct order order = { .kind = ORDER_PARK,
		.timeout_ms = desk_arg(line, "timeout_ms", 120000),
		.over_us = desk_arg(line, "over_ms", 0) * 1000,
		.until_us = until_ms > 0 ? clock_mono_us() + until_ms * 1000 : 0 };

	order_and_print(desk, &order);
}

static void
desk_again(struct desk *desk, const char *line)
{
	struct order order = { .kind = ORDER_AGAIN, .on = desk_arg(line, "on", 1) };

	order_and_print(desk, &order);
}

static void
desk_reopen(struct desk *desk, const char *line)
{
	struct order order = { .kind = ORDER_REOPEN,
		.timeout_ms = desk_arg(line, "timeout_ms", 120000),
		.over_us = desk_arg(line, "over_ms", 0) * 1000 };

	order_and_print(desk, &order);
}

static void
desk_figures(struct desk *desk, const char *line)
{
	static struct tally before;

	(void)line;
	printf("{\"cpu_us\": %.1f, ", desk_settled_cpu_us(desk));
	desk_print_since(desk->crowd, &before);
	printf("}\n");
	desk_sum(desk->crowd, &before);
}

static void
desk_check(struct desk *desk, const char *line)
{
	struct order order = { .kind = ORDER_CHECK };
	struct crowd *crowd = desk->crowd;

	(void)line;
	for (int i = 0; i < crowd->room_count; i++)
		atomic_store(&crowd->rooms[i].order, 0);
	desk_order(desk, &order);
	desk_figures(desk, line);
}

static void
nothing_to_note(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	(void)load;
	(void)conn;
	(void)answer;
}

/* A floor keeps no time: it is told that it is over. */
static void
poke(const struct crowd *crowd)
{
	static const struct load_request request = { "POST", "/floor/timeout", "",
		"{}" };
	struct load load = { .on_answer = nothing_to_note };

	load_open(&load, crowd->server, 1);
	load_ask(&load, &load.conns[0], &request);
	load_await(&load);
	load_close(&load);
}

static void
desk_await(struct desk *desk, const char *line)
{
	uint64_t empty = (uint64_t)desk_arg(line, "empty", 0);
	int64_t from_us = clock_mono_us();
	int64_t until_us = from_us + desk_arg(line, "within_s", 60) * 1000000;
	static struct tally before;
	struct tally now;

	if (!desk_arg(line, "more", 0))
		desk_sum(desk->crowd, &before);
	if (desk_arg(line, "poke", 0))
		poke(desk->crowd);
	do {
		usleep(2000);
		desk_sum(desk->crowd, &now);
	} while (now.empty - before.empty < empty && clock_mono_us() < until_us);
	printf("{\"took_us\": %lld, ", (long long)(clock_mono_us() - from_us));
	desk_print_since(desk->crowd, &before);
	printf("}\n");
}

/* ---- other processes ---- */

static pid_t
fork_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		load_die("fork: %s", strerror(errno));
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* 1 if it had come to an end by itself. */
static int
end_child(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return WIFEXITED(status);
}

static void
print_probe(const char *name, struct probe *probe)
{
	printf("\"%s\": %u, \"%s_p50_us\": %lld, \"%s_p99_us\": %lld, \"%s_max_us\": "
	       "%lld, ",
	    name, probe->n, name, (long long)load_quantile(probe->us, probe->n, 0.5),
	    name, (long long)load_quantile(probe->us, probe->n, 0.99), name,
	    (long long)load_quantile(probe->us, probe->n, 1));
}

static void
desk_probe(struct desk *desk, const char *line)
{
	struct crowd *crowd = desk->crowd;
	int failed = 0;

	desk->is_probing = desk_arg(line, "on", 1);
	if (desk->is_probing) {
		atomic_store(&crowd->sends.n, 0);
		atomic_store(&crowd->newcomers.n, 0);
		for (int i = 0; i < 2; i++) {
			desk->probes[i] = fork_child();
			if (desk->probes[i] == 0)
				(i == 0 ? probe_sends : probe_newcomers)(crowd);
		}
		printf("{}\n");
		return;
	}
	for (int i = 0; i < 2; i++)
		failed += end_child(desk->probes[i]);
	printf("{");
	print_probe("send", &crowd->sends);
	print_probe("newcomer", &crowd->newcomers);
	printf("\"failed\": %d}\n", failed);
}

/* Of one process, less what is no listener's. */
static int
descriptors(void)
{
	return load_raise_nofile() - SPARE_DESCRIPTORS;
}

static void
slow_start(struct desk *desk, int n)
{
	int fds[2];
	char done;

	if (desk->slow_count == WORKERS_MAX || pipe(fds) < 0)
		load_die("no more processes: %s", strerror(errno));
	desk->slow[desk->slow_count] = fork_child();
	if (desk->slow[desk->slow_count] == 0)
		slow_run(desk->crowd, n, fds[1]);
	desk->slow_count++;
	close(fds[1]);
	if (read(fds[0], &done, 1) != 1)
		load_die("slow clients do not connect");
	close(fds[0]);
}

static void
desk_slow(struct desk *desk, const char *line)
{
	struct slow_tally *tally = &desk->crowd->slow;
	int n = (int)desk_arg(line, "n", 0), each = descriptors();

	for (int i = 0; i < n; i += each)
		slow_start(desk, n - i < each ? n - i : each);
	printf("{\"open\": %u, \"reopened\": %u, \"refused\": %u}\n", tally->open,
	    tally->reopened, tally->refused);
	if (n > 0)
		return;
	while (desk->slow_count > 0)
		end_child(desk->slow[--desk->slow_count]);
	memset(tally, 0, sizeof *tally);
}

/* ---- the beginning, and the end ---- */

static void
start_workers(struct desk *desk, int each)
{
	struct crowd *crowd = desk->crowd;

	for (int from = 0; from < crowd->n; from += each) {
		int i = crowd->worker_count++, fds[2];
		int n = crowd->n - from < each ? crowd->n - from : each;

		if (i == WORKERS_MAX ||
		    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
			load_die("no more processes: %s", strerror(errno));
		if (fork_child() == 0)
			worker_run(crowd, i, from, n, fds[1]);
		close(fds[1]);
		desk->order_fds[i] = fds[0];
	}
}

/* Returns when all others have ended. */
static void
desk_close(struct desk *desk)
{
	for (int i = 0; i < 2 && desk->is_probing; i++)
		end_child(desk->probes[i]);
	while (desk->slow_count > 0)
		end_child(desk->slow[--desk->slow_count]);
	for (int i = 0; i < desk->crowd->worker_count; i++)
		shutdown(desk->order_fds[i], SHUT_RDWR); /* all copies of it */
	while (wait(NULL) > 0)
		continue;
}

/* ---- the command line ---- */

static void
read_options(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = { { "server", 1, NULL, 'S' },
		{ "tls", 1, NULL, 't' }, { "pid", 1, NULL, 'p' },
		{ "mode", 1, NULL, 'm' }, { "listeners", 1, NULL, 'n' },
		{ "listened", 1, NULL, 'l' }, { "sender", 1, NULL, 's' },
		{ "quiet", 1, NULL, 'q' }, { "each", 1, NULL, 'e' },
		{ "languages", 1, NULL, 'L' }, { "gzip", 1, NULL, 'z' },
		{ "help", 0, NULL, 'h' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'S':
			options->server = optarg;
			break;
		case 't':
			options->tls = optarg;
			break;
		case 'p':
			options->pid = atoi(optarg);
			break;
		case 'm':
			options->mode = optarg;
			break;
		case 'n':
			options->listeners = atoi(optarg);
			break;
		case 'l':
			options->listened = atoi(optarg);
			break;
		case 's':
			options->sender = optarg;
			break;
		case 'q':
			options->quiet = optarg;
			break;
		case 'e':
			options->each = atoi(optarg);
			break;
		case 'L':
			options->languages = optarg;
			break;
		case 'z':
			options->gzip = atoi(optarg) != 0;
			break;
		default:
			fputs(usage, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
}

static void
follow(struct desk *desk, const char *line)
{
	static const struct {
		const char *word;
		void (*run)(struct desk *, const char *);
	} words[] = { { "open", desk_open }, { "park", desk_park },
		{ "again", desk_again }, { "reopen", desk_reopen },
		{ "send", desk_send }, { "await", desk_await }, { "probe", desk_probe },
		{ "slow", desk_slow }, { "figures", desk_figures },
		{ "check", desk_check } };
	size_t n = strcspn(line, " \n");

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i].word) == n && memcmp(words[i].word, line, n) == 0) {
			words[i].run(desk, line);
			fflush(stdout);
			return;
		}
	load_die("no word %.*s", (int)n, line);
}

int
main(int argc, char **argv)
{
	struct options options = { .server = "127.0.0.1:8008",
		.mode = "poll",
		.sender = "",
		.quiet = "",
		.languages = "en",
		.listeners = 1000 };
	struct desk desk = { 0 };
	static char line[4096];

	read_options(&options, argc, argv);
	if (optind == argc || options.listeners < 1 ||
	    !worker_has_mode(options.mode, options.gzip) ||
	    (strcmp(options.mode, "tls") == 0) != (options.tls != NULL)) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (options.each <= 0 || options.each > descriptors())
		options.each = descriptors();
	desk.crowd = crowd_new(&options, argv + optind, argc - optind);
	crowd_register(desk.crowd);
	crowd_find_end(desk.crowd);
	start_workers(&desk, options.each);
	puts("{\"ready\": true}");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL)
		follow(&desk, line);
	desk_close(&desk);
	return 0;
}
