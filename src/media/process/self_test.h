/*
 * Does the lock hold? Words of the command line, for tests and for operators who want
 * to see for themselves.
 */
#ifndef MEDIA_PROCESS_SELF_TEST_H
#define MEDIA_PROCESS_SELF_TEST_H

/* What a decoder must not do is tried behind the filter, each time without namespaces.
 * 0: all of it failed; else 1, and each success on stderr. */
int self_test_filter(void);
/* The same in the namespaces without the filter; 77: the kernel lets us have none. */
int self_test_namespaces(void);

#endif
