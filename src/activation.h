/*
 * Listening sockets that systemd opened before this process began.
 * Spec: sd_listen_fds(3)
 */
#ifndef ACTIVATION_H
#define ACTIVATION_H

#include <stdbool.h>

#define ACTIVATION_MAX 64

/* Which of them have been taken; zeroed at first. */
struct activation {
	bool taken[ACTIVATION_MAX];
};

/* Takes the next socket with that FileDescriptorName= that is not taken yet; NULL: of
 * any name. 0: there is none. */
int activation_take(struct activation *a, const char *name);
/* Are all of them taken? */
bool activation_is_done(const struct activation *a);

#endif
