/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Games: RakNet (its open source), Valve's server queries and Steam (Valve's developer wiki), Quake 3, Blizzard's
 * Heroes of the Storm, Minecraft Java (the Java Edition protocol, minecraft.wiki), and others from captures of the games.
 */

#include <string.h>

#include "dissect.h"

/* A datagram in a connection that was open before: sequence number, then frames that fill it to the last byte. */
static int is_raknet_frames(const uint8_t *p, uint32_t length)
{
    uint32_t at = 4;

    while (at + 3 < length) {
        uint32_t kind = p[at] >> 5, bits = rs_be16(p + at + 1), size = 3 + (bits + 7) / 8;

        if (bits == 0 || (p[at] & 0x0f) != 0)
            return 0;
        size += (kind == 2 || kind == 3 || kind == 4 || kind >= 6) * 3u; /* number of a reliable frame */
        size += (kind == 1 || kind == 4) * 3u +
                (kind == 1 || kind == 3 || kind == 4 || kind == 7) * 4u; /* and of an ordered */
        size += (p[at] & 0x10) != 0 ? 10u : 0u;                          /* a part of a larger message */
        at += size;
    }
    return at == length && length > 4;
}

/* Acknowledgement (0xc0) or the contrary (0xa0): a count, then single numbers (flag 1) or ranges that fill the datagram. */
static int is_raknet_ack(const uint8_t *p, uint32_t length)
{
    uint32_t count = rs_be16(p + 1), at = 3;

    if (count == 0 || count > 256)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (at >= length || p[at] > 1)
            return 0;
        at += p[at] == 1 ? 4 : 7;
    }
    return at == length;
}

/* Offline messages carry a fixed magic of sixteen bytes at a place that the message id tells. */
enum rs_state rs_dissect_raknet(struct rs_dissect *d)
{
    static const uint8_t magic[] = {0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe,
                                    0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78};

    if (d->length >= 17 && memcmp(d->data + 1, magic, sizeof magic) == 0)
        return rs_is(d, RS_P_RAKNET);
    if (d->length >= 17 &&
        memcmp(d->data + 3, magic + 2, sizeof magic - 2) == 0) /* Roblox's variant leaves the first two out */
        return rs_is(d, RS_P_RAKNET);
    if (d->length >= 33 && (d->data[0] == 1 || d->data[0] == 0x1c) &&
        rs_contains(d, 9, 60, "\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"))
        return rs_is(d, RS_P_RAKNET);
    if (d->length >= 7 && (((d->data[0] & 0xf0) == 0x80 && is_raknet_frames(d->data, d->length)) ||
                           ((d->data[0] == 0xc0 || d->data[0] == 0xa0) && is_raknet_ack(d->data, d->length))))
        return rs_agree(d, RS_P_RAKNET, 2);
    return RS_EXCLUDED;
}

enum rs_state rs_dissect_valve(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (memcmp(p, "VS01", 4) == 0)
        return rs_is(d, RS_P_STEAM);
    if (rs_be32(p) == 0xffffffff) {
        if (memcmp(p + 4, "TSource Engine Query", d->length - 4 < 20 ? d->length - 4 : 20) == 0 && d->length >= 12)
            return rs_is(d, RS_P_SOURCE_ENGINE);
        if ((p[4] == 0x49 || p[4] == 0x55 || p[4] == 0x56 || p[4] == 0x41 || p[4] == 0x44 || p[4] == 0x45) &&
            rs_has_port_in(d, 27000, 27050))
            return rs_is(d, RS_P_SOURCE_ENGINE);
        if (memcmp(p + 4, "getinfo", d->length - 4 < 7 ? d->length - 4 : 7) == 0 ||
            (d->length >= 13 && (memcmp(p + 4, "getstatus", 9) == 0 || memcmp(p + 4, "getserver", 9) == 0)))
            return rs_is(d, RS_P_QUAKE);
        if (rs_be32(p + 4) == 0x214c5fa0) /* Steam's client discovery on the LAN */
            return rs_is(d, RS_P_STEAM);
    }
    return RS_EXCLUDED;
}

enum rs_state rs_dissect_steam(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length < 8)
        return rs_has_port_in(d, 27015, 27050) ? RS_NEED_MORE : RS_EXCLUDED;
    return memcmp(p + 4, "VT01", 4) == 0 && rs_le32(p) < 0x10000 ? rs_is(d, RS_P_STEAM) : RS_EXCLUDED;
}

/* Heroes of the Storm: a constant behind the first two bytes on Blizzard's port. */
enum rs_state rs_dissect_blizzard(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (rs_has_port(d, 3724) && d->length >= 20 && p[2] == 0x34 && p[3] == 0)
        return rs_agree(d, RS_P_HEROES_OF_THE_STORM, 2);
    if (d->length >= 20 && rs_be64(p) == 0 && rs_be32(p + 8) == 0 && rs_be16(p + 12) == 0 && p[14] == 0x40 &&
        (rs_has_port(d, 3724) || rs_has_port(d, 1119)))
        return rs_agree(d, RS_P_HEROES_OF_THE_STORM, 2);
    return RS_EXCLUDED;
}

/* Realm and world servers of World of Warcraft: a sentence in clear opens the world's connection; logon challenge 0. */
enum rs_state rs_dissect_wow(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (d->length >= 32 && rs_contains(d, 0, 48, "WORLD OF WARCRAFT CONNECTION"))
        return rs_is(d, RS_P_WORLDOFWARCRAFT);
    if (d->server_port != 3724 && d->server_port != 1119)
        return RS_EXCLUDED;
    if (d->length < 8)
        return RS_NEED_MORE;
    if (d->from_client && p[0] == 0 && memcmp(p + 4, "WoW\0", 4) == 0)
        return rs_is(d, RS_P_WORLDOFWARCRAFT);
    return d->length < 32 && !d->from_client ? RS_NEED_MORE : RS_EXCLUDED;
}

/* Call of Duty's matchmaking: request 0x0d and its echo 0x0c with the same 28 bytes; 0x28 0x37 in play. */
enum rs_state rs_dissect_activision(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return (p[0] == 0x0d || p[0] == 0x0c) && p[1] == 2 && p[2] == 0 && (d->length == 29 || rs_has_port(d, 3074))
               ? rs_is(d, RS_P_ACTIVISION)
               : RS_EXCLUDED;
}

/* Hazel, the library of Among Us: 8 is hello with a nonce, a zero, and the client's version. */
enum rs_state rs_dissect_amongus(struct rs_dissect *d)
{
    return rs_has_port_in(d, 22023, 22923) && d->data[0] == 8 && d->data[1] == 0 && d->data[3] == 0
               ? rs_is(d, RS_P_AMONGUS)
               : RS_EXCLUDED;
}

/* CryEngine's handshake: 0x3c, then the ports of the game's documentation. */
enum rs_state rs_dissect_crynet(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return p[0] == 0x3c && p[1] == 0 && p[2] == 0 && d->length >= 40 && p[16] <= 1 && p[20] == 7 && p[24] <= 3
               ? rs_is(d, RS_P_CRYNETWORK)
               : RS_EXCLUDED;
}

/* War Thunder's telemetry is text; its ENet: peer 0xfff asks to connect; command 0x82 with fixed limits behind. */
enum rs_state rs_dissect_gaijin(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (rs_has_port_in(d, 20000, 20099) && rs_contains(d, 0, d->length, ",env=") &&
        rs_contains(d, 0, d->length, ",circuit="))
        return rs_is(d, RS_P_GAIJINENTERTAINMENT);
    return rs_has_port_in(d, 20000, 20099) && ((rs_be16(p) & 0x0fff) == 0x0fff || rs_be16(p) == 0x8000) &&
                   (p[4] == 0x82 || p[4] == 0x83) && p[5] == 0xff && d->length >= 44
               ? rs_is(d, RS_P_GAIJINENTERTAINMENT)
               : RS_EXCLUDED;
}

/* Ping of the hoster i3D before play: kind, then a length of 70 that is the datagram's. */
enum rs_state rs_dissect_i3d(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return p[0] == 0x90 && p[1] == 0x78 && rs_be16(p + 12) == 0xbede && rs_be16(p + 14) == 1 ? rs_is(d, RS_P_I3D)
                                                                                             : RS_EXCLUDED;
}

/* League of Legends: Wild Rift: a small little-endian connection number opens each datagram on the game's ports. */
enum rs_state rs_dissect_wildrift(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_has_port_in(d, 10001, 15100) && (p[0] == 4 || p[0] == 0x10) && p[1] == 0 && p[2] == 0 && p[3] == 0 &&
                   d->length >= 32
               ? rs_agree(d, RS_P_LOLWILDRIFT, d->index + d->others > 0 ? 1 : 2)
               : RS_EXCLUDED;
}

/* Tencent's game frameworks: 0x3366 and a version over TCP. */
enum rs_state rs_dissect_tencent_games(struct rs_dissect *d)
{
    static const uint8_t hello[] = {0x33, 0x66, 0x00}, other[] = {0x42, 0x15, 0xf7, 0x87, 0x03};
    enum rs_state state = rs_starts_at(d, 0, other, sizeof other);

    if (state != RS_EXCLUDED)
        return state == RS_DECIDED ? rs_is(d, RS_P_TENCENTGAMES) : state;
    state = rs_starts_at(d, 0, hello, sizeof hello);
    if (state != RS_DECIDED)
        return state;
    if (d->length < 8)
        return RS_NEED_MORE;
    return d->data[4] == 0 && d->data[3] < 0x20 ? rs_is(d, RS_P_TENCENTGAMES) : RS_EXCLUDED;
}

enum rs_state rs_dissect_teamspeak(struct rs_dissect *d)
{
    return memcmp(d->data, "TS3INIT1", 8) == 0 ? rs_is(d, RS_P_TEAMSPEAK) : RS_EXCLUDED;
}

/* netcode.io (its standard): a connection request, kind 0, names the version in text. */
enum rs_state rs_dissect_yojimbo(struct rs_dissect *d)
{
    return d->data[0] == 0 && memcmp(d->data + 1, "NETCODE 1.", 10) == 0 ? rs_is(d, RS_P_YOJIMBO) : RS_EXCLUDED;
}

/* KCP (its source): conversation, command 81 to 84, fragment, window, ...; the segment's length is the datagram's rest. */
enum rs_state rs_dissect_kcp(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    return rs_le32(p) != 0 && p[4] >= 81 && p[4] <= 84 && rs_le32(p + 20) + 24 == d->length && rs_le16(p + 6) != 0 &&
                   rs_le32(p + 12) < 0x10000 && rs_le32(p + 16) < 0x10000
               ? rs_agree(d, RS_P_KCP, 2)
               : RS_EXCLUDED;
}

/* Nintendo's peer to peer library Pia: magic, then whether the packet is encrypted. */
enum rs_state rs_dissect_nintendo(struct rs_dissect *d)
{
    return rs_be32(d->data) == 0x32ab9864 && (d->data[4] & 0x7f) <= 11 ? rs_is(d, RS_P_NINTENDO) : RS_EXCLUDED;
}

/* Path of Exile: message 3, three bytes, then the account's name with its length, on the port of its patch notes. */
enum rs_state rs_dissect_path_of_exile(struct rs_dissect *d)
{
    const uint8_t *p = d->data;

    if (!rs_has_port(d, 6112) || p[0] != 0)
        return RS_EXCLUDED;
    if (d->length < 10)
        return RS_NEED_MORE;
    if (p[1] != 3 || p[2] != 0 || p[6] != 0 || p[8] != 0 || p[9] < 3)
        return RS_EXCLUDED;
    return 10u + p[9] <= d->length ? rs_is(d, RS_P_PATHOFEXILE) : RS_NEED_MORE;
}

/* Seven bits a byte, the lowest first, five bytes at most; its size, 0 when it is cut off, 6 when it does not end. */
static uint32_t varint(const uint8_t *p, uint32_t have, uint32_t *value)
{
    *value = 0;
    for (uint32_t i = 0; i < 5; i++) {
        if (i >= have)
            return 0;
        *value |= (uint32_t)(p[i] & 0x7f) << 7 * i;
        if ((p[i] & 0x80) == 0)
            return i + 1;
    }
    return 6;
}

/* Handshake: length, packet 0, version, the server's address as the player typed it, port, 1-3 for what comes next. */
enum rs_state rs_dissect_minecraft(struct rs_dissect *d)
{
    const uint8_t *p = d->data;
    uint32_t body, value, name, end, at = varint(p, d->length, &body), size;

    if (at == 0)
        return RS_NEED_MORE;
    if (at > 2 || body < 7 || body > 800)
        return RS_EXCLUDED;
    end = at + body;
    if (d->length == at)
        return RS_NEED_MORE;
    if (p[at++] != 0)
        return RS_EXCLUDED;
    size = varint(p + at, d->length - at, &value);
    if (size == 0 || size > 5)
        return size == 0 ? RS_NEED_MORE : RS_EXCLUDED;
    at += size;
    size = varint(p + at, d->length - at, &name);
    if (size == 0)
        return RS_NEED_MORE;
    at += size;
    if (size > 2 || name == 0 || at + name + 3 != end)
        return RS_EXCLUDED;
    if (d->length < end)
        return RS_NEED_MORE;
    if (p[end - 1] < 1 || p[end - 1] > 3)
        return RS_EXCLUDED;
    for (size = 0; size < name && p[at + size] != 0; size++) { /* mod loaders add their mark behind a zero */
    }
    rs_take_host(d, p + at, size);
    return rs_is(d, RS_P_MINECRAFT);
}
