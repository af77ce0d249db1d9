/*
 * Answers in HTTP/1.1 as the load programs read them, however the server frames them.
 * Pure functions over what has come; what is no answer at all ends the program.
 */
#ifndef BENCH_ANSWER_READ_H
#define BENCH_ANSWER_READ_H

#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

/* Points into what has come. */
struct answer {
	int status;
	char *body;
	size_t body_n;
};

#define CHUNKED (-1)

/* Bytes of the head, its empty line with them; 0: it is not whole. length_out: of the
 * body, or CHUNKED. */
size_t answer_read_head(const char *p, size_t n, int *status_out, int64_t *length_out);
/* One chunk: the bytes that it takes, 0 if it is not whole. A last one has no data. */
size_t answer_read_chunk(
    const char *p, size_t n, const char **data_out, size_t *data_n_out);
/* The bytes of a whole answer, its chunks joined in place; 0: it is not whole. */
size_t answer_read(char *p, size_t n, struct answer *out);
/* The text of the first member with that name: "name":" as it stands, up to the next
 * quotation mark. Nothing is unescaped. False: there is none. */
bool answer_find_member(
    const char *p, size_t n, const char *name, struct str *text_out);
/* The same of an answer that must be 200 and have it; borrowed from its body. */
struct str answer_member_of(const struct answer *answer, const char *name);

#endif
