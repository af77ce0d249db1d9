/*
 * Smaller pictures of pictures. They are made by helper processes without rights
 * (media/process/, the program parlour-pictures): what strangers upload is never
 * decoded in this one. See doc/media.md#thumbnails. Spec: client-server-api/#thumbnails
 */
#ifndef MEDIA_PICTURES_H
#define MEDIA_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* "image/jpeg", "image/png", "image/gif" or "image/webp", by how the file begins;
 * NULL: none of these. 16 bytes are enough. */
const char *picture_type(const void *first_bytes, size_t n);

enum picture_method { PICTURE_SCALE, PICTURE_CROP };

struct picture_ask {
	int width, height; /* 1 or more */
	enum picture_method method;
	/* May move, if the picture does; a still one is made of its first frame if it
	 * has more than the limits allow. */
	bool animated;
	/* Where the picture is no larger than what was asked: say so instead. */
	bool original_will_do;
};

struct picture_made {
	const char *content_type; /* image/jpeg, image/png, image/webp; of an original
				     also image/gif */
	int width, height;
	int64_t size; /* bytes written */
	bool is_animated;
	/* Nothing was written: give the original, whose type and measures these are.
	 * Only where original_will_do. */
	bool is_original;
};

/* 0 and NULL: what stands behind it. */
struct pictures_setup {
	const char *program; /* parlour-pictures beside the running program, or
				in ../libexec/parlour/ from there */
	int helpers;	     /* 2: as many pictures at once */
	int time_limit_ms;   /* 10,000 for one picture, waiting for a helper aside */
	int wait_limit_ms;   /* 20,000 for a helper to be free */
	int64_t pixels_max;  /* 100,000,000; of animated ones in all frames */
	int64_t memory_max;  /* 512 MiB for one picture */
	int idle_limit_ms;   /* 300,000: then a helper ends until it is needed again */
};

/* Starts nothing yet; helpers are started when there is work. */
struct pictures *pictures_new(const struct pictures_setup *setup);
/* Ends the helpers. Nobody may be inside pictures_thumbnail. */
void pictures_free(struct pictures *p);

/*
 * Writes a thumbnail of what is in the file in_fd (from its first byte; neither its
 * offset nor anything else of it changes) into the empty file out_fd, from its first
 * byte. Blocks; for any thread. What was written is of no use unless M_OK is returned,
 * and a byte may still arrive then: throw the file away. M_REFUSED: not a picture that
 * is read here, or a broken one (400, M_UNKNOWN on the wire). M_TOO_LARGE: it has too
 * many pixels, or took too much time or memory. M_UNAVAILABLE: out_fd could not be
 * written. M_UNKNOWN: no helper works.
 */
MUST_USE enum mx_err pictures_thumbnail(struct pictures *p, int in_fd,
    const struct picture_ask *ask, int out_fd, struct picture_made *made);

#endif
