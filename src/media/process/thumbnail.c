/*
 * What makes the smaller picture: size looked at before anything is decoded, one loader
 * chosen by the first bytes and all others blocked, upright, sRGB, 8 bits, nothing of
 * the metadata kept.
 */
#include "media/process/thumbnail.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <vips/vips.h>
#include <vips/vector.h>

enum {
	HEAD_BYTES = 4096,
	JPEG_QUALITY = 80,
	WEBP_QUALITY = 75,
	WEBP_EFFORT = 2, /* 0 to 6; above it costs time and saves a tenth */
	PNG_COMPRESSION = 6,
	/* Frames are kept and encoded in thumbnail size: 16,000,000 are 52 of 640x480.
	 */
	MOVING_PIXELS_MAX = 16 * 1000 * 1000,
};

/* All loaders of one kind are a class of libvips. */
static const char *const loaders[FORMAT_COUNT] = {
	[FORMAT_JPEG] = "VipsForeignLoadJpeg",
	[FORMAT_PNG] = "VipsForeignLoadPng",
	[FORMAT_GIF] = "VipsForeignLoadNsgif",
	[FORMAT_WEBP] = "VipsForeignLoadWebp",
};

/* What is known before anything is decoded. */
struct look {
	enum picture_format format;
	int width, height, frames; /* upright */
	bool may_move;
	bool has_plain_colours; /* sRGB or grey, as what says nothing else is */
};

bool
thumbnail_init(const char *argv0)
{
	/* Machine code made at run time wants memory that is both writable and
	 * executable, which nobody here shall have. */
	vips_vector_set_enabled(FALSE);
	if (VIPS_INIT(argv0) != 0)
		return false;
	vips_vector_set_enabled(FALSE);
	vips_concurrency_set(1);
	vips_cache_set_max(0);
	vips_block_untrusted_set(TRUE);
	vips_operation_block_set("VipsForeignLoad", TRUE);
	return true;
}

/* libvips has a text alone for what went wrong. */
static enum wire_outcome
why_it_failed(void)
{
	return strcasestr(vips_error_buffer(), "memory") != NULL ? WIRE_TOO_LARGE
								 : WIRE_NO_PICTURE;
}

/* ---- looking ---- */

static int
load_header(enum picture_format format, VipsSource *source, VipsImage **image)
{
	switch (format) {
	case FORMAT_JPEG:
		return vips_jpegload_source(source, image, NULL);
	case FORMAT_PNG:
		return vips_pngload_source(source, image, NULL);
	case FORMAT_GIF:
		return vips_gifload_source(source, image, NULL);
	default:
		return vips_webpload_source(source, image, NULL);
	}
}

static void
read_measures(VipsImage *image, struct look *look)
{
	bool on_its_side = vips_image_get_orientation_swap(image);

	look->width = on_its_side ? image->Ysize : image->Xsize;
	look->height = on_its_side ? image->Xsize : image->Ysize;
	look->frames = vips_image_get_n_pages(image);
	look->may_move |= look->frames > 1;
	look->has_plain_colours = image->Type != VIPS_INTERPRETATION_CMYK &&
				  vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0;
}

/* WIRE_READY: go on. */
static enum wire_outcome
look_at(VipsSource *source, int in, struct look *look)
{
	char head[HEAD_BYTES];
	ssize_t n = pread(in, head, sizeof head, 0);
	VipsImage *image;

	look->format = picture_format(head, n < 0 ? 0 : (size_t)n);
	if (look->format == FORMAT_NONE)
		return WIRE_NO_PICTURE;
	if (look->format == FORMAT_PNG)
		look->may_move = picture_png_may_move(head, (size_t)n);
	vips_operation_block_set(loaders[look->format], FALSE);
	if (load_header(look->format, source, &image) != 0)
		return why_it_failed();
	read_measures(image, look);
	g_object_unref(image);
	return WIRE_READY;
}

/* ---- making ---- */

/* Replaces *image by the result of an operation that was given it; false if that
 * failed. */
static bool
step(VipsImage **image, int status, VipsImage *next)
{
	if (status != 0)
		return false;
	g_object_unref(*image);
	*image = next;
	return true;
}

static bool
to_plain_colours(VipsImage **image)
{
	VipsImage *next = NULL;
	int status;

	if ((*image)->Type != VIPS_INTERPRETATION_sRGB) {
		status =
		    vips_colourspace(*image, &next, VIPS_INTERPRETATION_sRGB, NULL);
		if (!step(image, status, next))
			return false;
	}
	if ((*image)->BandFmt != VIPS_FORMAT_UCHAR) {
		status = vips_cast_uchar(*image, &next, NULL);
		if (!step(image, status, next))
			return false;
	}
	return true;
}

/* Decodes everything; afterwards the picture is only in memory. */
static bool
to_memory(VipsImage **image)
{
	VipsImage *next = vips_image_copy_memory(*image);

	return step(image, next == NULL, next);
}

/* Cuts each frame, which stand one below the other. */
static bool
cut(VipsImage **image, const struct picture_box *box, int frames)
{
	VipsImage **cuts = g_new0(VipsImage *, frames), *next = NULL;
	int status = 0;

	for (int i = 0; i < frames && status == 0; i++)
		status = vips_extract_area(*image, &cuts[i], box->left,
		    i * box->scaled_height + box->top, box->width, box->height, NULL);
	if (status == 0)
		status = vips_arrayjoin(cuts, &next, frames, "across", 1, NULL);
	for (int i = 0; i < frames; i++)
		VIPS_UNREF(cuts[i]);
	g_free(cuts);
	if (!step(image, status, next))
		return false;
	if (frames > 1)
		vips_image_set_int(*image, VIPS_META_PAGE_HEIGHT, box->height);
	return to_memory(image);
}

/* Many pictures have a channel for transparency and no transparent pixel. */
static bool
drop_needless_alpha(VipsImage **image)
{
	VipsImage *alpha, *next = NULL;
	double least;
	int status;

	if (!vips_image_hasalpha(*image))
		return true;
	if (vips_extract_band(*image, &alpha, (*image)->Bands - 1, NULL) != 0)
		return false;
	status = vips_min(alpha, &least, NULL);
	g_object_unref(alpha);
	if (status != 0)
		return false;
	if (least < 255)
		return true;
	status = vips_extract_band(*image, &next, 0, "n", (*image)->Bands - 1, NULL);
	return step(image, status, next);
}

/* What is for the loader stands in the text: vips_thumbnail_source 8.14 has a fail_on
 * of its own and forgets it. A profile to go to costs 4 ms at once, and each point
 * twice. */
static bool
load_scaled(VipsSource *source, const struct look *look, const struct picture_box *box,
    int frames, VipsImage **image)
{
	const char *loader =
	    frames > 1 ? "[fail-on=truncated,n=-1]" : "[fail-on=truncated]";

	return vips_thumbnail_source(source, image, box->scaled_width, "height",
		   box->scaled_height, "size", VIPS_SIZE_FORCE, "option_string", loader,
		   look->has_plain_colours ? NULL : "export_profile", "srgb",
		   NULL) == 0;
}

static bool
make_image(VipsSource *source, const struct look *look, const struct picture_box *box,
    int frames, VipsImage **image_out)
{
	VipsImage *image = NULL;

	if (!load_scaled(source, look, box, frames, &image))
		return false;
	if (to_plain_colours(&image) && to_memory(&image) &&
	    drop_needless_alpha(&image) && cut(&image, box, frames)) {
		*image_out = image;
		return true;
	}
	g_object_unref(image);
	return false;
}

/* ---- writing ---- */

/* Drops what is not picture from a WebP with a VP8X head; webpsave 8.14 writes profile
 * and EXIF in spite of "strip". Returns the bytes that are left. */
static size_t
strip_webp(unsigned char *p, size_t n)
{
	enum { RIFF_HEAD = 12, CHUNK_HEAD = 8, FLAGS = RIFF_HEAD + CHUNK_HEAD };
	static const char *const dropped[] = { "ICCP", "EXIF", "XMP " };
	const unsigned char has_dropped = 0x20 | 0x08 | 0x04;
	size_t kept = RIFF_HEAD, size;

	for (size_t at = RIFF_HEAD; at + CHUNK_HEAD <= n; at += size) {
		bool keep = true;

		size = p[at + 4] | p[at + 5] << 8 | p[at + 6] << 16 |
		       (size_t)p[at + 7] << 24;
		size += CHUNK_HEAD + (size & 1);
		if (size > n - at)
			break;
		for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
			keep = keep && memcmp(p + at, dropped[i], 4) != 0;
		if (!keep)
			continue;
		memmove(p + kept, p + at, size);
		kept += size;
	}
	p[FLAGS] &= (unsigned char)~has_dropped;
	for (int i = 0; i < 4; i++)
		p[4 + i] = (unsigned char)((kept - CHUNK_HEAD) >> (8 * i));
	return kept;
}

/* JPEG where nothing is transparent, PNG (which every client shows) where something is;
 * WebP where it moves, as the specification prefers. */
static int
encode(VipsImage *image, int frames, enum picture_format *format_out, void **bytes_out,
    size_t *n_out)
{
	if (frames > 1) {
		*format_out = FORMAT_WEBP;
		if (vips_webpsave_buffer(image, bytes_out, n_out, "Q", WEBP_QUALITY,
			"effort", WEBP_EFFORT, "strip", TRUE, NULL) != 0)
			return -1;
		*n_out = strip_webp(*bytes_out, *n_out);
		return 0;
	}
	if (vips_image_hasalpha(image)) {
		*format_out = FORMAT_PNG;
		return vips_pngsave_buffer(image, bytes_out, n_out, "compression",
		    PNG_COMPRESSION, "strip", TRUE, NULL);
	}
	*format_out = FORMAT_JPEG;
	return vips_jpegsave_buffer(image, bytes_out, n_out, "Q", JPEG_QUALITY,
	    "optimize_coding", TRUE, "strip", TRUE, NULL);
}

static bool
write_all(int out, const char *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t wrote = pwrite(out, bytes + done, n - done, (off_t)done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		done += (size_t)wrote;
	}
	return true;
}

static enum wire_outcome
make(VipsSource *source, const struct look *look, const struct picture_box *box,
    int frames, int out, struct wire_answer *answer)
{
	enum picture_format format;
	VipsImage *image;
	void *bytes;
	size_t n;
	int status;

	if (!make_image(source, look, box, frames, &image))
		return why_it_failed();
	status = encode(image, frames, &format, &bytes, &n);
	g_object_unref(image);
	if (status != 0)
		return why_it_failed();
	answer->format = (uint8_t)format;
	answer->is_animated = frames > 1;
	answer->width = box->width;
	answer->height = box->height;
	answer->size = (int64_t)n;
	status = write_all(out, bytes, n) ? WIRE_MADE : WIRE_NOT_WRITTEN;
	g_free(bytes);
	return (enum wire_outcome)status;
}

/* ---- deciding ---- */

static int64_t
pixels(int width, int height, int frames)
{
	return (int64_t)width * height * frames;
}

static int
frames_to_make(
    const struct wire_ask *ask, const struct look *look, const struct picture_box *box)
{
	int n = ask->animated ? look->frames : 1;

	if (n > UINT16_MAX || /* or the product below is out of its type */
	    pixels(look->width, look->height, n) > ask->pixels_max ||
	    pixels(box->scaled_width, box->scaled_height, n) > MOVING_PIXELS_MAX)
		return 1;
	return n;
}

static enum wire_outcome
make_from(VipsSource *source, const struct wire_ask *ask, int in, int out,
    struct wire_answer *answer)
{
	struct picture_ask want = {
		.width = ask->width, .height = ask->height, .method = ask->method
	};
	struct look look = { 0 };
	enum wire_outcome outcome = look_at(source, in, &look);
	struct picture_box box;

	if (outcome != WIRE_READY)
		return outcome;
	if (pixels(look.width, look.height, 1) > ask->pixels_max)
		return WIRE_TOO_LARGE;
	if (ask->original_will_do && look.width <= ask->width &&
	    look.height <= ask->height && (ask->animated || !look.may_move)) {
		answer->format = (uint8_t)look.format;
		answer->is_animated = look.may_move;
		answer->width = look.width;
		answer->height = look.height;
		return WIRE_ORIGINAL;
	}
	box = picture_box(look.width, look.height, &want);
	return make(source, &look, &box, frames_to_make(ask, &look, &box), out, answer);
}

void
thumbnail_make(const struct wire_ask *ask, int in, int out, struct wire_answer *answer)
{
	VipsSource *source = vips_source_new_from_descriptor(in);
	enum wire_outcome outcome = WIRE_FAILED;

	*answer = (struct wire_answer){ .version = WIRE_VERSION };
	if (source != NULL) {
		outcome = make_from(source, ask, in, out, answer);
		g_object_unref(source);
	}
	answer->outcome = (uint8_t)outcome;
}
