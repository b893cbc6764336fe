/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading integers from packets; the caller has checked the length. */
#ifndef RS_BYTES_H
#define RS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t rs_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t rs_be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t rs_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t rs_be64(const uint8_t *p)
{
    return (uint64_t)rs_be32(p) << 32 | rs_be32(p + 4);
}

static inline uint16_t rs_le16(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t rs_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t rs_le64(const uint8_t *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof value); /* gcc does not join eight bytes: hashes of each packet begin here */
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(value) : value;
}

static inline uint64_t rs_mac_number(const uint8_t mac[6])
{
    return (uint64_t)rs_be16(mac) << 32 | rs_be32(mac + 2);
}

/* Whether an address of 16 bytes is ::ffff:a.b.c.d. */
static inline int rs_is_v4(const uint8_t *address)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, prefix, sizeof prefix) == 0;
}

/* Where the text stands in p, NULL if nowhere: memmem prepares more than so short texts and places are worth. */
static inline const uint8_t *rs_find(const uint8_t *p, size_t length, const char *text)
{
    size_t size = strlen(text);
    const uint8_t *end = p + length;

    while ((size_t)(end - p) >= size && (p = memchr(p, text[0], (size_t)(end - p) - size + 1)) != NULL) {
        if (memcmp(p, text, size) == 0)
            return p;
        p++;
    }
    return NULL;
}

#endif
