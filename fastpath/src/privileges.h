/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RS_PRIVILEGES_H
#define RS_PRIVILEGES_H

/* What who reads what strangers send must not be able to do: everything but netlink and raw sockets. 0 or -errno. */
int rs_keep_network_privileges(void);

#endif
