/*
 * The colours that people give their words, as classes of the style sheet: it alone
 * knows which shades can be read on a light page and on a dark one.
 */
#ifndef WEB_MARKUP_COLOUR_H
#define WEB_MARKUP_COLOUR_H

#define MARKUP_COLOURS 12 /* classes fg-0 to fg-11, bg-0 to bg-11 */

/* "#rrggbb", "#rgb" or a name of HTML's; the nearest colour of the palette, -1: none.
 */
int markup_colour(const char *text);

#endif
