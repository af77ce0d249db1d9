/*
 * The sender of `listen`: events into one room or many, as fast as they are answered or
 * at a pace, and how long until the listeners have them. Relies on load_conn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "listen_desk.h"

#define WITHIN_S 120
#define TEXT                                                                           \
	"The parlour is open; whoever comes in may listen, and hears what is said "    \
	"here."

/* What is to be sent: total events, round the rooms [from .. from + n). */
struct sending {
	struct desk *desk;
	int room_from, room_n;
	uint32_t total, asked, acked;
	int64_t every_us, next_us;	  /* 0: as fast as they are answered */
	int64_t burst_every_us, burst_us; /* 0: none */
	uint32_t burst, pending;	  /* that are due */
	int64_t last_acked_us;
	VEC(int64_t) took_us;
};

static void
note_sent(struct load *load, struct load_conn *conn, const struct answer *answer)
{
	struct sending *sending = load->arg;
	struct crowd *crowd = sending->desk->crowd;
	uint32_t n = atomic_load(&crowd->sent_n);
	struct sent *sent = &crowd->sent[n];
	struct str id = answer_member_of(answer, "\"event_id\":\"");

	if (id.n >= ID_MAX || n + 1 == SENT_MAX)
		load_die("no room for %.*s", (int)id.n, id.p);
	memcpy(sent->id, id.p, id.n);
	sent->room = (int)conn->line;
	sent->by = conn->index;
	sent->acked_us = conn->answered_us;
	crowd->rooms[sent->room].sent++;
	atomic_store_explicit(&crowd->sent_n, n + 1, memory_order_release);
	sending->acked++;
	sending->last_acked_us = conn->answered_us;
	vec_push(&sending->took_us, conn->answered_us - conn->asked_us);
}

static void
send_one(struct sending *sending, struct load *load, struct load_conn *conn)
{
	struct crowd *crowd = sending->desk->crowd;
	char target[512];
	struct load_request request = { "PUT", target, crowd->sender,
		"{\"msgtype\":\"m.text\",\"body\":\"" TEXT "\"}" };

	conn->line =
	    sending->room_from + (int)(sending->asked % (uint32_t)sending->room_n);
	snprintf(target, sizeof target,
	    "/_matrix/client/v3/rooms/%s/send/m.room.message/m{n}",
	    crowd->rooms[conn->line].id);
	sending->asked++;
	sending->pending--;
	load_ask(load, conn, &request);
}

/* What has become due by now. */
static void
look_at_clock(struct sending *sending)
{
	int64_t now_us = clock_mono_us();

	while (sending->every_us > 0 && now_us >= sending->next_us) {
		sending->pending++;
		sending->next_us += sending->every_us;
	}
	while (sending->burst_every_us > 0 && now_us >= sending->burst_us) {
		sending->pending += sending->burst;
		sending->burst_us += sending->burst_every_us;
	}
	if (sending->pending > sending->total - sending->asked)
		sending->pending = sending->total - sending->asked;
}

static void
send_all(struct sending *sending, int senders)
{
	struct load load = { .on_answer = note_sent, .arg = sending };

	load_open(&load, sending->desk->crowd->server, senders);
	sending->next_us = clock_mono_us();
	sending->burst_us = sending->next_us + sending->burst_every_us / 2;
	while (sending->acked < sending->total) {
		look_at_clock(sending);
		for (int i = 0; i < senders && sending->pending > 0; i++)
			if (!load.conns[i].is_waiting)
				send_one(sending, &load, &load.conns[i]);
		load_turn(&load, sending->every_us > 0 ? 1 : -1);
	}
	load_close(&load);
}

static void
set_targets(struct sending *sending)
{
	struct crowd *crowd = sending->desk->crowd;
	uint32_t each = sending->total / (uint32_t)sending->room_n;

	atomic_store(&crowd->arrived, 0);
	for (int i = 0; i < sending->room_n; i++) {
		struct room *room = &crowd->rooms[sending->room_from + i];

		atomic_store(&room->target, room->sent + each);
	}
}

/* How many of those who should have not heard all in time. */
static uint32_t
await_listeners(const struct sending *sending, int64_t within_s)
{
	struct crowd *crowd = sending->desk->crowd;
	int64_t until_us = clock_mono_us() + within_s * 1000000;
	uint32_t expected = 0;

	for (int i = 0; i < sending->room_n; i++)
		expected += (uint32_t)crowd->rooms[sending->room_from + i].listeners;
	while (atomic_load(&crowd->arrived) < expected && clock_mono_us() < until_us)
		usleep(2000); /* the listeners note the time themselves */
	return expected - atomic_load(&crowd->arrived);
}

/* From the sender's last answer to the first, half and last listener's. */
static void
print_times(const struct sending *sending)
{
	const struct crowd *crowd = sending->desk->crowd;
	VEC(int64_t) at_us = { 0 };

	for (int i = 0; i < crowd->n; i++) {
		const struct listener *who = &crowd->listeners[i];

		if (who->room >= sending->room_from &&
		    who->room < sending->room_from + sending->room_n)
			vec_push(&at_us, who->heard_us - sending->last_acked_us);
	}
	if (at_us.n > 0)
		printf("\"first_us\": %lld, \"half_us\": %lld, \"last_us\": %lld, ",
		    (long long)load_quantile(at_us.v, at_us.n, 0),
		    (long long)load_quantile(at_us.v, at_us.n, 0.5),
		    (long long)load_quantile(at_us.v, at_us.n, 1));
	vec_free(&at_us);
}

static void
read_sending(struct sending *sending, const char *line)
{
	int64_t seconds = desk_arg(line, "seconds", 0);

	sending->room_from = (int)desk_arg(line, "room", 0);
	sending->room_n = (int)desk_arg(line, "rooms", 1);
	sending->total = (uint32_t)desk_arg(line, "count", 1);
	sending->every_us = desk_arg(line, "every_ms", 0) * 1000;
	sending->burst = (uint32_t)desk_arg(line, "burst", 0);
	sending->burst_every_us = desk_arg(line, "burst_every_ms", 0) * 1000;
	if (sending->every_us == 0) {
		sending->pending = sending->total;
		return;
	}
	sending->total = (uint32_t)(seconds * 1000000 / sending->every_us);
	if (sending->burst_every_us > 0)
		sending->total += sending->burst * (uint32_t)(seconds * 1000000 /
							      sending->burst_every_us);
}

void
desk_send(struct desk *desk, const char *line)
{
	struct sending sending = { .desk = desk };
	struct tally before;
	double cpu_us;
	int64_t from_us;
	uint32_t missing;

	read_sending(&sending, line);
	desk_sum(desk->crowd, &before);
	set_targets(&sending);
	cpu_us = desk_settled_cpu_us(desk);
	from_us = clock_mono_us();
	send_all(&sending, (int)desk_arg(line, "senders", 1));
	missing = await_listeners(&sending, desk_arg(line, "within_s", WITHIN_S));
	printf("{\"took_us\": %lld, \"sent\": %u, \"missing\": %u, ",
	    (long long)(clock_mono_us() - from_us), sending.total, missing);
	print_times(&sending);
	printf("\"send_p50_us\": %lld, \"send_p99_us\": %lld, ",
	    (long long)load_quantile(sending.took_us.v, sending.took_us.n, 0.5),
	    (long long)load_quantile(sending.took_us.v, sending.took_us.n, 0.99));
	desk_print_since(desk->crowd, &before);
	printf(", \"cpu_us\": %.1f}\n", desk_settled_cpu_us(desk) - cpu_us);
	vec_free(&sending.took_us);
}
