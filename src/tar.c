/*
 * tar archives, block by block: pubs.opengroup.org, pax, "ustar Interchange Format".
 * Sizes from 8 GiB on as GNU and BSD tar write and read them, in base 256.
 */
#include "tar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512, COPY = 65536 };

struct ustar {
	char name[TAR_NAME_MAX], mode[8], uid[8], gid[8], size[12], mtime[12];
	char checksum[8], type, link[100], magic[6], version[2];
	char user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct ustar) == BLOCK, "a head is one block");

static bool
write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool
fill_block(int fd, uint64_t size_bytes)
{
	static const char zeros[BLOCK];

	return write_all(fd, zeros, (BLOCK - size_bytes % BLOCK) % BLOCK);
}

/* Eleven octal digits, or the number itself behind a first byte of 0x80. */
static void
put_size(char out[12], uint64_t size)
{
	char digits[24];

	if (size < UINT64_C(1) << 33) {
		snprintf(digits, sizeof digits, "%011llo", (unsigned long long)size);
		memcpy(out, digits, 12);
		return;
	}
	memset(out, 0, 12);
	out[0] = (char)0x80;
	for (int i = 11; size > 0; i--, size >>= 8)
		out[i] = (char)(size & 0xff);
}

/* The sum of all bytes of the head, its own eight read as spaces. */
static void
put_checksum(struct ustar *head)
{
	const unsigned char *p = (const unsigned char *)head;
	unsigned sum = 0;
	char digits[12];

	memset(head->checksum, ' ', sizeof head->checksum);
	for (int i = 0; i < BLOCK; i++)
		sum += p[i];
	snprintf(digits, sizeof digits, "%06o", sum);
	memcpy(head->checksum, digits, 7); /* the eighth stays a space */
}

bool
tar_head(int fd, const char *name, uint64_t size_bytes, int64_t mtime_s)
{
	struct ustar head = { .type = '0',
		.mode = "0000600",
		.uid = "0000000",
		.gid = "0000000",
		.magic = "ustar",
		.version = { '0', '0' } };

	if (strlen(name) >= sizeof head.name) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(head.name, name, strlen(name));
	put_size(head.size, size_bytes);
	put_size(head.mtime, mtime_s < 0 ? 0 : (uint64_t)mtime_s);
	put_checksum(&head);
	return write_all(fd, &head, sizeof head);
}

bool
tar_data(int fd, const void *data, uint64_t size_bytes)
{
	return write_all(fd, data, size_bytes) && fill_block(fd, size_bytes);
}

bool
tar_copy(int fd, int from_fd, uint64_t size_bytes)
{
	char chunk[COPY];
	uint64_t left = size_bytes;

	while (left > 0) {
		ssize_t got = read(from_fd, chunk, left < COPY ? left : COPY);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got < 0 ? errno : EIO;
			return false;
		}
		if (!write_all(fd, chunk, (size_t)got))
			return false;
		left -= (uint64_t)got;
	}
	return fill_block(fd, size_bytes);
}

bool
tar_end(int fd)
{
	static const char zeros[2 * BLOCK];

	return write_all(fd, zeros, sizeof zeros);
}
