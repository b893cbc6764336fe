/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step of wyhash (github.com/wangyi-fudan/wyhash): both halves of the product, folded. 32-bit targets have no type of
 * 128 bits; there the product is made of four, with the same result.
 */
#ifndef RS_MIX_H
#define RS_MIX_H

#include <stdint.h>

#include "bytes.h"

static inline uint64_t rs_mix_halves(uint64_t a, uint64_t b)
{
    uint64_t a_high = a >> 32, a_low = (uint32_t)a, b_high = b >> 32, b_low = (uint32_t)b;
    uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
    uint64_t other = a_low * b_high + (uint32_t)middle;

    return a * b ^ (a_high * b_high + (middle >> 32) + (other >> 32));
}

static inline uint64_t rs_mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    return rs_mix_halves(a, b);
#endif
}

/* Of an address, alike on every machine: with the other byte order neighbours took each other's places. A product alone
 * would not do: the last bytes of an IPv4 address are the highest, and carry nowhere. */
static inline uint64_t rs_hash_address(const uint8_t address[16])
{
    return rs_mix(rs_le64(address) ^ UINT64_C(0xa0761d6478bd642f), rs_le64(address + 8) ^ UINT64_C(0xe7037ed1a0b428db));
}

#endif
