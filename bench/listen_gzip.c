/*
 * Streams that come packed: each block by itself, as the server packs them (RFC 1951,
 * a full flush between two). Relies on zlib. Stands between a chunk and what it says;
 * most are the same, byte for byte, and are unpacked once.
 */
#include <string.h>
#include <zlib.h>

#include "load_tools.h"
#include "listen_worker.h"

#define HEADER "\x1f\x8b" /* no block begins so */
#define HEADER_N 10
#define RAW_BITS (-15)
#define PIECE 16384

struct unpacker {
	z_stream stream;
	struct buf packed, text; /* of the last block */
};

static struct unpacker *
unpacker_new(void)
{
	struct unpacker *unpacker = xcalloc(1, sizeof *unpacker);

	if (inflateInit2(&unpacker->stream, RAW_BITS) != Z_OK)
		load_die("no memory to unpack with");
	return unpacker;
}

/* False: it is no block. */
static bool
inflate_all(struct unpacker *unpacker, struct str block)
{
	z_stream *stream = &unpacker->stream;
	struct buf *text = &unpacker->text;
	int rc = Z_OK;

	buf_reset(text);
	inflateReset(stream);
	stream->next_in = (unsigned char *)block.p;
	stream->avail_in = (unsigned)block.n;
	for (stream->avail_out = 0; rc == Z_OK && stream->avail_out == 0;) {
		buf_reserve(text, PIECE);
		stream->next_out = (unsigned char *)text->p + text->n;
		stream->avail_out = PIECE;
		rc = inflate(stream, Z_SYNC_FLUSH);
		text->n += PIECE - stream->avail_out;
	}
	return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR;
}

struct str
unpack_block(struct worker *worker, const struct listener *who, struct str block)
{
	struct unpacker *unpacker = worker->unpacker;

	if (unpacker == NULL)
		unpacker = worker->unpacker = unpacker_new();
	if (block.n >= HEADER_N && memcmp(block.p, HEADER, sizeof HEADER - 1) == 0)
		block = (struct str){ block.p + HEADER_N, block.n - HEADER_N };
	if (unpacker->packed.n != block.n ||
	    memcmp(unpacker->packed.p, block.p, block.n) != 0) {
		buf_reset(&unpacker->packed);
		buf_add(&unpacker->packed, block.p, block.n);
		if (!inflate_all(unpacker, block))
			worker_wrong(worker, who, "a block that is not packed");
	}
	return (struct str){ unpacker->text.p, unpacker->text.n };
}
