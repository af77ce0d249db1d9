/*
 * Messages between the server and those who decode for it.
 */
#include "media/picture_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEASURE_MAX = 1 << 28, ASK_FDS = 2 };

union fds {
	char bytes[CMSG_SPACE(ASK_FDS * sizeof(int))];
	struct cmsghdr align;
};

bool
wire_ask_is_sane(const struct wire_ask *ask, size_t n)
{
	return n == sizeof *ask && ask->version == WIRE_VERSION && ask->width > 0 &&
	       ask->height > 0 && ask->method <= PICTURE_CROP && ask->animated <= 1 &&
	       ask->original_will_do <= 1 && ask->cpu_limit_s > 0 &&
	       ask->idle_limit_ms > 0 && ask->pixels_max > 0 && ask->memory_max > 0;
}

bool
wire_answer_is_sane(const struct wire_answer *answer, size_t n)
{
	if (n != sizeof *answer || answer->version != WIRE_VERSION ||
	    answer->outcome >= WIRE_OUTCOMES)
		return false;
	if (answer->outcome != WIRE_MADE && answer->outcome != WIRE_ORIGINAL)
		return true;
	return answer->format > FORMAT_NONE && answer->format < FORMAT_COUNT &&
	       answer->is_animated <= 1 && answer->width > 0 &&
	       answer->width < MEASURE_MAX && answer->height > 0 &&
	       answer->height < MEASURE_MAX && answer->size >= 0;
}

static bool
nonsense(void)
{
	errno = EPROTO;
	return false;
}

static bool
send_all(int sock, const struct msghdr *msg, size_t n)
{
	ssize_t sent;

	do
		sent = sendmsg(sock, msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)n;
}

/* Bytes received; -1 with errno: none, EPIPE if the other end is gone. */
static ssize_t
recv_some(int sock, struct msghdr *msg)
{
	ssize_t got;

	do
		got = recvmsg(sock, msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	if (got == 0 || errno == ECONNRESET)
		errno = EPIPE;
	return -1;
}

bool
wire_send_ask(int sock, const struct wire_ask *ask, int in_fd, int out_fd)
{
	int fds[ASK_FDS] = { in_fd, out_fd };
	union fds control = { .bytes = { 0 } };
	struct iovec part = { (void *)(uintptr_t)ask, sizeof *ask };
	struct msghdr msg = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(head), fds, sizeof fds);
	return send_all(sock, &msg, sizeof *ask);
}

bool
wire_recv_ask(int sock, struct wire_ask *ask, int *in_fd_out, int *out_fd_out)
{
	int fds[ASK_FDS];
	union fds control;
	struct iovec part = { ask, sizeof *ask };
	struct msghdr msg = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes };
	ssize_t got = recv_some(sock, &msg);
	struct cmsghdr *head = got < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	if (got < 0)
		return false;
	if (head == NULL || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof fds))
		return nonsense();
	memcpy(fds, CMSG_DATA(head), sizeof fds);
	*in_fd_out = fds[0];
	*out_fd_out = fds[1];
	if (wire_ask_is_sane(ask, (size_t)got))
		return true;
	close(fds[0]);
	close(fds[1]);
	return nonsense();
}

bool
wire_send_answer(int sock, const struct wire_answer *answer)
{
	struct iovec part = { (void *)(uintptr_t)answer, sizeof *answer };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	return send_all(sock, &msg, sizeof *answer);
}

bool
wire_recv_answer(int sock, struct wire_answer *answer)
{
	struct iovec part = { answer, sizeof *answer };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got = recv_some(sock, &msg);

	if (got < 0)
		return false;
	return wire_answer_is_sane(answer, (size_t)got) || nonsense();
}
