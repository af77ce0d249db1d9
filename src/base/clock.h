/*
 * Time. clock_now_ms may be set by tests; deadlines use clock_mono_ms.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);  /* since 1970, UTC */
int64_t clock_mono_ms(void); /* since some start; never goes back */
int64_t clock_mono_us(void);
/* Tests: from now on clock_now_ms returns ms, advanced only by this call; 0: real. */
void clock_set_for_test(int64_t ms);
/* The same of the monotonic clock. Waiting for a lock's condition goes by the real one.
 */
void clock_set_mono_for_test(int64_t ms);

#endif
