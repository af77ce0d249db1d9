/*
 * What the server and a helper say to each other, over a SOCK_SEQPACKET pair: the
 * helper that it is ready, then for each picture one ask with two descriptors, and one
 * answer. The answer comes from a process that decoded hostile bytes: it is checked.
 */
#ifndef MEDIA_PICTURE_WIRE_H
#define MEDIA_PICTURE_WIRE_H

#include "media/picture_type.h"

/* Changed with the structs: server and helper may be of different builds. */
#define WIRE_VERSION 0x50415201u

enum wire_outcome {
	WIRE_READY,
	WIRE_MADE,
	WIRE_ORIGINAL,	 /* not larger than asked */
	WIRE_NO_PICTURE, /* or a broken one */
	WIRE_TOO_LARGE,
	WIRE_NOT_WRITTEN,
	WIRE_DIED, /* decoding ended by signal */
	WIRE_FAILED,
	WIRE_OUTCOMES
};

struct wire_ask {
	uint32_t version;
	int32_t width, height;
	uint8_t method, animated, original_will_do, unused;
	int32_t cpu_limit_s;
	int32_t idle_limit_ms; /* after this picture */
	int64_t pixels_max, memory_max;
};

struct wire_answer {
	uint32_t version;
	uint8_t outcome, format, is_animated, signal;
	int32_t width, height;
	int64_t size; /* bytes; 0 of an original */
};

/* All of these: false with errno if the other end is gone (EPIPE), or spoke nonsense.
 */
bool wire_send_ask(int sock, const struct wire_ask *ask, int in_fd, int out_fd);
/* The descriptors are the caller's afterwards. */
bool wire_recv_ask(int sock, struct wire_ask *ask, int *in_fd_out, int *out_fd_out);
bool wire_send_answer(int sock, const struct wire_answer *answer);
bool wire_recv_answer(int sock, struct wire_answer *answer);

bool wire_ask_is_sane(const struct wire_ask *ask, size_t n);
bool wire_answer_is_sane(const struct wire_answer *answer, size_t n);

#endif
