/*
 * Listening sockets: one of each address for every io thread, or one of a path, or that
 * was handed over, which they share.
 * Before the first connection: http/server opens them, http/io accepts from them.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "http/io.h"

#define BACKLOG 65535 /* the kernel cuts it to net.core.somaxconn */
/* Of the kernel's memory, which it doubles and would let grow to 4 MB: what a slow
 * reader leaves is ours to count and to bound. */
#define SEND_BUFFER (128 << 10)

/* --- addresses --- */

static struct addrinfo *
resolve(const struct http_listener *listener, uint16_t port, char **error_out)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char service[8];
	int rc;

	snprintf(service, sizeof service, "%u", port);
	rc = getaddrinfo(listener->host, service, &hints, &found);
	if (rc == 0)
		return found;
	if (asprintf(error_out, "%s: %s", listener->host, gai_strerror(rc)) < 0)
		abort();
	return NULL;
}

/* TCP_NODELAY and SO_SNDBUF are inherited by what is accepted. */
static void
set_options(int fd, const struct addrinfo *at, bool shared)
{
	int on = 1, off = 0, send_buffer = SEND_BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
}

/* A listening socket; -1 with errno set. Without `shared` the address must be free even
 * of our own kind: SO_REUSEPORT would let a second server take half of the clients. */
static int
listen_at(const struct addrinfo *at, bool shared)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -1;
	set_options(fd, at, shared);
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 &&
	    (!shared || listen(fd, BACKLOG) == 0))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t n = sizeof at;

	if (getsockname(fd, (struct sockaddr *)&at, &n) < 0)
		return 0;
	if (at.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
	return ntohs(((struct sockaddr_in *)&at)->sin_port);
}

static char *
listen_error(const struct http_listener *listener, uint16_t port, int err)
{
	bool v6 = strchr(listener->host, ':') != NULL;
	char *text;
	int n;

	n = asprintf(&text, "%s%s%s:%u %s%s", v6 ? "[" : "", listener->host,
	    v6 ? "]" : "", port,
	    err == EADDRINUSE ? "is in use by another program" : "cannot be bound: ",
	    err == EADDRINUSE ? "" : strerrordesc_np(err));
	if (n < 0)
		abort();
	return text;
}

/* One socket of listener i for each io thread; the first chooses if the port is 0. */
static bool
open_inet(struct http_server *server, int i, char **error_out)
{
	const struct http_listener *listener = &server->config.listeners[i];
	int k;

	server->ports[i] = listener->port;
	for (k = -1; k < server->config.io_threads; k++) {
		struct addrinfo *at = resolve(listener, server->ports[i], error_out);
		int fd, err;

		if (at == NULL)
			return false;
		fd = listen_at(at, k >= 0);
		err = errno;
		freeaddrinfo(at);
		if (fd < 0) {
			*error_out = listen_error(listener, server->ports[i], err);
			return false;
		}
		if (k >= 0)
			server->ios[k].listen_fds[i] = fd;
		else
			close(fd); /* the proof that it is free */
		if (k == 0)
			server->ports[i] = port_of(fd);
	}
	return true;
}

/* --- paths --- */

static void
explain(char **error_out, const char *what, const char *why)
{
	if (asprintf(error_out, "%s: %s", what, why) < 0)
		abort();
}

static bool
path_address(const char *path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof out->sun_path)
		return false;
	strcpy(out->sun_path, path);
	return true;
}

/* A socket that nobody serves any more is left by who was killed. What cannot be tried,
 * or is too busy for one more, is somebody's. */
static bool
is_stale(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool stale = fd >= 0 &&
		     connect(fd, (const struct sockaddr *)at, sizeof *at) < 0 &&
		     errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

static void
remove_stale(const struct sockaddr_un *at)
{
	struct stat st;

	if (lstat(at->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) && is_stale(at))
		unlink(at->sun_path);
}

static int
listen_path(const char *path, char **error_out)
{
	struct sockaddr_un at;
	int fd, size = SEND_BUFFER;

	if (!path_address(path, &at)) {
		explain(error_out, path, "is too long for a socket");
		return -1;
	}
	remove_stale(&at);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0) {
		explain(error_out, path,
		    errno == EADDRINUSE ? "is in use by another program"
					: strerrordesc_np(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return fd;
}

/* --- what was handed over --- */

/* Another descriptor of the same socket; -1: there is none left. */
static int
share_fd(int fd, char **error_out)
{
	int shared = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (shared < 0)
		explain(error_out, "a listening socket", strerrordesc_np(errno));
	return shared;
}

static int
take_over(int fd, char **error_out)
{
	int listens = 0, size = SEND_BUFFER, on = 1;
	socklen_t n = sizeof listens;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) < 0 || !listens) {
		explain(error_out, "the socket handed over", "does not listen");
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return share_fd(fd, error_out);
}

/* All io threads accept from the same one. */
static bool
share(struct http_server *server, int i, int fd, char **error_out)
{
	if (fd < 0)
		return false;
	server->ios[0].listen_fds[i] = fd;
	for (int k = 1; k < server->config.io_threads; k++) {
		server->ios[k].listen_fds[i] = share_fd(fd, error_out);
		if (server->ios[k].listen_fds[i] < 0)
			return false;
	}
	server->ports[i] = port_of(fd);
	return true;
}

bool
listen_open(struct http_server *server, int i, char **error_out)
{
	const struct http_listener *listener = &server->config.listeners[i];

	if (listener->fd > 0)
		return share(server, i, take_over(listener->fd, error_out), error_out);
	if (listener->path != NULL) {
		int fd = listen_path(listener->path, error_out);

		server->owns_path[i] = fd >= 0;
		return share(server, i, fd, error_out);
	}
	return open_inet(server, i, error_out);
}

void
listen_close(struct http_server *server, int i)
{
	struct http_listener *listener = &server->config.listeners[i];

	if (server->owns_path[i])
		unlink(listener->path);
	free((char *)listener->host);
	free((char *)listener->path);
}
