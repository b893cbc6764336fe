/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block page: the client's request is answered in the server's name by one segment with a page and FIN; the server is
 * told by RST that the connection is over. The request itself is dropped by the forward chain (action 2).
 */
#ifndef RS_PAGE_H
#define RS_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "api.h"
#include "view.h"

#define RS_PAGE_BYTES 1280 /* the smallest MTU of IPv6: one segment on every link */

struct rs_page_sender {
    int link;       /* packet socket to the client: past netfilter, whose conntrack would see a second, clashing flow */
    int raw4, raw6; /* to the server: through conntrack and masquerade like the client's own packets */
};

/* 1 when a plain HTTP request head begins here. */
int rs_page_is_request(const uint8_t *payload, uint32_t length);
/* Writes the whole IP packet with the page into out[RS_PAGE_BYTES]; its length, 0 when it cannot be answered. url
 * "" leaves the link out. */
size_t rs_page_build(uint8_t *out, const rs_packet *request, const struct rs_view *view, const char *application,
                     const char *url);
/* Writes the RST that ends the connection for the receiver of the packet; its length. */
size_t rs_page_build_reset(uint8_t *out, const rs_packet *packet, const struct rs_view *view);

int rs_page_open(struct rs_page_sender *sender); /* negative errno */
void rs_page_close(struct rs_page_sender *sender);
/* Tells the packet's receiver, at this interface and MAC, that the connection is over. */
int rs_page_send_reset(struct rs_page_sender *sender, const rs_packet *packet, int interface, const uint8_t mac[6]);
/* interface and mac: where the request came from; mark: routes the reset to the flow's WAN. */
int rs_page_send(struct rs_page_sender *sender, const rs_packet *request, int interface, uint32_t mark,
                 const char *application, const char *url);

#endif
