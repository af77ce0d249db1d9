/*
 * Reading a password from whoever sits there. Relies on termios.
 * For `parlour user`; a request never passes here.
 */
#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A line without its newline, byte by byte: nothing is kept in a buffer of stdio's. */
static const char *
read_line(int fd, char out[PASSWORD_LINE_MAX])
{
	size_t n = 0;
	ssize_t got;
	char c;

	while ((got = read(fd, &c, 1)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || c == '\n')
			break;
		if (n + 1 == PASSWORD_LINE_MAX || c == '\0')
			return "this is no password";
		out[n++] = c;
	}
	out[n] = '\0';
	return n == 0 ? "no password was given" : NULL;
}

static void
say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return; /* the terminal has gone: reading will tell */
}

static const char *
ask(int terminal, const char *prompt, char out[PASSWORD_LINE_MAX])
{
	struct termios before, silent;
	const char *wrong;

	if (tcgetattr(terminal, &before) < 0)
		return "this terminal cannot be asked";
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	say(terminal, prompt);
	if (tcsetattr(terminal, TCSAFLUSH, &silent) < 0)
		return "this terminal cannot be asked";
	wrong = read_line(terminal, out);
	tcsetattr(terminal, TCSAFLUSH, &before);
	say(terminal, "\n");
	return wrong;
}

static const char *
ask_twice(int terminal, char out[PASSWORD_LINE_MAX])
{
	char again[PASSWORD_LINE_MAX];
	const char *wrong = ask(terminal, "Password: ", out);

	if (wrong == NULL)
		wrong = ask(terminal, "Once more: ", again);
	if (wrong == NULL && strcmp(out, again) != 0)
		wrong = "the two passwords differ";
	explicit_bzero(again, sizeof again);
	return wrong;
}

const char *
password_ask(char out[PASSWORD_LINE_MAX])
{
	const char *wrong;
	int terminal;

	if (!isatty(STDIN_FILENO))
		return read_line(STDIN_FILENO, out);
	terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (terminal < 0)
		return "there is no terminal to ask on";
	wrong = ask_twice(terminal, out);
	close(terminal);
	return wrong;
}
