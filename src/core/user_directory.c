/*
 * The user directory. Relies on store/user_words for who has which words, on
 * core/circle and the rooms' snapshots for who may be seen. Behind
 * /user_directory/search.
 */
#include "core/user_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/fold.h"
#include "base/json.h"
#include "base/map.h"
#include "core/circle.h"
#include "core/guests.h"
#include "event/ids.h"
#include "room/changes.h"
#include "store/profiles.h"
#include "store/rooms.h"
#include "store/user_words.h"

#define WORDS_MAX 16	  /* of one user, or of one search */
#define WORD_MAX 64	  /* bytes */
#define PAGE 200	  /* rows looked at in one go */
#define LOOKED_MAX 5000	  /* rows looked at for one search */
#define MATCHES_MAX 500	  /* that are put in order */
#define ROOMS_MAX 50000	  /* of theirs looked at for one search */
#define FILL_AT_ONCE 500  /* users who get their words in one write */
#define FILLED_ALL "\x7f" /* behind every user id */

/* What is known of a room. */
struct known_room {
	int64_t id;
	bool is_open; /* anybody may join it or read it */
};

/* Shared; lock guards all of it. */
struct user_directory {
	struct lock lock; /* RANK_CACHE */
	struct change *cursor;
	struct map rooms; /* room's integer -> struct known_room */
	uint64_t moves;	  /* events so far that may have opened or closed a room */
};

struct user_directory *
user_directory_new(struct core *core)
{
	struct user_directory *directory = xcalloc(1, sizeof *directory);

	lock_init(&directory->lock, RANK_CACHE);
	directory->cursor = changes_cursor(core->changes);
	return directory;
}

void
user_directory_free(struct user_directory *directory)
{
	struct known_room *room;

	for (size_t at = 0; (room = map_next(&directory->rooms, &at)) != NULL;)
		free(room);
	map_fini(&directory->rooms);
	changes_cursor_free(directory->cursor);
	lock_fini(&directory->lock);
	free(directory);
}

/* --- words --- */

struct words {
	char *v[WORDS_MAX]; /* in the arena, folded */
	int n;
};

/* Scripts without spaces: each character is a word. */
static bool
stands_alone(uint32_t c)
{
	return c >= 0x2e80 && c <= 0x9fff;
}

static void
add_word(struct arena *arena, struct words *words, const char *p, size_t n)
{
	char *word;

	if (n == 0 || words->n == WORDS_MAX)
		return;
	word = arena_strndup(arena, p, n);
	for (int i = 0; i < words->n; i++)
		if (strcmp(words->v[i], word) == 0)
			return;
	words->v[words->n++] = word;
}

/* Of folded text. What is longer than WORD_MAX is cut. */
static void
split(struct arena *arena, const char *text, struct words *words)
{
	const char *begin = text;
	size_t n = 0;
	uint32_t c;
	int size;

	for (const char *p = text; *p != '\0'; p += size) {
		size = fold_char(p, &c);
		if (!fold_is_word(c) || stands_alone(c)) {
			add_word(arena, words, begin, n);
			if (stands_alone(c) && fold_is_word(c))
				add_word(arena, words, p, (size_t)size);
			begin = p + size;
			n = 0;
		} else if (p + size - begin <= WORD_MAX) {
			n = (size_t)(p + size - begin);
		}
	}
	add_word(arena, words, begin, n);
}

static const char *
folded(struct arena *arena, const char *text)
{
	struct buf b = { 0 };
	const char *copy;

	fold_add(&b, text);
	copy = arena_strndup(arena, b.p == NULL ? "" : b.p, b.n);
	buf_free(&b);
	return copy;
}

/* The words of a guest's id say nothing. */
static void
words_of(
    struct arena *arena, const char *user_id, const char *name, struct words *words)
{
	words->n = 0;
	if (name != NULL)
		split(arena, folded(arena, name), words);
	if (!guests_is_localpart(id_localpart(arena, user_id)))
		split(arena, folded(arena, id_localpart(arena, user_id)), words);
}

/* --- writing --- */

static const char *
text_of(struct arena *arena, const char *json, size_t n)
{
	const char *text =
	    json == NULL
		? NULL
		: json_as_str(json_parse_copy(arena, json, n, JSON_LENIENT, NULL));

	return text == NULL || text[0] == '\0' ? NULL : text;
}

static enum mx_err
write_words(struct db *db, struct arena *arena, const char *user_id)
{
	struct profile_row row = { 0 };
	struct words words;
	enum mx_err err = store_profile_field(db, arena, user_id, "displayname", &row);

	if (err != M_OK && err != M_NOT_FOUND)
		return err;
	words_of(arena, user_id, text_of(arena, row.value, row.value_n), &words);
	return store_user_words_set(db, user_id, (const char *const *)words.v, words.n);
}

enum mx_err
user_directory_write(struct db *db, const char *user_id)
{
	struct arena *arena = arena_new();
	enum mx_err err = write_words(db, arena, user_id);

	arena_free(arena);
	return err;
}

static enum mx_err
fill(void *arg, struct db *db)
{
	bool *more = arg;
	struct arena *arena = arena_new();
	const char *after, **ids;
	int n = 0;
	enum mx_err err = store_user_words_filled(db, arena, &after);

	if (err == M_OK)
		err =
		    store_user_words_unfilled(db, arena, after, FILL_AT_ONCE, &ids, &n);
	for (int i = 0; err == M_OK && i < n; i++)
		err = user_directory_write(db, ids[i]);
	*more = n == FILL_AT_ONCE;
	if (err == M_OK && strcmp(after, FILLED_ALL) != 0)
		err = store_user_words_fill(db, *more ? ids[n - 1] : FILLED_ALL);
	arena_free(arena);
	return err;
}

enum mx_err
user_directory_fill(struct ctx *ctx, bool *more_out)
{
	*more_out = false;
	return ctx_write(ctx, fill, more_out);
}

/* --- which rooms are open --- */

static void
follow_locked(struct user_directory *directory)
{
	const struct change *change;

	while ((change = changes_next(&directory->cursor)) != NULL) {
		const struct event *e =
		    change->kind == CHANGE_EVENT ? change->event->pdu->event : NULL;

		/* A redaction may have taken a rule away. */
		if (e == NULL ||
		    (e->redacts == NULL && !event_is(e, "m.room.join_rules", "") &&
			!event_is(e, "m.room.history_visibility", "")))
			continue;
		directory->moves++;
		free(map_del(
		    &directory->rooms, &change->room->id, sizeof change->room->id));
	}
}

void
user_directory_follow(struct core *core)
{
	lock_take(&core->user_directory->lock);
	follow_locked(core->user_directory);
	lock_give(&core->user_directory->lock);
}

static bool
is_open_now(const struct snapshot *s)
{
	const char *rule =
	    json_get_str(snapshot_content(s, "m.room.join_rules", ""), "join_rule");

	return s->visibility == VISIBILITY_WORLD_READABLE ||
	       (rule != NULL && strcmp(rule, "public") == 0);
}

/* moves: before the room was looked at. If it has closed since, the word of that may
 * have been read already: then nothing is remembered. */
static void
remember(struct user_directory *directory, int64_t id, bool is_open, uint64_t moves)
{
	struct known_room *known;

	lock_take(&directory->lock);
	follow_locked(directory);
	if (directory->moves == moves) {
		known = xcalloc(1, sizeof *known);
		*known = (struct known_room){ id, is_open };
		free(map_del(&directory->rooms, &id, sizeof id));
		map_put(&directory->rooms, &known->id, sizeof known->id, known);
	}
	lock_give(&directory->lock);
}

/* Rooms are loaded for it once, not with each search. */
static enum mx_err
is_open(struct ctx *ctx, int64_t id, bool *out)
{
	struct user_directory *directory = ctx->core->user_directory;
	const struct known_room *known;
	struct room *room;
	struct snapshot *s;
	uint64_t moves;
	bool found;
	enum mx_err err;

	lock_take(&directory->lock);
	follow_locked(directory);
	moves = directory->moves;
	known = map_get(&directory->rooms, &id, sizeof id);
	found = known != NULL;
	*out = found && known->is_open;
	lock_give(&directory->lock);
	if (found)
		return M_OK;
	err = room_get_by_id(ctx, id, &room);
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	s = room_snapshot(room);
	*out = is_open_now(s);
	snapshot_unref(s);
	room_put(room);
	remember(directory, id, *out, moves);
	return M_OK;
}

/* --- searching --- */

struct search {
	struct ctx *ctx;
	struct arena *arena;
	struct user_query *query;
	const char *term; /* folded, without the server's name */
	struct words words;
	const char *scan; /* the one by which rows are found */
	struct circle circle;
	struct map seen; /* user ids that were looked at */
	int looked, rooms_looked;
};

static bool
begins_one(const struct words *words, const char *prefix)
{
	for (int i = 0; i < words->n; i++)
		if (starts_with(words->v[i], prefix))
			return true;
	return false;
}

/* -1: it does not match. */
static int
rank_of(const struct search *s, const struct found_user *user)
{
	const char *localpart = folded(s->arena, id_localpart(s->arena, user->user_id));
	const char *name =
	    user->display_name == NULL ? "" : folded(s->arena, user->display_name);
	const char *term = s->term[0] == '@' ? s->term + 1 : s->term;
	struct words words;

	words_of(s->arena, user->user_id, user->display_name, &words);
	for (int i = 0; i < s->words.n; i++)
		if (!begins_one(&words, s->words.v[i]))
			return -1;
	if (s->term[0] == '@' && !starts_with(localpart, term))
		return -1;
	if (strcmp(localpart, term) == 0)
		return 0;
	if (strcmp(name, term) == 0)
		return 1;
	return starts_with(localpart, term) || starts_with(name, term) ? 2 : 3;
}

static int
compare(const void *a, const void *b)
{
	const struct found_user *x = a, *y = b;
	int by_name = (x->display_name == NULL) - (y->display_name == NULL);

	if (x->rank != y->rank)
		return x->rank - y->rank;
	return by_name != 0 ? by_name : strcmp(x->user_id, y->user_id);
}

/* Those of a page who match, each once; returns how many. */
static int
match(struct search *s, const struct user_word_row *rows, int n,
    struct found_user *users, const char **ids)
{
	int count = 0;

	for (int i = 0; i < n; i++) {
		const struct user_word_row *row = &rows[i];
		struct found_user user = { .user_id = row->user_id };

		if (map_get_str(&s->seen, row->user_id) != NULL)
			continue;
		map_put_str(&s->seen, row->user_id, (void *)row->user_id);
		user.display_name =
		    text_of(s->arena, row->displayname.p, row->displayname.n);
		user.avatar_url =
		    text_of(s->arena, row->avatar_url.p, row->avatar_url.n);
		user.rank = rank_of(s, &user);
		if (user.rank < 0)
			continue;
		ids[count] = user.user_id;
		users[count++] = user;
	}
	return count;
}

/* Behind ROOMS_MAX rooms nobody is looked for there any more. */
static enum mx_err
is_in_the_open(struct search *s, const char *user_id, bool *out)
{
	struct member_row *rows;
	int n = 0;
	enum mx_err err = M_OK;

	*out = false;
	if (s->rooms_looked < ROOMS_MAX)
		err = store_member_rooms(
		    s->ctx->db, s->arena, user_id, MEMBERSHIP_JOIN, &rows, &n);
	for (int i = 0; err == M_OK && !*out && i < n; i++) {
		if (++s->rooms_looked >= ROOMS_MAX)
			break;
		err = is_open(s->ctx, rows[i].room, out);
	}
	return err;
}

/* Keeps those whom the asker may see. */
static enum mx_err
keep_seen(struct search *s, const struct found_user *users, const char **ids, int count)
{
	struct user_query *q = s->query;
	bool *in = ARENA_ARRAY(s->arena, bool, (size_t)count);
	enum mx_err err = M_OK;

	circle_find(&s->circle, ids, count, in);
	for (int i = 0; err == M_OK && i < count && q->count < MATCHES_MAX; i++) {
		/* One is in one's own circle without being in any room. */
		if (!in[i] || (s->circle.count == 0))
			err = is_in_the_open(s, ids[i], &in[i]);
		if (err == M_OK && in[i])
			q->users[q->count++] = users[i];
	}
	return err;
}

static enum mx_err
look_at_page(struct search *s, struct user_word_row *after, bool *more_out)
{
	struct user_word_row *rows;
	struct found_user users[PAGE];
	const char *ids[PAGE];
	int n;
	enum mx_err err = store_user_words_find(s->ctx->db, s->arena, s->scan,
	    s->looked == 0 ? NULL : after, PAGE, &rows, &n);

	if (err != M_OK)
		return err;
	s->looked += n;
	*more_out = n == PAGE;
	if (n > 0)
		*after = rows[n - 1];
	return keep_seen(s, users, ids, match(s, rows, n, users, ids));
}

static enum mx_err
look(struct search *s)
{
	struct user_query *q = s->query;
	struct user_word_row after;
	bool more = true;
	enum mx_err err = M_OK;

	q->users = ARENA_ARRAY(s->arena, struct found_user, MATCHES_MAX);
	while (err == M_OK && more && s->looked < LOOKED_MAX && q->count < MATCHES_MAX)
		err = look_at_page(s, &after, &more);
	if (q->count > 1)
		qsort(q->users, (size_t)q->count, sizeof *q->users, compare);
	q->limited = more || s->rooms_looked >= ROOMS_MAX || q->count > q->limit;
	if (q->count > q->limit)
		q->count = q->limit;
	return err;
}

/* "@ann:here" is looked for as "@ann". */
static const char *
without_server(const struct search *s, char *term)
{
	const char *name = folded(s->arena, s->ctx->core->set.server_name);
	char *colon = strchr(term, ':');

	if (colon != NULL && starts_with(name, colon + 1))
		*colon = '\0';
	return term;
}

enum mx_err
user_directory_search(struct ctx *ctx, struct arena *arena, struct user_query *query)
{
	struct search s = { .ctx = ctx, .arena = arena, .query = query };
	enum mx_err err;

	query->count = 0;
	query->limited = false;
	s.term = without_server(&s, arena_strdup(arena, folded(arena, query->term)));
	split(arena, s.term, &s.words);
	/* The longest word has the fewest users, as a rule. */
	for (int i = 0; i < s.words.n; i++)
		if (s.scan == NULL || strlen(s.words.v[i]) > strlen(s.scan))
			s.scan = s.words.v[i];
	if (s.scan == NULL)
		return M_OK;
	err = circle_open(ctx, arena, query->user_id, &s.circle);
	if (err != M_OK)
		return err;
	err = look(&s);
	circle_close(&s.circle);
	map_fini(&s.seen);
	return err;
}
