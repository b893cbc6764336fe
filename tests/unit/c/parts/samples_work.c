/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The office and other machines: MS-SMB2, C706, RFC 1813, 5531, 7143, 4120, 4511, 6733, 4253, 854, 6143, MS-RDPBCGR. */
#include "sample.h"

const struct sample samples_work[] = {
    {"smb", 445, RS_P_SMBV23, BYTES("\0\0\0\x40\xfeSMB"), .pad = 68},
    {"dcerpc", 135, RS_P_DCERPC, BYTES("\5\0\x0b\3\x10\0\0\0\x48\0"), .pad = 72},
    {"dcerpc_udp", 135, RS_P_DCERPC, BYTES("\4\0\x20\0\x10"), .pad = 80},
    {"dcerpc_udp", 34964, RS_P_DCERPC, .application = RS_P_PROFINET_IO, /* IEC 61158-6-10 */
     BYTES("\4\0\x20\0\x10\0\0\0\xde\xa0\0\0\x6c\x97\x11\xd1\x82\x71"), .pad = 80},
    {"nfs", 2049, RS_P_NFS, BYTES("\x12\x34\x56\x78\0\0\0\0\0\0\0\2\0\1\x86\xa3"), .pad = 40},
    {"nfs_tcp", 2049, RS_P_NFS, BYTES("\x80\0\0\x28\x12\x34\x56\x78\0\0\0\0\0\0\0\2\0\1\x86\xa3"), .pad = 44},
    {"afp", 548, RS_P_AFP, BYTES("\0\4"), .pad = 16},
    {"iscsi", 3260, RS_P_ISCSI, BYTES("\x43\x87\0\0\0\0\0\x26"), THEN(48, "InitiatorName=iqn.2001-04.com.example\0")},
    {"kerberos", 88, RS_P_KERBEROS, BYTES("\0\0\0\x20\x6a\x1e\x30\x1c\xa1\3\2\1\5"), .pad = 36},
    {"kerberos_udp", 88, RS_P_KERBEROS, BYTES("\x6a\x1e\x30\x1c\xa1\3\2\1\5"), .pad = 32},
    {"ldap", 389, RS_P_LDAP, BYTES("\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0")},
    {"ldap_udp", 389, RS_P_LDAP, BYTES("\x30\x0c\2\1\1\x63\7\2\1\3\4\0\x80\0")},
    {"diameter", 3868, RS_P_DIAMETER, BYTES("\1\0\0\x14\x80\0\1\1"), .pad = 20},
    {"lotusnotes", 1352, RS_P_LOTUSNOTES, BYTES("\x78\0\0\0\0\0\0\0\2\0\0\x40\2\x0f\0\0")},
    {"ssh", 22, RS_P_SSH, BYTES("SSH-2.0-OpenSSH_9.2\r\n")},
    {"telnet", 23, RS_P_TELNET, BYTES("\xff\xfd\x18\xff\xfd\x20")},
    {"rdp", 3389, RS_P_RDP, BYTES("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0")},
    {"rdp_udp", 3389, RS_P_RDP, BYTES("\xff\xff\xff\xff\0\x40\0\1"), .pad = 32},
    {"vnc", 5900, RS_P_VNC, BYTES("RFB 003.008\n"), .is_from_server = 1},
    {"teamviewer", 5938, RS_P_TEAMVIEWER, BYTES("\x17\x24\x0a\x20"), .pad = 20},
    {"teamviewer_udp", 5938, RS_P_TEAMVIEWER, BYTES("\0"), THEN(11, "\x17\x24"), .pad = 30},
    {"radmin", 4899, RS_P_RADMIN, BYTES("\1\0\0\0\1\0\0\0\x08\x08")},
    {"nomachine", 4000, RS_P_NOMACHINE, BYTES("NXSH-3.2.0\n")},
    {"nomachine_udp", 4003, RS_P_NOMACHINE, BYTES("\1\0\1\0"), .pad = 12, .times = 2},
    {"citrix", 1494, RS_P_CITRIX, BYTES("\x7f\x7fICA\0"), .pad = 12},
    {"rsh", 514, RS_P_RSH, BYTES("1022\0joe\0root\0ls -l\0"), .client_port = 1023},
    {"xdmcp", 177, RS_P_XDMCP, BYTES("\0\1\0\2\0\1\0")},
    {"rsync", 873, RS_P_RSYNC, BYTES("@RSYNCD: 31.0\n")},
    {"git", 9418, RS_P_GIT, BYTES("0032git-upload-pack /r.git\0host=example.org\0")},
    {0},
};
