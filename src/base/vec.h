/*
 * Growing arrays: struct { T *v; size_t n, cap; }, malloc'ed.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/str.h"

#define VEC(type)                                                                      \
	struct {                                                                       \
		type *v;                                                               \
		size_t n, cap;                                                         \
	}

#define vec_push(vec, item)                                                            \
	do {                                                                           \
		if ((vec)->n == (vec)->cap) {                                          \
			(vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8;                  \
			(vec)->v = xrealloc((vec)->v, (vec)->cap * sizeof *(vec)->v);  \
		}                                                                      \
		(vec)->v[(vec)->n++] = (item);                                         \
	} while (0)

#define vec_free(vec)                                                                  \
	do {                                                                           \
		free((vec)->v);                                                        \
		(vec)->v = NULL;                                                       \
		(vec)->n = (vec)->cap = 0;                                             \
	} while (0)

#endif
