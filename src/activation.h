/*
 * Listening sockets that systemd opened before this process began.
 * Spec: sd_listen_fds(3)
 */
#ifndef ACTIVATION_H
#define ACTIVATION_H

/* The socket with that FileDescriptorName=, or (name empty) the nth of all, from 0. 0:
 * there is none. */
int activation_socket(const char *name, int nth);

#endif
