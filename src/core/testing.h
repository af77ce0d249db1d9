/*
 * For tests of core and what stands on it: the rooms of room/testing.h, with the lists
 * and presence that core keeps of them. Not linked into the program.
 */
#ifndef CORE_TESTING_H
#define CORE_TESTING_H

#include "room/testing.h"

/* Like testing_open; closed and opened again by what room/testing.h has for it. */
void testing_open_core(struct testing *t);

#endif
