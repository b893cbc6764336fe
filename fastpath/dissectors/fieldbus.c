/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines again, by protocols that are younger or rarer: synchrophasors (IEEE C37.118.2), Mitsubishi's MELSEC MC protocol
 * (its reference manual SH-080008), CAN over UDP, IP tunnels of CEA-709 (EIA-852), tank gauges (Veeder-Root), Tuya's
 * devices on the LAN (tuyapi's description), Ether-S-I/O, Nest's log sink.
 */

#include <string.h>

#include "dissect.h"

/* Sync byte 0xaa, frame type and version 1 or 2, then the frame's own size. */
enum rs_state rs_dissect_synchrophasor(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 0xaa)
        return RS_EXCLUDED;
    if (d->length < 14)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    return (p[1] & 0x8f) <= 2 && (p[1] & 0x0f) != 0 && p[1] >> 4 <= 5 && rs_be16(p + 2) >= 16 &&
                   (d->transport == RS_TCP || rs_be16(p + 2) == d->length)
               ? rs_is(d, RS_P_IEEE_C37118)
               : RS_EXCLUDED;
}

/* 3E frames: subheader 0x5000 (0xd000 answers), network, PC, I/O 0x03ff, station 0. 4E frames have a serial number between. */
enum rs_state rs_dissect_melsec(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = (p[0] & 0x0f) == 4 ? 6 : 2;

    if ((p[0] & 0xfb) != 0x50 && (p[0] & 0xfb) != 0xd0)
        return RS_EXCLUDED;
    if (d->length < at + 7)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    return p[1] == 0 && p[at + 1] == 0xff && p[at + 2] == 0xff && p[at + 3] == 0x03 && p[at + 4] == 0 &&
                   (at == 2 || rs_be16(p + 4) == 0)
               ? rs_is(d, RS_P_MELSEC)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_can(struct rs_dissect *d)
{
    return memcmp(d->data, "ISO11898", 8) == 0 ? rs_is(d, RS_P_CONTROLLER_AREA_NETWORK) : RS_EXCLUDED;
}

/* The datagram's length, version 1, a packet type of the standard's table. */
enum rs_state rs_dissect_cnp_ip(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port_in(d, 1628, 1629) && rs_be16(p) == d->length && p[2] == 1 && p[3] >= 1 && p[3] <= 0x7f
               ? rs_is(d, RS_P_CNP_IP)
               : RS_EXCLUDED;
}

/* SOH, then a function code: a letter and three digits with the tank's number in two more. */
enum rs_state rs_dissect_tank_gauge(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 1 || !rs_has_port(d, 10001))
        return RS_EXCLUDED;
    if (d->length < 6)
        return RS_NEED_MORE;
    if ((p[1] | 0x20) != 'i' && (p[1] | 0x20) != 's')
        return RS_EXCLUDED;
    for (int i = 2; i < 6; i++)
        if (p[i] < '0' || p[i] > '9')
            return RS_EXCLUDED;
    return rs_is(d, RS_P_ATG);
}

enum rs_state rs_dissect_tuya(struct rs_dissect *d)
{
    static const uint8_t old[] = {0x00, 0x00, 0x55, 0xaa}, new[] = {0x00, 0x00, 0x66, 0x99};
    enum rs_state state;

    if (!rs_has_port_in(d, 6666, 6668) && !rs_has_port(d, 7000))
        return RS_EXCLUDED;
    state = rs_starts_at(d, 0, old, sizeof old);
    if (state == RS_EXCLUDED)
        state = rs_starts_at(d, 0, new, sizeof new);
    return state == RS_DECIDED ? rs_is(d, RS_P_TUYALP) : state;
}

enum rs_state rs_dissect_ethersio(struct rs_dissect *d)
{
    return memcmp(d->data, "ESIO", 4) == 0 ? rs_is(d, RS_P_ETHERSIO) : RS_EXCLUDED;
}

/* Seen of thermostats on this port: kind 0 to 2, then 0x10 or 0x13 and 0. */
enum rs_state rs_dissect_nest(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 11095))
        return RS_EXCLUDED;
    if (d->length < 8)
        return RS_NEED_MORE;
    return p[1] <= 2 && (p[2] == 0x10 || p[2] == 0x13) && p[3] == 0 ? rs_is(d, RS_P_NESTLOGSINK) : RS_EXCLUDED;
}
