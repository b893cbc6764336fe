/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which site a server belongs to, for choosing a line by host and site: an answer to a question for a name gives each of
 * its addresses the site's number in the map site4 of "table inet rs", before the asker has it. A site is what somebody
 * registered: the last two labels of a name, three below com.cn and its like. A server of several sites keeps the first.
 */
#ifndef RS_SITES_H
#define RS_SITES_H

#include <stdint.h>

#define RS_SITES_MAX     64u   /* addresses of one answer */
#define RS_SITES_KEPT    1024u /* told lately: not told again for RS_SITES_AGAIN_S */
#define RS_SITES_AGAIN_S 60u

struct rs_site_told {
    uint32_t address, site, at_s;
};

struct rs_sites {
    int fd; /* -1 until the first */
    uint32_t count, number;
    uint32_t addresses[RS_SITES_MAX]; /* in network order */
    struct rs_site_told told[RS_SITES_KEPT];
};

uint32_t rs_site_number(const char *name, uint32_t length); /* of a name in lower case; 0: it has no site */
/* The addresses that follow belong to that name. */
void rs_sites_begin(struct rs_sites *sites, const char *name, uint32_t length);
void rs_sites_add(struct rs_sites *sites, const uint8_t address_v4[4]);
/* Tells the kernel what came since the last time. */
void rs_sites_tell(struct rs_sites *sites, uint32_t now_s);

#endif
