/*
 * "did you mean": the word nearest to a mistyped one. Used for keys and values of the
 * configuration and for words of the command line. Relies on nothing.
 */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours between a and b; words
 * longer than 63 characters are as far apart as can be. */
int word_distance(const char *a, const char *b);

/* The nearest of count words, if it is near enough to be what was meant; else NULL. */
const char *suggest(const char *word, const char *const *words, size_t count);

#endif
