/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layout of a compiled application database and of an opened one; shared by apps.c, apps_match.c and the tests.
 *
 * The blob is native-endian: it is compiled on the machine that maps it. Sections follow the header in the order of its
 * counts, each padded to 8 bytes. Applications have the numbers 1..apps in the order of the section.
 *   domains   open addressing by FNV-1a of the suffix read backwards; a slot whose length is 0 is free
 *   ports     sorted by (transport, low), disjoint
 *   v4, v6    sorted, disjoint intervals: the compiler has already let the longest prefix win
 *   patterns  sorted by bucket: the first byte where a pattern fixes it at offset 0, else 256
 */
#ifndef RS_APPS_H
#define RS_APPS_H

#include <stddef.h>
#include <stdint.h>

#include "api.h"

#define RS_APPS_MAGIC   "RSAPPSDB"
#define RS_APPS_VERSION 1u
#define RS_APPS_ORDER   0x01020304u
#define RS_APPS_BUCKETS 257u

struct rs_apps_header {
    char magic[8];
    uint32_t version, order, length, crc; /* crc: CRC-32 of everything behind this field */
    uint32_t ids_crc, apps, domains, ports, v4, v6, patterns, strings;
    uint32_t bucket[RS_APPS_BUCKETS + 1]; /* first pattern of each bucket; the last is their count */
};

struct rs_app_record {
    uint32_t id, category; /* offsets in strings, each text with its NUL */
};

struct rs_domain_slot {
    uint32_t hash, text; /* text: offset in strings, no NUL */
    uint16_t length, app;
};

struct rs_port_range {
    uint16_t low, high;
    uint8_t transport, reserved;
    uint16_t app;
};

struct rs_v4_range {
    uint32_t low, high;
    uint16_t app, reserved;
};

struct rs_v6_range {
    uint8_t low[16], high[16];
    uint16_t app, reserved;
};

struct rs_pattern {
    uint32_t bytes, mask;                /* offsets in strings, length bytes each */
    uint16_t offset, length, app, exact; /* exact: the payload's whole length, 0 any */
    uint8_t transport, reserved[3];
};

#define RS_APPS_BLOCKS 256u /* of a transport's ports, or of the IPv4 addresses, by their first byte */

/* Where in a sorted section each block begins: at the first range that ends in it or behind it. */
struct rs_apps_blocks {
    uint32_t first[RS_APPS_BLOCKS + 1];
};

struct rs_apps {
    const struct rs_apps_header *blob;
    const struct rs_app_record *records;
    const struct rs_domain_slot *domains;
    const struct rs_port_range *ports;
    const struct rs_v4_range *v4;
    const struct rs_v6_range *v6;
    const struct rs_pattern *patterns;
    const char *strings;
    uint32_t ascending; /* so many of the first ids ascend; behind them stand the admin's own, few and in any order */
    struct rs_apps_blocks tcp, udp, net; /* made when it is opened */
};

uint16_t rs_apps_match_address(const struct rs_apps *apps, const uint8_t address[16]);
uint16_t rs_apps_match_port(const struct rs_apps *apps, uint8_t transport, uint16_t port);
uint16_t rs_apps_match_payload(const struct rs_apps *apps, uint8_t transport, const uint8_t *data, uint32_t length);

#endif
