/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Games of the years of the first broadband, which office networks still see: CrossFire, Guild Wars, MapleStory, World of
 * Kung Fu, Armagetron (its source), Warcraft III (W3GS, by its community's description), Dofus. Each has fixed bytes in its
 * first message.
 */

#include <string.h>

#include "dissect.h"

/* Ping of the lobby: a magic, 2, and 0x7d00 at its end. */
enum rs_state rs_dissect_crossfire(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return d->length == 25 && rs_be32(p) == 0xc7d91999 && rs_be16(p + 4) == 0x0200 && rs_be16(p + 22) == 0x7d00
               ? rs_is(d, RS_P_CROSSFIRE)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_guildwars(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 16)
        return d->length < 3 || rs_be16(p + 1) == 0x050c || rs_be16(p + 1) == 0x040c ? RS_NEED_MORE : RS_EXCLUDED;
    if (rs_be16(p + 1) == 0x050c) {
        if (d->length < 54)
            return RS_NEED_MORE;
        return memcmp(p + 50, "@2&P", 4) == 0 ? rs_is(d, RS_P_GUILDWARS) : RS_EXCLUDED;
    }
    return d->length == 16 && rs_be16(p + 1) == 0x040c && rs_be16(p + 4) == 0xa672 && p[8] == 1 && p[12] == 4
               ? rs_is(d, RS_P_GUILDWARS)
               : RS_EXCLUDED;
}

/* The server's greeting: length 14, version, a locale's letter. */
enum rs_state rs_dissect_maplestory(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 0x0e || d->from_client)
        return RS_EXCLUDED;
    if (d->length < 7)
        return RS_NEED_MORE;
    return d->length == 16 && p[1] == 0 && p[3] == 0 && p[2] >= 0x30 && rs_be16(p + 4) == 0x0100 && p[6] >= '0' &&
                   p[6] <= '9'
               ? rs_is(d, RS_P_MAPLESTORY)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_kungfu(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 0x0c)
        return RS_EXCLUDED;
    if (d->length < 16)
        return RS_NEED_MORE;
    return d->length == 16 && rs_be32(p) == 0x0c000000 && rs_be32(p + 4) == 0xd2000c00 && p[9] == 0x16 &&
                   rs_be16(p + 10) == 0 && rs_be16(p + 14) == 0
               ? rs_is(d, RS_P_WORLDOFKUNGFU)
               : RS_EXCLUDED;
}

/* Messages of words: descriptor, number, count of words, the words, then the sender's number (0 before the login). */
enum rs_state rs_dissect_armagetron(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t words = rs_be16(p + 4);

    if (words == 0 || words * 2 + 8 != d->length || rs_be16(p + d->length - 2) != 0)
        return RS_EXCLUDED;
    if (rs_be32(p) == 0x000b0000 && rs_be16(p + 6) == 8) /* login */
        return rs_is(d, RS_P_ARMAGETRON);
    return d->length == 16 && rs_be16(p) == 0x1c && rs_be32(p + 6) == 0x500 && rs_be32(p + 10) == 0x10000
               ? rs_is(d, RS_P_ARMAGETRON)
               : RS_EXCLUDED;
}

/* A chain of records: 0xf7, type, little-endian length; together they fill what was sent. */
enum rs_state rs_dissect_warcraft3(struct rs_dissect *d)
{
    uint32_t at = 0;

    if (d->data[0] != 0xf7 || !rs_has_port_in(d, 6112, 6119))
        return RS_EXCLUDED;
    while (at + 4 <= d->length) {
        uint32_t size = rs_le16(d->data + at + 2);

        if (d->data[at] != 0xf7 || size < 4)
            return RS_EXCLUDED;
        at += size;
    }
    return at == d->length ? rs_is(d, RS_P_WARCRAFT3) : RS_NEED_MORE;
}

/* The server's first words: HC and a key of 32 letters. */
enum rs_state rs_dissect_dofus(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "HC");

    if (state != RS_DECIDED || d->from_client)
        return d->from_client ? RS_EXCLUDED : state;
    if (d->length < 35)
        return RS_NEED_MORE;
    for (uint32_t i = 2; i < 34; i++)
        if (d->data[i] < 'a' || d->data[i] > 'z')
            return RS_EXCLUDED;
    return d->data[34] == 0 ? rs_is(d, RS_P_DOFUS) : RS_EXCLUDED;
}
