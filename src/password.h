/*
 * Asking for a password: on the terminal without echo, twice; else the first line of
 * stdin. Relies on termios.
 */
#ifndef PASSWORD_H
#define PASSWORD_H

#include "base/err.h"

#define PASSWORD_LINE_MAX 1024

/* NULL: out holds it. Else a sentence that says what is wrong (static). */
const char *password_ask(char out[PASSWORD_LINE_MAX]) MUST_USE;

#endif
