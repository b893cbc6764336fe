/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messengers and Chinese applications with protocols of their own, all from captures: QQ (OICQ), WeChat's mmtls, DingTalk,
 * Telegram (MTProto's public description), WhatsApp (Noise), Viber, imo, Xiaomi's push, Discord's voice, iQIYI, Alibaba Cloud,
 * Zoom, Spotify.
 */

#include <string.h>

#include "dissect.h"

/* OICQ: 02, version, command, sequence, number; 03 at the end. */
enum rs_state rs_dissect_oicq(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint16_t command = rs_be16(p + 3);

    return p[0] == 2 && p[d->length - 1] == 3 && p[1] >= 0x01 && p[1] < 0x60 && command > 0 && command < 0x0300 &&
                   (rs_has_port(d, 8000) || rs_has_port(d, 4000))
               ? rs_is(d, RS_P_OICQ)
               : RS_EXCLUDED;
}

/* mmtls: records like TLS's with version f1 03 or f1 04, types 0x15-0x19; the older long link has a header of 16 bytes. */
enum rs_state rs_dissect_wechat(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] >= 0x15 && p[0] <= 0x19) {
        if (d->length < 5)
            return d->length < 2 || p[1] == 0xf1 ? RS_NEED_MORE : RS_EXCLUDED;
        return p[1] == 0xf1 && (p[2] == 3 || p[2] == 4) && rs_be16(p + 3) < 0x4000 ? rs_is(d, RS_P_WECHAT)
                                                                                   : RS_EXCLUDED;
    }
    if (p[0] == 0xab && d->length >= 5) /* media upload: 0xab, length, "ver" */
        return rs_be32(p + 1) >= d->length && rs_contains(d, 5, 64, "ver") && rs_contains(d, 5, 200, "weixinnum")
                   ? rs_is(d, RS_P_WECHAT)
                   : RS_EXCLUDED;
    if (p[0] != 0 || !rs_has_port_in(d, 80, 8080))
        return RS_EXCLUDED;
    if (d->length < 16)
        return RS_NEED_MORE;
    return rs_be32(p) == d->length && rs_be16(p + 4) == 16 && rs_be16(p + 6) == 1 && rs_be32(p + 8) < 1000
               ? rs_is(d, RS_P_WECHAT)
               : RS_EXCLUDED;
}

/* LWS: 0x10, length, fields with numbers; the first names the key exchange "dk". */
enum rs_state rs_dissect_dingtalk(struct rs_dissect *d)
{
    static const uint8_t fields[] = {0x01, 0x00, 0x01, 0x00, 0x02};

    if (d->data[0] != 0x10)
        return RS_EXCLUDED;
    if (d->length < 14)
        return RS_NEED_MORE;
    return memmem(d->data + 2, 8, fields, sizeof fields) != NULL && rs_contains(d, 8, 24, "dk")
               ? rs_is(d, RS_P_DINGTALK)
               : RS_EXCLUDED;
}

static int is_telegram_address(const uint8_t *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *v4 = address + 12;

    return memcmp(address, mapped, 12) == 0 && ((v4[0] == 149 && v4[1] == 154 && v4[2] >= 160 && v4[2] <= 175) ||
                                                (v4[0] == 91 && v4[1] == 108 && v4[2] < 64));
}

/* MTProto: 0xef opens the abridged transport, 0xee four times the intermediate; the obfuscated one looks random, so that the
 * servers' own networks decide there. */
enum rs_state rs_dissect_telegram(struct rs_dissect *d)
{
    static const uint8_t intermediate[] = {0xee, 0xee, 0xee, 0xee};

    if (d->from_client && d->data[0] == 0xef) {
        if (d->length < 2)
            return RS_NEED_MORE;
        if (d->data[1] == 0x7f || (d->data[1] >= 10 && d->data[1] * 4u + 2 <= d->length))
            return rs_is(d, RS_P_TELEGRAM);
        if (d->data[1] >= 10 && d->data[1] < 0x7f)
            return RS_NEED_MORE;
    }
    if (d->from_client && d->data[0] == 0xee) {
        enum rs_state state = rs_starts_at(d, 0, intermediate, sizeof intermediate);

        if (state != RS_EXCLUDED)
            return state == RS_DECIDED ? rs_is(d, RS_P_TELEGRAM) : state;
    }
    return is_telegram_address(d->server) && d->length >= 56 && d->data[0] != 0x16 &&
                   (d->data[0] < 'A' || d->data[0] > 'Z')
               ? rs_is(d, RS_P_TELEGRAM)
               : RS_EXCLUDED;
}

/* Voice reflectors: sixteen bytes of peer tag and twelve of 0xff. */
enum rs_state rs_dissect_telegram_udp(struct rs_dissect *d)
{
    static const uint8_t ones[12] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

    return memcmp(d->data + 16, ones, sizeof ones) == 0 &&
                   (is_telegram_address(d->server) || is_telegram_address(d->client) || rs_has_port_in(d, 500, 1500))
               ? rs_is(d, RS_P_TELEGRAM)
               : RS_EXCLUDED;
}

/* "WA" with version, or "ED" 00 01 before it; since 2020 the Noise handshake follows. */
enum rs_state rs_dissect_whatsapp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 'W' && p[0] != 'E')
        return RS_EXCLUDED;
    if (d->length < 4)
        return RS_NEED_MORE;
    if (p[0] == 'W' && p[1] == 'A' && p[2] >= 1 && p[2] <= 6 && p[3] <= 12)
        return rs_is(d, RS_P_WHATSAPP);
    return p[0] == 'E' && p[1] == 'D' && p[2] == 0 && p[3] == 1 ? rs_is(d, RS_P_WHATSAPP) : RS_EXCLUDED;
}

/* The first message's length is little endian; the segment holds it alone or a zero follows. */
enum rs_state rs_dissect_viber(struct rs_dissect *d)
{
    if (!rs_has_port(d, 4244) && !rs_has_port(d, 5242))
        return RS_EXCLUDED;
    if (d->length < 4)
        return RS_NEED_MORE;
    if (rs_le16(d->data) < 10 || (d->data[3] != 0 && d->data[2] != 0))
        return RS_EXCLUDED;
    if (d->data[3] != 0) /* the later form: alone in what was sent */
        return rs_le16(d->data) == d->length  ? rs_is(d, RS_P_VIBER)
               : rs_le16(d->data) > d->length ? RS_NEED_MORE
                                              : RS_EXCLUDED;
    return rs_le16(d->data) <= d->length ? rs_is(d, RS_P_VIBER) : RS_NEED_MORE;
}

enum rs_state rs_dissect_viber_udp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 7985) && !rs_has_port(d, 7987) && !rs_has_port(d, 5243) && !rs_has_port(d, 9785))
        return RS_EXCLUDED;
    return (p[2] == 3 && p[3] == 0) || (d->length == 20 && (p[2] == 9 || p[2] == 0x1a)) ||
                   (d->length == 34 && p[2] == 0x19 && p[3] == 0) || (p[2] == 1 && p[3] == 0 && p[4] == 5 && p[5] == 0)
               ? rs_is(d, RS_P_VIBER)
               : rs_agree(d, RS_P_VIBER, 3);
}

enum rs_state rs_dissect_xiaomi(struct rs_dissect *d)
{
    static const uint8_t push[] = {0xc2, 0xfe, 0x00, 0x05};
    enum rs_state state = rs_starts_at(d, 0, push, sizeof push);

    return state == RS_DECIDED ? rs_is(d, RS_P_XIAOMI) : state;
}

/* IP discovery of Discord's voice: type 1 or 2, length 70, SSRC. */
enum rs_state rs_dissect_discord_udp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length == 74 && rs_be16(p) >= 1 && rs_be16(p) <= 2 && rs_be16(p + 2) == 70)
        return rs_has_port_in(d, 50000, 50100) ? rs_is(d, RS_P_DISCORD) : RS_EXCLUDED;
    if (d->length == 70 && rs_be32(p) != 0 && rs_be32(p + 4) == 0 && rs_be64(p + 8) == 0)
        return rs_is(d, RS_P_DISCORD);
    return d->length == 8 && p[0] == 0x13 && p[1] == 0x37 && p[2] == 0xca && p[3] == 0xfe ? rs_is(d, RS_P_DISCORD)
                                                                                          : RS_EXCLUDED;
}

/*
 * iQIYI's peer to peer video: kind, little-endian length of the datagram, then a check over both; its later form has
 * flags between kind and length.
 */
enum rs_state rs_dissect_iqiyi(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (p[0] != 0x1c && p[0] != 0x9c)
        return RS_EXCLUDED;
    if (rs_le16(p + 2) == d->length && (p[1] & 0x0f) == 0)
        return rs_is(d, RS_P_IQIYI);
    return p[3] == 0 && p[4] == p[5] && (rs_le16(p + 1) == d->length || d->length > 60) ? rs_is(d, RS_P_IQIYI)
                                                                                        : RS_EXCLUDED;
}

enum rs_state rs_dissect_alicloud(struct rs_dissect *d)
{
    static const uint8_t hello[] = {0xce, 0xfa, 0xbe, 0xba};
    enum rs_state state = rs_starts_at(d, 0, hello, sizeof hello);

    return state == RS_DECIDED ? rs_is(d, RS_P_ALICLOUD) : state;
}

/* Zoom's media: on its servers' port an encapsulation byte 5 (server) or 1-4 in front of STUN-like or RTP packets. */
enum rs_state rs_dissect_zoom(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (rs_has_port_in(d, 8801, 8810) && (p[0] == 5 || p[0] == 1 || p[0] == 2 || p[0] == 3) && d->length >= 24)
        return d->data[0] == 5 || p[0] == 1 ? rs_is(d, RS_P_ZOOM) : rs_agree(d, RS_P_ZOOM, 2);
    return d->length >= 40 && p[0] == 0x1f && (p[1] == 2 || p[1] == 1) ? rs_agree(d, RS_P_ZOOM, 2) : RS_EXCLUDED;
}

/* Spotify: version 0 4 and a small length from the client; "SpotUdp0" on the LAN. */
enum rs_state rs_dissect_spotify(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->transport == RS_UDP)
        return memcmp(p, "SpotUdp", 7) == 0 ? rs_is(d, RS_P_SPOTIFY) : RS_EXCLUDED;
    if (!d->from_client || p[0] != 0)
        return RS_EXCLUDED;
    if (d->length < 9)
        return d->length < 2 || p[1] == 4 ? RS_NEED_MORE : RS_EXCLUDED;
    return p[1] == 4 && p[2] == 0 && p[3] == 0 && p[6] == 0x52 && (p[7] == 0x0e || p[7] == 0x0f) && p[8] == 0x50
               ? rs_is(d, RS_P_SPOTIFY)
               : RS_EXCLUDED;
}

enum rs_state rs_dissect_ripe_atlas(struct rs_dissect *d)
{
    enum rs_state state = rs_starts(d, "MGLNDD_");

    return state == RS_DECIDED ? rs_is(d, RS_P_RIPEATLAS) : state;
}

enum rs_state rs_dissect_dnscrypt(struct rs_dissect *d)
{
    if (rs_contains(d, 12, 60,
                    "\x0f"
                    "dnscrypt-cert"))
        return rs_is(d, RS_P_DNSCRYPT);
    return memcmp(d->data, "r6fnvWj8", 8) == 0 || memcmp(d->data, "q6fnvWj8", 8) == 0 ? rs_is(d, RS_P_DNSCRYPT)
                                                                                      : RS_EXCLUDED;
}

/* Threema's handshake (its cryptography whitepaper): 48 bytes of key and nonce, then 80 bytes from the server. */
enum rs_state rs_dissect_threema(struct rs_dissect *d)
{
    if (d->server_port != 5222 || d->data[0] == '<')
        return RS_EXCLUDED;
    if (d->from_client)
        return d->index == 0 && d->length == 48 ? RS_NEED_MORE : RS_EXCLUDED;
    return d->index == 0 && d->others == 1 && d->length == 80 ? rs_is(d, RS_P_THREEMA) : RS_EXCLUDED;
}
