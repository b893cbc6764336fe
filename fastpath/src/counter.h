/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 64 bits that one process writes and others read, from memory that they share.
 *
 * Where the processor loads 64 bits at once that is all there is to it. Elsewhere (MIPS of 32 bits) libatomic takes a lock
 * that only one process has, and others would see half of an old and half of a new number. There the upper half stands
 * twice, and is written before and after the lower one (L. Lamport, Concurrent Reading and Writing of Clocks, 1990):
 * readers never wait, not even for a writer that was killed between two stores. A reader that meets a writer gets a number
 * between the old and the new one; what is no quantity but a name (a MAC) then has a lower half of zeros.
 *
 * One writer at a time. Two that meet leave a mixture until the next store: only for what each packet writes again.
 */
#ifndef RS_COUNTER_H
#define RS_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct rs_halves {
    _Atomic uint32_t high, low, next; /* next: what high is about to be */
};

static inline uint64_t rs_halves_get(const struct rs_halves *halves)
{
    uint32_t high = atomic_load_explicit(&halves->high, memory_order_acquire);
    uint32_t low = atomic_load_explicit(&halves->low, memory_order_acquire);
    uint32_t next = atomic_load_explicit(&halves->next, memory_order_relaxed);

    if (high == next)
        return (uint64_t)high << 32 | low;
    return (uint64_t)(high > next ? high : next) << 32; /* was passed on the way, up or down */
}

static inline void rs_halves_set(struct rs_halves *halves, uint64_t value)
{
    atomic_store_explicit(&halves->next, (uint32_t)(value >> 32), memory_order_relaxed);
    atomic_store_explicit(&halves->low, (uint32_t)value, memory_order_release);
    atomic_store_explicit(&halves->high, (uint32_t)(value >> 32), memory_order_release);
}

#if ATOMIC_LLONG_LOCK_FREE == 2

typedef _Atomic uint64_t rs_counter;

static inline uint64_t rs_counter_get(const rs_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_acquire);
}

static inline void rs_counter_set(rs_counter *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_release);
}

#else

typedef struct rs_halves rs_counter;

static inline uint64_t rs_counter_get(const rs_counter *counter)
{
    return rs_halves_get(counter);
}

static inline void rs_counter_set(rs_counter *counter, uint64_t value)
{
    rs_halves_set(counter, value);
}

#endif

static inline void rs_count(rs_counter *counter, uint64_t add)
{
    rs_counter_set(counter, rs_counter_get(counter) + add);
}

#endif
