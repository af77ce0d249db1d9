/*
 * What a room takes on disk: 20,000 events of a mixed room through the store's
 * functions, then the bytes of each table and index beside those of the events' plain
 * JSON. Relies on store/ and on SQLite's dbstat; `store_size [N]` prints one table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/log.h"
#include "db/migrate.h"
#include "store/events.h"
#include "store/pack.h"
#include "store/rooms.h"
#include "store/state.h"

#define EVENTS 20000
#define USERS 800
#define GROUP 100 /* events a transaction */

struct bench {
	struct db *db;
	struct arena *arena;
	uint64_t noise;
	int64_t json_bytes, packed_bytes;
	int64_t depth;
	char last_id[45];
};

struct kind {
	int percent;
	const char *type;
	bool is_state;
	void (*content)(struct bench *b, struct buf *out);
};

static void
must(enum mx_err err, const char *what)
{
	if (err == M_OK)
		return;
	fprintf(stderr, "store_size: %s failed\n", what);
	exit(1);
}

/* splitmix64 */
static uint64_t
random_bits(struct bench *b)
{
	uint64_t z = b->noise += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static int
below(struct bench *b, int n)
{
	return (int)(random_bits(b) % (uint64_t)n);
}

static void
random_token(struct bench *b, size_t n, bool url_safe, char *out)
{
	uint8_t bytes[512];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)random_bits(b);
	if (url_safe)
		b64url_encode(bytes, n, out);
	else
		b64_encode(bytes, n, out);
}

static void
add_token(struct bench *b, struct buf *out, size_t n, bool url_safe)
{
	char text[700];

	random_token(b, n, url_safe, text);
	buf_str(out, text);
}

static void
random_id(struct bench *b, char out[45])
{
	out[0] = '$';
	random_token(b, 32, true, out + 1);
}

static void
add_id(struct bench *b, struct buf *out)
{
	char id[45];

	random_id(b, id);
	buf_printf(out, "\"%s\"", id);
}

static void
add_words(struct bench *b, struct buf *out, int least, int most)
{
	static const char *const words[] = { "the", "server", "was", "upgraded",
		"today", "could", "somebody", "look", "at", "this", "patch", "please",
		"thanks", "works", "here", "with", "version", "one", "again",
		"tomorrow", "meeting", "notes", "are", "in", "their", "usual", "place",
		"bridge", "is", "slow", "after", "restart", "I", "think", "we",
		"should", "wait", "for", "review", "before", "merging", "coffee",
		"anyone", "nobody", "answers", "phone" };
	int n = least + below(b, most - least + 1);

	for (int i = 0; i < n; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : " ",
		    words[below(b, sizeof words / sizeof words[0])]);
}

/* --- contents --- */

static void
text(struct bench *b, struct buf *out)
{
	buf_str(out, "{\"body\":\"");
	add_words(b, out, 2, 25);
	buf_str(out, "\",\"msgtype\":\"m.text\"}");
}

static void
html(struct bench *b, struct buf *out)
{
	size_t from, n;
	char *body;

	buf_str(out, "{\"body\":\"");
	from = out->n;
	add_words(b, out, 3, 15);
	n = out->n - from;
	body = xstrndup(out->p + from, n);
	buf_printf(out,
	    "\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":"
	    "\"<strong>%s</strong>\",\"msgtype\":\"m.text\"}",
	    body);
	free(body);
}

static void
reply(struct bench *b, struct buf *out)
{
	buf_str(out, "{\"body\":\"");
	add_words(b, out, 3, 15);
	buf_str(out, "\",\"m.mentions\":{},\"m.relates_to\":{\"m.in_reply_to\":"
		     "{\"event_id\":");
	add_id(b, out);
	buf_str(out, "}},\"msgtype\":\"m.text\"}");
}

static void
image(struct bench *b, struct buf *out)
{
	buf_str(out, "{\"body\":\"photo.jpg\",\"info\":{\"h\":");
	buf_int(out, 200 + below(b, 3000));
	buf_str(out, ",\"mimetype\":\"image/jpeg\",\"size\":");
	buf_int(out, 10000 + below(b, 4000000));
	buf_printf(out,
	    ",\"w\":%d},\"msgtype\":\"m.image\",\"url\":\"mxc://example.org/",
	    200 + below(b, 4000));
	add_token(b, out, 18, true);
	buf_str(out, "\"}");
}

static void
encrypted(struct bench *b, struct buf *out)
{
	buf_str(out, "{\"algorithm\":\"m.megolm.v1.aes-sha2\",\"ciphertext\":\"AwgA");
	add_token(b, out, 150 + (size_t)below(b, 150), false);
	buf_str(out, "\",\"device_id\":\"JLAFKJWSCS\",\"sender_key\":\"");
	add_token(b, out, 32, false);
	buf_str(out, "\",\"session_id\":\"");
	add_token(b, out, 32, false);
	buf_str(out, "\"}");
}

static void
reaction(struct bench *b, struct buf *out)
{
	buf_str(out, "{\"m.relates_to\":{\"event_id\":");
	add_id(b, out);
	buf_str(out, ",\"key\":\"\xf0\x9f\x91\x8d\",\"rel_type\":\"m.annotation\"}}");
}

static void
redaction(struct bench *b, struct buf *out)
{
	buf_str(out, "{\"redacts\":");
	add_id(b, out);
	buf_char(out, '}');
}

static void
membership(struct bench *b, struct buf *out)
{
	if (below(b, 2) == 0) {
		buf_str(out, "{\"membership\":\"leave\"}");
		return;
	}
	buf_str(out, "{\"avatar_url\":\"mxc://example.org/");
	add_token(b, out, 18, true);
	buf_printf(out, "\",\"displayname\":\"User %d\",\"membership\":\"join\"}",
	    below(b, USERS));
}

static void
topic(struct bench *b, struct buf *out)
{
	buf_str(out, "{\"topic\":\"");
	add_words(b, out, 3, 12);
	buf_str(out, "\"}");
}

static const struct kind kinds[] = {
	{ 46, "m.room.message", false, text },
	{ 8, "m.room.message", false, html },
	{ 10, "m.room.message", false, reply },
	{ 3, "m.room.message", false, image },
	{ 6, "m.room.encrypted", false, encrypted },
	{ 8, "m.reaction", false, reaction },
	{ 2, "m.room.redaction", false, redaction },
	{ 16, "m.room.member", true, membership },
	{ 1, "m.room.topic", true, topic },
};

static const struct kind *
some_kind(struct bench *b)
{
	int at = below(b, 100), i = 0;

	for (; at >= kinds[i].percent; i++)
		at -= kinds[i].percent;
	return &kinds[i];
}

/* --- events --- */

static void
make_json(struct bench *b, struct buf *out, const struct kind *kind, const char *user,
    int64_t ts)
{
	buf_str(out, "{\"auth_events\":[");
	for (int i = 0; i < 3; i++) {
		buf_str(out, i == 0 ? "" : ",");
		add_id(b, out);
	}
	buf_str(out, "],\"content\":");
	kind->content(b, out);
	buf_printf(out, ",\"depth\":%" PRId64 ",\"hashes\":{\"sha256\":\"", ++b->depth);
	add_token(b, out, 32, false);
	buf_printf(out,
	    "\"},\"origin_server_ts\":%" PRId64 ",\"prev_events\":[\"%s\"],"
	    "\"room_id\":\"!XTyDdRGqjNFFIOKUCF:example.org\",\"sender\":\"%s\","
	    "\"signatures\":{\"example.org\":{\"ed25519:a_Fdfs\":\"",
	    ts, b->last_id, user);
	add_token(b, out, 64, false);
	buf_str(out, "\"}}");
	if (kind->is_state)
		buf_printf(out, ",\"state_key\":\"%s\"",
		    strcmp(kind->type, "m.room.member") == 0 ? user : "");
	buf_printf(out, ",\"type\":\"%s\"}", kind->type);
}

static void
add_state(struct bench *b, const struct event_row *row, int64_t key)
{
	must(store_state_change(b->db, 1, key, row->event, row->event, 1), "a change");
	if (strcmp(row->type, "m.room.member") == 0)
		must(store_member_set(b->db, row->state_key, 1, 1, row->event),
		    "a member");
}

/* Fills in by which transaction the event was sent. */
static void
add_txn(struct bench *b, struct event_row *row)
{
	uint64_t hash[2] = { random_bits(b), random_bits(b) };

	row->device_id = "JLAFKJWSCS";
	row->txn_id = arena_printf(b->arena, "m%" PRId64 ".%d",
	    1786000000000 + row->event * 777, below(b, 100));
	must(store_txn_add(b->db, (uint8_t *)hash, row->event), "a txn");
}

static void
add_event(struct bench *b, int64_t event)
{
	const struct kind *kind = some_kind(b);
	const char *user =
	    arena_printf(b->arena, "@user-%d:example.org", below(b, USERS));
	const int64_t prev = event - 1;
	struct event_row row = { .event = event,
		.room = 1,
		.line = event,
		.ts = 1786000000000 + event * 30011,
		.depth = b->depth + 1,
		.flags = EVENT_LIVE,
		.type = kind->type,
		.prevs = &prev,
		.prev_count = event > 1,
		.segment = 1,
		.at = event };
	struct buf json = { 0 };
	int64_t key;

	make_json(b, &json, kind, user, row.ts);
	random_id(b, b->last_id);
	row.event_id = b->last_id;
	row.packed = pack_json(b->arena, json.p, json.n);
	if (kind->is_state)
		row.state_key = strcmp(kind->type, "m.room.member") == 0 ? user : "";
	b->json_bytes += (int64_t)json.n;
	b->packed_bytes += (int64_t)row.packed.n;
	if (!kind->is_state)
		add_txn(b, &row);
	must(store_event_add(b->db, &row, &key), "an event");
	if (kind->is_state)
		add_state(b, &row, key);
	buf_free(&json);
}

static void
fill(struct bench *b, int n)
{
	struct room_row room = { .room = 1,
		.room_id = "!XTyDdRGqjNFFIOKUCF:example.org",
		.version = "11",
		.segment = 1 };

	must(store_room_add(b->db, &room), "the room");
	must(store_segment_new(b->db, 1, 1), "its segment");
	for (int event = 1; event <= n; event += GROUP) {
		must(db_begin(b->db), "begin");
		for (int i = event; i < event + GROUP && i <= n; i++)
			add_event(b, i);
		must(db_commit(b->db), "commit");
		arena_reset(b->arena);
	}
}

static void
print(const struct bench *b, int n)
{
	struct stmt *q = db_stmt(b->db,
	    "SELECT name, sum(pgsize), sum(payload) FROM dbstat GROUP BY name"
	    " HAVING sum(payload) > 0 ORDER BY 2 DESC");
	int64_t all = 0;

	printf("%d events, bytes of plain JSON: %" PRId64 " (%" PRId64 " each)\n", n,
	    b->json_bytes, b->json_bytes / n);
	printf(
	    "%-28s %12s %10s %10s\n", "table or index", "bytes", "per event", "x JSON");
	while (stmt_next(q)) {
		const char *name = col_text(q, 0);
		int64_t bytes = col_int(q, 1);

		printf("%-28s %12" PRId64 " %10.1f %10.3f\n", name, bytes,
		    (double)bytes / n, (double)bytes / (double)b->json_bytes);
		all += bytes;
	}
	must(stmt_done(q), "dbstat");
	printf("packed / plain JSON: %.3f\n",
	    (double)b->packed_bytes / (double)b->json_bytes);
	printf("everything but event JSON / plain JSON: %.3f\n",
	    (double)(all - b->packed_bytes) / (double)b->json_bytes);
}

int
main(int argc, char **argv)
{
	char folder[] = "/tmp/store_size.XXXXXX", path[64], *error = NULL;
	struct bench b = { .noise = 1, .arena = arena_new(), .last_id = "$first" };
	int n = argc > 1 ? atoi(argv[1]) : EVENTS;

	if (n < 1 || mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/parlour.db", folder);
	b.db = db_open(path, DB_WRITE, &error);
	if (b.db == NULL || migrate(b.db, &error) != M_OK) {
		fprintf(stderr, "store_size: %s\n", error);
		return 1;
	}
	fill(&b, n);
	print(&b, n);
	db_close(b.db);
	arena_free(b.arena);
	unlink(path);
	rmdir(folder);
	return 0;
}
