/*
 * Upper and lower case made one, for who searches: UTF-8, character by character.
 */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include <stdint.h>
#include "base/str.h"

/* Appends s (well-formed UTF-8, NUL-terminated; NULL: nothing) folded. Any thread. */
void fold_add(struct buf *out, const char *s);

/* The character at s, which is well-formed UTF-8; returns its length in bytes. */
int fold_char(const char *s, uint32_t *out);
/* Is it part of a word: a letter or a digit of any script? */
bool fold_is_word(uint32_t c);

#endif
