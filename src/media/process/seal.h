/*
 * Giving up rights, in two steps: what all decoders of a helper share, and what each of
 * them gives up before it sees a byte of a picture.
 */
#ifndef MEDIA_PROCESS_SEAL_H
#define MEDIA_PROCESS_SEAL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A user, net, mount, pid, ipc and uts namespace of our own; the caller goes on as its
 * first process, while the one that was started waits for it and ends with it. Where
 * the kernel does not let us, nothing changes and false is returned. One thread only.
 */
bool seal_namespaces(void);
/* Before the first fork for a picture, when all is loaded; in namespaces of our own the
 * root becomes an empty folder, and capabilities go. */
void seal_prepare(bool has_namespaces);

struct seal_limits {
	int64_t memory; /* beyond what was mapped at seal_prepare */
	int cpu_s;
};

/* Nothing but memory, its own threads, and reading and writing what is open. False: the
 * kernel has no filters. */
bool seal_for_good(const struct seal_limits *limits);

#endif
