################################################################################
#
# pptpd
#
################################################################################

PPTPD_VERSION = 1.4.0
PPTPD_SOURCE = pptpd_$(PPTPD_VERSION).orig.tar.gz
PPTPD_SITE = https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main/p/pptpd
PPTPD_LICENSE = GPL-2.0+
PPTPD_LICENSE_FILES = COPYING

# Its plugin for pppd is of pppd 2.4 and only writes wtmp.
define PPTPD_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D) pptpd pptpctrl
endef

define PPTPD_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/pptpd $(TARGET_DIR)/usr/sbin/pptpd
	$(INSTALL) -D -m 0755 $(@D)/pptpctrl $(TARGET_DIR)/usr/sbin/pptpctrl
endef

$(eval $(autotools-package))
