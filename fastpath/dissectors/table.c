/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of dissectors, in the order in which they are asked: the frequent and the sure first, weak signs last.
 * A row is asked only for its transport and from its side.
 */

#include "dissect.h"

rs_dissector rs_dissect_tls, rs_dissect_ssl2, rs_dissect_http, rs_dissect_http_answer, rs_dissect_http2, rs_dissect_dns,
    rs_dissect_dns_tcp, rs_dissect_mdns, rs_dissect_llmnr, rs_dissect_quic, rs_dissect_gquic;

#define TCP(name, side)                                                                                                \
    {                                                                                                                  \
#name, rs_dissect_##name, RS_ROW_TCP | RS_ROW_##side, 1                                                        \
    }
#define UDP(name, side, least)                                                                                         \
    {                                                                                                                  \
#name, rs_dissect_##name, RS_ROW_UDP | RS_ROW_##side, least                                                    \
    }

const struct rs_row rs_rows[] = {
    TCP(tls, BOTH),     TCP(http, CLIENT),    TCP(http_answer, SERVER), UDP(quic, BOTH, 8),
    UDP(dns, BOTH, 2),  UDP(gquic, BOTH, 26), UDP(mdns, BOTH, 12),      UDP(llmnr, BOTH, 12),
    TCP(dns_tcp, BOTH), TCP(ssl2, CLIENT),    TCP(http2, CLIENT),
};

const uint32_t rs_rows_count = sizeof rs_rows / sizeof rs_rows[0];
_Static_assert(sizeof rs_rows / sizeof rs_rows[0] <= RS_DISSECTORS_MAX, "a flow has a bit for each");

#define RS_PROTOCOL_ID(name, id) [RS_P_##name] = id,
const char *const rs_protocol_ids[RS_P_COUNT] = {[RS_P_UNKNOWN] = "", RS_PROTOCOLS(RS_PROTOCOL_ID)};
