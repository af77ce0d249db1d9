/*
 * Lists of things that hold their own links: a circle with its head as sentinel, so
 * that a member leaves without knowing which list it is in.
 */
#ifndef BASE_LINK_H
#define BASE_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *prev, *next;
};

/* What holds l as its member. */
#define LINK_OF(type, member, l) ((type *)((char *)(l)-offsetof(type, member)))

/* Of a head: the list is empty; of a member: it is in none. */
static inline void
link_init(struct link *l)
{
	l->prev = l->next = l;
}

static inline void
link_out(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

/* Does a list hold anything; is a link in one? */
static inline bool
link_has(const struct link *l)
{
	return l->next != l;
}

/* Before a head: at the end of its list. */
static inline void
link_before(struct link *at, struct link *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

/* Of a list in the order of use, the last used at its end. */
static inline void
link_used(struct link *head, struct link *l)
{
	link_out(l);
	link_before(head, l);
}

#endif
