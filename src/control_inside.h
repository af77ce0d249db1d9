/*
 * The operations of control's table, by file; and how both sides find the socket.
 */
#ifndef CONTROL_INSIDE_H
#define CONTROL_INSIDE_H

#include <sys/un.h>
#include "control.h"

extern const struct operation control_users[], control_rooms[], control_tokens[];
extern const struct operation control_media[];
extern const int control_users_count, control_rooms_count, control_tokens_count;
extern const int control_media_count;

/*
 * The socket's address by way of a descriptor of its folder: a socket's path has 107
 * bytes at most, that of a data_dir may have more. The folder's descriptor (to be
 * closed once bound or connected), or -1 with errno set.
 */
int control_address(const char *data_dir, struct sockaddr_un *address_out);
#define CONTROL_SOCKET "control.sock"

/* Writes all of it, SIGPIPE or not; false: the other side has gone, or took too long.
 */
bool control_send(int fd, const char *data, size_t n);

#endif
