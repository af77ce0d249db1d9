/*
 * For tests: what a picture looks like. pictures_look FILE FRAME X Y prints width,
 * height (of one frame), frames, bands, what metadata there is (0: none), and the red,
 * green, blue and alpha of the point at X, Y percent of the frame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <vips/vips.h>

static int
metadata(VipsImage *image)
{
	static const char *const names[] = { VIPS_META_EXIF_NAME, VIPS_META_ICC_NAME,
		VIPS_META_XMP_NAME, VIPS_META_IPTC_NAME, VIPS_META_ORIENTATION };
	int found = 0;

	for (int i = 0; i < 5; i++)
		if (vips_image_get_typeof(image, names[i]) != 0)
			found |= 1 << i;
	return found;
}

int
main(int argc, char **argv)
{
	VipsImage *image;
	double *point;
	int height, bands, at;

	if (argc != 5 || VIPS_INIT(argv[0]) != 0)
		return 2;
	image = vips_image_new_from_file(argv[1], "n", -1, NULL);
	if (image == NULL) /* JPEG and PNG have no n */
		image = vips_image_new_from_file(argv[1], NULL);
	if (image == NULL)
		return 1;
	height = vips_image_get_page_height(image);
	at = atoi(argv[2]) * height + atoi(argv[4]) * (height - 1) / 100;
	if (vips_getpoint(image, &point, &bands,
		atoi(argv[3]) * (image->Xsize - 1) / 100, at, NULL) != 0)
		return 1;
	printf("%d %d %d %d %d %d %d %d %d\n", image->Xsize, height,
	    image->Ysize / height, bands, metadata(image), (int)point[0],
	    (int)point[bands < 3 ? 0 : 1], (int)point[bands < 3 ? 0 : 2],
	    bands == 4 ? (int)point[3] : 255);
	return 0;
}
