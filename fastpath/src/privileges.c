/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Privileges by capset(2) itself: nothing to link on the box. */

#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int rs_keep_network_privileges(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    uint32_t keep = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
    struct __user_cap_data_struct data[2] = {{.effective = keep, .permitted = keep}};

    for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
        if (capability != CAP_NET_ADMIN && capability != CAP_NET_RAW)
            prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* EPERM and EINVAL: not ours to give, or unknown here */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, data) < 0)
        return -errno;
    return 0;
}
