/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BitTorrent: BEP 3 (handshake), BEP 5 (DHT), BEP 14 (local discovery), BEP 15 (UDP tracker), BEP 29 (uTP).
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_bittorrent(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "\x13"
                                       "BitTorrent protocol");

    return state == RS_DECIDED ? rs_is(d, RS_P_BITTORRENT) : state;
}

/* Messages of a connection whose handshake was not seen: length and type that agree, more than once. */
enum rs_state rs_dissect_bittorrent_late(struct rs_dissect *d)
{
    uint32_t at = 0, messages = 0;

    if (d->length < 17)
        return d->data[0] == 0 ? RS_NEED_MORE : RS_EXCLUDED;
    while (at + 5 <= d->length && messages < 4) {
        uint32_t size = rs_be32(d->data + at);
        uint8_t type = d->data[at + 4];

        if (size == 13 && type == 6) { /* request: index, begin, length */
            if (at + 17 <= d->length && rs_be32(d->data + at + 13) != 0x4000)
                return RS_EXCLUDED;
        } else if (!(size == 5 && type == 4) && !(size == 16393 && type == 7) && !(size == 1 && type <= 3)) {
            return RS_EXCLUDED;
        }
        messages++;
        at += 4 + size;
    }
    return messages >= 2 || (messages == 1 && rs_be32(d->data) == 16393) ? rs_is(d, RS_P_BITTORRENT) : RS_NEED_MORE;
}

/* Bencoded dictionary of a DHT query, response or error; keys are sorted, so each kind begins in one way. */
static int is_dht(const struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 'd')
        return 0;
    return memcmp(p, "d1:ad2:id20:", 12) == 0 || memcmp(p, "d1:rd2:id20:", 12) == 0 || memcmp(p, "d2:ip", 5) == 0 ||
           memcmp(p, "d1:eli20", 8) == 0 ||
           (p[1] == '1' && p[2] == ':' &&
            (rs_contains(d, 0, d->length, "1:y1:q") || rs_contains(d, 0, d->length, "1:y1:r")));
}

static int is_tracker(const struct rs_dissect *d)
{
    return d->length >= 16 && rs_be64(d->data) == UINT64_C(0x41727101980) && rs_be32(d->data + 8) == 0;
}

/* BEP 29: version 1, type 0-4, known extensions, and a window that makes sense for a SYN. */
static enum rs_state utp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if ((p[0] & 0x0f) != 1 || p[0] >> 4 > 4 || p[1] > 2 || d->length < 20)
        return RS_EXCLUDED;
    if (p[0] == 0x41 && (d->length == 20 || d->length == 30) && rs_be16(p + 18) == 0 && rs_be16(p + 16) == 1)
        return rs_is(d, RS_P_BITTORRENT); /* ST_SYN: sequence 1, nothing acknowledged */
    if (p[0] == 0x21 && (d->length == 20 || d->length == 26 || d->length == 30) && d->index + d->others > 0)
        return rs_agree(d, RS_P_BITTORRENT, 2);
    return rs_be32(p + 12) < 0x1000000 && rs_be32(p + 12) != 0 && rs_be16(p + 18) != 0 && rs_be32(p + 4) != 0
               ? rs_agree(d, RS_P_BITTORRENT, 3)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_bittorrent_udp(struct rs_dissect *d)
{
    if (is_dht(d) || is_tracker(d) || memcmp(d->data, "BT-SEARCH * HTT", 15) == 0)
        return rs_is(d, RS_P_BITTORRENT);
    return utp(d);
}
