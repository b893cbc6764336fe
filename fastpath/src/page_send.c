/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends the block page's segments; the reasons for each socket stand in page.h. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "page.h"

int rs_page_open(struct rs_page_sender *sender)
{
    /* Protocol 0: these sockets send only and receive nothing. */
    sender->link = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sender->raw4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    sender->raw6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    if (sender->link < 0 || sender->raw4 < 0)
        return -errno; /* without IPv6 in the kernel raw6 stays closed, and nothing asks for it */
    return 0;
}

void rs_page_close(struct rs_page_sender *sender)
{
    int sockets[] = {sender->link, sender->raw4, sender->raw6};

    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        if (sockets[i] >= 0)
            close(sockets[i]);
}

/* Past netfilter, whose conntrack would see a second, clashing flow. A tunnel has no link addresses: mac NULL. */
static int send_by_link(const struct rs_page_sender *sender, const uint8_t *packet, size_t length, int interface,
                        const uint8_t *mac)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = interface};

    to.sll_protocol = htons(packet[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
    if (mac != NULL) {
        to.sll_halen = ETH_ALEN;
        memcpy(to.sll_addr, mac, ETH_ALEN);
    }
    return sendto(sender->link, packet, length, 0, (struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
}

int rs_page_send_reset(struct rs_page_sender *sender, const rs_packet *packet, int interface, const uint8_t mac[6])
{
    static const uint8_t unknown[6];
    uint8_t reset[RS_PAGE_BYTES];
    struct rs_view view;

    if (rs_view_parse(&view, packet->data, packet->length) < 0)
        return -EBADMSG;
    return send_by_link(sender, reset, rs_page_build_reset(reset, packet, &view), interface,
                        memcmp(mac, unknown, sizeof unknown) == 0 ? NULL : mac);
}

static int send_reset(const struct rs_page_sender *sender, const uint8_t *packet, size_t length,
                      const struct rs_view *view, uint32_t mark)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int is_v4 = packet[0] >> 4 == 4, fd = is_v4 ? sender->raw4 : sender->raw6;
    ssize_t sent;

    memcpy(&v4.sin_addr, view->target + 12, 4);
    memcpy(&v6.sin6_addr, view->target, 16);
    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
    sent = is_v4 ? sendto(fd, packet, length, 0, (struct sockaddr *)&v4, sizeof v4)
                 : sendto(fd, packet, length, 0, (struct sockaddr *)&v6, sizeof v6);
    return sent < 0 ? -errno : 0;
}

int rs_page_send(struct rs_page_sender *sender, const rs_packet *request, int interface, uint32_t mark,
                 const char *application, const char *url)
{
    uint8_t packet[RS_PAGE_BYTES];
    struct rs_view view;
    size_t length;
    int result;

    if (rs_view_parse(&view, request->data, request->length) < 0)
        return -EBADMSG;
    length = rs_page_build(packet, request, &view, application, url);
    if (!length)
        return -EBADMSG;
    result = send_by_link(sender, packet, length, interface, request->has_mac ? request->mac : NULL);
    if (result < 0)
        return result;
    length = rs_page_build_reset(packet, request, &view);
    return send_reset(sender, packet, length, &view, mark);
}
