/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines, meters and buildings: Modbus TCP, IEC 60870-5-104, IEC 62056 (DLMS), BACnet/IP (ASHRAE 135), OPC UA, EtherNet/IP and
 * CIP (ODVA), Omron FINS, HART-IP, DNP3 (IEEE 1815), ISO on TCP with S7 and MMS, Beckhoff ADS, ANSI C12.22, GE's EGD, TRDP
 * (IEC 61375), HiSLIP, KNXnet/IP, Ether-S-Bus, SOME/IP, RTPS.
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_modbus(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 502))
        return RS_EXCLUDED;
    if (d->length < 8)
        return RS_NEED_MORE;
    if (rs_be16(p + 2) != 0 || rs_be16(p + 4) < 2 || rs_be16(p + 4) > 256)
        return RS_EXCLUDED;
    return (p[7] & 0x7f) == 90 ? rs_is_app(d, RS_P_MODBUS, RS_P_UMAS) : rs_is(d, RS_P_MODBUS);
}

enum rs_state rs_dissect_iec60870(struct rs_dissect *d)
{
    if (d->data[0] != 0x68 || !rs_has_port(d, 2404))
        return RS_EXCLUDED;
    if (d->length < 6)
        return RS_NEED_MORE;
    return d->data[1] >= 4 && d->data[1] <= 253 ? rs_is(d, RS_P_IEC60870) : RS_EXCLUDED;
}

/* DLMS wrapper: version 1, two ports, length; then an AARQ (0x60) or AARE (0x61), or a request after it. */
enum rs_state rs_dissect_iec62056(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 9)
        return rs_has_port(d, 4059) && d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    if (p[0] == 0x7e) /* HDLC */
        return rs_has_port(d, 4059) && (p[1] & 0xf0) == 0xa0 ? rs_is(d, RS_P_IEC62056) : RS_EXCLUDED;
    if (rs_be16(p) != 1 || rs_be16(p + 6) + 8u < d->length || (p[8] != 0x60 && p[8] != 0x61 && !rs_has_port(d, 4059)))
        return RS_EXCLUDED;
    if (rs_be16(p + 6) + 8u == d->length)
        return rs_is(d, RS_P_IEC62056);
    return rs_has_port(d, 4059) && d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
}

enum rs_state rs_dissect_bacnet(struct rs_dissect *d)
{
    return d->data[0] == 0x81 && d->data[1] <= 12 && rs_be16(d->data + 2) == d->length ? rs_is(d, RS_P_BACNET)
                                                                                       : RS_EXCLUDED;
}

enum rs_state rs_dissect_opc_ua(struct rs_dissect *d)
{
    static const char *const kinds[] = {"HELF", "ACKF", "OPNF", "MSGF", "RHEF", "ERRF"};

    if (d->length < 8)
        return d->data[0] == 'H' || d->data[0] == 'A' || d->data[0] == 'O' || d->data[0] == 'M' ? RS_NEED_MORE
                                                                                                : RS_EXCLUDED;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (memcmp(d->data, kinds[i], 4) == 0 && rs_le32(d->data + 4) >= 8 && rs_le32(d->data + 4) <= 65536)
            return rs_is(d, RS_P_OPC_UA);
    return RS_EXCLUDED;
}

enum rs_state rs_dissect_ethernetip(struct rs_dissect *d)
{
    uint16_t command;

    if (!rs_has_port(d, 44818))
        return RS_EXCLUDED;
    if (d->length < 24)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    command = rs_le16(d->data);
    return command <= 0x75 && rs_le16(d->data + 2) + 24u >= 24 ? rs_is(d, RS_P_ETHERNETIP) : RS_EXCLUDED;
}

/* Implicit messages: item count 2, sequenced address item 0x8002 with eight bytes, connected data 0x00b1. */
enum rs_state rs_dissect_cip(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_le16(p) == 2 && rs_le16(p + 2) == 0x8002 && rs_le16(p + 4) == 8 && rs_le16(p + 14) == 0x00b1
               ? rs_is(d, RS_P_CIP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_fins(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->transport == RS_TCP)
        return rs_starts(d, "FINS") == RS_DECIDED ? rs_is(d, RS_P_FINS) : rs_starts(d, "FINS");
    return rs_has_port(d, 9600) && (p[0] & 0x3e) == 0 && (p[0] & 0x80) != 0 && p[1] == 0 && p[2] <= 7
               ? rs_is(d, RS_P_FINS)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_hart(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 8)
        return rs_has_port_in(d, 5094, 5095) && d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_has_port_in(d, 5094, 5095) && (p[0] == 1 || p[0] == 2) && p[1] <= 3 && p[2] <= 5 &&
                   rs_be16(p + 6) <= d->length + 1400
               ? rs_is(d, RS_P_HART_IP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_dnp3(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "\x05\x64");

    if (state != RS_DECIDED)
        return state;
    if (d->length < 10)
        return RS_NEED_MORE;
    return d->data[2] >= 5 && (d->data[3] & 0x0f) <= 15 ? rs_is(d, RS_P_DNP3) : RS_EXCLUDED;
}

/* TPKT and COTP; what runs over it shows after the connection: S7 begins with 0x32, MMS's session with 0x0d or 0x01. */
enum rs_state rs_dissect_iso_tcp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = 0;

    if (!rs_has_port(d, 102) || p[0] != 3)
        return RS_EXCLUDED;
    while (at + 7 < d->length && p[at] == 3) {
        uint32_t size = rs_be16(p + at + 2);

        if (size < 7)
            return RS_EXCLUDED;
        if (p[at + 5] == 0xf0) {
            uint8_t next = p[at + 7];

            return next == 0x32                                   ? rs_is(d, RS_P_S7COMM)
                   : next == 0x72                                 ? rs_is(d, RS_P_S7COMMPLUS)
                   : next == 0x0d || next == 0x01 || next == 0x0e ? rs_is(d, RS_P_ISO9506_1_MMS)
                                                                  : RS_EXCLUDED;
        }
        at += size;
    }
    return RS_NEED_MORE;
}

/* AMS/TCP: reserved 0, length, two AMS addresses. */
enum rs_state rs_dissect_beckhoff(struct rs_dissect *d)
{
    if (!rs_has_port(d, 48898))
        return RS_EXCLUDED;
    if (d->length < 6)
        return RS_NEED_MORE;
    return rs_be16(d->data) == 0 && rs_le32(d->data + 2) >= 32 && rs_le32(d->data + 2) < 0x10000
               ? rs_is(d, RS_P_BECKHOFFADS)
               : RS_EXCLUDED;
}

/* ACSE over BER: [APPLICATION 0], then tags a2, a4, a6, a8 or 80 of its fields. */
enum rs_state rs_dissect_c1222(struct rs_dissect *d)
{
    if (!rs_has_port(d, 1153) || d->data[0] != 0x60)
        return RS_EXCLUDED;
    if (d->length < 6)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_is(d, RS_P_ANSI_C1222);
}

enum rs_state rs_dissect_egd(struct rs_dissect *d)
{
    return rs_has_port(d, 18246) && d->data[0] == 13 && d->data[1] == 1 ? rs_is(d, RS_P_ETHERNETGLOBALDATA)
                                                                        : RS_EXCLUDED;
}

/* Sequence, version 1.x, type "Pd", "Pr", "Mr", ... */
enum rs_state rs_dissect_trdp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 40)
        return d->transport == RS_TCP && rs_has_port_in(d, 17224, 17225) ? RS_NEED_MORE : RS_EXCLUDED;
    return p[4] == 1 && (p[6] == 'P' || p[6] == 'M') &&
                   (p[7] == 'd' || p[7] == 'r' || p[7] == 'p' || p[7] == 'e' || p[7] == 'n' || p[7] == 'q' ||
                    p[7] == 'c')
               ? rs_is(d, RS_P_TRDP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_hislip(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "HS");

    if (state != RS_DECIDED)
        return state;
    if (d->length < 16)
        return RS_NEED_MORE;
    return d->data[2] <= 25 && rs_be32(d->data + 8) == 0 ? rs_is(d, RS_P_HISLIP) : RS_EXCLUDED;
}

enum rs_state rs_dissect_knx(struct rs_dissect *d)
{
    return d->data[0] == 6 && (d->data[1] == 0x10 || d->data[1] == 0x20) && rs_be16(d->data + 4) == d->length &&
                   rs_be16(d->data + 2) >= 0x0201 && rs_be16(d->data + 2) <= 0x0960
               ? rs_is(d, RS_P_KNXNET_IP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_sbus(struct rs_dissect *d)
{
    return rs_has_port(d, 5050) && rs_be32(d->data) == d->length && d->data[4] == 1 && d->data[8] <= 2
               ? rs_is(d, RS_P_ETHER_S_BUS)
               : RS_EXCLUDED;
}

/* Message id, length of what follows, request id, protocol version 1, message type. */
enum rs_state rs_dissect_someip(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] == 0xff && p[1] == 0xff && rs_be32(p) == 0xffff0000 && d->length == 16)
        return rs_is(d, RS_P_SOMEIP);
    return p[12] == 1 && rs_be32(p + 4) >= 8 && rs_be32(p + 4) + 8 <= d->length &&
                   (p[14] <= 2 || p[14] == 0x40 || p[14] == 0x80 || p[14] == 0x81) && p[15] <= 0x20 &&
                   (rs_be32(p + 4) + 8 == d->length || rs_has_port_in(d, 30490, 30501))
               ? rs_is(d, RS_P_SOMEIP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_rtps(struct rs_dissect *d)
{
    return memcmp(d->data, "RTPS", 4) == 0 || memcmp(d->data, "RTPX", 4) == 0 ? rs_is(d, RS_P_RTPS) : RS_EXCLUDED;
}
