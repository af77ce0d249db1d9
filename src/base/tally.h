/*
 * How many there are of each of very many things, about: two rows of counters by hash,
 * of which the smaller says (a count-min sketch). Never less than there are, and more
 * only where others share both counters. No lock, and no memory that grows.
 */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

/* Shared: anybody may count at any time. */
struct tally;

/* As many clients as one machine has. */
#define TALLY_CLIENTS (1 << 20)

/* For about that many things at one time: 8 bytes each, once they are touched. */
struct tally *tally_new(uint32_t things);
void tally_free(struct tally *t); /* NULL is allowed */
/* hash: of the thing, keyed (map_hash). Returns how many there are with this one. */
uint32_t tally_add(struct tally *t, uint64_t hash);
void tally_sub(struct tally *t, uint64_t hash); /* one that was added */
/* Are there any? Also true where others share both counters. */
bool tally_has(const struct tally *t, uint64_t hash);

#endif
