/*
 * Styles, scripts and pictures of the pages: part of the program, named by what is in
 * them, so that browsers may keep them for good.
 */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include "web/inside.h"

void assets_setup(struct web *web);
void assets_free(struct web *web);

#endif
