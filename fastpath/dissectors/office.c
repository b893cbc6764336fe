/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files, directories and tickets of an office: SMB (MS-CIFS, MS-SMB2), DCE/RPC (C706), NFS and portmap (RFC 1813, 5531), AFP
 * over DSI, iSCSI (RFC 7143), Kerberos (RFC 4120), LDAP (RFC 4511), Diameter (RFC 6733), Lotus Notes.
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_smb(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 0)
        return RS_EXCLUDED;
    if (d->length < 8)
        return RS_NEED_MORE;
    if (rs_has_port(d, 139) || p[5] != 'S' || p[6] != 'M' || p[7] != 'B')
        return RS_EXCLUDED;
    if (p[4] == 0xfe || p[4] == 0xfd || p[4] == 0xfc)
        return rs_is(d, RS_P_SMBV23);
    if (p[4] != 0xff)
        return RS_EXCLUDED;
    d->protocol = RS_P_SMBV1;
    if (d->from_client && d->length > 9 && p[8] == 0x72) /* negotiation: the answer may be SMB 2 */
        return d->others > 1 ? RS_DECIDED : RS_NEED_MORE;
    return RS_DECIDED;
}

/* Version 5, fragment's length; the kinds of a connection's first message. */
enum rs_state rs_dissect_dcerpc(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 5)
        return RS_EXCLUDED;
    if (d->length < 16)
        return d->length < 2 || p[1] == 0 ? RS_NEED_MORE : RS_EXCLUDED;
    return p[1] == 0 && (p[2] == 11 || p[2] == 12 || p[2] <= 3 || p[2] == 14) && (p[4] == 0x10 || p[4] == 0) &&
                   (p[4] == 0x10 ? rs_le16(p + 8) : rs_be16(p + 8)) >= 16
               ? rs_is(d, RS_P_DCERPC)
               : RS_EXCLUDED;
}

/* Connectionless version 4; PROFINET's interfaces have their own UUIDs (dea00001-6c97-11d1-8271-...). */
enum rs_state rs_dissect_dcerpc_udp(struct rs_dissect *d)
{
    static const uint8_t profinet[] = {0x11, 0xd1, 0x82, 0x71};
    static const uint8_t profinet_le[] = {0xd1, 0x11, 0x82, 0x71};
    const uint8_t *p = d->data;
    uint32_t body = (p[4] & 0xf0) == 0x10 ? rs_le16(p + 74) : rs_be16(p + 74);

    if (p[0] != 4 || p[1] > 10 || (p[4] != 0x10 && p[4] != 0) || 80 + body != d->length)
        return RS_EXCLUDED;
    if (memmem(p + 8, 32, profinet, sizeof profinet) != NULL ||
        memmem(p + 8, 32, profinet_le, sizeof profinet_le) != NULL)
        return rs_is_app(d, RS_P_DCERPC, RS_P_PROFINET_IO);
    return rs_is(d, RS_P_DCERPC);
}

/* ONC RPC call: message type 0, RPC version 2, program portmap, mount, NFS or a neighbour. Over TCP a record mark stands first. */
enum rs_state rs_dissect_nfs(struct rs_dissect *d)
{
    uint32_t at = d->transport == RS_TCP ? 4 : 0, program;
    const uint8_t *p = d->data + at;

    if (at != 0 && (d->data[0] & 0x80) == 0)
        return RS_EXCLUDED;
    if (d->length < at + 16)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    if (rs_be32(p + 4) == 1 && rs_be32(p + 8) == 0)
        return rs_has_port(d, 2049) || rs_has_port(d, 111) ? rs_is(d, RS_P_NFS) : RS_EXCLUDED;
    program = rs_be32(p + 12);
    return rs_be32(p + 4) == 0 && rs_be32(p + 8) == 2 &&
                   (program == 100000 || program == 100003 || program == 100005 || program == 100021 ||
                    program == 100024 || program == 100227)
               ? rs_is(d, RS_P_NFS)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_afp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] > 1)
        return RS_EXCLUDED;
    if (d->length < 16)
        return rs_has_port(d, 548) ? RS_NEED_MORE : RS_EXCLUDED;
    return rs_has_port(d, 548) && p[1] >= 1 && p[1] <= 8 && rs_be32(p + 12) == 0 ? rs_is(d, RS_P_AFP) : RS_EXCLUDED;
}

/* Login request: opcode 0x43 (immediate), version 0, and a data segment of "key=value". */
enum rs_state rs_dissect_iscsi(struct rs_dissect *d)
{
    if (d->data[0] != 0x43 && d->data[0] != 0x03 && d->data[0] != 0x23)
        return RS_EXCLUDED;
    if (d->length < 48)
        return rs_has_port(d, 3260) ? RS_NEED_MORE : RS_EXCLUDED;
    if (rs_contains(d, 48, 400, "InitiatorName=") || rs_contains(d, 48, 400, "TargetPortalGroupTag="))
        return rs_is(d, RS_P_ISCSI);
    return d->length < 400 && d->length < 48 + rs_be24(d->data + 5) && rs_has_port(d, 3260) ? RS_NEED_MORE
                                                                                            : RS_EXCLUDED;
}

/* Skips an ASN.1 tag and length; the bytes, 0 when they are not there. */
static uint32_t ber_header(const uint8_t *p, uint32_t have)
{
    uint32_t more;

    if (have < 2)
        return 0;
    if (p[1] < 0x80)
        return 2;
    more = p[1] & 0x7f;
    return more >= 1 && more <= 4 && have >= 2 + more ? 2 + more : 0;
}

/* [APPLICATION n] SEQUENCE { [1] or [0] INTEGER 5 ...; over TCP four bytes of length stand first. */
enum rs_state rs_dissect_kerberos(struct rs_dissect *d)
{
    uint32_t at = d->transport == RS_TCP ? 4 : 0, n;
    const uint8_t *p;

    if (d->length < at + 12)
        return d->transport == RS_TCP && (rs_has_port(d, 88) || rs_has_port(d, 464)) ? RS_NEED_MORE : RS_EXCLUDED;
    if (at != 0 && (d->data[0] != 0 || d->data[1] != 0))
        return RS_EXCLUDED;
    p = d->data + at;
    if (rs_has_port(d, 464) && rs_be16(p) == d->length - at) /* kpasswd, RFC 3244 */
        return rs_is(d, RS_P_KERBEROS);
    if (p[0] != 0x6a && p[0] != 0x6b && p[0] != 0x6c && p[0] != 0x6d && p[0] != 0x6e && p[0] != 0x6f && p[0] != 0x7e)
        return RS_EXCLUDED;
    n = ber_header(p, d->length - at);
    if (n == 0 || at + n + 2 > d->length || p[n] != 0x30)
        return RS_EXCLUDED;
    at += n;
    p += n;
    n = ber_header(p, d->length - at);
    if (n == 0 || at + n + 5 > d->length)
        return RS_EXCLUDED;
    p += n;
    return (p[0] == 0xa0 || p[0] == 0xa1) && p[1] == 3 && p[2] == 2 && p[3] == 1 && p[4] == 5 ? rs_is(d, RS_P_KERBEROS)
                                                                                              : RS_EXCLUDED;
}

/* SEQUENCE { INTEGER id, [APPLICATION operation] }. */
enum rs_state rs_dissect_ldap(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t n;

    if (p[0] != 0x30)
        return RS_EXCLUDED;
    if (d->length < 9)
        return d->transport == RS_TCP ? RS_NEED_MORE : RS_EXCLUDED;
    n = ber_header(p, d->length);
    if (n == 0 || n + 4 > d->length || p[n] != 2 || p[n + 1] == 0 || p[n + 1] > 4 || n + 2u + p[n + 1] >= d->length)
        return RS_EXCLUDED;
    switch (p[n + 2 + p[n + 1]]) {
    case 0x60:
    case 0x61:
    case 0x63:
    case 0x64:
    case 0x65:
    case 0x42:
    case 0x77:
    case 0x78:
        return rs_is(d, RS_P_LDAP);
    default:
        return RS_EXCLUDED;
    }
}

/* Version 1, length, flags with reserved bits 0, a base protocol command or any request on its port. */
enum rs_state rs_dissect_diameter(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t command;

    if (p[0] != 1)
        return RS_EXCLUDED;
    if (d->length < 20)
        return rs_has_port_in(d, 3868, 3875) ? RS_NEED_MORE : RS_EXCLUDED;
    command = rs_be24(p + 5);
    return rs_be24(p + 1) >= 20 && rs_be24(p + 1) % 4 == 0 && (p[4] & 0x0f) == 0 &&
                   ((command >= 257 && command <= 282) || (command >= 300 && command <= 330) || command == 8388733) &&
                   rs_be24(p + 1) < 0x10000
               ? rs_is(d, RS_P_DIAMETER)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_lotusnotes(struct rs_dissect *d)
{
    static const uint8_t hello[] = {0x00, 0x00, 0x02, 0x00, 0x00, 0x40, 0x02, 0x0f};

    if (!d->from_client || d->data[0] != 0x78)
        return RS_EXCLUDED;
    if (d->length < 16)
        return RS_NEED_MORE;
    return memcmp(d->data + 6, hello, sizeof hello) == 0 ? rs_is(d, RS_P_LOTUSNOTES) : RS_EXCLUDED;
}
