################################################################################
#
# xl2tpd
#
################################################################################

XL2TPD_VERSION = 1.3.18
XL2TPD_SOURCE = xl2tpd_$(XL2TPD_VERSION).orig.tar.xz
XL2TPD_SITE = https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main/x/xl2tpd
XL2TPD_LICENSE = GPL-2.0+
XL2TPD_LICENSE_FILES = LICENSE

# Two targets of its four: pfc would need libpcap and is a developer's tool.
define XL2TPD_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(TARGET_CONFIGURE_OPTS) $(MAKE) -C $(@D) xl2tpd xl2tpd-control
endef

define XL2TPD_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/xl2tpd $(TARGET_DIR)/usr/sbin/xl2tpd
	$(INSTALL) -D -m 0755 $(@D)/xl2tpd-control $(TARGET_DIR)/usr/sbin/xl2tpd-control
endef

$(eval $(generic-package))
