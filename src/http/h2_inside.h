/*
 * What h2.c (frames to requests) and h2_answer.c (answers to frames) share. Everything
 * is owned by the connection's io thread.
 */
#ifndef HTTP_H2_INSIDE_H
#define HTTP_H2_INSIDE_H

#include <nghttp2/nghttp2.h>
#include "http/h2.h"

#define H2_FRAME_MAX (16384 + 9)

enum h2_state {
	H2_FREE,
	H2_READING,  /* the request is coming in */
	H2_ASKED,    /* handed up, awaits its answer */
	H2_PARKED,   /* the same, and whoever parked it hears when the client goes */
	H2_ANSWERED, /* the answer is on its way */
};

/* A request that is coming in. */
struct h2_request {
	struct buf method, path, authority, fields, body;
	size_t head_n;
	int64_t length;	 /* that it announces; 0: none */
	http_taker take; /* of the next portion; NULL: nobody */
	void *take_arg;
	bool is_bad;
	bool comes;    /* asked already: its body comes in portions */
	bool is_whole; /* and its end is here */
};

/* Who is told when a part of an answer is taken. */
struct h2_part {
	void (*sent)(void *arg, bool is_gone);
	void *arg;
};

/* All there is of a parked stream, beside what nghttp2 keeps. */
struct h2_stream {
	struct h2 *h2;
	struct h2_stream *prev, *next; /* of the same connection */
	struct h2_request *in;	       /* NULL once all of it is asked, or answered */
	struct out_list out;
	struct h2_part *part; /* that is in out; NULL: nobody is to be told */
	int64_t due_ms;	      /* the client must have moved by then; 0: no matter */
	uint32_t index, gen, next_free, tag, unsent, moved;
	int32_t id;
	uint8_t state;
	bool no_body;	/* the request is a HEAD */
	bool ended;	/* nothing follows what is in out */
	bool is_paused; /* nghttp2 is told when there is more */
	bool in_parts;	/* its answer comes so */
};

struct h2 {
	nghttp2_session *session;
	struct http_io *io;
	struct conn *c;
	struct h2_stream *streams;
	uint32_t stream_count;
	int control_frames; /* of this second; negative: more are due */
	size_t held;	    /* bytes of their heads, and of bodies that are gathered */
	size_t coming;	    /* bytes of bodies in portions, which its window bounds */
	size_t unsent;	    /* bytes of all answers but those in parts */
	size_t unsent_parts;
	int64_t control_s;
	int64_t due_ms; /* no stream of it is due before; 0: none is */
};

/* h2.c */
struct h2_stream *h2_stream_at(const struct http_io *io, uint32_t index);
/* It has moved: the client has a body timeout from now on. */
void h2_set_due(struct h2_stream *s);
/* Nothing more of it is wanted. */
void h2_request_free(struct h2_stream *s);
/* NULL: stale. */
struct h2_stream *h2_stream_of(struct exchange exchange);
/* h2_answer.c */
/* The server's own answer to what is no request, or one too large. */
void h2_refuse(struct h2_stream *s, int status);
void h2_out_free(struct h2_stream *s);
void h2_part_sent(struct h2_stream *s, bool is_gone);
/* Its client was too slow for what is on its way. */
void h2_let_go(struct h2_stream *s);

#endif
