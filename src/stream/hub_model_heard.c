/*
 * What they hear in hub_model_test, taken apart and held against the rules at the
 * moment at which it is sent: all that they are entitled to, in its order, once, and
 * nothing else.
 */
#include "stream/hub_model.h"

#include <stdlib.h>
#include <string.h>

#include "stream/events.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

#define CONTENT "{\"content\":{"

static struct hub *
hub_of(const struct world *w, const struct client *c)
{
	return http_io_data(http_io_at(w->http, c->index % w->io_count));
}

/* --- events as text --- */

/* One event of those that were sent. */
struct heard {
	int64_t position; /* 0: typing */
	bool is_redacted;
	bool as_member; /* told as to one who was in the room; of what is shared */
};

/* What it says behind all else: "unsigned":{..."membership":"join"... */
static bool
is_as_member(const char *at, const char *end)
{
	static const char more[] = "\"unsigned\":{", joined[] = "\"membership\":\"j",
			  any[] = "\"membership\":\"";

	at = memmem(at, (size_t)(end - at), more, sizeof more - 1);
	if (at != NULL)
		at = memmem(at, (size_t)(end - at), any, sizeof any - 1);
	return at != NULL && memcmp(at, joined, sizeof joined - 1) == 0;
}

/* The first event in text; *text_io goes behind what was read of it. False: none. */
static bool
next_event(struct str *text_io, struct heard *out)
{
	static const char because[] = "\"redacted_because\":",
			  id[] = "\"event_id\":\"$", typing[] = "\"typing\"";
	const char *end = text_io->p + text_io->n, *at = text_io->p, *digits;

	for (;; at += sizeof CONTENT - 1) {
		at = memmem(at, (size_t)(end - at), CONTENT, sizeof CONTENT - 1);
		if (at == NULL)
			return false;
		if (at - text_io->p < (ptrdiff_t)sizeof because - 1 ||
		    memcmp(at - (sizeof because - 1), because, sizeof because - 1) != 0)
			break;
	}
	at += sizeof CONTENT - 1;
	*out = (struct heard){ .is_redacted = *at == '}' };
	if (memcmp(at, typing, sizeof typing - 1) != 0) {
		digits = memmem(at, (size_t)(end - at), id, sizeof id - 1);
		out->position = strtoll(digits + sizeof id - 1, NULL, 10);
		out->as_member = is_as_member(digits, end);
	}
	*text_io = (struct str){ at, (size_t)(end - at) };
	return true;
}

/* What was known to the hub to be redacted is not told from memory any more. */
static void
check_redacted(
    struct world *w, const struct client *c, const struct heard *heard, bool is_shared)
{
	const struct said *e = &w->said.v[heard->position];

	if (heard->is_redacted)
		model_note(w, SEEN_REDACTED);
	if (heard->is_redacted && e->redacted_by == 0)
		model_fail(
		    w, c, "event %lld lacks its content", (long long)heard->position);
	if (is_shared && !heard->is_redacted && e->redacted_by != 0 &&
	    e->redacted_by <= hub_of(w, c)->processed)
		model_fail(w, c, "event %lld is told as it was before its redaction",
		    (long long)heard->position);
}

/* What is made for members goes to those who were there, and speaks of others; what is
 * made for strangers to those who were never there, if they have a name. */
static void
check_member(
    struct world *w, const struct client *c, const struct heard *heard, bool is_shared)
{
	const struct said *e = &w->said.v[heard->position];

	if (!is_shared)
		return;
	if (!heard->as_member) {
		if (c->user >= MODEL_GUESTS &&
		    (e->members_before[c->user] != MEMBERSHIP_NONE ||
			e->members_after[c->user] != MEMBERSHIP_NONE))
			model_fail(w, c, "event %lld is told as to a stranger",
			    (long long)heard->position);
		return;
	}
	if (e->members_before[c->user] != MEMBERSHIP_JOIN ||
	    e->members_after[c->user] != MEMBERSHIP_JOIN)
		model_fail(w, c, "event %lld is told as to a member",
		    (long long)heard->position);
	if (e->kind == SAID_MEMBER && e->user == c->user)
		model_fail(w, c, "its own membership %lld is told as to all",
		    (long long)heard->position);
	model_note(w, c->sse ? SEEN_MEMBERS_BLOCK : SEEN_MEMBERS_ANSWER);
}

/* They stand at c->at and are told of this next, or (position 0) of nothing up to
 * `until`. joins: up to where their joins open what was said before. */
static void
hear(struct world *w, struct client *c, int64_t position, int64_t until, int64_t joins)
{
	int64_t end = position != 0 ? position - 1 : until;

	if (position != 0 && (position <= c->at || position > until))
		model_fail(w, c, "event %lld at %lld, in what ends at %lld",
		    (long long)position, (long long)c->at, (long long)until);
	for (int64_t p = c->at + 1; p <= end; p++)
		if (rules_must_hear(w, c, p, joins))
			model_fail(w, c,
			    "event %lld is missed behind %lld, before %lld",
			    (long long)p, (long long)c->at, (long long)end + 1);
	if (position != 0 && !rules_may_hear(w, c, position))
		model_fail(
		    w, c, "event %lld is not theirs to hear", (long long)position);
	c->at = position != 0 ? position : until;
}

/* Nothing is told behind the end of a token. */
static void
check_expiry(struct world *w, const struct client *c)
{
	if (c->expires_ms != 0 && w->now_ms >= c->expires_ms)
		model_fail(w, c, "events %lld ms behind the token's end",
		    (long long)(w->now_ms - c->expires_ms));
}

/* "From now on" is not before what is known to everybody. */
static void
check_now(struct world *w, const struct client *c, int64_t start)
{
	if (!c->has_from && start < c->told)
		model_fail(w, c, "begins at %lld, and %lld was told before it came",
		    (long long)start, (long long)c->told);
}

/* --- polls --- */

struct answer {
	struct str chunk;
	char start[TOKEN_MAX], end[TOKEN_MAX];
	struct stream_token start_token, end_token;
};

static void
copy_token(struct world *w, struct client *c, const char *p, const char *end, char *out,
    struct stream_token *token_out)
{
	const char *quote = memchr(p, '"', (size_t)(end - p));

	if (quote == NULL || quote - p >= TOKEN_MAX)
		model_fail(w, c, "an answer's token has no end");
	memcpy(out, p, (size_t)(quote - p));
	out[quote - p] = '\0';
	if (!token_parse(out, token_out))
		model_fail(w, c, "%s is no token", out);
}

static void
take_apart(struct world *w, struct client *c, struct str body, struct answer *out)
{
	static const char head[] = "{\"chunk\":[", middle[] = "],\"end\":\"",
			  last[] = "\",\"start\":\"";
	size_t skip = body.n > 2 * TOKEN_MAX + 40 ? body.n - 2 * TOKEN_MAX - 40 : 0;
	const char *end = body.p + body.n, *at, *start;

	at = memmem(body.p + skip, body.n - skip, middle, sizeof middle - 1);
	start =
	    at == NULL ? NULL : memmem(at, (size_t)(end - at), last, sizeof last - 1);
	if (start == NULL || memcmp(body.p, head, sizeof head - 1) != 0)
		model_fail(w, c, "no answer: %.*s", (int)body.n, body.p);
	out->chunk.p = body.p + sizeof head - 1;
	out->chunk.n = (size_t)(at - out->chunk.p);
	copy_token(w, c, at + sizeof middle - 1, end, out->end, &out->end_token);
	copy_token(w, c, start + sizeof last - 1, end, out->start, &out->start_token);
}

static void
check_start(struct world *w, struct client *c, const struct answer *a)
{
	if (c->has_from && strcmp(a->start, c->from) != 0)
		model_fail(w, c, "starts at %s, and %s was given", a->start, c->from);
	/* Answered while it came in: from what the hub has read. */
	if (c->at < 0)
		c->at = hub_of(w, c)->processed;
	check_now(w, c, c->at);
	if (a->start_token.events != c->at)
		model_fail(w, c, "starts at %s, and listens from %lld", a->start,
		    (long long)c->at);
	if (a->end_token.events < c->at ||
	    (a->end_token.events > c->at && a->end_token.events > world_visible(w)))
		model_fail(w, c, "ends at %s, which is not between %lld and %lld",
		    a->end, (long long)c->at, (long long)world_visible(w));
}

static void
check_empty(struct world *w, struct client *c, int64_t end, bool was_parked)
{
	if (w->now_ms >= c->deadline_ms)
		model_note(w, SEEN_TIMEOUT);
	else if (w->is_stopping)
		model_note(w, SEEN_STOPPED);
	else if (!was_parked && hub_of(w, c)->tokens_gone > c->tokens_gone)
		model_note(w, SEEN_SENT_BACK);
	else if (rules_next(w, c, end) != 0)
		model_note(w, SEEN_OUTRUN_POLL);
	else
		model_fail(w, c, "an empty answer %lld ms before its time",
		    (long long)(c->deadline_ms - w->now_ms));
}

static void
check_chunk(struct world *w, struct client *c, const struct answer *a, bool is_shared,
    bool was_parked)
{
	struct str text = a->chunk;
	/* What is made for all of a class is theirs as of when it was said. */
	int64_t end = a->end_token.events, joins = is_shared ? 0 : end;
	struct heard heard;
	int events = 0, typings = 0;

	while (next_event(&text, &heard)) {
		if (heard.position == 0) {
			typings++;
			continue;
		}
		check_redacted(w, c, &heard, is_shared);
		check_member(w, c, &heard, is_shared);
		hear(w, c, heard.position, end, joins);
		events++;
	}
	hear(w, c, 0, end, joins);
	if (events > c->limit || (typings > 0 && c->room_count > 0))
		model_fail(
		    w, c, "%d events of %d, %d of typing", events, c->limit, typings);
	if (events == c->limit)
		model_note(w, SEEN_FULL_PAGE);
	if (typings > 0)
		model_note(w, SEEN_TYPING);
	if (events + typings == 0) {
		check_empty(w, c, end, was_parked);
		return;
	}
	check_expiry(w, c);
	model_note(w, is_shared ? SEEN_SHARED_ANSWER : SEEN_LOOK_ANSWER);
}

static void
check_sent_back(struct world *w, struct client *c, bool was_parked)
{
	if (was_parked || hub_of(w, c)->tokens_gone <= c->tokens_gone)
		model_fail(w, c, "an answer where a stream was to come");
	model_note(w, SEEN_SENT_BACK);
	c->has_next = c->has_from;
	memcpy(c->next, c->from, sizeof c->next);
}

void
heard_poll(
    struct world *w, struct client *c, struct str body, bool is_shared, bool was_parked)
{
	struct answer a;

	if (c->sse) {
		check_sent_back(w, c, was_parked);
		return;
	}
	take_apart(w, c, body, &a);
	check_start(w, c, &a);
	check_chunk(w, c, &a, is_shared, was_parked);
	c->has_next = true;
	memcpy(c->next, a.end, sizeof c->next);
}

/* --- streams --- */

static void
hear_opening(struct world *w, struct client *c, const struct stream_token *id)
{
	if (c->at < 0)
		c->at = c->began_at = hub_of(w, c)->processed;
	check_now(w, c, c->at);
	if (id->events != c->at)
		model_fail(w, c, "a stream from %lld begins at %lld", (long long)c->at,
		    (long long)id->events);
	c->has_opened = true;
}

static void
hear_comment(struct world *w, struct client *c)
{
	if (w->now_ms < c->quiet_ms + SSE_COMMENT_MS)
		model_fail(w, c, "a comment after %lld ms of silence",
		    (long long)(w->now_ms - c->quiet_ms));
	c->quiet_ms = c->parked_ms = w->now_ms;
	model_note(w, SEEN_COMMENT);
}

/* Whoever has joined hears it as the member that it is. */
static void
check_stranger(
    struct world *w, const struct client *c, int64_t position, bool is_shared)
{
	const struct said *e = &w->said.v[position];

	if (is_shared && e->kind == SAID_MEMBER && e->user == c->user &&
	    e->members_after[c->user] == MEMBERSHIP_JOIN)
		model_fail(w, c, "its joining %lld is told as to a stranger",
		    (long long)position);
}

/* No page goes out before the last one was taken. */
static void
check_behind(struct world *w, struct client *c)
{
	if (c->is_behind)
		model_fail(w, c, "a page is heaped onto what was not taken");
	c->is_behind = wire_is_slow(w->http, (uint32_t)c->index);
}

/* Nor the next part of what all who share are told; the hub knew of more. */
static void
check_put_off(struct world *w, struct client *c)
{
	int64_t next = rules_next(w, c, c->at);

	if (c->is_put_off)
		model_fail(w, c, "a part is heaped onto what was not taken");
	c->is_put_off = next != 0 && next <= hub_of(w, c)->processed &&
			wire_is_slow(w->http, (uint32_t)c->index);
	if (c->is_put_off)
		model_note(w, SEEN_PUT_OFF);
}

static void
hear_data(struct world *w, struct client *c, struct str line,
    const struct stream_token *id, bool is_shared)
{
	struct heard heard;

	if (!next_event(&line, &heard))
		model_fail(w, c, "data without an event: %.*s", (int)line.n, line.p);
	if (heard.position == 0) {
		hear(w, c, 0, id->events, 0);
		model_note(w, SEEN_TYPING);
		return;
	}
	if (heard.position != id->events)
		model_fail(w, c, "event %lld has the id %lld",
		    (long long)heard.position, (long long)id->events);
	check_redacted(w, c, &heard, is_shared);
	check_stranger(w, c, heard.position, is_shared);
	check_member(w, c, &heard, is_shared);
	hear(w, c, heard.position, heard.position, 0);
	model_note(w, is_shared ? SEEN_SHARED_BLOCK : SEEN_LOOK_BLOCK);
}

/* Without its line end; behind it *rest_out. */
static struct str
next_line(struct world *w, struct client *c, struct str text, struct str *rest_out)
{
	const char *end = memchr(text.p, '\n', text.n);

	if (end == NULL)
		model_fail(w, c, "a line without end: %.*s", (int)text.n, text.p);
	*rest_out = (struct str){ end + 1, text.n - (size_t)(end + 1 - text.p) };
	return (struct str){ text.p, (size_t)(end - text.p) };
}

static void
read_id(struct world *w, struct client *c, struct str line, struct stream_token *out)
{
	size_t n = line.n - strlen("id: ");

	if (n >= sizeof c->next)
		model_fail(w, c, "a long id");
	memcpy(c->next, line.p + strlen("id: "), n);
	c->next[n] = '\0';
	c->has_next = true;
	if (!token_parse(c->next, out))
		model_fail(w, c, "%s is no token", c->next);
	if (!c->has_opened)
		hear_opening(w, c, out);
}

/* Every packed block begins with its mark; the first one behind gzip's own header. */
static struct str
unpack(struct world *w, struct client *c, struct str bytes)
{
	size_t skip = !c->gzip ? 0 : c->has_opened ? 1 : 11;

	if (bytes.n <= skip || (c->gzip && bytes.p[skip - 1] != WIRE_PACKED))
		model_fail(w, c, "a packed stream's block is not packed");
	return (struct str){ bytes.p + skip, bytes.n - skip };
}

void
heard_block(struct world *w, struct client *c, struct str bytes, bool is_shared)
{
	struct str text = unpack(w, c, bytes);
	struct stream_token id = { 0 };
	bool had_data = false;

	while (text.n > 0) {
		struct str line = next_line(w, c, text, &text);

		if (str_starts(line, "id: "))
			read_id(w, c, line, &id);
		else if (str_is(line, ":"))
			hear_comment(w, c);
		else if (str_starts(line, "data: ")) {
			hear_data(w, c, line, &id, is_shared);
			had_data = true;
		}
	}
	if (!had_data)
		return;
	if (is_shared)
		check_put_off(w, c);
	else
		check_behind(w, c);
	check_expiry(w, c);
	c->quiet_ms = c->parked_ms = w->now_ms;
}
