/*
 * How many thumbnails a second, and what one costs:
 *   PICTURES_PROGRAM=build/release/parlour-pictures build/release/src/media/thumbnails
 * \ FILE [WIDTH HEIGHT [scale|crop [COUNT [HELPERS]]]] CPU and memory are those of the
 * helpers and what they fork.
 */
#include "media/pictures.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

static struct {
	struct pictures *pictures;
	const char *file;
	struct picture_ask ask;
	int count;
} bench;

static void *
ask_often(void *arg)
{
	struct picture_made *made = arg;
	int in = open(bench.file, O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < bench.count; i++) {
		int out = memfd_create("thumbnail", MFD_CLOEXEC);
		enum mx_err err =
		    pictures_thumbnail(bench.pictures, in, &bench.ask, out, made);

		if (err != M_OK) {
			fprintf(stderr, "thumbnails: %s\n", err_name(err));
			exit(1);
		}
		close(out);
	}
	close(in);
	return NULL;
}

static double
cpu_ms(const struct rusage *used)
{
	return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1e3 +
	       (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e3;
}

int
main(int argc, char **argv)
{
	struct pictures_setup setup = { .program = getenv("PICTURES_PROGRAM"),
		.helpers = argc > 6 ? atoi(argv[6]) : 1 };
	pthread_t threads[64];
	struct picture_made made[64];
	struct rusage used;
	int64_t start;
	double seconds;
	int all;

	if (argc < 2 || setup.helpers < 1 || setup.helpers > 64)
		return 2;
	bench.file = argv[1];
	bench.ask.width = argc > 3 ? atoi(argv[2]) : 800;
	bench.ask.height = argc > 3 ? atoi(argv[3]) : 600;
	bench.ask.method =
	    argc > 4 && strcmp(argv[4], "crop") == 0 ? PICTURE_CROP : PICTURE_SCALE;
	bench.count = argc > 5 ? atoi(argv[5]) : 50;
	bench.pictures = pictures_new(&setup);
	start = clock_mono_us();
	for (int i = 0; i < setup.helpers; i++)
		threads[i] = thread_start("asker", ROLE_WORKER, ask_often, &made[i]);
	for (int i = 0; i < setup.helpers; i++)
		pthread_join(threads[i], NULL);
	seconds = (double)(clock_mono_us() - start) / 1e6;
	pictures_free(bench.pictures);
	if (getrusage(RUSAGE_CHILDREN, &used) < 0)
		return 1;
	all = bench.count * setup.helpers;
	printf(
	    "%s %dx%d, %lld bytes: %.1f a second, %.1f ms of CPU each, peak %ld kB\n",
	    made[0].content_type, made[0].width, made[0].height,
	    (long long)made[0].size, all / seconds, cpu_ms(&used) / all,
	    used.ru_maxrss);
	return 0;
}
