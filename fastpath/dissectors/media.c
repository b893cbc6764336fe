/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Media and its way through NAT: STUN and TURN (RFC 8489, 8656, the older RFC 3489), RTP and RTCP (RFC 3550, 3551), DTLS
 * (RFC 6347, 9147). Which application calls is told by private attributes, by SOFTWARE and by the name of the relay.
 */

#include <string.h>

#include "tls.h"

#define COOKIE 0x2112a442u

static enum rs_protocol by_text(const uint8_t *p, uint32_t length)
{
    static const struct {
        const char *text;
        enum rs_protocol application;
    } signs[] = {{"telegram", RS_P_TELEGRAMVOIP},
                 {"Telegram", RS_P_TELEGRAMVOIP},
                 {"signal.org", RS_P_SIGNALVOIP},
                 {"facebook", RS_P_FACEBOOKVOIP},
                 {"viber", RS_P_VIBERVOIP},
                 {"skype", RS_P_SKYPE_TEAMSCALL},
                 {"zoom", RS_P_ZOOM},
                 {"google", RS_P_GOOGLECALL}};

    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (memmem(p, length, signs[i].text, strlen(signs[i].text)) != NULL)
            return signs[i].application;
    return RS_P_UNKNOWN;
}

/* Walks the attributes; 0 when they do not fit the message. */
static int attributes(struct rs_dissect *d, const uint8_t *p, uint32_t end)
{
    uint32_t at = 20;

    while (at + 4 <= end) {
        uint16_t type = rs_be16(p + at), size = rs_be16(p + at + 2);

        if (at + 4 + size > end)
            return 0;
        if (type == 0x4000 || type == 0x4001 || type == 0x4002 || type == 0x4003)
            d->application = RS_P_WHATSAPPCALL;
        else if (type == 0x8054 || type == 0x8055 || type == 0x24df || type == 0x8070 || type == 0x8006 ||
                 type == 0x8095)
            d->application = RS_P_SKYPE_TEAMSCALL; /* MS-TURN's own */
        else if (type == 0x0101 || type == 0x0103)
            d->application = RS_P_ZOOM;
        else if ((type == 0x14 || type == 0x8022 || type == 0x06) && d->application == RS_P_UNKNOWN)
            d->application = by_text(p + at + 4, size);
        if (type == 0x14 && d->host[0] == 0 && memchr(p + at + 4, '.', size) != NULL)
            rs_take_host(d, p + at + 4, size);
        at += 4 + ((size + 3u) & ~3u);
    }
    return 1;
}

/* Google Meet's documented media ports. */
static int is_google_call(const struct rs_dissect *d)
{
    return rs_has_port_in(d, 19302, 19309);
}

static int is_stun_type(uint16_t type)
{
    uint16_t method = (uint16_t)((type & 0x000f) | (type & 0x00e0) >> 1 | (type & 0x3e00) >> 2);

    return (type & 0xc000) == 0 && ((method >= 1 && method <= 0x0c) || method == 0x80 || type >= 0x0800);
}

enum rs_state rs_dissect_stun(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t at = 0, size;

    if (d->transport == RS_TCP && d->length >= 2 && rs_be16(p) + 2u == d->length && d->length >= 22)
        at = 2; /* RFC 4571 framing */
    if (d->length < at + 20)
        return d->transport == RS_TCP && p[0] < 0x40 ? RS_NEED_MORE : RS_EXCLUDED;
    p += at;
    size = rs_be16(p + 2);
    if ((p[0] & 0xc0) != 0 || ((size & 3) != 0 && rs_be32(p + 4) != COOKIE) || size + 20 > d->length - at ||
        !is_stun_type(rs_be16(p)))
        return RS_EXCLUDED;
    if (rs_be32(p + 4) != COOKIE &&
        (size + 20 != d->length - at || (rs_be16(p) & ~0x0113) != 0 || !rs_has_port_in(d, 3478, 3479)) &&
        !(rs_be16(p) >= 0x0800 && rs_be16(p) <= 0x0805))
        return RS_EXCLUDED;
    if (rs_be16(p) >= 0x0800 && rs_be16(p) <= 0x0805) { /* WhatsApp's own methods */
        if (size + 20 != d->length - at)
            return RS_EXCLUDED;
        d->application = RS_P_WHATSAPPCALL;
    }
    if (!attributes(d, p, 20 + size))
        return RS_EXCLUDED;
    d->protocol = RS_P_STUN;
    if (d->application == RS_P_UNKNOWN && is_google_call(d))
        d->application = RS_P_GOOGLECALL;
    if (d->application != RS_P_UNKNOWN || d->host[0] != 0)
        return RS_DECIDED;
    return RS_NEED_MORE; /* a later message may say whose call it is */
}

/* TURN's ChannelData keeps a STUN flow's channel numbers 0x4000-0x4fff. */
enum rs_state rs_dissect_dtls(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    struct rs_tls_hello hello;
    uint16_t version = rs_be16(p + 1);
    uint32_t size = rs_be16(p + 11);

    if (p[0] < 20 || p[0] > 26 || (version != 0xfeff && version != 0xfefd && version != 0x0100) || size == 0 ||
        size + 13 > d->length)
        return RS_EXCLUDED;
    d->protocol = RS_P_DTLS;
    if (is_google_call(d))
        d->application = RS_P_GOOGLECALL;
    if (p[0] == 22 && d->length >= 13 + 12 + 34 &&
        p[13] == 1) { /* the handshake header has eight bytes more than TLS's */
        uint8_t joined[2048];
        uint32_t have = size < 12 + 4 ? 0 : size - 12, at = rs_be24(p + 19);

        if (have + 4 > sizeof joined || at != 0)
            return RS_NEED_MORE;
        joined[0] = 1;
        memcpy(joined + 1, p + 14, 3);
        memcpy(joined + 4, p + 25, have);
        rs_tls_client_hello(d, &hello, joined, have + 4, 1);
        return RS_DECIDED;
    }
    return d->index + d->others >= 2 ? RS_DECIDED : RS_NEED_MORE;
}

/* RFC 3550 A.1: version 2, a known payload type, the same source and sequence numbers that grow. */
enum rs_state rs_dissect_rtp(struct rs_dissect *d)
{
    struct rs_notes *n = d->notes;
    const uint8_t *p = d->data;
    uint32_t side = !d->from_client, type = p[1] & 0x7f, source = rs_be32(p + 8);
    uint16_t sequence = rs_be16(p + 2), step;

    if (p[0] >> 6 != 2)
        return RS_EXCLUDED;
    if (p[1] >= 192 && p[1] <= 213) {
        uint32_t size = (rs_be16(p + 2) + 1u) * 4;

        return size <= d->length && size >= 8 && p[1] >= 200 && p[1] <= 207
                   ? (d->index + d->others > 0 || size == d->length || p[size] >> 6 == 2) ? rs_is(d, RS_P_RTCP)
                                                                                          : RS_NEED_MORE
                   : RS_EXCLUDED;
    }
    if (d->client_port < 1024 || d->server_port < 1024 || (type > 34 && type < 96) ||
        12u + 4u * (p[0] & 15u) > d->length)
        return RS_EXCLUDED;
    if (n->rtp_count[side] == 0 || n->rtp_source[side] != source) {
        n->rtp_count[side] = 1;
        n->rtp_source[side] = source;
        n->rtp_sequence[side] = sequence;
        return d->index < 4 ? RS_NEED_MORE : RS_EXCLUDED;
    }
    step = (uint16_t)(sequence - n->rtp_sequence[side]);
    n->rtp_sequence[side] = sequence;
    if (step == 0 || step > 16)
        return d->index < 4 ? RS_NEED_MORE : RS_EXCLUDED;
    return ++n->rtp_count[side] >= 3 ? rs_is(d, RS_P_RTP) : RS_NEED_MORE;
}
