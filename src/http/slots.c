/*
 * The records of an io thread's connections: a slab of 64-byte slots in chunks, the
 * lists they stand in, and a lazy timer wheel of one-second slots. Relies on nothing
 * but io.h. Beneath every connection: http/conn takes a slot when it opens and gives it
 * back.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "http/io.h"

struct conn *
slot_at(const struct http_io *io, uint32_t slot)
{
	return &io->chunks[slot / CHUNK_SLOTS][slot % CHUNK_SLOTS];
}

static void
chunk_add(struct http_io *io)
{
	size_t size = CHUNK_SLOTS * sizeof(struct conn);
	struct conn *chunk = aligned_alloc(64, size);
	uint32_t first = io->slot_count, i;

	if (chunk == NULL)
		abort();
	memset(chunk, 0, size);
	io->chunks = xrealloc(io->chunks, (io->chunk_count + 1) * sizeof *io->chunks);
	io->chunks[io->chunk_count++] = chunk;
	io->slot_count += CHUNK_SLOTS;
	STAT_ADD(io, memory_bytes, size + sizeof *io->chunks);
	/* Backwards, so that the lowest slot is taken first. */
	for (i = CHUNK_SLOTS; i-- > 0;) {
		chunk[i].fd = -1;
		chunk[i].slot = first + i;
		chunk[i].next = io->free_first;
		io->free_first = first + i;
	}
}

struct conn *
slot_take(struct http_io *io)
{
	struct conn *c;

	if (io->free_first == SLOT_NONE)
		chunk_add(io);
	c = slot_at(io, io->free_first);
	io->free_first = c->next;
	c->next = SLOT_NONE;
	return c;
}

static void
push_dead(struct http_io *io, struct conn *c)
{
	c->next = io->dead_first;
	io->dead_first = c->slot;
}

/* Events of this round may still name the slot, and so may the ready list: it is used
 * again only in a later round. */
void
slot_give(struct http_io *io, struct conn *c)
{
	assert(c->fd < 0 && c->busy == NULL);
	c->state = CONN_FREE;
	if (!(c->flags & CONN_READY))
		push_dead(io, c);
}

void
slots_reclaim(struct http_io *io)
{
	while (io->dead_first != SLOT_NONE) {
		struct conn *c = slot_at(io, io->dead_first);

		io->dead_first = c->next;
		c->next = io->free_first;
		io->free_first = c->slot;
	}
}

void
slots_free(struct http_io *io)
{
	uint32_t i;

	for (i = 0; i < io->chunk_count; i++)
		free(io->chunks[i]);
	free(io->chunks);
}

void
ready_push(struct http_io *io, struct conn *c)
{
	if (c->flags & CONN_READY)
		return;
	c->flags |= CONN_READY;
	c->next = SLOT_NONE;
	if (io->ready_first == SLOT_NONE)
		io->ready_first = c->slot;
	else
		slot_at(io, io->ready_last)->next = c->slot;
	io->ready_last = c->slot;
}

/* The list as it stands; what becomes ready from now on waits for the next round. */
uint32_t
ready_take_all(struct http_io *io)
{
	uint32_t first = io->ready_first;

	io->ready_first = io->ready_last = SLOT_NONE;
	return first;
}

/* The next living connection of a list that was taken; NULL at its end. */
struct conn *
ready_pop(struct http_io *io, uint32_t *list)
{
	while (*list != SLOT_NONE) {
		struct conn *c = slot_at(io, *list);

		*list = c->next;
		c->next = SLOT_NONE;
		c->flags &= ~CONN_READY;
		if (c->fd >= 0)
			return c;
		push_dead(io, c);
	}
	return NULL;
}

static void
wheel_link(struct http_io *io, struct conn *c, uint32_t tick)
{
	uint32_t at = tick % WHEEL_SLOTS;

	c->wheel_at = (uint8_t)at;
	c->wheel_prev = SLOT_NONE;
	c->wheel_next = io->wheel[at];
	if (c->wheel_next != SLOT_NONE)
		slot_at(io, c->wheel_next)->wheel_prev = c->slot;
	io->wheel[at] = c->slot;
	c->flags |= CONN_TIMED;
}

void
wheel_unlink(struct http_io *io, struct conn *c)
{
	if (!(c->flags & CONN_TIMED))
		return;
	if (c->wheel_prev == SLOT_NONE)
		io->wheel[c->wheel_at] = c->wheel_next;
	else
		slot_at(io, c->wheel_prev)->wheel_next = c->wheel_next;
	if (c->wheel_next != SLOT_NONE)
		slot_at(io, c->wheel_next)->wheel_prev = c->wheel_prev;
	c->flags &= ~CONN_TIMED;
}

/* How many ticks from now the slot in which c stands comes up: 1 .. WHEEL_SLOTS. */
static uint32_t
wheel_distance(const struct http_io *io, const struct conn *c)
{
	return (c->wheel_at - io->tick - 1) % WHEEL_SLOTS + 1;
}

static uint32_t
wheel_reach(const struct http_io *io, uint32_t deadline)
{
	uint32_t last = io->tick + WHEEL_SLOTS - 1;

	return deadline < last ? deadline : last;
}

/* Lazy: a deadline that moves away is only written down; the wheel finds out when the
 * slot comes up. So parking, waking and parking again touch no list. */
void
wheel_set(struct http_io *io, struct conn *c, int timeout_ms)
{
	uint32_t at;

	if (timeout_ms <= 0) {
		c->deadline = 0;
		return;
	}
	c->deadline =
	    (uint32_t)((io->now_ms + timeout_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS);
	if (c->deadline <= io->tick)
		c->deadline = io->tick + 1;
	at = wheel_reach(io, c->deadline);
	if ((c->flags & CONN_TIMED) && at - io->tick >= wheel_distance(io, c))
		return;
	wheel_unlink(io, c);
	wheel_link(io, c, at);
}

/* Turns the wheel up to now_tick; each call gives one connection whose deadline has
 * passed, out of the wheel, and NULL when there is none left. */
struct conn *
wheel_pop_expired(struct http_io *io, uint32_t now_tick)
{
	while (io->tick < now_tick) {
		uint32_t tick = io->tick + 1, first = io->wheel[tick % WHEEL_SLOTS];
		struct conn *c;

		if (first == SLOT_NONE) {
			io->tick = tick;
			continue;
		}
		c = slot_at(io, first);
		wheel_unlink(io, c);
		if (c->deadline == 0)
			continue;
		if (c->deadline <= tick)
			return c;
		wheel_link(io, c, wheel_reach(io, c->deadline));
	}
	return NULL;
}
