/*
 * Lines one below the other: days marked, runs of comings and goings folded, what one
 * person says in a row under one name.
 */
#ifndef WEB_LIST_H
#define WEB_LIST_H

#include "web/line.h"

/* Appends the lines, oldest first. marked: the id of the one that the page is about;
 * NULL: none. */
void list_write(struct buf *out, struct scene *scene, struct line *const *lines, int n,
    const char *marked);
/* Appends everybody who said something in them, each once, last speaker first. */
void list_people(
    struct buf *out, struct scene *scene, struct line *const *lines, int n);

#endif
