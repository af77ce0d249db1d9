/*
 * The elements that bodies are read as, and where each may stand.
 */
#ifndef WEB_MARKUP_TAG_H
#define WEB_MARKUP_TAG_H

#include <stdint.h>

/* What an element holds. From KIND_TABLE to KIND_CELL in order of nesting. */
enum markup_kind {
	KIND_LEFT_OUT, /* with all that is in it */
	KIND_VOID,
	KIND_DISSOLVED, /* but what is in it stands on lines of its own */
	KIND_INLINE,	/* whatever the element around it holds */
	KIND_WORDS,	/* no blocks */
	KIND_BLOCKS,
	KIND_LIST,
	KIND_TABLE,
	KIND_ROWS,
	KIND_ROW,
	KIND_CELL,
};

/* In order of their names. Those of the specification; `font` and `strike`, which it
 * had before; and what is not merely left open where it stands. */
#define MARKUP_TAGS(X)                                                                 \
	X(A, "a", INLINE)                                                              \
	X(ADDRESS, "address", DISSOLVED)                                               \
	X(APPLET, "applet", LEFT_OUT)                                                  \
	X(ARTICLE, "article", DISSOLVED)                                               \
	X(ASIDE, "aside", DISSOLVED)                                                   \
	X(AUDIO, "audio", LEFT_OUT)                                                    \
	X(B, "b", INLINE)                                                              \
	X(BLOCKQUOTE, "blockquote", BLOCKS)                                            \
	X(BR, "br", VOID)                                                              \
	X(CANVAS, "canvas", LEFT_OUT)                                                  \
	X(CAPTION, "caption", WORDS)                                                   \
	X(CENTER, "center", DISSOLVED)                                                 \
	X(CODE, "code", INLINE)                                                        \
	X(DATALIST, "datalist", LEFT_OUT)                                              \
	X(DD, "dd", DISSOLVED)                                                         \
	X(DEL, "del", INLINE)                                                          \
	X(DETAILS, "details", BLOCKS)                                                  \
	X(DIV, "div", BLOCKS)                                                          \
	X(DL, "dl", DISSOLVED)                                                         \
	X(DT, "dt", DISSOLVED)                                                         \
	X(EM, "em", INLINE)                                                            \
	X(FIGCAPTION, "figcaption", DISSOLVED)                                         \
	X(FIGURE, "figure", DISSOLVED)                                                 \
	X(FONT, "font", INLINE)                                                        \
	X(FOOTER, "footer", DISSOLVED)                                                 \
	X(FORM, "form", DISSOLVED)                                                     \
	X(H1, "h1", WORDS)                                                             \
	X(H2, "h2", WORDS)                                                             \
	X(H3, "h3", WORDS)                                                             \
	X(H4, "h4", WORDS)                                                             \
	X(H5, "h5", WORDS)                                                             \
	X(H6, "h6", WORDS)                                                             \
	X(HEAD, "head", LEFT_OUT)                                                      \
	X(HEADER, "header", DISSOLVED)                                                 \
	X(HR, "hr", VOID)                                                              \
	X(I, "i", INLINE)                                                              \
	X(IFRAME, "iframe", LEFT_OUT)                                                  \
	X(IMG, "img", VOID)                                                            \
	X(LI, "li", BLOCKS)                                                            \
	X(MAIN, "main", DISSOLVED)                                                     \
	X(MATH, "math", LEFT_OUT)                                                      \
	X(MX_REPLY, "mx-reply", LEFT_OUT)                                              \
	X(NAV, "nav", DISSOLVED)                                                       \
	X(NOEMBED, "noembed", LEFT_OUT)                                                \
	X(NOFRAMES, "noframes", LEFT_OUT)                                              \
	X(NOSCRIPT, "noscript", LEFT_OUT)                                              \
	X(OBJECT, "object", LEFT_OUT)                                                  \
	X(OL, "ol", LIST)                                                              \
	X(P, "p", WORDS)                                                               \
	X(PRE, "pre", WORDS)                                                           \
	X(S, "s", INLINE)                                                              \
	X(SCRIPT, "script", LEFT_OUT)                                                  \
	X(SECTION, "section", DISSOLVED)                                               \
	X(SELECT, "select", LEFT_OUT)                                                  \
	X(SPAN, "span", INLINE)                                                        \
	X(STRIKE, "strike", INLINE)                                                    \
	X(STRONG, "strong", INLINE)                                                    \
	X(STYLE, "style", LEFT_OUT)                                                    \
	X(SUB, "sub", INLINE)                                                          \
	X(SUMMARY, "summary", WORDS)                                                   \
	X(SUP, "sup", INLINE)                                                          \
	X(SVG, "svg", LEFT_OUT)                                                        \
	X(TABLE, "table", TABLE)                                                       \
	X(TBODY, "tbody", ROWS)                                                        \
	X(TD, "td", CELL)                                                              \
	X(TEMPLATE, "template", LEFT_OUT)                                              \
	X(TEXTAREA, "textarea", LEFT_OUT)                                              \
	X(TH, "th", CELL)                                                              \
	X(THEAD, "thead", ROWS)                                                        \
	X(TITLE, "title", LEFT_OUT)                                                    \
	X(TR, "tr", ROW)                                                               \
	X(U, "u", INLINE)                                                              \
	X(UL, "ul", LIST)                                                              \
	X(VIDEO, "video", LEFT_OUT)

enum markup_tag {
#define X(id, name, kind) TAG_##id,
	MARKUP_TAGS(X)
#undef X
	    TAG_COUNT, /* none of them */
};

enum markup_tag markup_tag(const char *name);
enum markup_kind markup_kind(enum markup_tag tag);
/* "<em>" and "</em>": as it is written without attributes. */
const char *markup_tag_start(enum markup_tag tag);
const char *markup_tag_end(enum markup_tag tag);

#endif
