/*
 * The persistent tree behind a room's state: a treap whose priorities are hashes of the
 * keys, so that its shape depends on its content alone and every change copies one
 * path. Used by room/room and room/append; readers hold a counted root and take no
 * lock.
 */
#include "event/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"

struct state {
	_Atomic uint32_t refs;
	uint32_t priority;
	uint32_t count;
	struct state_entry *entry;
	struct state *left, *right;
};

static const char *const membership_names[] = { "leave", "join", "invite", "knock",
	"leave", "ban" };

enum membership
membership_of(const char *text)
{
	if (text == NULL)
		return MEMBERSHIP_NONE;
	for (int m = MEMBERSHIP_JOIN; m <= MEMBERSHIP_BAN; m++)
		if (strcmp(text, membership_names[m]) == 0)
			return m;
	return MEMBERSHIP_NONE;
}

const char *
membership_name(enum membership m)
{
	return membership_names[m];
}

struct pdu *
pdu_ref(struct pdu *pdu)
{
	if (pdu != NULL)
		atomic_fetch_add_explicit(&pdu->refs, 1, memory_order_relaxed);
	return pdu;
}

void
pdu_unref(struct pdu *pdu)
{
	if (pdu == NULL ||
	    atomic_fetch_sub_explicit(&pdu->refs, 1, memory_order_acq_rel) != 1)
		return;
	arena_free(pdu->arena);
	free(pdu);
}

struct pdu *
pdu_parse(const struct room_version *version, const char *event_id, const char *json,
    size_t n, const char **why_out)
{
	struct arena *arena = arena_new();
	struct json_error error = { 0 };
	const char *why = NULL;
	struct event *event;
	struct json *tree;
	struct pdu *pdu;

	tree = json_parse_copy(arena, json, n, version->json_flags, &error);
	if (event_id != NULL)
		event_id = arena_strdup(arena, event_id);
	if (tree == NULL ||
	    event_parse(arena, version, tree, event_id, &why, &event) != M_OK) {
		if (why_out != NULL)
			*why_out = tree == NULL ? error.why : why;
		arena_free(arena);
		return NULL;
	}
	pdu = xcalloc(1, sizeof *pdu);
	pdu->refs = 1;
	pdu->arena = arena;
	pdu->event = event;
	return pdu;
}

static char *
put(char **at, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = memcpy(*at, s, n);

	*at += n;
	return copy;
}

/* One allocation: the strings stand behind the struct. */
struct state_entry *
state_entry_new(const char *type, const char *state_key, const char *event_id,
    int64_t event, enum membership membership, const char *content, struct pdu *pdu)
{
	size_t size = strlen(type) + strlen(state_key) + strlen(event_id) + 3 +
		      (content == NULL ? 0 : strlen(content) + 1);
	struct state_entry *entry = xmalloc(sizeof *entry + size);
	char *at = (char *)(entry + 1);

	*entry = (struct state_entry){
		.refs = 1, .membership = membership, .event = event, .pdu = pdu_ref(pdu)
	};
	entry->type = put(&at, type);
	entry->state_key = put(&at, state_key);
	entry->event_id = put(&at, event_id);
	if (content != NULL)
		entry->content = put(&at, content);
	return entry;
}

static struct state_entry *
entry_ref(struct state_entry *entry)
{
	atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
	return entry;
}

void
state_entry_unref(struct state_entry *entry)
{
	if (atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) != 1)
		return;
	pdu_unref(entry->pdu);
	free(entry);
}

struct state *
state_ref(struct state *state)
{
	if (state != NULL)
		atomic_fetch_add_explicit(&state->refs, 1, memory_order_relaxed);
	return state;
}

/* Recursion is as deep as the treap: O(log n). */
void
state_unref(struct state *state)
{
	if (state == NULL ||
	    atomic_fetch_sub_explicit(&state->refs, 1, memory_order_acq_rel) != 1)
		return;
	state_unref(state->left);
	state_unref(state->right);
	state_entry_unref(state->entry);
	free(state);
}

uint32_t
state_count(const struct state *state)
{
	return state == NULL ? 0 : state->count;
}

static int
key_compare(const char *type, const char *state_key, const struct state_entry *entry)
{
	int order = strcmp(type, entry->type);

	return order != 0 ? order : strcmp(state_key, entry->state_key);
}

/* Takes over the references to entry, left and right. */
static struct state *
node_new(uint32_t priority, struct state_entry *entry, struct state *left,
    struct state *right)
{
	struct state *node = xmalloc(sizeof *node);

	*node = (struct state){ .refs = 1,
		.priority = priority,
		.count = 1 + state_count(left) + state_count(right),
		.entry = entry,
		.left = left,
		.right = right };
	return node;
}

static uint32_t
priority_of(const struct state_entry *entry)
{
	uint64_t type = map_hash(entry->type, strlen(entry->type));
	uint64_t key = map_hash(entry->state_key, strlen(entry->state_key));

	return (uint32_t)((type * 31 + key) >> 16);
}

/* New nodes along the path only; a child with a higher priority is rotated up while it
 * is still ours alone. */
static struct state *
insert(struct state *at, struct state_entry *entry, uint32_t priority)
{
	struct state *node, *child;
	int order;

	if (at == NULL)
		return node_new(priority, entry, NULL, NULL);
	order = key_compare(entry->type, entry->state_key, at->entry);
	if (order == 0)
		return node_new(
		    at->priority, entry, state_ref(at->left), state_ref(at->right));
	if (order < 0) {
		child = insert(at->left, entry, priority);
		if (child->priority <= at->priority)
			return node_new(at->priority, entry_ref(at->entry), child,
			    state_ref(at->right));
		node = node_new(at->priority, entry_ref(at->entry),
		    state_ref(child->right), state_ref(at->right));
		state_unref(child->right);
		child->right = node;
	} else {
		child = insert(at->right, entry, priority);
		if (child->priority <= at->priority)
			return node_new(at->priority, entry_ref(at->entry),
			    state_ref(at->left), child);
		node = node_new(at->priority, entry_ref(at->entry), state_ref(at->left),
		    state_ref(child->left));
		state_unref(child->left);
		child->left = node;
	}
	/* child is new when its priority is above that of its old parent: only a fresh
	 * path can have risen, and fresh nodes have one reference. */
	assert(atomic_load(&child->refs) == 1);
	child->count = 1 + state_count(child->left) + state_count(child->right);
	return child;
}

struct state *
state_with(struct state *state, struct state_entry *entry)
{
	return insert(state, entry, priority_of(entry));
}

const struct state_entry *
state_find(const struct state *state, const char *type, const char *state_key)
{
	while (state != NULL) {
		int order = key_compare(type, state_key, state->entry);

		if (order == 0)
			return state->entry;
		state = order < 0 ? state->left : state->right;
	}
	return NULL;
}

bool
state_each(const struct state *state,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg)
{
	if (state == NULL)
		return true;
	return state_each(state->left, each, arg) && each(state->entry, arg) &&
	       state_each(state->right, each, arg);
}

/* Of what lies before the end of a type: from its beginning on. */
static bool
each_from(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg)
{
	while (state != NULL && strcmp(state->entry->type, type) < 0)
		state = state->right;
	return state == NULL ||
	       (each_from(state->left, type, each, arg) && each(state->entry, arg) &&
		   state_each(state->right, each, arg));
}

/* Of what lies behind the beginning of a type: up to its end. */
static bool
each_until(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg)
{
	while (state != NULL && strcmp(state->entry->type, type) > 0)
		state = state->left;
	return state == NULL ||
	       (state_each(state->left, each, arg) && each(state->entry, arg) &&
		   each_until(state->right, type, each, arg));
}

bool
state_each_of(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg)
{
	int order;

	while (state != NULL && (order = strcmp(type, state->entry->type)) != 0)
		state = order < 0 ? state->left : state->right;
	return state == NULL ||
	       (each_from(state->left, type, each, arg) && each(state->entry, arg) &&
		   each_until(state->right, type, each, arg));
}

/* All that lies before a type, and all behind it. */
static bool
each_before(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg)
{
	while (state != NULL && strcmp(state->entry->type, type) >= 0)
		state = state->left;
	return state == NULL ||
	       (state_each(state->left, each, arg) && each(state->entry, arg) &&
		   each_before(state->right, type, each, arg));
}

static bool
each_behind(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg)
{
	while (state != NULL && strcmp(state->entry->type, type) <= 0)
		state = state->right;
	return state == NULL ||
	       (each_behind(state->left, type, each, arg) && each(state->entry, arg) &&
		   state_each(state->right, each, arg));
}

bool
state_each_but(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg)
{
	return each_before(state, type, each, arg) &&
	       each_behind(state, type, each, arg);
}
