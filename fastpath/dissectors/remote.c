/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Working on another machine: SSH (RFC 4253), Telnet (RFC 854), RDP (MS-RDPBCGR over TPKT, RFC 1006), VNC (RFC 6143),
 * TeamViewer, AnyDesk, Radmin, NoMachine, Citrix ICA, rsh, XDMCP and rsync; the closed ones from captures.
 */

#include <string.h>

#include "dissect.h"

enum rs_state rs_dissect_ssh(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "SSH-");

    if (state != RS_DECIDED)
        return state;
    if (d->length < 8)
        return RS_NEED_MORE;
    return d->data[4] == '1' || d->data[4] == '2' ? rs_is(d, RS_P_SSH) : RS_EXCLUDED;
}

/* Negotiation: IAC (255), a command 250-254, an option. */
enum rs_state rs_dissect_telnet(struct rs_dissect *d)
{
    if (d->data[0] != 0xff)
        return d->server_port == 23 && d->others > 0 && !d->from_client ? RS_NEED_MORE : RS_EXCLUDED;
    if (d->length < 3)
        return RS_NEED_MORE;
    if (d->data[1] < 250 || d->data[1] > 254 || d->data[2] > 50)
        return RS_EXCLUDED;
    if (d->length >= 6 && d->data[3] == 0xff && d->data[4] >= 250 && d->data[4] <= 254)
        return rs_is(d, RS_P_TELNET);
    return d->server_port == 23 ? rs_is(d, RS_P_TELNET) : RS_EXCLUDED;
}

/* TPKT, then X.224 Connection Request or Confirm, with a cookie or an RDP negotiation. */
enum rs_state rs_dissect_rdp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t size;

    if (p[0] != 3)
        return RS_EXCLUDED;
    if (d->length < 7)
        return RS_NEED_MORE;
    size = rs_be16(p + 2);
    if (p[1] != 0 || size < 7 || p[4] + 5u > size)
        return RS_EXCLUDED;
    if (p[5] == 0xe0)
        return rs_contains(d, 7, size, "Cookie: mstshash") || (d->length >= 19 && size == 19 && p[11] == 1) ||
                       (d->length >= size && size >= 19 && p[size - 8] == 1 && p[size - 6] == 8)
                   ? rs_is(d, RS_P_RDP)
               : d->server_port == 3389 ? rs_is(d, RS_P_RDP)
                                        : RS_EXCLUDED;
    if (p[5] == 0xd0 && size == 19)
        return d->length < 12 ? RS_NEED_MORE : (p[11] == 2 || p[11] == 3) ? rs_is(d, RS_P_RDP) : RS_EXCLUDED;
    return RS_EXCLUDED;
}

/* RDP over UDP (MS-RDPEUDP): a SYN datagram begins with an acknowledgement of -1. */
enum rs_state rs_dissect_rdp_udp(struct rs_dissect *d)
{
    if (!rs_has_port(d, 3389) || rs_be32(d->data) != 0xffffffff || (rs_be16(d->data + 6) & 1) == 0)
        return RS_EXCLUDED;
    return rs_is(d, RS_P_RDP);
}

enum rs_state rs_dissect_vnc(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "RFB 00");

    if (state != RS_DECIDED)
        return state;
    if (d->length < 12)
        return RS_NEED_MORE;
    return d->data[7] == '.' && d->data[11] == '\n' ? rs_is(d, RS_P_VNC) : RS_EXCLUDED;
}

enum rs_state rs_dissect_teamviewer(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 0x17 && p[0] != 0x11)
        return RS_EXCLUDED;
    if (d->length < 4)
        return RS_NEED_MORE;
    if (p[0] == 0x17 && p[1] == 0x24 && p[2] >= 0x0a && p[2] <= 0x20 && rs_has_port(d, 5938))
        return rs_is(d, RS_P_TEAMVIEWER);
    return p[0] == 0x11 && p[1] == 0x30 && rs_has_port(d, 5938) ? rs_is(d, RS_P_TEAMVIEWER) : RS_EXCLUDED;
}

enum rs_state rs_dissect_teamviewer_udp(struct rs_dissect *d)
{
    return rs_has_port(d, 5938) && d->data[0] == 0 && d->data[11] == 0x17 && d->data[12] == 0x24
               ? rs_is(d, RS_P_TEAMVIEWER)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_radmin(struct rs_dissect *d)
{
    static const uint8_t hello[] = {1, 0, 0, 0, 1, 0, 0, 0, 8, 8};
    enum rs_state state = rs_starts_at(d, 0, hello, sizeof hello);

    return state == RS_DECIDED ? rs_is(d, RS_P_RADMIN) : state;
}

enum rs_state rs_dissect_nomachine(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "NXSH-");

    if (state == RS_EXCLUDED)
        state = rs_starts(d, "NXD-");
    return state == RS_DECIDED ? rs_is(d, RS_P_NOMACHINE) : state;
}

enum rs_state rs_dissect_nomachine_udp(struct rs_dissect *d)
{
    if (!rs_has_port_in(d, 4000, 4011) || d->data[0] != 1 || d->data[1] != 0 || (d->data[2] != 1 && d->data[2] != 2) ||
        d->data[3] != 0)
        return RS_EXCLUDED;
    return rs_agree(d, RS_P_NOMACHINE, 2);
}

enum rs_state rs_dissect_citrix(struct rs_dissect *d)
{
    static const uint8_t ica[] = {0x7f, 0x7f, 'I', 'C', 'A', 0};
    enum rs_state state = rs_starts_at(d, 0, ica, sizeof ica);

    if (state == RS_EXCLUDED) {
        static const uint8_t cgp[] = {0x1a, 'C', 'G', 'P', '/'};

        state = rs_starts_at(d, 0, cgp, sizeof cgp);
    }
    return state == RS_DECIDED ? rs_is(d, RS_P_CITRIX) : state;
}

/* rsh, rlogin's kin: a port number for errors, then two user names and the command, each with NUL. */
enum rs_state rs_dissect_rsh(struct rs_dissect *d)
{
    uint32_t digits = 0, texts = 0;

    if (!d->from_client || d->server_port != 514)
        return RS_EXCLUDED;
    while (digits < d->length && digits < 6 && d->data[digits] >= '0' && d->data[digits] <= '9')
        digits++;
    if (digits == d->length)
        return digits < 6 ? RS_NEED_MORE : RS_EXCLUDED;
    if (d->data[digits] != 0)
        return RS_EXCLUDED;
    for (uint32_t i = digits + 1; i < d->length; i++) {
        if (d->data[i] == 0)
            texts++;
        else if (d->data[i] < 0x20 || d->data[i] > 0x7e)
            return RS_EXCLUDED;
    }
    return texts >= 3 ? rs_is(d, RS_P_RSH) : RS_NEED_MORE;
}

enum rs_state rs_dissect_xdmcp(struct rs_dissect *d)
{
    return rs_has_port(d, 177) && rs_be16(d->data) == 1 && rs_be16(d->data + 2) >= 1 && rs_be16(d->data + 2) <= 15 &&
                   rs_be16(d->data + 4) == d->length - 6
               ? rs_is(d, RS_P_XDMCP)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_rsync(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "@RSYNCD: ");

    return state == RS_DECIDED ? rs_is(d, RS_P_RSYNC) : state;
}

enum rs_state rs_dissect_git(struct rs_dissect *d)
{
    uint32_t n;

    if (d->length < 4)
        return RS_NEED_MORE;
    for (n = 0; n < 4; n++)
        if ((d->data[n] < '0' || d->data[n] > '9') && (d->data[n] < 'a' || d->data[n] > 'f'))
            return RS_EXCLUDED;
    if (d->length < 16)
        return d->server_port == 9418 || d->length == 4 || d->data[4] == 'g' ? RS_NEED_MORE : RS_EXCLUDED;
    return memcmp(d->data + 4, "git-", 4) == 0 || d->server_port == 9418 ? rs_is(d, RS_P_GIT) : RS_EXCLUDED;
}
