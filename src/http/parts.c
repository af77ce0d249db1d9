/*
 * Answers in parts, each sent when its client has taken the one before. Relies on
 * http/answer for writing; from any thread, so that whoever has the next part may be
 * one that waits for a disk.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "http/h2.h"
#include "http/io.h"

/* A part on its way to the io thread; its head, as text, behind it. */
struct part_mail {
	struct mail mail;
	struct exchange exchange;
	struct http_part part;
	bool is_cut;
	size_t head_n; /* 0: it is not the first */
	char head[];
};

void
parts_sent(struct conn *c, bool is_gone)
{
	void (*sent)(void *arg, bool is_gone);

	if (c->busy == NULL || c->busy->sent == NULL)
		return;
	sent = c->busy->sent;
	c->busy->sent = NULL;
	sent(c->busy->sent_arg, is_gone);
}

static void
refuse_part(const struct http_part *part)
{
	free(part->bytes);
	if (!part->is_last)
		part->sent(part->arg, true);
}

static void
write_head(struct http_io *io, struct conn *c, const char *head, size_t n)
{
	const char *end = head_end(c, must_close(io, c));

	out_copy(io, c, head, n);
	out_copy(io, c, end, strlen(end));
}

/* Head and part leave in one system call. */
static void
write_part(struct http_io *io, struct conn *c, const struct part_mail *mail)
{
	const struct http_part *part = &mail->part;

	if (mail->head_n > 0)
		write_head(io, c, mail->head, mail->head_n);
	out_owned(io, c, part->bytes, part->n);
	if (!part->is_last) {
		conn_busy(c)->sent = part->sent;
		c->busy->sent_arg = part->arg;
	}
	wheel_set(io, c, io->server->config.body_timeout_ms);
	if (out_flush(io, c) && !part->is_last)
		conn_written(io, c);
	bound_unsent(io, c, SIZE_MAX);
	if (c->fd >= 0 && part->is_last)
		exchange_end(io, c, must_close(io, c));
	else if (c->fd >= 0 && c->slot != io->current)
		conn_settle(io, c);
}

/* Of a HEAD request the head is all. */
static void
write_head_alone(struct http_io *io, struct conn *c, const struct part_mail *mail)
{
	write_head(io, c, mail->head, mail->head_n);
	out_flush(io, c);
	if (c->fd >= 0)
		exchange_end(io, c, must_close(io, c));
	refuse_part(&mail->part);
}

void
parts_deliver(struct http_io *io, void *arg)
{
	struct part_mail *mail = arg;
	struct conn *c;

	if (mail->exchange.conn & EXCHANGE_STREAM) {
		if (mail->is_cut)
			h2_stream_end(mail->exchange, true);
		else
			h2_send_part(mail->exchange,
			    mail->head_n > 0 ? mail->head : NULL, mail->head_n,
			    &mail->part);
		return;
	}
	c = conn_waiting(mail->exchange);
	if (c != NULL && mail->is_cut)
		conn_close(io, c);
	else if (c == NULL && !mail->is_cut)
		refuse_part(&mail->part);
	else if (c != NULL && (c->flags & CONN_NO_BODY))
		write_head_alone(io, c, mail);
	else if (c != NULL)
		write_part(io, c, mail);
}

void
parts_drop(struct mail *mail)
{
	struct part_mail *dropped = (struct part_mail *)mail;

	if (!dropped->is_cut)
		refuse_part(&dropped->part);
}

static struct part_mail *
new_mail(struct exchange exchange, size_t head_cap)
{
	struct part_mail *mail = xcalloc(1, sizeof *mail + head_cap);

	mail->mail.fn = parts_deliver;
	mail->mail.arg = mail;
	mail->exchange = exchange;
	return mail;
}

void
http_send_part(struct exchange exchange, const struct http_part *part)
{
	size_t cap = part->head == NULL ? 0 : reply_head_bound(part->head);
	struct part_mail *mail = new_mail(exchange, cap);

	mail->part = *part;
	mail->part.head = NULL;
	if (part->head != NULL)
		mail->head_n = reply_head(part->head, mail->head, cap);
	io_post_mail(exchange.io, &mail->mail);
}

void
http_send_cut(struct exchange exchange)
{
	struct part_mail *mail = new_mail(exchange, 0);

	mail->is_cut = true;
	io_post_mail(exchange.io, &mail->mail);
}
