/*
 * What each element of a body becomes, by its attributes.
 */
#ifndef WEB_MARKUP_ELEMENT_H
#define WEB_MARKUP_ELEMENT_H

#include "web/markup_build.h"

/* Writes the start tag into b->out and sets level->end and ->roles; false: nothing is
 * left of the element but what is in it. */
bool markup_element_open(
    struct build *b, struct level *level, const char *const *attributes);
/* What is owed before the end of such a level. */
void markup_element_close(struct build *b, const struct level *level);
/* Writes a picture, or what stands for it; false: nothing does. */
bool markup_element_picture(struct build *b, const char *const *attributes);
/* The address of an <img>, if it is of Matrix; else NULL. */
const char *markup_element_mxc(const char *const *attributes);

#endif
