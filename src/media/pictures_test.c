/*
 * Thumbnails of good, strange and hostile pictures (tests/corpus/pictures, and some
 * that are too large to keep), by the real helper; and helpers that are late, killed or
 * idle.
 */
#include "media/pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "base/thread.h"

enum { BOMB_SIDE = 30000, NEAR = 95 };

/* ---- what is there to look at ---- */

static int
sample(const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof path, "%s/%s", getenv("PICTURES_SAMPLES"), name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int
empty_file(void)
{
	int fd = memfd_create("picture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static char *
contents(int fd, size_t *n_out)
{
	struct stat st;
	char *all;

	assert_int_equal(fstat(fd, &st), 0);
	all = xmalloc((size_t)st.st_size + 1);
	assert_int_equal(pread(fd, all, (size_t)st.st_size, 0), st.st_size);
	*n_out = (size_t)st.st_size;
	return all;
}

static bool
holds(int fd, const char *word)
{
	size_t n;
	char *all = contents(fd, &n);
	bool found = memmem(all, n, word, strlen(word)) != NULL;

	free(all);
	return found;
}

struct looks {
	int width, height, frames, bands, metadata, red, green, blue, alpha;
};

/* By a decoder that is not ours, at x and y percent of a frame. */
static struct looks
look(int fd, int frame, int x, int y)
{
	struct looks l;
	char command[PATH_MAX + 200];
	FILE *out;

	snprintf(command, sizeof command, "%s /proc/%d/fd/%d %d %d %d 2>/dev/null",
	    getenv("PICTURES_LOOK"), (int)getpid(), fd, frame, x, y);
	out = popen(command, "re");
	assert_non_null(out);
	assert_int_equal(
	    fscanf(out, "%d %d %d %d %d %d %d %d %d", &l.width, &l.height, &l.frames,
		&l.bands, &l.metadata, &l.red, &l.green, &l.blue, &l.alpha),
	    9);
	assert_int_equal(pclose(out), 0);
	return l;
}

static void
assert_red(struct looks l)
{
	assert_in_range(l.red, 255 - NEAR, 255);
	assert_in_range(l.green, 0, NEAR);
	assert_in_range(l.blue, 0, NEAR);
}

static void
assert_blue(struct looks l)
{
	assert_in_range(l.red, 0, NEAR);
	assert_in_range(l.green, 0, NEAR);
	assert_in_range(l.blue, 255 - NEAR, 255);
}

/* ---- pictures that are made here ---- */

static void
put_chunk(int fd, const char *name, const void *data, size_t n)
{
	unsigned char head[8] = { n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255 };
	unsigned long crc;
	unsigned char sum[4];

	memcpy(head + 4, name, 4);
	crc = crc32(crc32(0, head + 4, 4), data, (uInt)n);
	for (int i = 0; i < 4; i++)
		sum[i] = crc >> (24 - 8 * i) & 255;
	assert_int_equal(write(fd, head, 8), 8);
	assert_int_equal(write(fd, data, n), n);
	assert_int_equal(write(fd, sum, 4), 4);
}

/* A black PNG of so many bytes before compression. */
static int
black_png(
    uint32_t width, uint32_t height, int depth, int colour, int interlace, uint64_t raw)
{
	static const char zeros[1 << 16];
	unsigned char ihdr[13] = { width >> 24, width >> 16 & 255, width >> 8 & 255,
		width & 255, height >> 24, height >> 16 & 255, height >> 8 & 255,
		height & 255, (unsigned char)depth, (unsigned char)colour, 0, 0,
		(unsigned char)interlace };
	size_t cap = 4096 + raw / 500;
	unsigned char *packed = xmalloc(cap);
	z_stream z = { .next_out = packed, .avail_out = (uInt)cap };
	int fd = empty_file(), status = Z_OK;

	assert_int_equal(deflateInit(&z, 6), Z_OK);
	while (status == Z_OK) {
		if (z.avail_in == 0) {
			z.next_in = (unsigned char *)(uintptr_t)zeros;
			z.avail_in = raw < sizeof zeros ? (uInt)raw : sizeof zeros;
			raw -= z.avail_in;
		}
		status = deflate(&z, raw == 0 ? Z_FINISH : Z_NO_FLUSH);
	}
	assert_int_equal(status, Z_STREAM_END);
	assert_int_equal(write(fd, "\x89PNG\r\n\x1a\n", 8), 8);
	put_chunk(fd, "IHDR", ihdr, sizeof ihdr);
	put_chunk(fd, "IDAT", packed, z.total_out);
	put_chunk(fd, "IEND", "", 0);
	deflateEnd(&z);
	free(packed);
	return fd;
}

/* 113 KB that are 900 million points. */
static int
bomb(void)
{
	return black_png(BOMB_SIDE, BOMB_SIDE, 1, 0, 0,
	    (uint64_t)BOMB_SIDE * (1 + (BOMB_SIDE + 7) / 8));
}

/* ---- the helpers, seen from outside ---- */

static pid_t
parent_of(pid_t pid)
{
	char path[64], name[64];
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%*d (%63[^)]) %*c %d", name, &parent) != 2)
		parent = 0;
	fclose(file);
	return strncmp(name, "parlour-picture", 15) == 0 ? parent : 0;
}

/* The children of parent that are of parlour-pictures; how many. */
static int
helpers_of(pid_t parent, pid_t *pids, int max)
{
	char line[32];
	FILE *list = popen("ls /proc | grep '^[0-9]'", "re");
	int n = 0;

	assert_non_null(list);
	while (fgets(line, sizeof line, list) != NULL)
		if (parent_of(atoi(line)) == parent && n < max)
			pids[n++] = atoi(line);
	pclose(list);
	return n;
}

static pid_t
only_helper(void)
{
	pid_t pids[8];

	assert_int_equal(helpers_of(getpid(), pids, 8), 1);
	return pids[0];
}

static int
watch(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(fd >= 0);
	return fd;
}

/* Until the process of watch() has ended. */
static void
wait_for_end(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&one, 1, 60 * 1000), 1);
	close(fd);
}

/* ---- asking ---- */

static int
new_pool(void **state)
{
	struct pictures_setup setup = { .program = getenv("PICTURES_PROGRAM") };

	*state = pictures_new(&setup);
	return 0;
}

static int
free_pool(void **state)
{
	pictures_free(*state);
	return 0;
}

/* Another pool in place of the test's. */
static void
renew_pool(void **state, struct pictures_setup setup)
{
	pictures_free(*state);
	setup.program = getenv("PICTURES_PROGRAM");
	*state = pictures_new(&setup);
}

static enum mx_err
ask_for(
    void **state, int in, struct picture_ask ask, int *out, struct picture_made *made)
{
	memset(made, 0, sizeof *made);
	*out = empty_file();
	return pictures_thumbnail(*state, in, &ask, *out, made);
}

/* The thumbnail of the sample name; *made says what it is. */
static int
thumbnail(
    void **state, const char *name, struct picture_ask ask, struct picture_made *made)
{
	int in = sample(name), out;
	struct stat st;

	assert_int_equal(ask_for(state, in, ask, &out, made), M_OK);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, made->size);
	close(in);
	return out;
}

static enum mx_err
outcome(void **state, int in, struct picture_ask ask)
{
	struct picture_made made;
	int out;
	enum mx_err err = ask_for(state, in, ask, &out, &made);

	close(out);
	close(in);
	return err;
}

#define SCALE(w, h) ((struct picture_ask){ .width = w, .height = h })
#define CROP(w, h)                                                                     \
	((struct picture_ask){ .width = w, .height = h, .method = PICTURE_CROP })
#define MOVING(w, h) ((struct picture_ask){ .width = w, .height = h, .animated = true })

/* Left red and right blue, as most samples are. */
static void
assert_red_and_blue(int out)
{
	assert_red(look(out, 0, 10, 50));
	assert_blue(look(out, 0, 90, 50));
}

/* ---- what comes out ---- */

static void
a_turned_photograph_comes_upright_and_without_its_place(void **state)
{
	struct picture_made made;
	int out = thumbnail(state, "turned.jpg", SCALE(30, 30), &made);
	struct looks top = look(out, 0, 50, 10), bottom = look(out, 0, 50, 90);

	assert_int_equal(made.width, 15);
	assert_int_equal(made.height, 30);
	assert_int_equal(top.width, 15);
	assert_int_equal(top.height, 30);
	assert_red(top);
	assert_blue(bottom);
	assert_int_equal(top.metadata, 0);
	assert_false(holds(out, "Exif"));
	close(out);
}

static void
the_original_and_its_offset_stay_as_they_were(void **state)
{
	struct picture_made made;
	int in = sample("turned.jpg"), out;
	size_t before_n, after_n;
	char *before = contents(in, &before_n), *after;

	assert_int_equal(lseek(in, 7, SEEK_SET), 7);
	assert_int_equal(ask_for(state, in, CROP(10, 10), &out, &made), M_OK);
	assert_int_equal(lseek(in, 0, SEEK_CUR), 7);
	after = contents(in, &after_n);
	assert_int_equal(before_n, after_n);
	assert_memory_equal(before, after, after_n);
	free(before);
	free(after);
	close(in);
	close(out);
}

static void
colours_of_print_and_of_wide_screens_become_plain_ones(void **state)
{
	static const char *const names[] = { "cmyk.jpg", "p3.jpg" };

	for (int i = 0; i < 2; i++) {
		struct picture_made made;
		int out = thumbnail(state, names[i], SCALE(30, 30), &made);
		struct looks l = look(out, 0, 10, 50);

		assert_string_equal(made.content_type, "image/jpeg");
		assert_int_equal(l.bands, 3);
		assert_int_equal(l.metadata, 0);
		assert_true(l.red > 200 && l.red > 4 * l.green && l.red > 4 * l.blue);
		l = look(out, 0, 90, 50);
		assert_true(l.blue > 100 && l.blue > 2 * l.red);
		close(out);
	}
}

static void
wide_colours_are_converted_and_not_only_relabelled(void **state)
{
	struct picture_made made;
	int out = thumbnail(state, "p3.jpg", SCALE(30, 30), &made);

	/* Stored as 234, 51, 35 of Display P3. */
	assert_in_range(look(out, 0, 10, 50).red, 248, 255);
	assert_in_range(look(out, 0, 10, 50).green, 0, 12);
	close(out);
}

static void
opaque_pictures_of_all_kinds_become_jpegs(void **state)
{
	static const char *const names[] = { "plain.jpg", "progressive.jpg", "deep.png",
		"palette.png", "opaque.png", "moving.png", "still.gif", "still.webp",
		"moving.gif", "moving.webp", "polyglot.gif" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct picture_made made;
		int out = thumbnail(state, names[i], SCALE(30, 30), &made);

		assert_string_equal(made.content_type, "image/jpeg");
		assert_int_equal(made.width, 30);
		assert_false(made.is_animated || made.is_original);
		assert_int_equal(look(out, 0, 0, 0).frames, 1);
		assert_red_and_blue(out);
		close(out);
	}
}

static void
what_is_transparent_stays_so_in_a_png(void **state)
{
	static const char *const names[] = { "clear.png", "palette_clear.png" };

	for (int i = 0; i < 2; i++) {
		struct picture_made made;
		int out = thumbnail(state, names[i], CROP(20, 10), &made);
		struct looks left = look(out, 0, 10, 50), right = look(out, 0, 90, 50);

		assert_string_equal(made.content_type, "image/png");
		assert_int_equal(left.metadata, 0);
		assert_red(left);
		assert_int_equal(left.alpha, 255);
		assert_int_equal(right.alpha, 0);
		close(out);
	}
}

static void
a_grey_picture_stays_grey(void **state)
{
	struct picture_made made;
	int out = thumbnail(state, "grey.png", SCALE(30, 30), &made);
	struct looks dark = look(out, 0, 10, 50), light = look(out, 0, 90, 50);

	assert_true(dark.red < NEAR && dark.green < NEAR && dark.blue < NEAR);
	assert_true(light.red > 255 - NEAR && light.green > 255 - NEAR &&
		    light.blue > 255 - NEAR);
	close(out);
}

static void
what_moves_goes_on_moving_where_that_is_wanted(void **state)
{
	static const char *const names[] = { "moving.gif", "moving.webp" };

	for (int i = 0; i < 2; i++) {
		struct picture_made made;
		int out = thumbnail(state, names[i], MOVING(30, 30), &made);
		struct looks first = look(out, 0, 10, 50);

		assert_string_equal(made.content_type, "image/webp");
		assert_true(made.is_animated);
		assert_int_equal(first.width, 30);
		assert_int_equal(first.height, 15);
		assert_int_equal(first.frames, 3);
		assert_int_equal(first.metadata, 0);
		assert_red(first);
		assert_blue(look(out, 1, 10, 50));
		assert_red(look(out, 2, 90, 50));
		close(out);
	}
}

static void
each_frame_is_cut_alike(void **state)
{
	struct picture_made made;
	struct picture_ask ask = MOVING(10, 10);
	int out;

	ask.method = PICTURE_CROP;
	out = thumbnail(state, "moving.gif", ask, &made);
	for (int frame = 0; frame < 3; frame++) {
		struct looks l = look(out, frame, 0, 100);

		assert_int_equal(l.width, 10);
		assert_int_equal(l.height, 10);
		assert_int_equal(l.frames, 3);
	}
	assert_red(look(out, 0, 0, 50));
	assert_blue(look(out, 0, 100, 50));
	assert_blue(look(out, 1, 0, 50));
	assert_red(look(out, 1, 100, 50));
	close(out);
}

static void
what_does_not_move_stands_still_whatever_is_wanted(void **state)
{
	static const char *const names[] = { "still.gif", "still.webp", "plain.jpg" };

	for (int i = 0; i < 3; i++) {
		struct picture_made made;
		int out = thumbnail(state, names[i], MOVING(30, 30), &made);

		assert_string_equal(made.content_type, "image/jpeg");
		assert_false(made.is_animated);
		close(out);
	}
}

static void
an_animation_with_too_many_points_stands_still(void **state)
{
	struct picture_made made;
	int out;

	renew_pool(state, (struct pictures_setup){ .pixels_max = 40 * 20 * 2 });
	out = thumbnail(state, "moving.gif", MOVING(30, 30), &made);
	assert_string_equal(made.content_type, "image/jpeg");
	assert_false(made.is_animated);
	close(out);
}

static void
nothing_is_enlarged_or_bent(void **state)
{
	static const struct {
		struct picture_ask ask;
		int width, height;
	} rows[] = {
		{ { .width = 50, .height = 50 }, 50, 25 },
		{ { .width = 800, .height = 600 }, 200, 100 },
		{ { .width = 150, .height = 600 }, 150, 75 },
		{ { .width = 96, .height = 96, .method = PICTURE_CROP }, 96, 96 },
		{ { .width = 150, .height = 150, .method = PICTURE_CROP }, 100, 100 },
		{ { .width = 300, .height = 100, .method = PICTURE_CROP }, 200, 67 },
		{ { .width = 1, .height = 1, .method = PICTURE_CROP }, 1, 1 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct picture_made made;
		int out = thumbnail(state, "plain.jpg", rows[i].ask, &made);
		struct looks l = look(out, 0, 0, 0);

		assert_int_equal(made.width, rows[i].width);
		assert_int_equal(made.height, rows[i].height);
		assert_int_equal(l.width, rows[i].width);
		assert_int_equal(l.height, rows[i].height);
		close(out);
	}
}

static void
assert_original(void **state, const char *name, bool animated, bool is_original)
{
	struct picture_ask ask = MOVING(200, 200);
	struct picture_made made;
	int out;

	ask.original_will_do = true;
	ask.animated = animated;
	out = thumbnail(state, name, ask, &made);
	assert_int_equal(made.is_original, is_original);
	if (is_original)
		assert_int_equal(made.size, 0);
	close(out);
}

static void
an_original_that_is_no_larger_will_do(void **state)
{
	struct picture_ask ask = SCALE(199, 200);
	struct picture_made made;

	assert_original(state, "plain.jpg", false, true);
	assert_original(state, "turned.jpg", true, true);
	assert_original(state, "still.gif", false, true);
	assert_original(state, "palette.png", false, true);
	ask.original_will_do = true;
	close(thumbnail(state, "plain.jpg", ask, &made));
	assert_false(made.is_original);
}

static void
an_original_that_moves_will_not_do_for_a_still(void **state)
{
	static const char *const names[] = { "moving.gif", "moving.webp",
		"moving.png" };

	for (int i = 0; i < 3; i++) {
		assert_original(state, names[i], true, true);
		assert_original(state, names[i], false, false);
	}
}

/* ---- what is refused ---- */

static void
broken_files_and_what_is_no_picture_are_refused(void **state)
{
	static const char *const names[] = { "cut.jpg", "cut.png", "cut.gif",
		"cut.webp", "html.gif", "vector.svg", "document.pdf", "plain.tif",
		"make" };
	pid_t helper = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(
		    outcome(state, sample(names[i]), SCALE(30, 30)), M_REFUSED);
		assert_true(helper == 0 || helper == only_helper());
		helper = only_helper();
	}
	assert_int_equal(outcome(state, empty_file(), SCALE(30, 30)), M_REFUSED);
}

static void
random_bytes_behind_a_picture_s_head_are_refused(void **state)
{
	static const struct str heads[] = { { "", 0 }, { "\xff\xd8\xff\xe0", 4 },
		{ "\x89PNG\r\n\x1a\n", 8 }, { "GIF89a", 6 },
		{ "RIFF\0\1\0\0WEBPVP8 ", 16 } };
	unsigned seed = 1;

	for (int i = 0; i < 5; i++) {
		int fd = empty_file();
		unsigned char noise[3000];

		for (size_t k = 0; k < sizeof noise; k++)
			noise[k] = (unsigned char)rand_r(&seed);
		assert_int_equal(write(fd, heads[i].p, heads[i].n), heads[i].n);
		assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
		assert_int_not_equal(outcome(state, fd, SCALE(30, 30)), M_OK);
	}
}

static void
nothing_behind_a_picture_comes_along(void **state)
{
	struct picture_made made;
	int in = sample("polyglot.gif"),
	    out = thumbnail(state, "polyglot.gif", SCALE(30, 30), &made);

	assert_true(holds(in, "<script>"));
	assert_false(holds(out, "<script>"));
	close(in);
	close(out);
}

static void
too_many_points_are_refused_by_the_head_alone(void **state)
{
	struct rusage used;
	pid_t helper;

	assert_int_equal(outcome(state, bomb(), SCALE(30, 30)), M_TOO_LARGE);
	helper = only_helper();
	assert_int_equal(
	    outcome(state, black_png(900000, 900000, 16, 6, 1, 1000), SCALE(30, 30)),
	    M_TOO_LARGE);
	/* It was not stopped by the clock. */
	assert_int_equal(only_helper(), helper);
	pictures_free(*state);
	new_pool(state);
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &used), 0);
#ifndef __SANITIZE_ADDRESS__
	assert_true(used.ru_maxrss < 64 * 1024);
#endif
}

static void
what_takes_too_much_memory_is_refused(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	enum { SIDE = 6000 };

	/* 108 MB, and it can't be decoded line by line. The rows of the seven passes
	 * are a little more than those of one. */
	renew_pool(state, (struct pictures_setup){ .memory_max = 48 << 20 });
	assert_int_equal(
	    outcome(state, black_png(SIDE, SIDE, 8, 2, 1, 3 * SIDE * SIDE + 2 * SIDE),
		SCALE(30, 30)),
	    M_TOO_LARGE);
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
}

static void
a_disk_that_is_full_is_ours(void **state)
{
	struct picture_ask ask = SCALE(30, 30);
	struct picture_made made;
	int in = sample("plain.jpg"), full = open("/dev/full", O_RDWR | O_CLOEXEC);

	assert_true(full >= 0);
	assert_int_equal(
	    pictures_thumbnail(*state, in, &ask, full, &made), M_UNAVAILABLE);
	close(in);
	close(full);
}

/* ---- helpers that come and go ---- */

static void
a_killed_helper_is_replaced(void **state)
{
	pid_t helper;
	int end;

	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
	helper = only_helper();
	end = watch(helper);
	kill(helper, SIGKILL);
	wait_for_end(end);
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
	assert_int_not_equal(only_helper(), helper);
}

static void
a_helper_that_has_long_been_idle_ends_until_it_is_needed(void **state)
{
	renew_pool(state, (struct pictures_setup){ .idle_limit_ms = 1 });
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
		wait_for_end(watch(only_helper()));
	}
}

struct signaller {
	pid_t above; /* the process that forks decoders */
	int sig;
	pthread_t thread;
};

/* Signals what decodes as soon as there is one. */
static void *
signal_decoder(void *arg)
{
	struct signaller *s = arg;
	pid_t decoder;

	while (helpers_of(s->above, &decoder, 1) == 0)
		;
	kill(decoder, s->sig);
	return NULL;
}

/* A pool of one helper, and a thread that sends sig to the next that decodes. */
static struct signaller *
expect_decoder(void **state, struct pictures_setup setup, int sig)
{
	static struct signaller s;

	setup.helpers = 1;
	setup.pixels_max = INT64_MAX / 2;
	renew_pool(state, setup);
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
	s = (struct signaller){ .above = only_helper(), .sig = sig };
	/* Where there are namespaces, it is the child of the one that was started. */
	helpers_of(s.above, &s.above, 1);
	s.thread = thread_start("signaller", ROLE_WORKER, signal_decoder, &s);
	return &s;
}

static void
a_decoder_that_dies_costs_its_own_picture_alone(void **state)
{
	struct pictures_setup patient = { .time_limit_ms = 60 * 1000 };
	struct signaller *s = expect_decoder(state, patient, SIGKILL);
	pid_t helper = only_helper();

	assert_int_equal(outcome(state, bomb(), SCALE(30, 30)), M_TOO_LARGE);
	pthread_join(s->thread, NULL);
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
	assert_int_equal(only_helper(), helper);
}

static void
what_takes_too_long_ends_its_helper_and_the_next_is_served(void **state)
{
	struct pictures_setup hurried = { .time_limit_ms = 3000 };
	struct signaller *s = expect_decoder(state, hurried, SIGSTOP);
	pid_t helper = only_helper();

	assert_int_equal(outcome(state, bomb(), SCALE(30, 30)), M_TOO_LARGE);
	pthread_join(s->thread, NULL);
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
	assert_int_not_equal(only_helper(), helper);
}

static void *
ask_for_bomb(void *state)
{
	return (void *)(uintptr_t)outcome(state, bomb(), SCALE(30, 30));
}

static void
who_finds_no_helper_free_is_told_to_come_again(void **state)
{
	struct pictures_setup busy = { .time_limit_ms = 4000, .wait_limit_ms = 1 };
	struct signaller *s = expect_decoder(state, busy, SIGSTOP);
	pthread_t other = thread_start("other", ROLE_WORKER, ask_for_bomb, state);
	void *err;

	pthread_join(s->thread, NULL); /* it has the helper now */
	assert_int_equal(
	    outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_UNAVAILABLE);
	pthread_join(other, &err);
	assert_int_equal((uintptr_t)err, M_TOO_LARGE);
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
}

static void *
ask_often(void *state)
{
	static const char *const names[] = { "plain.jpg", "moving.webp", "cut.png",
		"clear.png" };
	long wrong = 0;

	for (int i = 0; i < 8; i++) {
		const char *name = names[i % 4];
		enum mx_err want = strcmp(name, "cut.png") == 0 ? M_REFUSED : M_OK;

		wrong += outcome(state, sample(name), MOVING(30, 30)) != want;
	}
	return (void *)wrong;
}

static void
eight_threads_share_three_helpers(void **state)
{
	pthread_t threads[8];
	pid_t pids[8];
	void *wrong;

	renew_pool(state, (struct pictures_setup){ .helpers = 3 });
	for (int i = 0; i < 8; i++)
		threads[i] = thread_start("asker", ROLE_WORKER, ask_often, state);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_in_range(helpers_of(getpid(), pids, 8), 1, 3);
}

static void
helpers_end_with_their_pool(void **state)
{
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
	pictures_free(*state);
	new_pool(state);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
helpers_end_when_their_server_is_killed(void **state)
{
	int told[2], end;
	pid_t server, helper;

	assert_int_equal(pipe(told), 0);
	server = fork();
	if (server == 0) {
		new_pool(state);
		assert_int_equal(
		    outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_OK);
		helper = only_helper();
		assert_int_equal(write(told[1], &helper, sizeof helper), sizeof helper);
		pause();
	}
	assert_int_equal(read(told[0], &helper, sizeof helper), sizeof helper);
	end = watch(helper);
	kill(server, SIGKILL);
	assert_int_equal(waitpid(server, NULL, 0), server);
	wait_for_end(end);
	close(told[0]);
	close(told[1]);
}

static void
without_the_program_there_are_no_thumbnails(void **state)
{
	struct pictures_setup setup = { .program = "/nonexistent/parlour-pictures" };

	pictures_free(*state);
	*state = pictures_new(&setup);
	assert_int_equal(outcome(state, sample("plain.jpg"), SCALE(30, 30)), M_UNKNOWN);
}

/* ---- the lock ---- */

static int
run_program(const char *word)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof command, "%s %s", getenv("PICTURES_PROGRAM"), word);
	return WEXITSTATUS(system(command));
}

static void
a_decoder_opens_no_file_and_no_socket_and_starts_nothing(void **state)
{
	assert_int_equal(run_program("--try-filter"), 0);
}

static void
in_its_namespaces_there_is_nothing_to_reach(void **state)
{
	int status = run_program("--try-namespaces");

	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, new_pool, free_pool)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: it looks at the memory of all children so far. */
		WITH_POOL(too_many_points_are_refused_by_the_head_alone),
		WITH_POOL(a_turned_photograph_comes_upright_and_without_its_place),
		WITH_POOL(the_original_and_its_offset_stay_as_they_were),
		WITH_POOL(colours_of_print_and_of_wide_screens_become_plain_ones),
		WITH_POOL(wide_colours_are_converted_and_not_only_relabelled),
		WITH_POOL(opaque_pictures_of_all_kinds_become_jpegs),
		WITH_POOL(what_is_transparent_stays_so_in_a_png),
		WITH_POOL(a_grey_picture_stays_grey),
		WITH_POOL(what_moves_goes_on_moving_where_that_is_wanted),
		WITH_POOL(each_frame_is_cut_alike),
		WITH_POOL(what_does_not_move_stands_still_whatever_is_wanted),
		WITH_POOL(an_animation_with_too_many_points_stands_still),
		WITH_POOL(nothing_is_enlarged_or_bent),
		WITH_POOL(an_original_that_is_no_larger_will_do),
		WITH_POOL(an_original_that_moves_will_not_do_for_a_still),
		WITH_POOL(broken_files_and_what_is_no_picture_are_refused),
		WITH_POOL(random_bytes_behind_a_picture_s_head_are_refused),
		WITH_POOL(nothing_behind_a_picture_comes_along),
		WITH_POOL(what_takes_too_much_memory_is_refused),
		WITH_POOL(a_disk_that_is_full_is_ours),
		WITH_POOL(a_killed_helper_is_replaced),
		WITH_POOL(a_helper_that_has_long_been_idle_ends_until_it_is_needed),
		WITH_POOL(a_decoder_that_dies_costs_its_own_picture_alone),
		WITH_POOL(what_takes_too_long_ends_its_helper_and_the_next_is_served),
		WITH_POOL(who_finds_no_helper_free_is_told_to_come_again),
		WITH_POOL(eight_threads_share_three_helpers),
		WITH_POOL(helpers_end_with_their_pool),
		WITH_POOL(helpers_end_when_their_server_is_killed),
		WITH_POOL(without_the_program_there_are_no_thumbnails),
		cmocka_unit_test(
		    a_decoder_opens_no_file_and_no_socket_and_starts_nothing),
		cmocka_unit_test(in_its_namespaces_there_is_nothing_to_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
