/*
 * libFuzzer: any bytes as one connection, by HTTP/1.1 or HTTP/2, that uploads and
 * downloads. The input is pieces, each led by its length and by what happens behind it:
 * bytes of a body come, portions are asked for, parts are sent, the client reads, the
 * clock moves. Relies on asserts: whoever waits for a portion or a part is told, once,
 * and nothing is kept when the connection has ended. `./dev fuzz` runs it.
 */
#include "http/fuzzing.h"

#define TRANSFERS_MAX 256
#define PART 70000
#define PARTS 3
#define FILLING 30000

enum after {
	READ = 1,
	ASK = 2,
	SEND = 4,
	ANSWER = 8,
	CUT = 16,
	LATER = 32,
	FILL = 64, /* with bytes of the body of stream 1, or of whatever stands there */
};

enum doing {
	UPLOADS, /* nobody has asked for its next portion */
	ASKED,
	CAME, /* all of it is here, or no more will come */
	DOWNLOADS,
	SENDS, /* a part, of which nobody has said yet that it was sent */
	OVER,
};

struct transfer {
	struct exchange exchange;
	enum doing doing;
	size_t came;
	int parts;
	bool is_gone;
};

static struct transfer transfers[TRANSFERS_MAX];
static int transfers_n;

static void
answer(struct exchange exchange)
{
	struct http_reply reply = { .status = 200, .body = xcalloc(1, 100) };

	reply.body_n = 100;
	http_answer(exchange, &reply);
}

static void
on_request(struct http_io *own, struct http_request *request, void *arg)
{
	bool is_upload = request->comes_in_portions;

	assert(!is_upload || request->body_n == 0);
	if (transfers_n == TRANSFERS_MAX ||
	    (!is_upload && !str_starts(request->head.path, "/d"))) {
		answer(request->exchange);
		return;
	}
	transfers[transfers_n++] = (struct transfer){ .exchange = request->exchange,
		.doing = is_upload ? UPLOADS : DOWNLOADS };
}

static bool
in_portions(struct str method, struct str path, void *arg)
{
	return str_starts(path, "/u");
}

static void
on_gone(struct http_io *own, uint32_t tag, void *arg)
{
	abort(); /* nobody parks */
}

/* --- what the server does --- */

static void
take(void *arg, enum http_portion what, char *bytes, size_t n)
{
	struct transfer *t = arg;

	assert(t->doing == ASKED);
	assert(n <= HTTP_PORTION_MAX && (n > 0 || what != HTTP_PORTION));
	assert(what != HTTP_PORTION_GONE || bytes == NULL);
	for (size_t i = 0; i < n; i++)
		t->came += bytes[i] == 'x';
	free(bytes);
	t->doing = what == HTTP_PORTION ? UPLOADS : CAME;
	t->is_gone = what == HTTP_PORTION_GONE;
}

static void
on_sent(void *arg, bool is_gone)
{
	struct transfer *t = arg;

	assert(t->doing == SENDS);
	t->doing = is_gone ? OVER : DOWNLOADS;
}

static void
send_part(struct transfer *t)
{
	struct http_reply head = { .status = 200, .body_n = PARTS * PART };
	struct http_part part = { .head = t->parts == 0 ? &head : NULL,
		.bytes = xcalloc(1, PART),
		.n = PART,
		.is_last = ++t->parts == PARTS,
		.sent = on_sent,
		.arg = t };

	t->doing = part.is_last ? OVER : SENDS;
	http_send_part(t->exchange, &part);
}

static void
serve(uint8_t after)
{
	for (int i = 0; i < transfers_n; i++) {
		struct transfer *t = &transfers[i];

		if (t->doing == UPLOADS && (after & ASK)) {
			t->doing = ASKED;
			http_body_next(t->exchange, take, t);
		} else if ((t->doing == CAME || t->doing == UPLOADS) &&
			   (after & ANSWER)) {
			t->doing = OVER;
			answer(t->exchange);
		} else if (t->doing == DOWNLOADS && (after & CUT)) {
			t->doing = OVER;
			http_send_cut(t->exchange);
		} else if (t->doing == DOWNLOADS && (after & SEND)) {
			send_part(t);
		}
	}
}

/* --- what the client does --- */

static void
fill(int fd, bool is_h2)
{
	static char filling[9 + FILLING];
	size_t frame = 16384;

	memset(filling, 'x', sizeof filling);
	memcpy(filling, (char[9]){ 0, 0x40, 0, 0, 0, 0, 0, 0, 1 }, is_h2 ? 9 : 0);
	(void)!send(
	    fd, filling, is_h2 ? 9 + frame : FILLING, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
run(struct conn *c, int fd, const uint8_t *data, size_t n, bool is_h2)
{
	while (n >= 2 && c->fd >= 0) {
		size_t piece = data[0] < n - 2 ? data[0] : n - 2;
		uint8_t after = data[1];

		(void)!send(fd, data + 2, piece, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (after & FILL)
			fill(fd, is_h2);
		conn_event(io, c->slot, EPOLLIN);
		data += 2 + piece;
		n -= 2 + piece;
		turns();
		serve(after);
		turns();
		if (after & READ)
			read_all(c, fd);
		if (after & LATER)
			pass_time();
		turns();
	}
}

/* Who asked has been told, and who asks now is told that it is over. */
static void
check_nothing_is_left(void)
{
	serve(ASK | SEND);
	open_mail();
	serve(ANSWER | CUT);
	open_mail();
	for (int i = 0; i < transfers_n; i++)
		assert(transfers[i].doing == OVER);
	assert(io->stats.pinned_bytes == 0 && io->stats.connections == 0);
}

static void
run_connection(const uint8_t *data, size_t n)
{
	bool is_h2 = data[0] % 2 == 1;
	struct conn *c;
	int fd;

	transfers_n = 0;
	c = connect_client(is_h2, &fd);
	run(c, fd, data + 1, n - 1, is_h2);
	hang_up(c, fd);
	slots_reclaim(io);
	check_nothing_is_left();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (server == NULL)
		start_server((struct http_hooks){ .request = on_request,
		    .in_portions = in_portions,
		    .gone = on_gone });
	if (n > 0)
		run_as_io_thread(run_connection, data, n);
	return 0;
}
